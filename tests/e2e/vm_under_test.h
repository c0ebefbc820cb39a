// SPDX-License-Identifier: MIT
//
// A VM of one test: its ini is written and read by systemd when this object is made, and
// everything about it is gone when the object is.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "tests/e2e/process.h"

namespace qemunit::e2e {

// Where main() puts the guests, readable for QEMU.
inline const std::string kGuestDir = "/var/lib/qemunit-test";

class VmUnderTest;

// "[VM]…" for a VM that needs no more than 64 MiB and boots `image` of kGuestDir.
std::string boot_sector_ini(const std::string &image = "console.img");
// For a VM whose firmware finds nothing to boot: nobody in there minds the power button.
std::string deaf_ini();
// The same with Debian's kernel and a shell, 256 MiB.
std::string linux_ini();
// The same with a kernel that keeps its messages to itself: they would land between, and in,
// the lines that a program prints (a clock that is calibrated says so seconds after the boot).
std::string silent_linux_ini();
// One that has a QEMU but runs nothing, with `append` as its kernel's command line.
std::string paused_ini(const std::string &append);

// "systemctl start" for all of them at once.
Finished start_all(const std::vector<std::unique_ptr<VmUnderTest>> &vms);

class VmUnderTest {
  public:
    VmUnderTest(std::string name, const std::string &ini);
    // "NAME1", "NAME2"…, read by systemd in one go.
    static std::vector<std::unique_ptr<VmUnderTest>> several(const std::string &name,
                                                             const std::vector<std::string> &inis);
    ~VmUnderTest();
    VmUnderTest(const VmUnderTest &) = delete;
    VmUnderTest &operator=(const VmUnderTest &) = delete;

    Finished start() const { return systemctl("start"); }
    // systemd stops the sockets after the VM; this waits for both, but where a socket stays.
    Finished stop() const;
    Finished status() const;
    // "systemctl VERB qemu@NAME.service"
    Finished systemctl(const std::string &verb) const;
    // "systemctl enable --now" of both socket units.
    Finished enable_sockets();

    const std::string &name() const { return name_; }
    std::string ini_path() const { return "/etc/qemunit/" + name_ + ".ini"; }
    std::string unit() const { return "qemu@" + name_ + ".service"; }
    std::vector<std::string> socket_units() const {
        return {"qemu-monitor@" + name_ + ".socket", "qemu-serial@" + name_ + ".socket"};
    }
    std::string socket_dir() const { return "/run/qemunit/" + name_; }
    // "monitor" -> "/run/qemunit/NAME/monitor.sock"
    std::string socket(const std::string &socket) const {
        return socket_dir() + "/" + socket + ".sock";
    }
    // Until none is left: systemd stops them after the VM, and systemctl waits for the VM alone.
    Result<> wait_until_sockets_are_gone() const;
    pid_t main_pid() const;
    // Its other processes: the companion and its supervisor.
    std::vector<pid_t> other_pids() const;
    // Each of these, as soon as it is there.
    pid_t companion() const { return titled("qemunit-helper: companion"); }
    pid_t supervisor() const { return titled("qemunit-helper: supervisor"); }
    // argv of the main process, byte for byte.
    std::vector<std::string> command_line() const;

  private:
    enum class Reload { now, later };
    VmUnderTest(std::string name, const std::string &ini, Reload reload);
    pid_t titled(const std::string &title) const;

    std::string name_;
    Reload reload_;  // at the end, too
    bool enabled_ = false;
};

}  // namespace qemunit::e2e
