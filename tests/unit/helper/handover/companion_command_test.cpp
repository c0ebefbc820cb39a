// SPDX-License-Identifier: MIT
//
// What the helper hands to the companion over its exec, and what the companion makes of it.
#include "helper/handover/companion_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "helper/companion/companion_setup.h"
#include "tests/unit/helper/console/listeners.h"

namespace qemunit::helper {
namespace {

using testing::Peer;
using Words = std::vector<std::string>;

// Fds as the helper has them, whose numbers the companion finds open.
class CompanionCommandTest : public ::testing::Test {
  protected:
    Words command_line(const Words &names, Words told) {
        CompanionFds fds;
        for (const std::string &name : names) {
            testing::SocketPair pair;
            peers.emplace(name, Peer(std::move(pair.other)));
            fds.emplace(name, std::move(pair.one));
        }
        told.push_back("/usr/bin/qemu");
        Words arguments = companion_arguments(4711, fds, told);
        for (auto &[name, fd] : fds)
            numbers[name] = fd.release();
        return arguments;
    }
    CompanionSetup setup_of(const Words &names, Words told) {
        auto command = parse_companion_arguments(command_line(names, std::move(told)));
        EXPECT_TRUE(command) << command.error().message;
        return companion_setup(std::move(*command));
    }
    void expect_peers(const std::string &name, UniqueFd fd) {
        EXPECT_EQ(fd.get(), numbers.at(name)) << name;
        Peer(std::move(fd)).write(name);
        EXPECT_EQ(peers.at(name).read(), name);
    }

    std::map<std::string, Peer> peers;
    std::map<std::string, int> numbers;
};

std::string command_fault(const Words &arguments) {
    const auto command = parse_companion_arguments(arguments);
    return command ? "none" : command.error().message;
}

TEST_F(CompanionCommandTest, IsQemuTheFdsAndWhatTheHelperWasTold) {
    const Words arguments = command_line({"guest:my.port", "qmp"}, {"--vm=vm1", "--stop=quit"});
    EXPECT_EQ(arguments,
              (Words{"--qemu=4711", fmt::format("--fd=guest:my.port:{}", numbers["guest:my.port"]),
                     fmt::format("--fd=qmp:{}", numbers["qmp"]), "--vm=vm1", "--stop=quit",
                     "/usr/bin/qemu"}));
    for (const auto &[name, fd] : numbers)
        close(fd);
}

TEST_F(CompanionCommandTest, ThePortsHaveTheirEnds) {
    CompanionSetup setup = setup_of(
        {"qmp", "guest:serial", "clients:serial", "guest:mute", "clients:mute", "guest:direct"},
        {"--vm=vm1", "--serial=serial", "--serial=mute,nolog", "--serial=direct,direct",
         "--serial=unlogged,direct,nolog"});
    EXPECT_EQ(setup.qemu, 4711);
    expect_peers("qmp", std::move(setup.qmp));
    ASSERT_EQ(setup.ports.size(), 3u);
    EXPECT_EQ(setup.ports[0].name, "serial");
    EXPECT_TRUE(setup.ports[0].log && setup.ports[0].is_console && !setup.ports[0].direct);
    expect_peers("guest:serial", std::move(setup.ports[0].guest));
    expect_peers("clients:serial", std::move(setup.ports[0].listener));
    EXPECT_FALSE(setup.ports[1].log);
    EXPECT_EQ(setup.ports[2].name, "direct");
    EXPECT_TRUE(setup.ports[2].log && setup.ports[2].direct && !setup.ports[2].listener);
    EXPECT_FALSE(setup.agent || setup.notify || setup.resumed);
}

TEST_F(CompanionCommandTest, TheAgentsChannelIsForPrograms) {
    CompanionSetup setup =
        setup_of({"qmp", "guest:agent", "clients:agent"}, {"--vm=vm1", "--agent", "--ready=agent"});
    EXPECT_TRUE(setup.ports.empty());
    EXPECT_EQ(setup.ready.thing, Awaited::Thing::agent);
    ASSERT_TRUE(setup.agent);
    EXPECT_EQ(setup.agent->name, "agent");
    EXPECT_FALSE(setup.agent->log || setup.agent->direct || setup.agent->is_console);
    expect_peers("guest:agent", std::move(setup.agent->guest));
    expect_peers("clients:agent", std::move(setup.agent->listener));
}

TEST_F(CompanionCommandTest, WhatElseTheCompanionDoes) {
    CompanionSetup setup = setup_of({"qmp", "notify", "resumed"},
                                    {"--vm=vm1", "--stop=hibernate", "--stop-timeout=7",
                                     "--idle-timeout=9", "--unplugged=lan", "--ready=notify:12"});
    EXPECT_EQ(setup.stop, StopMode::hibernate);
    EXPECT_EQ(setup.stop_timeout_usec, 7'000'000u);
    EXPECT_EQ(setup.idle_timeout_usec, 9'000'000u);
    EXPECT_EQ(setup.unplugged, Words{"lan"});
    expect_peers("resumed", std::move(setup.resumed));
    ASSERT_TRUE(setup.notify);
    expect_peers("notify", std::move(setup.notify->fd));
    sockaddr_vm peer{};
    peer.svm_family = AF_VSOCK;
    peer.svm_port = 1;  // the guest's root
    peer.svm_cid = 12;
    EXPECT_TRUE(setup.notify->admits(peer));
    peer.svm_cid = 13;
    EXPECT_FALSE(setup.notify->admits(peer));
}

TEST_F(CompanionCommandTest, WhoeverElseRunsItIsToldWhatItIs) {
    const std::string what = "this program is for qemunit-helper, which runs it beside QEMU";
    for (const Words &arguments :
         {Words{}, Words{"--help"}, Words{"--qemu=x"}, Words{"--qemu=0"}, Words{"--vm=vm1"}})
        EXPECT_EQ(command_fault(arguments), what);
    EXPECT_EQ(command_fault({"--qemu=1", "--fd=qmp"}), "--fd=qmp: not a name and a number");
    EXPECT_EQ(command_fault({"--qemu=1", "--fd=qmp:x"}), "--fd=qmp:x: not a name and a number");
    EXPECT_EQ(command_fault({"--qemu=1", "--fd="}), "--fd=: not a name and a number");
    EXPECT_EQ(command_fault({"--qemu=1", "--nonsense"}), "unknown option '--nonsense'; see --help");
}

}  // namespace
}  // namespace qemunit::helper
