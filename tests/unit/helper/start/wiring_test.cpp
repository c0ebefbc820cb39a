// SPDX-License-Identifier: MIT
//
// Which fd ends up where, and what QEMU is told about it.
#include "helper/start/wiring.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::Peer;
using Words = std::vector<std::string>;

bool is_cloexec(int fd) {
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

Words fd_names(const CompanionFds &fds) {
    Words result;
    for (const auto &[name, fd] : fds)
        result.push_back(name);
    return result;
}

class WiringTest : public ::testing::Test {
  protected:
    // Wires the ports with a socket for each of the names.
    Wiring wire(const Words &names, std::vector<SerialPortOptions> serials = {{"serial"}},
                Words channels = {}) {
        ListeningSockets sockets;
        for (const std::string &name : names) {
            sockets[name] = testing::listening_socket(folder / (name + ".sock"));
            fds[name] = sockets[name].get();
        }
        HelperOptions options;
        options.vm = "vm1";
        options.serials = std::move(serials);
        options.channels = std::move(channels);
        auto wired = helper::wire(options, std::move(sockets), {});
        EXPECT_TRUE(wired);
        return std::move(*wired);
    }
    std::string path(const std::string &name) const { return folder / (name + ".sock"); }

    testing::TemporaryFolder folder;
    std::map<std::string, int> fds;
};

TEST_F(WiringTest, TheSocketsOfAPlainVm) {
    const Wiring wiring = wire({"serial", "control", "qmp", "monitor"});
    ASSERT_EQ(wiring.qemu.fds.size(), 5u);
    const auto fd = [&](std::size_t i) {
        return wiring.qemu.fds[i].get();
    };
    EXPECT_EQ(
        wiring.qemu.arguments,
        (Words{"-chardev", fmt::format("socket,id=monitor,fd={},server=on,wait=off", fd(0)),
               "-monitor", "chardev:monitor", "-chardev",
               fmt::format("socket,id=qmp,fd={},server=on,wait=off", fd(1)), "-qmp", "chardev:qmp",
               "-chardev", fmt::format("socket,id=control,fd={},server=on,wait=off", fd(2)), "-qmp",
               "chardev:control", "-chardev", fmt::format("socket,id=companion,fd={}", fd(3)),
               "-qmp", "chardev:companion", "-chardev",
               fmt::format("socket,id=serial,fd={}", fd(4))}));
    EXPECT_EQ(wiring.warnings, Words{});
    EXPECT_EQ(fd(0), fds["monitor"]);
    EXPECT_EQ(fd(1), fds["qmp"]);
    EXPECT_EQ(fd(2), fds["control"]);
}

TEST_F(WiringTest, TheCompanionHoldsTheOtherEnds) {
    Wiring wiring = wire({"monitor", "qmp", "control", "serial"});
    EXPECT_EQ(fd_names(wiring.companion), (Words{"clients:serial", "guest:serial", "qmp"}));
    EXPECT_EQ(wiring.companion["clients:serial"].get(), fds["serial"]);

    Peer qmp(std::move(wiring.companion["qmp"])), qemus_qmp(std::move(wiring.qemu.fds[3]));
    qemus_qmp.write("{\"QMP\"}");
    EXPECT_EQ(qmp.read(), "{\"QMP\"}");
    qmp.write("{}");
    EXPECT_EQ(qemus_qmp.read(), "{}");

    Peer guest(std::move(wiring.companion["guest:serial"])),
        qemus_serial(std::move(wiring.qemu.fds[4]));
    qemus_serial.write("login: ");
    EXPECT_EQ(guest.read(), "login: ");
    guest.write("root\n");
    EXPECT_EQ(qemus_serial.read(), "root\n");
    qemus_serial.close();
    EXPECT_TRUE(guest.has_ended());
}

TEST_F(WiringTest, ClientsReachTheSocketThatWasPassed) {
    const Wiring wiring = wire({"monitor", "qmp", "control", "serial"});
    const Peer client = Peer::connect(path("monitor"));
    ASSERT_TRUE(client);
    UniqueFd accepted(accept(wiring.qemu.fds[0].get(), nullptr, nullptr));
    EXPECT_TRUE(accepted);
}

TEST_F(WiringTest, NothingSurvivesAnExecYet) {
    const Wiring wiring =
        wire({"monitor", "qmp", "control", "serial", "debug"}, {{"serial"}, {"debug", true, true}});
    for (const UniqueFd &fd : wiring.qemu.fds)
        EXPECT_TRUE(is_cloexec(fd.get()));
    EXPECT_EQ(fd_names(wiring.companion),
              (Words{"clients:serial", "guest:debug", "guest:serial", "qmp"}));
    for (const auto &[name, fd] : wiring.companion)
        EXPECT_TRUE(is_cloexec(fd.get())) << name;
}

TEST_F(WiringTest, ADirectPortLogsThroughAPipe) {
    Wiring wiring = wire({"monitor", "qmp", "control", "serial", "a", "b"},
                         {{"serial"}, {"a", true, true}, {"b", true, true}});
    ASSERT_EQ(wiring.qemu.fds.size(), 9u);
    const auto fd = [&](std::size_t i) {
        return wiring.qemu.fds[i].get();
    };
    EXPECT_EQ(Words(wiring.qemu.arguments.begin() + 18, wiring.qemu.arguments.end()),
              (Words{"-add-fd", fmt::format("fd={},set=1", fd(6)), "-chardev",
                     fmt::format("socket,id=a,fd={},server=on,wait=off,logfile=/dev/fdset/1,"
                                 "logappend=on",
                                 fd(5)),
                     "-add-fd", fmt::format("fd={},set=2", fd(8)), "-chardev",
                     fmt::format("socket,id=b,fd={},server=on,wait=off,logfile=/dev/fdset/2,"
                                 "logappend=on",
                                 fd(7))}));
    EXPECT_EQ(fd(5), fds["a"]);
    EXPECT_EQ(fcntl(fd(6), F_GETFL) & O_ACCMODE, O_WRONLY);

    EXPECT_EQ(fd_names(wiring.companion),
              (Words{"clients:serial", "guest:a", "guest:b", "guest:serial", "qmp"}));
    ASSERT_EQ(write(fd(6), "x", 1), 1);
    EXPECT_EQ(Peer(std::move(wiring.companion["guest:a"])).read(), "x");
}

TEST_F(WiringTest, ADirectPortWithoutLogIsNotTheCompanions) {
    const Wiring wiring = wire({"monitor", "qmp", "control", "a"}, {{"a", true, false}});
    EXPECT_EQ(fd_names(wiring.companion), Words{"qmp"});
    EXPECT_EQ(wiring.qemu.arguments.back(),
              fmt::format("socket,id=a,fd={},server=on,wait=off", fds["a"]));
}

TEST_F(WiringTest, ARelayedPortWithoutLogIs) {
    const Wiring wiring = wire({"monitor", "qmp", "control", "a"}, {{"a", false, false}});
    EXPECT_EQ(fd_names(wiring.companion), (Words{"clients:a", "guest:a", "qmp"}));
}

TEST_F(WiringTest, QemuServesTheChannels) {
    const Wiring wiring =
        wire({"monitor", "qmp", "control", "events", "agent"}, {}, {"events", "agent"});
    EXPECT_EQ(wiring.warnings, Words{});
    EXPECT_EQ(fd_names(wiring.companion), Words{"qmp"});
    EXPECT_EQ(
        Words(wiring.qemu.arguments.end() - 4, wiring.qemu.arguments.end()),
        (Words{"-chardev", fmt::format("socket,id=events,fd={},server=on,wait=off", fds["events"]),
               "-chardev", fmt::format("socket,id=agent,fd={},server=on,wait=off", fds["agent"])}));
}

TEST_F(WiringTest, TheCompanionRelaysTheGuestAgent) {
    ListeningSockets sockets;
    sockets["agent"] = testing::listening_socket(path("agent"));
    const int fd = sockets["agent"].get();
    HelperOptions options;
    options.vm = "vm1";
    options.agent = true;
    auto wiring = helper::wire(options, std::move(sockets), {});
    ASSERT_TRUE(wiring);
    EXPECT_EQ(wiring->qemu.arguments.back(),
              fmt::format("socket,id=agent,fd={}", wiring->qemu.fds.back().get()));
    EXPECT_EQ(fd_names(wiring->companion), (Words{"clients:agent", "guest:agent", "qmp"}));
    EXPECT_EQ(wiring->companion["clients:agent"].get(), fd);
    Peer ours(std::move(wiring->companion["guest:agent"])),
        qemus(std::move(wiring->qemu.fds.back()));
    qemus.write("{}");
    EXPECT_EQ(ours.read(), "{}");
}

TEST_F(WiringTest, AChannelWithoutASocketIsADeviceAllTheSame) {
    const Wiring wiring = wire({"monitor", "qmp", "control"}, {}, {"events"});
    EXPECT_EQ(wiring.warnings,
              Words{"systemd passed no socket events.sock; is its socket unit masked?"});
    EXPECT_EQ(wiring.qemu.arguments.back(), "null,id=events");
}

TEST_F(WiringTest, AMissingSocketIsAWarningAndTheVmStarts) {
    const Wiring wiring = wire({"control"}, {{"serial"}, {"debug", true, true}});
    const auto warning = [](const std::string &name) {
        return "systemd passed no socket " + name + ".sock; is its socket unit masked?";
    };
    EXPECT_EQ(wiring.warnings,
              (Words{warning("monitor"), warning("qmp"), warning("serial"), warning("debug")}));
    // Still there for QEMU, which has -serial for each; the log goes on without clients.
    ASSERT_EQ(wiring.qemu.fds.size(), 3u);
    EXPECT_EQ(Words(wiring.qemu.arguments.begin() + 8, wiring.qemu.arguments.end()),
              (Words{"-chardev", fmt::format("socket,id=serial,fd={}", wiring.qemu.fds[2].get()),
                     "-chardev", "null,id=debug"}));
    EXPECT_EQ(fd_names(wiring.companion), (Words{"guest:serial", "qmp"}));
}

TEST_F(WiringTest, ASocketThatNobodyAskedForIsClosed) {
    const Wiring wiring = wire({"monitor", "qmp", "control", "serial", "other"});
    EXPECT_EQ(wiring.warnings, Words{});
    EXPECT_FALSE(Peer::connect(path("other")));
}

}  // namespace
}  // namespace qemunit::helper
