// SPDX-License-Identifier: MIT
#include "ctl/vms/edit.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "ctl/new/ini_place.h"
#include "ctl/verbs/reload.h"
#include "ctl/vm/whole_file.h"
#include "ctl/vms/file_replacement.h"
#include "ctl/vms/private_copy.h"
#include "ctl/vms/question.h"
#include "ctl/vms/vm_places.h"
#include "ctl/vms/vm_units.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

// systemctl(1) has this order.
std::string editor() {
    for (const char *variable : {"SYSTEMD_EDITOR", "EDITOR", "VISUAL"})
        if (const char *value = std::getenv(variable); value != nullptr && *value != '\0')
            return value;
    for (const char *program : {"editor", "nano", "vim", "vi"})
        for (const char *folder : {"/usr/bin/", "/bin/", "/usr/local/bin/"})
            if (const std::string path = folder + std::string(program);
                access(path.c_str(), X_OK) == 0)
                return path;
    return "";
}

// A variable may hold a program with options, so that a shell reads it, as for git(1).
Result<> run_editor(const std::string &path) {
    const std::string program = editor();
    if (program.empty())
        return fail(ENOENT, "no editor is found; EDITOR= names one");
    std::fflush(stdout);
    // Ctrl-C is the editor's.
    const auto interrupt = std::signal(SIGINT, SIG_IGN), quit = std::signal(SIGQUIT, SIG_IGN);
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGQUIT, SIG_DFL);
        const std::string command = program + " \"$1\"";
        execl("/bin/sh", "sh", "-c", command.c_str(), "sh", path.c_str(), nullptr);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    std::signal(SIGINT, interrupt);
    std::signal(SIGQUIT, quit);
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    return fail(EIO, fmt::format("the editor ({}) failed", program));
}

class Editing {
  public:
    Editing(const Invocation &invocation, sd_bus *bus)
        : invocation_(invocation),
          paths_(paths_of(invocation)),
          bus_(bus),
          vm_(invocation.arguments.front()) {}

    Result<int> run() {
        places_ = find_places(paths_, vm_);
        if (places_.inis.empty())
            return fail_no_ini(paths_, vm_);
        if (auto found = find_target(); !found)
            return std::unexpected(found.error());
        PrivateCopy copy(paths_, vm_);
        const std::string drop_ins =
            places_.drop_in_folders.empty() ? "" : places_.drop_in_folders.front();
        if (auto begun = copy.begin(before_, drop_ins); !begun)
            return std::unexpected(begun.error());
        const auto text = edit(copy);
        if (!text)
            return std::unexpected(text.error());
        if (*text == before_) {
            fmt::print("Nothing is changed.\n");
            return 0;
        }
        if (auto written = write(*text); !written)
            return fail(written.error().code,
                        fmt::format("{}; {}", written.error().message, copy.keep()));
        if (auto told = tell_systemd(paths_, {"daemon-reload"}); !told)
            return std::unexpected(told.error());
        say_what_counts();
        return 0;
    }

  private:
    // Where the file is read, and where it is written.
    Result<> find_target() {
        source_ = places_.inis.front();
        if (is_masked_ini(source_))
            return fail(EINVAL, fmt::format("{0} hides the VM; to have it back: rm {0}", source_));
        std::error_code error;
        const std::string real = fs::canonical(source_, error);
        if (error || stat(real.c_str(), &like_) != 0)
            return fail_errno(error ? error.value() : errno, "cannot open " + source_);
        if (!S_ISREG(like_.st_mode))
            return fail(EINVAL, source_ + " is no file");
        auto text = read_whole(real);
        if (!text)
            return std::unexpected(text.error());
        before_ = std::move(*text);
        is_copied_ = !is_of_administrator(paths_, source_) || real.starts_with("/usr/");
        target_ = !is_copied_ ? real : paths_.config_dirs().front() + "/" + vm_ + ".ini";
        if (is_copied_)
            fmt::print("{} is a package's: what you write goes to {}, and counts in its place.\n",
                       source_, target_);
        return {};
    }

