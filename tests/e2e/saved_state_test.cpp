// SPDX-License-Identifier: MIT
//
// A saved state is never given up for a reason that is not its own: whoever dies while it is
// loaded, and whatever has become of the disks that it belongs to.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <thread>

#include "common/unique_fd.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

class SavedStateTest : public testing::Test {
  protected:
    ~SavedStateTest() override {
        vm.stop();
        fs::remove_all(folder());
    }
    fs::path folder() const { return "/var/lib/qemunit/" + vm.name(); }
    bool is_saved() const { return fs::exists(folder() / "hibernated"); }
    bool is_set_aside() const {
        for (const auto &entry : fs::directory_iterator(folder()))
            if (entry.path().filename().string().starts_with("hibernated.failed-"))
                return true;
        return false;
    }
    void save() {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        {
            GuestShell guest(vm);
            // RAM that takes some time to load.
            guest.run("answer=42; head -c 120m /dev/urandom >/random");
        }
        ASSERT_TRUE(vm.stop().ok());
        ASSERT_TRUE(is_saved()) << journalctl(vm.unit());
    }
    void expect_answer() {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        auto serial = UnixClient::connect(vm.socket("serial"));
        ASSERT_TRUE(serial) << serial.error().message;
        ASSERT_TRUE(serial->send("echo the answer is $answer\r"));
        auto answer = serial->read_until("the answer is 42");
        EXPECT_TRUE(answer) << answer.error().message;
        EXPECT_FALSE(is_saved());
    }
    std::vector<pid_t> processes(const std::string &title) const {
        std::istringstream procs(
            read_file("/sys/fs/cgroup/machine.slice/" + vm.unit() + "/cgroup.procs"));
        std::vector<pid_t> found;
        for (pid_t pid; procs >> pid;)
            if (read_file("/proc/" + std::to_string(pid) + "/cmdline").starts_with(title))
                found.push_back(pid);
        return found;
    }
    // How far the process has read the state; 0 if it has not begun.
    static unsigned long position_in_state(pid_t pid) {
        const fs::path fds = "/proc/" + std::to_string(pid) + "/fd";
        std::error_code error;
        for (fs::directory_iterator fd(fds, error), end; !error && fd != end; fd.increment(error)) {
            const fs::path file = fs::read_symlink(fd->path(), error);
            if (error || file.filename() != "hibernated")
                continue;
            std::istringstream info(read_file("/proc/" + std::to_string(pid) + "/fdinfo/" +
                                              fd->path().filename().string()));
            std::string word;
            unsigned long position = 0;
            info >> word >> position;
            return position;
        }
        return 0;
    }
    // Starts the VM, and holds the QEMU that is in the middle of the state.
    pid_t hold_loading() {
        run({"systemctl", "start", "--no-block", vm.unit()});
        for (const Deadline deadline; !deadline.passed(); std::this_thread::yield())
            for (const pid_t pid : processes("/usr/bin/qemu-system"))
                if (position_in_state(pid) > (1ul << 20)) {
                    kill(pid, SIGSTOP);
                    EXPECT_TRUE(is_saved()) << "it was loaded already";
                    return pid;
                }
        ADD_FAILURE() << "nobody has read the state; " << vm.status();
        return 0;
    }
    void expect_kept() {
        EXPECT_TRUE(wait_for_state(vm.unit(), "failed"));
        EXPECT_TRUE(is_saved());
        EXPECT_FALSE(is_set_aside());
        EXPECT_EQ(processes("/usr/bin/qemu-system"), std::vector<pid_t>{});
    }

    VmUnderTest vm{"keeps" + std::to_string(getpid() % 100000),
                   silent_linux_ini() +
                       "[VM]\nStop=hibernate\n[Drive root]\nFile=root.raw\n"
                       "Size=8M\n"};
};

TEST_F(SavedStateTest, AQemuThatIsKilledWhileItLoadsSaysNothingOfTheState) {
    ASSERT_NO_FATAL_FAILURE(save());
    const pid_t qemu = hold_loading();
    ASSERT_GT(qemu, 0);
    ASSERT_EQ(kill(qemu, SIGKILL), 0);
    expect_kept();
    expect_contains(journalctl(vm.unit()), "its state is still in ");
    expect_answer();
}

// Nobody is left who could let that QEMU's guest run, and a second QEMU beside it would write to
// the same disks.
TEST_F(SavedStateTest, ACompanionThatIsKilledWithItsSupervisorLeavesNoQemuBehind) {
    ASSERT_NO_FATAL_FAILURE(save());
    const pid_t qemu = hold_loading();
    ASSERT_GT(qemu, 0);
    for (const char *title : {"qemunit-helper: supervisor", "qemunit-helper: companion"})
        for (const pid_t pid : processes(title))
            EXPECT_EQ(kill(pid, SIGKILL), 0);
    expect_kept();
    expect_answer();
}

// As another VM, or a tool, has used it meanwhile.
TEST_F(SavedStateTest, ADiskThatWasWrittenMeanwhileKeepsTheGuestFromGoingOn) {
    ASSERT_NO_FATAL_FAILURE(save());
    const fs::path image = folder() / "root.raw";
    const std::string copy = folder() / "copy";
    ASSERT_TRUE(run({"cp", "--archive", image, copy}).ok());
    {
        const UniqueFd file(open(image.c_str(), O_WRONLY | O_CLOEXEC));
        ASSERT_EQ(pwrite(file.get(), "x", 1, 4096), 1);
    }
    EXPECT_FALSE(vm.start().ok());
    EXPECT_TRUE(is_saved());
    EXPECT_FALSE(is_set_aside());
    const std::string status = vm.status().output;
    expect_contains(status, "root.raw was changed since the state was saved");
    expect_contains(status, "and the VM boots");
    // By who keeps the times.
    fs::rename(copy, image);
    expect_answer();
}

TEST_F(SavedStateTest, WithoutTheStateTheGuestBootsFromTheNewDisk) {
    ASSERT_NO_FATAL_FAILURE(save());
    fs::resize_file(folder() / "root.raw", 16 << 20);
    EXPECT_FALSE(vm.start().ok());
    expect_contains(vm.status().output, "it has 16777216 bytes, and had 8388608");
    fs::remove(folder() / "hibernated");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
}

}  // namespace
}  // namespace qemunit::e2e
