// SPDX-License-Identifier: MIT
//
// An ordinary user with a manager of systemd's, and VMs of that user. Both are real, and gone
// when these objects are.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/e2e/process.h"

namespace qemunit::e2e {

class UserSession {
  public:
    enum class MakesNamespaces { yes, no };
    // A new user, who lingers. Without namespaces: as with a kernel that leaves them to root.
    explicit UserSession(std::string name, MakesNamespaces namespaces = MakesNamespaces::yes);
    ~UserSession();
    UserSession(const UserSession &) = delete;
    UserSession &operator=(const UserSession &) = delete;

    // As that user, in the home, with the environment of a login.
    Finished run(const std::vector<std::string> &command, const std::string &input = {},
                 Deadline deadline = Deadline()) const;
    Finished run_words(const std::string &command_line) const;
    // "systemctl --user VERB UNIT"
    Finished systemctl(const std::string &verb, const std::string &unit) const;
    // "journalctl --user -u UNIT"
    std::string journalctl(const std::string &unit) const;
    // Of the user's systemd.
    std::string unit_property(const std::string &unit, const std::string &property) const;
    // Whether it has that ActiveState=, at the latest at the deadline.
    bool reaches_state(const std::string &unit, const std::string &state,
                       Deadline deadline = Deadline()) const;
    // A method of org.qemunit1.VM on the session bus, by busctl.
    Finished call_vm(const std::string &vm, const std::vector<std::string> &words) const;

    // A file of that user.
    void write(const std::string &path, std::string_view text) const;

    const std::string &name() const { return name_; }
    std::string manager() const;  // "user@1001.service"
    std::string home() const { return "/home/" + name_; }
    std::string runtime_dir() const;
    // "/run/user/1001/qemunit/vm1/serial.sock"
    std::string socket(const std::string &vm, const std::string &socket) const;

  private:
    std::string name_;
    uid_t uid_ = 0;
};

// ~/.config/qemunit/NAME.ini, read by the user's systemd.
class VmOfUser {
  public:
    VmOfUser(const UserSession &user, std::string name, const std::string &ini);
    ~VmOfUser();
    VmOfUser(const VmOfUser &) = delete;
    VmOfUser &operator=(const VmOfUser &) = delete;

    Finished start() const { return user_.systemctl("start", unit()); }
    Finished stop() const { return user_.systemctl("stop", unit()); }
    Finished status() const;
    // "systemctl --user enable --now" of both socket units.
    Finished enable_sockets() const;
    pid_t main_pid() const;

    const std::string &name() const { return name_; }
    std::string unit() const { return "qemu@" + name_ + ".service"; }
    std::string socket(const std::string &socket) const { return user_.socket(name_, socket); }

  private:
    std::vector<std::string> on_sockets(std::vector<std::string> command) const;

    const UserSession &user_;
    std::string name_;
};

}  // namespace qemunit::e2e
