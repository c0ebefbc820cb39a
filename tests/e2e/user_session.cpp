// SPDX-License-Identifier: MIT
#include "tests/e2e/user_session.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {

namespace fs = std::filesystem;

UserSession::UserSession(std::string name, MakesNamespaces namespaces) : name_(std::move(name)) {
    EXPECT_FALSE(fs::exists(home())) << "left by another test, and no home of this user's";
    const Finished made = e2e::run({"useradd", "--create-home", "--shell=/bin/sh", name_});
    EXPECT_TRUE(made.ok()) << made;
    const passwd *entry = getpwnam(name_.c_str());
    if (entry == nullptr) {
        ADD_FAILURE() << "no user " << name_;
        return;
    }
    uid_ = entry->pw_uid;
    if (namespaces == MakesNamespaces::no) {
        write_file("/run/systemd/system/" + manager() + ".d/no-namespaces.conf",
                   "[Service]\nRestrictNamespaces=yes\n");
        e2e::run_words("systemctl daemon-reload");
    }
    // logind keeps somebody who was logged in for ten seconds more, and starts no manager
    // meanwhile: not for the next one with that UID either.
    EXPECT_TRUE(wait_until_gone("/run/systemd/users/" + std::to_string(uid_)));
    const Finished lingers = e2e::run({"loginctl", "enable-linger", name_});
    EXPECT_TRUE(lingers.ok()) << lingers;
    const auto up = wait_for_state(manager(), "active");
    EXPECT_TRUE(up) << up.error().message;
}

UserSession::~UserSession() {
    e2e::run({"loginctl", "disable-linger", name_});
    e2e::run({"systemctl", "stop", manager()});
    // A user with the same UID comes next, and systemd counts starts: five in ten seconds.
    e2e::run({"systemctl", "reset-failed", manager(),
              "user-runtime-dir@" + std::to_string(uid_) + ".service"});
    e2e::run({"userdel", "--remove", "--force", name_});
    fs::remove_all("/run/systemd/system/" + manager() + ".d");
}

Finished UserSession::run(const std::vector<std::string> &command, const std::string &input,
                          Deadline deadline) const {
    std::vector<std::string> words = {
        "runuser",
        "-u",
        name_,
        "--",
        "env",
        "--chdir=" + home(),
        "HOME=" + home(),
        "XDG_RUNTIME_DIR=" + runtime_dir(),
        "DBUS_SESSION_BUS_ADDRESS=unix:path=" + runtime_dir() + "/bus"};
    words.insert(words.end(), command.begin(), command.end());
    return e2e::run(words, input, deadline);
}

Finished UserSession::run_words(const std::string &command_line) const {
    std::istringstream words(command_line);
    return run({std::istream_iterator<std::string>(words), {}});
}

Finished UserSession::systemctl(const std::string &verb, const std::string &unit) const {
    return run({"systemctl", "--user", verb, unit});
}

std::string UserSession::journalctl(const std::string &unit) const {
    e2e::run_words("journalctl --sync");
    return run({"journalctl", "--user", "--no-pager", "--quiet", "--unit=" + unit}).output;
}

std::string UserSession::unit_property(const std::string &unit, const std::string &property) const {
    return trimmed(
        run({"systemctl", "--user", "show", "--value", "--property=" + property, unit}).output);
}

bool UserSession::reaches_state(const std::string &unit, const std::string &state,
                                Deadline deadline) const {
    bool has_it = false;
    do
        has_it = unit_property(unit, "ActiveState") == state;
    while (!has_it && !deadline.passed());
    return has_it;
}

Finished UserSession::call_vm(const std::string &vm, const std::vector<std::string> &words) const {
    std::vector<std::string> call = {
        "busctl", "--user", "call", "org.qemunit1", "/org/qemunit1/vm/" + vm, "org.qemunit1.VM"};
    call.insert(call.end(), words.begin(), words.end());
    return run(call);
}

void UserSession::write(const std::string &path, std::string_view text) const {
    fs::path made;  // the folders on the way are the user's too
    for (const auto &part : fs::path(path).parent_path()) {
        made /= part;
        if (fs::create_directory(made)) {
            EXPECT_EQ(chown(made.c_str(), uid_, uid_), 0) << made;
        }
    }
    write_file(path, text);
    EXPECT_EQ(chown(path.c_str(), uid_, uid_), 0) << path;
}

std::string UserSession::manager() const {
    return "user@" + std::to_string(uid_) + ".service";
}

std::string UserSession::runtime_dir() const {
    return "/run/user/" + std::to_string(uid_);
}

std::string UserSession::socket(const std::string &vm, const std::string &socket) const {
    return runtime_dir() + "/qemunit/" + vm + "/" + socket + ".sock";
}

VmOfUser::VmOfUser(const UserSession &user, std::string name, const std::string &ini)
    : user_(user), name_(std::move(name)) {
    user_.write(user_.home() + "/.config/qemunit/" + name_ + ".ini", ini);
    const Finished reloaded = user_.run_words("systemctl --user daemon-reload");
    EXPECT_TRUE(reloaded.ok()) << reloaded;
}

VmOfUser::~VmOfUser() {
    if (testing::Test::HasFailure()) {
        std::cout << "--- " << unit() << " of " << user_.name() << " when the test failed:\n"
                  << user_.systemctl("cat", unit()).output << status().output
                  << user_.journalctl(unit()) << "---" << std::endl;
    }
    user_.run(on_sockets({"systemctl", "--user", "disable", "--quiet"}));
    std::vector<std::string> stop = on_sockets({"systemctl", "--user", "stop"});
    stop.push_back(unit());
    const Finished stopped = user_.run(stop);
    EXPECT_TRUE(stopped.ok()) << stopped;
    fs::remove(user_.home() + "/.config/qemunit/" + name_ + ".ini");
}

Finished VmOfUser::status() const {
    e2e::run_words("journalctl --sync");
    return user_.run({"systemctl", "--user", "status", "--no-pager", "--full", unit()});
}

Finished VmOfUser::enable_sockets() const {
    return user_.run(on_sockets({"systemctl", "--user", "enable", "--quiet", "--now"}));
}

pid_t VmOfUser::main_pid() const {
    return static_cast<pid_t>(std::atoi(user_.unit_property(unit(), "MainPID").c_str()));
}

std::vector<std::string> VmOfUser::on_sockets(std::vector<std::string> command) const {
    command.push_back("qemu-monitor@" + name_ + ".socket");
    command.push_back("qemu-serial@" + name_ + ".socket");
    return command;
}

}  // namespace qemunit::e2e
