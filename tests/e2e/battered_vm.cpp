// SPDX-License-Identifier: MIT
#include "tests/e2e/battered_vm.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "tests/e2e/unix_client.h"

namespace qemunit::e2e {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// The disk, what a state may need before it is begun (helper/lifecycle/state_room.h), and not much
// more.
constexpr const char *kRoom = "size=96m,mode=0700";

bool bears(pid_t pid, std::string_view title) {
    return read_file("/proc/" + std::to_string(pid) + "/cmdline").starts_with(title);
}

timespec modified(const std::string &path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_mtim : timespec{};
}

}  // namespace

BatteredVm::BatteredVm(const std::string &name, std::string format) : format_(std::move(format)) {
    fs::create_directories("/var/lib/qemunit/" + name);
    vm_ = std::make_unique<VmUnderTest>(name, ini());
    EXPECT_EQ(mount("tmpfs", folder().c_str(), "tmpfs", 0, kRoom), 0) << strerror(errno);
}

BatteredVm::~BatteredVm() {
    vm_->stop();
    umount2(folder().c_str(), MNT_DETACH);
}

std::string BatteredVm::ini() const {
    return "[VM]\nAccelerator=tcg\nMemory=32M\nStopTimeout=" + stop_timeout_ + "\nStop=" + stop_ +
           "\n[Drive root]\nFile=" + kGuestDir +
           "/counter.img\nReadOnly=yes\n[Drive data]\nFile=data." + format_ +
           "\nFormat=" + format_ + "\nSize=2M\n[Drive cd]\nFile=" + kGuestDir +
           "/console.img\nMedia=cdrom\nInterface=ide\n";
}

void BatteredVm::systemctl(const std::vector<std::string> &verb) const {
    std::vector<std::string> command{"systemctl"};
    command.insert(command.end(), verb.begin(), verb.end());
    command.push_back(vm_->unit());
    run(command);
}

void BatteredVm::begin_anew() {
    EXPECT_EQ(umount2(folder().c_str(), MNT_DETACH), 0) << strerror(errno);
    EXPECT_EQ(mount("tmpfs", folder().c_str(), "tmpfs", 0, kRoom), 0) << strerror(errno);
}

void BatteredVm::set_stop(const std::string &stop, const std::string &timeout) {
    if (stop_ == stop && stop_timeout_ == timeout)
        return;
    stop_ = stop;
    stop_timeout_ = timeout;
    write_file(vm_->ini_path(), ini());
    run_words("systemctl daemon-reload");
}

void BatteredVm::end() const {
    signal(Victim::qemu, SIGCONT);
    // A client that still waits at a socket, such as qemunitd, starts it again, and cancels the
    // stop.
    Finished stopped = vm_->stop();
    for (int tries = 0; !stopped.ok() && tries < 5; ++tries)
        stopped = vm_->stop();
    EXPECT_TRUE(stopped.ok()) << stopped;
    systemctl({"reset-failed", "--quiet"});
}

// Not by systemctl, which would miss what is over in a moment.
std::vector<pid_t> BatteredVm::processes() const {
    std::istringstream procs(
        read_file("/sys/fs/cgroup/machine.slice/" + vm_->unit() + "/cgroup.procs"));
    return {std::istream_iterator<pid_t>(procs), {}};
}

pid_t BatteredVm::qemu() const {
    for (const pid_t pid : processes())
        if (bears(pid, "/usr/bin/qemu-system"))
            return pid;
    return 0;
}

pid_t BatteredVm::wait_for_qemu() const {
    pid_t pid = 0;
    wait_until([&] { return (pid = qemu()) != 0; }, Deadline(2s));
    return pid;
}

void BatteredVm::signal(Victim victim, int number) const {
    for (const pid_t pid : processes())
        if ((victim == Victim::qemu && bears(pid, "/usr/bin/qemu-system")) ||
            ((victim == Victim::companion || victim == Victim::both) &&
             bears(pid, "qemunit-helper: companion")) ||
            ((victim == Victim::supervisor || victim == Victim::both) &&
             bears(pid, "qemunit-helper: supervisor")))
            kill(pid, number);
}

void BatteredVm::fill_up(std::size_t bytes_left) const {
    struct statvfs room {};
    statvfs(folder().c_str(), &room);
    const std::size_t free = room.f_bavail * room.f_bsize;
    const UniqueFd file(open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    struct stat status {};
    if (free > bytes_left && fstat(file.get(), &status) == 0)
        posix_fallocate(file.get(), status.st_size, static_cast<off_t>(free - bytes_left));
}

void BatteredVm::make_room() const {
    unlink(filler().c_str());
}

std::string BatteredVm::disk_bytes() const {
    if (format_ == "raw" || !fs::exists(disk()))
        return read_file(disk());
    const std::string copy = "/run/" + vm_->name() + ".raw";
    const Finished converted =
        run({"qemu-img", "convert", "-f", format_, "-O", "raw", disk(), copy});
    EXPECT_TRUE(converted.ok()) << converted;
    std::string bytes = read_file(copy);
    fs::remove(copy);
    return bytes;
}

// QEMU writes to a raw image when the guest does; to qcow2 also when it ends.
std::string BatteredVm::complaint() const {
    const CountingDisk found = read_counting_disk(disk_bytes());
    if (found.disagrees)
        return "RAM and disk disagree: the guest has read another number than it had written";
    if (!found.broken_sector.empty())
        return "a broken sector: " + found.broken_sector;
    const timespec saved = modified(state_file()), written = modified(disk());
    if (format_ == "raw" && fs::exists(state_file()) &&
        std::pair(saved.tv_sec, saved.tv_nsec) < std::pair(written.tv_sec, written.tv_nsec))
        return "the disk went on after the state was saved that is to be resumed over it";
    return {};
}

Result<uint32_t> BatteredVm::wait_for_number() const {
    auto serial = UnixClient::connect(vm_->socket("serial"));
    if (!serial)
        return std::unexpected(serial.error());
    for (;;) {
        auto line = serial->read_until("\n");
        if (!line)
            return std::unexpected(line.error());
        if (line->find("DISAGREE") != line->npos)
            return fail(EIO, "the guest says: " + *line);
        if (const std::size_t at = line->find("N "); at != line->npos) {
            uint32_t number = 0;
            const char *const digits = line->data() + at + 2;
            if (auto [end, error] =
                    std::from_chars(digits, line->data() + line->size(), number, 16);
                error == std::errc{} && end == digits + 8)
                return number;
        }
    }
}

}  // namespace qemunit::e2e
