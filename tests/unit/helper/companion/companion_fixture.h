// SPDX-License-Identifier: MIT
//
// The whole companion in a process of its own, with the test as QEMU and as systemd.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "helper/companion/companion.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/helper/private_run.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {

class CompanionTest : public ::testing::Test {
  protected:
    void start(Awaited ready = {}, UniqueFd resumed = {}) {
        testing::SocketPair qmp, serial, agent_pair;
        CompanionSetup setup;
        setup.qmp = std::move(qmp.one);
        setup.ports.push_back({.name = "serial",
                               .guest = std::move(serial.one),
                               .listener = testing::listening_socket(folder / "serial.sock"),
                               .log = false});
        setup.agent = PortEnd{.name = "agent",
                              .guest = std::move(agent_pair.one),
                              .listener = {},
                              .log = false,
                              .is_console = false};
        setup.ready = std::move(ready);
        if (setup.ready.thing == Awaited::Thing::notify) {
            std::filesystem::remove(folder / "vsock");
            setup.notify = {testing::listening_socket(folder / "vsock"), [](const sockaddr_vm &) {
                                return true;
                            }};
            setup.qemu = 4711;
        }
        if (qemu_pid > 0)
            setup.qemu = qemu_pid;
        setup.resumed = std::move(resumed);
        if (takes_requests)
            setup.requests = testing::listening_socket(folder / "companion.sock");
        // As main() does, so that no signal comes too early.
        sigset_t stop;
        sigemptyset(&stop);
        sigaddset(&stop, kStopSignal);
        sigprocmask(SIG_BLOCK, &stop, nullptr);
        pid = fork();
        if (pid == 0) {
            setup.stop = stop_mode;
            // Else QEMU would be asked what hardware there is, which is of no interest here.
            if (stop_mode != StopMode::hibernate)
                setup.not_saved = "it is a test's";
            setup.stop_timeout_usec = stop_timeout_usec;
            agent_pair.other.reset();
            if (errors)
                dup2(errors.get(), STDERR_FILENO);
            qmp.other.reset();
            serial.other.reset();
            testing::enter_private_run();  // these events are none of this machine's
            setenv("NOTIFY_SOCKET", (folder / "notify").c_str(), 1);
            setenv("STATE_DIRECTORY", (folder / "state").c_str(), 1);
            _exit(supervise([&](Handover &handover) {
                if (handover.takeovers == 0) {
                    left.supervisor = handover.supervisor;
                    handover = left;
                }
                return run_companion("vm1", std::move(setup), handover);
            }));
        }
        sigprocmask(SIG_UNBLOCK, &stop, nullptr);
        const timeval patience = {.tv_sec = 60, .tv_usec = 0};
        setsockopt(notify.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        qemu = testing::FakeQemu(std::move(qmp.other));
        guest = testing::Peer(std::move(serial.other));
        agent = testing::Peer(std::move(agent_pair.other));
    }
    ~CompanionTest() override {
        if (pid > 0)
            kill(pid, SIGKILL);
        wait_for_exit();
    }

    // What systemd is told next, but for the time that something may take.
    std::string told() {
        for (;;) {
            char buffer[4096];
            const ssize_t n = recv(notify.get(), buffer, sizeof buffer, 0);
            std::string text(buffer, static_cast<std::size_t>(std::max<ssize_t>(0, n)));
            if (!text.starts_with("EXTEND_TIMEOUT_USEC="))
                return text;
            granted.push_back(std::move(text));
        }
    }
    int wait_for_exit() {
        int status = -1;
        if (pid > 0)
            waitpid(std::exchange(pid, -1), &status, 0);
        return status;
    }

    testing::TemporaryFolder folder;
    UniqueFd notify = testing::bound_socket(folder / "notify", SOCK_DGRAM);
    testing::EventLoop loop;
    testing::FakeQemu qemu;
    testing::Peer guest, agent;
    std::vector<std::string> granted;  // what told() has passed over
    UniqueFd errors;                   // where its standard error goes
    // Waits for the command, and gives its answer.
    void answer(const std::string &command, const std::string &value) {
        EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"" + command + "\""); },
                                   std::chrono::seconds(60)))
            << command;
        // Ids count on, in the order of the commands.
        qemu.say(R"({"return":)" + value + R"(,"id":)" + std::to_string(++answered) + "}");
        qemu.forget();
    }
    // To ask_hardware(): nothing is plugged in.
    void answer_hardware() {
        for (const char *command : {"query-block", "query-fdsets", "qom-list", "qom-list"})
            answer(command, "[]");
    }

    std::string state_file() const { return folder / "state/hibernated"; }
    // A saved state is there, and cannot be retired.
    void nail_state_down() const {
        folder.write("state/hibernated", "RAM");
        folder.write("state/hibernated.used/in the way", "");
    }

    // What the guest's systemd does; returns when it has been heard.
    void say_as_guest(const std::string &text) {
        testing::Peer systemd = testing::Peer::connect(folder / "vsock");
        EXPECT_EQ(systemd.write(text), text.size());
        systemd.end_input();
        EXPECT_TRUE(loop.run_until([&] { return systemd.has_ended(); }, std::chrono::seconds(60)))
            << text;
    }

    // Kills the process that does the work, and is QEMU to the one that takes over.
    void kill_worker() {
        ASSERT_EQ(kill(worker(), SIGKILL), 0);
        ++takeovers;
        greet_next();
    }
    void greet_next() {
        ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("qmp_capabilities"); },
                                   std::chrono::seconds(60)));
        answered = uint64_t{takeovers} << 32;
        qemu.forget();
        qemu.say(R"({"error":{"class":"CommandNotFound","desc":"already complete"},"id":)" +
                 std::to_string(answered) + "}");
        answer("query-version", R"({"qemu":{"major":7,"minor":2,"micro":22}})");
    }
    // The child of the supervisor, which is ours.
    pid_t worker() const {
        std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
        pid_t child = -1;
        children >> child;
        return child;
    }

    StopMode stop_mode = StopMode::poweroff;
    uint64_t stop_timeout_usec = 60'000'000;
    bool takes_requests = false;
    uint64_t answered = 0;
    unsigned takeovers = 0;
    pid_t qemu_pid = -1;
    Handover left{};  // by one that was killed before
    pid_t pid = -1;
};

}  // namespace qemunit::helper
