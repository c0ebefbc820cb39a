// SPDX-License-Identifier: MIT
//
// `systemctl stop` of a VM whose QEMU or disk is slow or full, and of one whose ini has changed
// since it started: nothing of the guest is lost for that.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/held.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/slowed.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string slow_stop_ini(const std::string &settings) {
    return silent_linux_ini() + "[VM]\n" + settings;
}

// `systemctl stop` on the side.
class StopOnTheSide {
  public:
    explicit StopOnTheSide(const VmUnderTest &vm)
        : begun_(std::chrono::steady_clock::now()),
          thread_([this, &vm] { finished_ = vm.stop(); }) {}
    ~StopOnTheSide() {
        if (thread_.joinable())
            thread_.join();
    }
    StopOnTheSide(const StopOnTheSide &) = delete;
    StopOnTheSide &operator=(const StopOnTheSide &) = delete;
    Finished wait() {
        thread_.join();
        return finished_;
    }
    std::chrono::steady_clock::duration taken() const {
        return std::chrono::steady_clock::now() - begun_;
    }

  private:
    std::chrono::steady_clock::time_point begun_;
    Finished finished_;
    std::thread thread_;
};

TEST(SlowStop, AQemuThatIsBusyIsWaitedFor) {
    VmUnderTest vm("stopbusy", slow_stop_ini("Stop=poweroff\n"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    std::optional<Held> busy(std::in_place, vm.main_pid());
    StopOnTheSide stop(vm);
    EXPECT_TRUE(wait_for_state(vm.unit(), "deactivating"));
    EXPECT_FALSE(wait_for_state(vm.unit(), "inactive", Deadline(8s)));
    busy.reset();
    EXPECT_TRUE(stop.wait().ok());
    auto line = journal.read_until_line("The power button was pressed.");
    EXPECT_TRUE(line) << line.error().message;
    EXPECT_EQ(journalctl(vm.unit()).find("pulling the plug"), std::string::npos);
}

// It is slower than StopTimeout=, and gets on.
TEST(SlowStop, ASaveThatMovesHasTheTimeThatItTakes) {
    VmUnderTest vm("hibslow", slow_stop_ini("Stop=hibernate\nStopTimeout=12s\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell(vm).run("answer=42"); }
    const pid_t qemu = vm.main_pid();
    ASSERT_EQ(kill(qemu, SIGSTOP), 0);
    StopOnTheSide stop(vm);
    EXPECT_TRUE(wait_for_state(vm.unit(), "deactivating"));
    {
        // However fast the machine is, it takes longer than that, or is done already.
        const Slowed slowed(qemu, 5ms, 495ms);
        (void)wait_for_state(vm.unit(), "inactive", Deadline(16s));
    }
    EXPECT_TRUE(stop.wait().ok());
    RecordProperty("seconds", std::to_string(stop.taken() / 1s));
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << journalctl(vm.unit());
    EXPECT_TRUE(fs::exists("/var/lib/qemunit/hibslow/hibernated")) << journalctl(vm.unit());
}

class SmallStateDisk {
  public:
    SmallStateDisk(const std::string &vm, const std::string &size)
        : folder_("/var/lib/qemunit/" + vm) {
        fs::create_directories(folder_);
        EXPECT_EQ(mount("small", folder_.c_str(), "tmpfs", 0, ("mode=0755,size=" + size).c_str()),
                  0);
    }
    ~SmallStateDisk() { umount2(folder_.c_str(), MNT_DETACH); }
    SmallStateDisk(const SmallStateDisk &) = delete;
    SmallStateDisk &operator=(const SmallStateDisk &) = delete;
    const std::string &folder() const { return folder_; }

  private:
    std::string folder_;
};

TEST(SlowStop, WithoutRoomForItsStateAGuestIsShutDown) {
    SmallStateDisk disk("hibfull", "8M");
    VmUnderTest vm("hibfull", slow_stop_ini("Stop=hibernate\n"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    EXPECT_TRUE(vm.stop().ok());
    auto line = journal.read_until_line("The power button was pressed.");
    EXPECT_TRUE(line) << line.error().message;
    const std::string log = journalctl(vm.unit());
    EXPECT_NE(log.find(" MiB free; shutting the guest down instead"), std::string::npos) << log;
    EXPECT_TRUE(fs::is_empty(disk.folder()));
}

// It would run beside a state that the next start resumes from.
TEST(SlowStop, AStateThatCannotBeRetiredIsKeptAndTheGuestDoesNotRun) {
    VmUnderTest vm("hibnail", slow_stop_ini("Stop=hibernate\n"));
    const fs::path folder = "/var/lib/qemunit/hibnail";
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell(vm).run("answer=42"); }
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(fs::exists(folder / "hibernated"));
    fs::create_directories(folder / "hibernated.used/in the way");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_TRUE(fs::exists(folder / "hibernated")) << journalctl(vm.unit());
    EXPECT_NE(journalctl(vm.unit()).find("the guest must not run"), std::string::npos);
    fs::remove_all(folder / "hibernated.used");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_FALSE(fs::exists(folder / "hibernated"));
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("echo the answer is $answer\r"));
    auto answer = serial->read_until("the answer is 42");
    EXPECT_TRUE(answer) << answer.error().message;
}

// By QEMU that cannot even begin, for which the state can do nothing.
TEST(SlowStop, AStartThatFailsForAnotherReasonKeepsTheState) {
    VmUnderTest vm("hibdisk",
                   slow_stop_ini("Stop=hibernate\n[Drive root]\nFile=root.raw\nSize=8M\n"));
    const fs::path folder = "/var/lib/qemunit/hibdisk";
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    ASSERT_TRUE(vm.stop().ok());
    fs::rename(folder / "root.raw", folder / "elsewhere");
    fs::create_directory(folder / "root.raw");
    EXPECT_FALSE(vm.start().ok());
    EXPECT_TRUE(fs::exists(folder / "hibernated")) << journalctl(vm.unit());
    fs::remove(folder / "root.raw");
    fs::rename(folder / "elsewhere", folder / "root.raw");
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(unit_property(vm.unit(), "StatusText").substr(0, 17), "Running, resumed,");
}

void change_ini(const VmUnderTest &vm, const std::string &ini) {
    if (ini.empty())
        fs::remove(vm.ini_path());
    else
        write_file(vm.ini_path(), ini);
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
}

TEST(SlowStop, WhatTheIniSaidAtTheStartHoldsWhenItIsGone) {
    VmUnderTest vm("goneini", deaf_ini() + "Stop=quit\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    change_ini(vm, "");
    StopOnTheSide stop(vm);
    EXPECT_TRUE(stop.wait().ok());
    EXPECT_LT(stop.taken(), 40s);  // it used to be 55
    EXPECT_EQ(journalctl(vm.unit()).find("stopping takes too long"), std::string::npos);
}

TEST(SlowStop, WhatTheIniSaidAtTheStartHoldsWhenItIsEdited) {
    VmUnderTest vm("newini", slow_stop_ini("Stop=poweroff\n"));
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    { GuestShell guest(vm); }
    change_ini(vm, slow_stop_ini("Stop=quit\n"));
    EXPECT_TRUE(vm.stop().ok());
    auto line = journal.read_until_line("The power button was pressed.");
    EXPECT_TRUE(line) << line.error().message;
}

// systemd would kill QEMU before.
TEST(SlowStop, TheTimeThatTheIniGaveAtTheStartHolds) {
    VmUnderTest vm("newtime", deaf_ini() + "Stop=poweroff\nStopTimeout=14s\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    change_ini(vm, deaf_ini() + "Stop=poweroff\nStopTimeout=2s\n");
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << journalctl(vm.unit());
    EXPECT_NE(journalctl(vm.unit()).find("stopping takes too long, pulling the plug"),
              std::string::npos);
}

TEST(SlowStop, TimeoutStopSecIsStopTimeout) {
    VmUnderTest vm("stopsec", deaf_ini() + "Stop=poweroff\n[Service]\nTimeoutStopSec=8s\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success") << journalctl(vm.unit());
}

}  // namespace
}  // namespace qemunit::e2e