    // Until there is a text that shall count.
    Result<std::string> edit(PrivateCopy &copy) {
        for (;;) {
            if (auto edited = run_editor(copy.path()); !edited)
                return fail(edited.error().code,
                            fmt::format("{}; nothing is changed{}", edited.error().message,
                                        kept_if_changed(copy)));
            auto text = read_whole(copy.path());
            if (!text)
                return std::unexpected(text.error());
            if (*text == before_)
                return text;
            std::string errors = text->empty() ? "an empty file would hide the VM\n" : "";
            if (errors.empty())
                errors = check(copy);
            if (errors.empty())
                return text;
            fmt::print(stderr, "{}", errors);
            if (!can_ask())
                return fail(EINVAL, fmt::format("nothing is changed, since the VM could not start "
                                                "like that; {}",
                                                copy.keep()));
            switch (ask("[e]dit again, [k]eep it all the same, [d]iscard it?")) {
                case 'k':
                    return text;
                case 'd':
                    return fail(ECANCELED, "nothing is changed");
                case kNoAnswer:
                    return fail(ECANCELED, "nothing is changed; " + copy.keep());
                default:
                    break;
            }
        }
    }

    std::string kept_if_changed(PrivateCopy &copy) const {
        const auto text = read_whole(copy.path());
        return text && *text != before_ ? "; " + copy.keep() : "";
    }

    // What the generator says, if it is an error; warnings are printed.
    static std::string check(const PrivateCopy &copy) {
        const auto checked = copy.check();
        if (checked.is_good)
            fmt::print(stderr, "{}", checked.said);
        return checked.is_good ? "" : checked.said;
    }

    Result<> write(const std::string &text) {
        const auto lock = lock_new_vms(paths_);
        if (!lock)
            return std::unexpected(lock.error());
        if (is_copied_) {
            const bool is_link = fs::is_symlink(target_);
            return write_file_like(like_, target_, text, is_link ? Replaces::yes : Replaces::no);
        }
        const auto now = read_whole(target_);
        if (!now || *now != before_)
            return fail(EBUSY, target_ + " has been changed meanwhile, and is left as it is");
        return write_file_like(like_, target_, text, Replaces::yes);
    }

    // What is as it was until a reload or a start.
    void say_what_counts() const {
        const auto state = active_state(bus_, vm_);
        if (!state || *state == "inactive" || *state == "failed") {
            fmt::print("{} is written. It counts when the VM starts.\n", target_);
            return;
        }
        fmt::print("{} is written.\n", target_);
        const auto plan = reload_plan_of(bus_, invocation_);
        if (!plan) {
            fmt::print("The VM runs on as it was started ({}).\n", plan.error().message);
            return;
        }
        if (plan->has_changes())
            fmt::print("To apply what can be changed while the VM runs: {} reload qemu@{}\n",
                       paths_.systemctl(), vm_);
        for (const std::string &what : plan->kept)
            fmt::print("Stays as it is: {}\n", what);
        for (const std::string &change : plan->later)
            fmt::print("Not before the VM is started anew: {}\n", change);
        if (!plan->later.empty())
            fmt::print("To start it anew: {} restart qemu@{}\n", paths_.systemctl(), vm_);
        if (plan->empty())
            fmt::print("The VM runs like that already.\n");
    }

    const Invocation &invocation_;
    const Paths paths_;
    sd_bus *bus_;
    const std::string &vm_;
    VmPlaces places_;
    std::string source_, target_, before_;
    struct stat like_ {};
    bool is_copied_ = false;
};

}  // namespace

Result<int> run_edit(const Invocation &invocation) {
    if (auto may = check_rights(paths_of(invocation), "edit"); !may)
        return std::unexpected(may.error());
    const auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    return Editing(invocation, bus->get()).run();
}

}  // namespace qemunit::ctl
