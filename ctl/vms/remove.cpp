// SPDX-License-Identifier: MIT
#include "ctl/vms/remove.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "common/files/trusted_path.h"
#include "common/vm_name.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/state_folder.h"
#include "ctl/output/table.h"
#include "ctl/vm/whole_file.h"
#include "ctl/vms/folder_tree.h"
#include "ctl/vms/image_needs.h"
#include "ctl/vms/ini_lines.h"
#include "ctl/vms/known_keys.h"
#include "ctl/vms/question.h"
#include "ctl/vms/vm_places.h"
#include "ctl/vms/vm_units.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

// What is deleted, in this order, and what is not.
struct Removal {
    std::vector<std::string> units, configuration, keys, disks;
    std::string state;         // as it is shown; "": stays, or is not there
    std::string state_detail;  // "3 files, 2.1G"
    std::vector<std::string> left;

    std::string text() const {
        std::string text;
        for (const auto *paths : {&configuration, &units, &keys, &disks})
            for (const std::string &path : *paths)
                text += fmt::format("  {}\n", path);
        if (!state.empty())
            text += fmt::format("  {}: {}\n", state, state_detail);
        return text;
    }
    bool empty() const { return text().empty(); }
};

class Remover {
  public:
    Remover(const Invocation &invocation, sd_bus *bus, std::string state)
        : invocation_(invocation),
          paths_(paths_of(invocation)),
          bus_(bus),
          vm_(invocation.arguments.front()),
          state_(std::move(state)) {}

    Result<int> run() {
        auto planned = plan();
        if (!planned)
            return std::unexpected(planned.error());
        if (auto off = check_is_off(bus_, paths_, vm_); !off)
            return std::unexpected(off.error());
        if (invocation_.has("--with-disks"))
            if (auto here = check_has_not_moved(state_); !here)
                return std::unexpected(here.error());
        fmt::print("To be deleted:\n{}", planned->text());
        if (!planned->left.empty())
            fmt::print("To be left:\n");
        for (const std::string &left : planned->left)
            fmt::print("  {}\n", left);
        if (!invocation_.has("--yes") && can_ask() && ask("Delete? [y/N]") != 'y')
            return fail(ECANCELED, "nothing is deleted");
        const auto lock = lock_new_vms(paths_);
        if (!lock)
            return std::unexpected(lock.error());
        const auto again = plan();
        if (!again)
            return std::unexpected(again.error());
        if (again->text() != planned->text())
            return fail(EAGAIN,
                        "nothing is deleted: what there is has changed meanwhile; "
                        "try again");
        if (auto removed = remove(*again); !removed)
            return std::unexpected(removed.error());
        fmt::print("Removed {}.\n", vm_);
        return 0;
    }

  private:
    Result<Removal> plan() {
        if (auto whole = check_no_renaming(paths_, vm_); !whole)
            return std::unexpected(whole.error());
        const VmPlaces places = find_places(paths_, vm_);
        for (const std::string &ini : places.inis)
            if (!is_of_administrator(paths_, ini))
                return fail(EPERM,
                            fmt::format("{} came with a package or an installation, and would "
                                        "stay; to hide the VM: ln -s /dev/null {}/{}.ini",
                                        ini, paths_.config_dirs().front(), vm_));
        Removal removal;
        removal.units = places.units;
        for (const std::string &path : places.drop_in_folders)
            if (is_of_administrator(paths_, path))
                removal.configuration.push_back(path);
            else
                removal.left.push_back(path + ", which came with a package");
        std::ranges::copy(places.inis, std::back_inserter(removal.configuration));
        if (!removal.configuration.empty()) {
            const KnownKeys keys = known_keys(invocation_, bus_, vm_);
            if (!keys.file.empty())
                removal.keys.push_back(keys.file);
            std::ranges::copy(keys.links, std::back_inserter(removal.keys));
        }
        const ImageNeeds needs = ImageNeeds::of_others(paths_, fs::path(state_).parent_path(), vm_);
        plan_state(removal, needs);
        plan_outside(removal, needs);
        if (removal.empty() && removal.left.empty())
            return fail_no_ini(paths_, vm_);
        if (removal.empty())
            return fail(ENOENT, fmt::format("there is no {}.ini any more; left of it is {}", vm_,
                                            removal.left.front()));
        return removal;
    }

    void plan_state(Removal &removal, const ImageNeeds &needs) {
        const auto folder = open_folder(state_);
        if (!folder)
            return;
        const TreeSize size = tree_size(folder->get());
        const std::string detail = fmt::format("{} file{}, {}", size.files,
                                               size.files == 1 ? "" : "s", size_text(size.bytes));
        if (!invocation_.has("--with-disks")) {
            if (size.files != 0)
                removal.left.push_back(
                    fmt::format("{}: {}; --with-disks deletes the folder, too", state_, detail));
            return;
        }
        removal.state = state_;
        if (std::error_code error; fs::is_symlink(state_, error))
            removal.state +=
                fmt::format(", which leads to {}", fs::canonical(state_, error).native());
        removal.state_detail = detail;
        for (const TreeEntry &entry : entries_of(folder->get()).value_or(std::vector<TreeEntry>()))
            if (const std::string reason = needs.reason(entry.info); !reason.empty())
                removal.left.push_back(fmt::format("{}/{}: {}", state_, entry.name, reason));
            else if (entry.name == "hibernated")
                removal.state_detail += "; with the machine as it is hibernated";
            else if (S_ISLNK(entry.info.st_mode))
                removal.left.push_back(
                    fmt::format("what the link {}/{} leads to", state_, entry.name));
    }

