// SPDX-License-Identifier: MIT
#include "tests/e2e/vm_under_test.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <sstream>

#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {

namespace {

// The fourth field of proc(5)'s stat; the second may hold anything, in parentheses.
pid_t parent_of(pid_t pid) {
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = stat.rfind(')');
    return name_end == std::string::npos ? 0 : std::atoi(stat.c_str() + name_end + 3);
}

}  // namespace

std::string boot_sector_ini(const std::string &image) {
    return "[VM]\nAccelerator=tcg\nMemory=64M\nStop=quit\n[Drive root]\nFile=" + kGuestDir + "/" +
           image + "\nReadOnly=yes\n";
}

std::string deaf_ini() {
    return "[VM]\nAccelerator=tcg\nMemory=64M\n";
}

std::string linux_ini() {
    return "[VM]\nAccelerator=tcg\nMemory=256M\nStop=quit\n[Boot]\nKernel=" + kGuestDir +
           "/vmlinuz\nInitrd=" + kGuestDir + "/initrd\nAppend=console=ttyS0 no_timer_check\n";
}

std::string silent_linux_ini() {
    return linux_ini() + "Append=loglevel=1\n";
}

std::string paused_ini(const std::string &append) {
    return linux_ini() + "Append=\nAppend=" + append + "\n[VM]\nArguments=-S\n";
}

Finished start_all(const std::vector<std::unique_ptr<VmUnderTest>> &vms) {
    std::vector<std::string> start{"systemctl", "start"};
    for (const auto &vm : vms)
        start.push_back(vm->unit());
    return run(start);
}

VmUnderTest::VmUnderTest(std::string name, const std::string &ini)
    : VmUnderTest(std::move(name), ini, Reload::now) {}

VmUnderTest::VmUnderTest(std::string name, const std::string &ini, Reload reload)
    : name_(std::move(name)), reload_(reload) {
    write_file(ini_path(), ini);
    if (reload_ == Reload::now) {
        const Finished reloaded = run_words("systemctl daemon-reload");
        EXPECT_TRUE(reloaded.ok()) << reloaded;
    }
}

std::vector<std::unique_ptr<VmUnderTest>> VmUnderTest::several(
    const std::string &name, const std::vector<std::string> &inis) {
    std::vector<std::unique_ptr<VmUnderTest>> vms;
    for (const std::string &ini : inis) {
        const bool is_last = vms.size() + 1 == inis.size();
        vms.emplace_back(new VmUnderTest(name + std::to_string(vms.size() + 1), ini,
                                         is_last ? Reload::now : Reload::later));
    }
    return vms;
}

VmUnderTest::~VmUnderTest() {
    if (testing::Test::HasFailure()) {
        std::cout
            << "--- " << unit() << " when the test failed:\n"
            << read_file("/run/systemd/generator/" + unit() + ".d/50-qemunit.conf")
            << run({"systemctl", "status", "--no-pager", "--full", "--lines=40", unit()}).output
            << "---" << std::endl;
    }
    std::vector<std::string> sockets = socket_units();
    if (enabled_)
        run({"systemctl", "disable", "--quiet", sockets[0], sockets[1]});
    const Finished stopped = run({"systemctl", "stop", sockets[0], sockets[1], unit()});
    EXPECT_TRUE(stopped.ok()) << stopped;
    std::filesystem::remove(ini_path());
    if (reload_ == Reload::now)
        run_words("systemctl daemon-reload");
    run({"systemctl", "reset-failed", unit()});
}

Finished VmUnderTest::systemctl(const std::string &verb) const {
    return run({"systemctl", verb, unit()});
}

Finished VmUnderTest::stop() const {
    Finished stopped = systemctl("stop");
    for (const std::string &socket : socket_units())
        if (unit_property(socket, "WantedBy").empty()) {
            EXPECT_TRUE(wait_for_state(socket, "inactive"));
        }
    return stopped;
}

Finished VmUnderTest::status() const {
    run_words("journalctl --sync");
    return run({"systemctl", "status", "--no-pager", "--full", unit()});
}

Finished VmUnderTest::enable_sockets() {
    enabled_ = true;
    std::vector<std::string> enable{"systemctl", "enable", "--quiet", "--now"};
    for (const std::string &socket : socket_units())
        enable.push_back(socket);
    return run(enable);
}

Result<> VmUnderTest::wait_until_sockets_are_gone() const {
    for (const std::string &socket : socket_units())
        if (auto gone = wait_for_state(socket, "inactive"); !gone)
            return gone;
    if (std::filesystem::exists(socket_dir()))
        return fail(EEXIST, run({"ls", "-la", socket_dir()}).output);
    return {};
}

pid_t VmUnderTest::main_pid() const {
    return static_cast<pid_t>(std::atoi(unit_property(unit(), "MainPID").c_str()));
}

std::vector<pid_t> VmUnderTest::other_pids() const {
    std::istringstream procs(
        read_file("/sys/fs/cgroup" + unit_property(unit(), "ControlGroup") + "/cgroup.procs"));
    const pid_t qemu = main_pid();
    std::vector<pid_t> pids;
    for (pid_t pid; procs >> pid;)
        if (pid != qemu)
            pids.push_back(pid);
    return pids;
}

pid_t VmUnderTest::titled(const std::string &title) const {
    const auto bears = [](pid_t pid, const std::string &text) {
        return read_file("/proc/" + std::to_string(pid) + "/cmdline").starts_with(text);
    };
    const Deadline deadline;
    do {
        for (pid_t pid : other_pids())
            // Until it has given itself a title, a new process bears that of its parent.
            if (bears(pid, title) && !bears(parent_of(pid), title))
                return pid;
    } while (!deadline.passed());
    ADD_FAILURE() << unit() << " has no process \"" << title << "\"";
    return std::numeric_limits<pid_t>::max();
}

std::vector<std::string> VmUnderTest::command_line() const {
    std::istringstream cmdline(read_file("/proc/" + std::to_string(main_pid()) + "/cmdline"));
    std::vector<std::string> words;
    for (std::string word; std::getline(cmdline, word, '\0');)
        words.push_back(word);
    return words;
}

}  // namespace qemunit::e2e