    // Images elsewhere that the VM writes to; those that it only reads may be anybody's.
    void plan_outside(Removal &removal, const ImageNeeds &needs) {
        std::vector<std::string> texts;
        for (const std::string &file : ini_and_drop_ins(paths_, vm_))
            texts.push_back(read_whole(file).value_or(""));
        if (find_places(paths_, vm_).inis.empty())
            return;  // vm.d alone is no VM
        for (const NamedDrive &drive : named_drives(texts)) {
            const std::string path = fs::path(state_) / drive.file;
            struct stat info {};
            if (drive.file.empty() || lstat(path.c_str(), &info) != 0 || is_in_state(path))
                continue;
            const std::string reason = needs.reason(info);
            if (!S_ISREG(info.st_mode))
                removal.left.push_back(path + ", which is no plain file");
            else if (!drive.is_written())
                removal.left.push_back(path + ", which the VM only reads");
            else if (!reason.empty())
                removal.left.push_back(fmt::format("{}: {}", path, reason));
            else if (!invocation_.has("--with-disks"))
                removal.left.push_back(path + "; --with-disks deletes it, too");
            else
                removal.disks.push_back(path);
        }
    }

    // Also a link in there, wherever it leads.
    bool is_in_state(const fs::path &path) const {
        std::error_code error;
        const fs::path real = fs::weakly_canonical(path.parent_path(), error) / path.filename(),
                       state = fs::weakly_canonical(state_, error);
        return real.native().starts_with(state.native() + "/");
    }

    // The VM is not configured any more, and so cannot start, before its disks go.
    Result<> remove(const Removal &removal) {
        if (auto off = check_is_off(bus_, paths_, vm_); !off)
            return off;
        if (auto stopped = stop_what_starts(paths_, vm_); !stopped)
            return stopped;
        for (const auto *paths : {&removal.units, &removal.configuration})
            for (const std::string &path : *paths)
                if (auto removed = remove_own(path); !removed)
                    return removed;
        if (auto told = tell_systemd(paths_, {"daemon-reload"}); !told)
            return told;
        if (auto off = check_is_off(bus_, paths_, vm_); !off)
            return fail(off.error().code,
                        fmt::format("its ini file is deleted, but somebody has started it "
                                    "meanwhile, and its disks are left: {}",
                                    off.error().message));
        const ImageNeeds needs = ImageNeeds::of_others(paths_, fs::path(state_).parent_path(), vm_);
        for (const std::string &path : removal.disks)
            if (auto removed = remove_disk(path); !removed)
                return removed;
        if (!removal.state.empty()) {
            const auto gone = remove_tree(
                state_, [&](const struct stat &info) { return !needs.reason(info).empty(); });
            if (!gone)
                return std::unexpected(gone.error());
            if (!*gone)
                fmt::print("{} itself stays.\n", state_);
        } else {
            rmdir(state_.c_str());  // if nothing is in it
        }
        for (const std::string &path : removal.keys)
            unlink(path.c_str());
        forget_unit();
        return {};
    }

    // What systemd remembers of it.
    void forget_unit() const {
        if (!paths_.is_of_user()) {
            unlink(paths_.state_link(vm_).c_str());
            for (const char *timer : {"qemu-snapshot", "qemu-backup"})
                unlink(
                    fmt::format("/var/lib/systemd/timers/stamp-{}@{}.timer", timer, vm_).c_str());
        }
        (void)tell_systemd(paths_, {"reset-failed", "--", service_unit(vm_)});
    }

    // A file, a link, or a folder of the administrator's.
    static Result<> remove_own(const std::string &path) {
        std::error_code error;
        fs::remove_all(path, error);
        return error ? fail_errno(error.value(), "cannot remove " + path) : Result<>();
    }

    // In a folder that others than root can change, the path must not lead elsewhere meanwhile.
    Result<> remove_disk(const std::string &path) const {
        const fs::path whole(path);
        if (paths_.is_of_user())
            return unlink(path.c_str()) == 0 ? Result<>()
                                             : fail_errno(errno, "cannot remove " + path);
        const auto folder = find_path(whole.parent_path());
        if (!folder)
            return std::unexpected(folder.error());
        if (unlinkat(folder->fd.get(), whole.filename().c_str(), 0) != 0 && errno != ENOENT)
            return fail_errno(errno, "cannot remove " + path);
        return {};
    }

    const Invocation &invocation_;
    const Paths paths_;
    sd_bus *bus_;
    const std::string &vm_;
    const std::string state_;
};

}  // namespace

Result<int> run_remove(const Invocation &invocation) {
    if (auto may = check_rights(paths_of(invocation), "remove"); !may)
        return std::unexpected(may.error());
    const auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto state = state_folder(invocation, invocation.arguments.front());
    if (!state)
        return std::unexpected(state.error());
    return Remover(invocation, bus->get(), *state).run();
}

}  // namespace qemunit::ctl
