// SPDX-License-Identifier: MIT
//
// The ini of the old name goes first, to a name that nobody reads, and that of the new name comes
// last: in between there is no such VM, which could start without its disks. That first name is
// also the mark of a renaming that has begun. Every step after it can be done again.
#include "ctl/vms/rename.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "common/files/disk_image.h"
#include "common/files/free_name.h"
#include "common/vm_name.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/new_vm.h"
#include "ctl/new/state_folder.h"
#include "ctl/ssh/known_hosts.h"
#include "ctl/ssh/ssh_facts.h"
#include "ctl/verbs/command_line.h"
#include "ctl/vm/whole_file.h"
#include "ctl/vms/file_replacement.h"
#include "ctl/vms/folder_tree.h"
#include "ctl/vms/image_needs.h"
#include "ctl/vms/private_copy.h"
#include "ctl/vms/rename_text.h"
#include "ctl/vms/vm_places.h"
#include "ctl/vms/vm_units.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

bool exists(const std::string &path) {
    struct stat info {};
    return lstat(path.c_str(), &info) == 0;
}

// Nothing to be done if it was done before.
Result<> move_once(const std::string &from, const std::string &to) {
    if (const int failed = move_to_free_name(AT_FDCWD, from, AT_FDCWD, to);
        failed != 0 && failed != ENOENT)
        return fail_errno(failed, fmt::format("cannot rename {} to {}", from, to));
    sync_folder_of(to);
    return {};
}

class Renamer {
  public:
    Renamer(const Invocation &invocation, sd_bus *bus)
        : invocation_(invocation),
          paths_(paths_of(invocation)),
          bus_(bus),
          from_(invocation.arguments[0]),
          to_(invocation.arguments[1]) {}

    Result<int> run() {
        if (auto named = check_new_name(to_); !named)
            return std::unexpected(named.error());
        const auto from = state_folder(invocation_, from_), to = state_folder(invocation_, to_);
        if (!from || !to)
            return std::unexpected((from ? to : from).error());
        from_state_ = *from;
        to_state_ = *to;
        const auto lock = lock_new_vms(paths_);
        if (!lock)
            return std::unexpected(lock.error());
        find_begun();
        if (!exists(old_ini())) {
            if (auto begun = begin(); !begun)
                return std::unexpected(begun.error());
        } else if (const VmPlaces again = find_places(paths_, from_); !again.inis.empty()) {
            return fail(EEXIST, fmt::format("the renaming of '{}' to '{}' was cut short, and there "
                                            "is a new {} since; put that elsewhere first",
                                            from_, to_, again.inis.front()));
        }
        for (const auto &step : {&Renamer::let_nobody_start, &Renamer::move_state,
                                 &Renamer::move_drop_ins, &Renamer::move_units,
                                 &Renamer::move_known_hosts, &Renamer::publish, &Renamer::finish})
            if (auto done = (this->*step)(); !done)
                return fail(done.error().code,
                            fmt::format("{}; to go on from there: qemunitctl rename {} {}",
                                        done.error().message, from_, to_));
        report();
        return 0;
    }

  private:
    std::string old_ini() const { return renaming_file(dir_, from_, to_, "renamed"); }
    std::string new_ini() const { return renaming_file(dir_, from_, to_, "renaming"); }
    std::string ini_of(const std::string &vm) const { return dir_ + "/" + vm + ".ini"; }

    // In /etc, or in /run.
    void find_begun() {
        const auto dirs = paths_.config_dirs();
        for (const std::string &dir : {dirs[1], dirs[0]}) {
            dir_ = dir;
            if (exists(old_ini()))
                return;
        }
    }

    Result<> begin() {
        if (auto may = look_at_source(); !may)
            return may;
        if (auto may = check_nothing_is_left(paths_, to_, to_state_); !may)
            return may;
        if (auto may = look_at_folder(); !may)
            return may;
        if (auto may = look_at_others(); !may)
            return may;
        const auto text = new_text();
        if (!text)
            return std::unexpected(text.error());
        struct stat like {};
        if (stat(ini_of(from_).c_str(), &like) != 0)
            return fail_errno(errno, "cannot open " + ini_of(from_));
        if (auto written = write_file_like(like, new_ini(), *text, Replaces::yes); !written)
            return written;
        return move_once(ini_of(from_), old_ini());
    }

    Result<> look_at_source() {
        const VmPlaces places = find_places(paths_, from_);
        if (places.inis.empty() || is_masked_ini(places.inis.front()))
            return fail_no_ini(paths_, from_);
        for (const std::string &ini : places.inis)
            if (!is_of_administrator(paths_, ini) || ini != places.inis.front())
                return fail(EPERM,
                            fmt::format("{} would stay, and be a VM '{}' again", ini, from_));
        dir_ = fs::path(places.inis.front()).parent_path();
        if (fs::is_symlink(ini_of(from_)))
            return fail(EINVAL, ini_of(from_) + " is a link; make it the file itself first");
        if (auto here = check_has_not_moved(from_state_); !here)
            return here;
        return check_is_off(bus_, paths_, from_);
    }

    Result<> look_at_folder() const {
        struct stat own {
        }, above{};
        if (lstat(from_state_.c_str(), &own) != 0)
            return {};
        if (stat(fs::path(from_state_).parent_path().c_str(), &above) == 0 &&
            S_ISDIR(own.st_mode) && own.st_dev != above.st_dev)
            return fail(EBUSY, fmt::format("{} is a mount; unmount it, have it mounted at {}, and "
                                           "try again",
                                           from_state_, to_state_));
        // The state has the paths of the disks, and none is resumed with other disks.
        if (exists(from_state_ + "/hibernated"))
            return fail(EBUSY, fmt::format("it is hibernated, and goes on only under its name; "
                                           "start it and power it off first: {} start qemu@{}",
                                           paths_.systemctl(), from_));
        const auto folder = open_folder(from_state_);
        if (!folder)
            return std::unexpected(folder.error());
        for (const TreeEntry &entry : entries_of(folder->get()).value_or(std::vector<TreeEntry>()))
            if (S_ISREG(entry.info.st_mode))
                if (const auto image = open_beneath(folder->get(), entry.name, O_RDONLY))
                    if (const BackingFile backing = backing_by_content(image->get());
                        backing.path.starts_with(from_state_ + "/"))
                        return fail(EINVAL,
                                    fmt::format("{0}/{1} is a layer on {2}, by this name; have it "
                                                "name only the file first: qemu-img rebase -u -b "
                                                "{3} -F {4} {0}/{1}",
                                                from_state_, entry.name, backing.path,
                                                backing.path.substr(from_state_.size() + 1),
                                                backing.format));
        return {};
    }

    Result<> look_at_others() {
        const std::string folders = fs::path(from_state_).parent_path();
        const ImageNeeds needs = ImageNeeds::of_others(paths_, folders, from_);
        const auto folder = open_folder(from_state_);
        if (folder)
            for (const TreeEntry &entry :
                 entries_of(folder->get()).value_or(std::vector<TreeEntry>()))
                if (const std::string reason = needs.reason(entry.info); !reason.empty())
                    return fail(EBUSY, fmt::format("{}/{} cannot be moved: {}", from_state_,
                                                   entry.name, reason));
        for (const std::string &other : vm_names(paths_)) {
            if (other == from_)
                continue;
            for (const std::string &file : ini_and_drop_ins(paths_, other)) {
                const std::string text = read_whole(file).value_or("");
                if (text.contains(from_state_ + "/"))
                    return fail(EBUSY, fmt::format("{} names a file in {}, which would be "
                                                   "elsewhere; change it first",
                                                   file, from_state_));
                if (text.contains("@" + from_ + "."))
                    notes_.push_back(fmt::format("{} names a unit of {}", file, from_));
            }
        }
        return {};
    }

    Result<std::string> new_text() {
        std::vector<std::string> all;
        for (const std::string &file : ini_and_drop_ins(paths_, from_))
            all.push_back(read_whole(file).value_or(""));
        auto text = read_whole(ini_of(from_));
        if (!text)
            return text;
        MadeOfName made;
        const auto words = exec_start_of(bus_, service_unit(from_));
        const SshFacts facts = words ? facts_of_words(*words) : SshFacts();
        for (const NetworkCard &card : facts.cards)
            if (!card.mac.empty())
                made.macs[card.name] = card.mac;
        if (host_name(from_) == from_)
            made.hostname = from_;
        if (facts.uuid.empty() && text->contains("[CloudInit]"))
            notes_.push_back(
                "without UUID=, cloud-init takes the guest for a new machine, with new host keys");
        std::string moved = moved_text(pinned_text(*text, all, made), from_state_, to_state_);
        const PrivateCopy trial(paths_, to_);
        const std::string drop_ins = ini_of(from_) + ".d";
        if (auto begun = trial.begin(moved, exists(drop_ins) ? drop_ins : ""); !begun)
            return std::unexpected(begun.error());
        const auto checked = trial.check();
        if (!checked.is_good)
            return fail(EINVAL, "such a VM could not start:\n" + checked.said);
        return moved;
    }

    Result<> let_nobody_start() {
        if (auto told = tell_systemd(paths_, {"daemon-reload"}); !told)
            return told;
        if (auto off = check_is_off(bus_, paths_, from_); !off) {
            // Somebody was quicker; nothing is moved yet.
            if (exists(new_ini()) && !exists(ini_of(from_)) && !exists(to_state_) &&
                move_once(old_ini(), ini_of(from_))) {
                unlink(new_ini().c_str());
                (void)tell_systemd(paths_, {"daemon-reload"});
            }
            return off;
        }
        return stop_what_starts(paths_, from_);
    }

    Result<> move_state() {
        if (!exists(from_state_))
            return {};
        rmdir(to_state_.c_str());  // an empty one
        return move_once(from_state_, to_state_);
    }

    Result<> move_drop_ins() {
        for (const std::string &dir : paths_.config_dirs()) {
            const std::string old = dir + "/" + from_ + ".ini.d", now = dir + "/" + to_ + ".ini.d";
            if (!is_of_administrator(paths_, old))
                continue;
            if (exists(old))
                if (auto moved = move_once(old, now); !moved)
                    return moved;
            std::error_code error;
            std::vector<std::string> files;
            for (fs::directory_iterator entry(now, error), end; !error && entry != end;
                 entry.increment(error))
                if (entry->path().extension() == ".conf" && entry->is_regular_file())
                    files.push_back(entry->path());
            for (const std::string &file : files) {
                struct stat like {};
                const auto text = read_whole(file);
                if (!text || stat(file.c_str(), &like) != 0)
                    return fail_errno(errno, "cannot read " + file);
                const std::string moved = moved_text(*text, from_state_, to_state_);
                if (moved != *text)
                    if (auto written = write_file_like(like, file, moved, Replaces::yes); !written)
                        return written;
            }
        }
        return {};
    }

    // "qemu-serial@vm1.socket" -> "qemu-serial@vm2.socket", for the last part of a path.
    std::string of_new_name(const std::string &path) const {
        const std::size_t at = path.rfind("@" + from_);
        return at == path.npos || at < path.rfind('/') + 1
                   ? path
                   : path.substr(0, at + 1) + to_ + path.substr(at + 1 + from_.size());
    }

    Result<> move_units() {
        for (const std::string &unit : find_places(paths_, from_).units) {
            const std::string now = of_new_name(unit);
            std::error_code error;
            if (!fs::is_symlink(unit, error)) {
                if (auto moved = move_once(unit, now); !moved)
                    return moved;
                continue;
            }
            const std::string target = of_new_name(fs::read_symlink(unit, error));
            if (error || (symlink(target.c_str(), now.c_str()) != 0 && errno != EEXIST))
                return fail_errno(error ? error.value() : errno, "cannot create " + now);
            if (unlink(unit.c_str()) != 0)
                return fail_errno(errno, "cannot remove " + unit);
        }
        return {};
    }

    // Those of a VM with UUID= are by that, and stay.
    Result<> move_known_hosts() {
        const auto folder = known_hosts_folder();
        if (!folder)
            return {};
        const std::string scope = *folder + (paths_.is_of_user() ? "/user:" : "/system:");
        if (exists(scope + from_))
            (void)move_once(scope + from_, scope + to_);
        std::error_code error;
        std::vector<std::string> links;
        for (fs::recursive_directory_iterator entry(*folder, error), end; !error && entry != end;
             entry.increment(error))
            if (std::error_code none;
                entry->is_symlink(none) && fs::read_symlink(entry->path(), none) == scope + from_)
                links.push_back(entry->path());
        for (const std::string &link : links)
            unlink(link.c_str());  // made anew by the next ssh
        return {};
    }

    Result<> publish() { return move_once(new_ini(), ini_of(to_)); }

    Result<> finish() {
        if (auto told = tell_systemd(paths_, {"daemon-reload"}); !told)
            return told;
        start_what_listens();
        if (!paths_.is_of_user()) {
            unlink(paths_.state_link(from_).c_str());
            for (const char *timer : {"qemu-snapshot", "qemu-backup"}) {
                const auto stamp = [&](const std::string &vm) {
                    return fmt::format("/var/lib/systemd/timers/stamp-{}@{}.timer", timer, vm);
                };
                if (exists(stamp(from_)))
                    (void)move_once(stamp(from_), stamp(to_));
            }
        }
        (void)tell_systemd(paths_, {"reset-failed", "--", service_unit(from_)});
        if (unlink(old_ini().c_str()) != 0 && errno != ENOENT)
            return fail_errno(errno, "cannot remove " + old_ini());
        return {};
    }

    // What is enabled, or what Activation=socket in the ini wants, listened before.
    void start_what_listens() {
        std::vector<std::string> units = find_places(paths_, to_).units;
        std::error_code error;
        for (fs::directory_iterator
                 entry(paths_.generator_output() + "/sockets.target.wants", error),
             end;
             !error && entry != end; entry.increment(error))
            if (is_unit_of(entry->path().filename().native(), to_))
                units.push_back(entry->path());
        for (const std::string &unit : units) {
            const std::string name = fs::path(unit).filename();
            if (unit.contains(".wants/") && (name.ends_with(".socket") || name.ends_with(".timer")))
                if (auto told = tell_systemd(paths_, {"start", "--", name}); !told)
                    notes_.push_back(told.error().message);
        }
    }

    void report() const {
        fmt::print("{} is {} now: {}\n", from_, to_, ini_of(to_));
        for (const std::string &note : notes_)
            fmt::print("{}\n", note);
    }

    const Invocation &invocation_;
    const Paths paths_;
    sd_bus *bus_;
    const std::string &from_, &to_;
    std::string dir_, from_state_, to_state_;
    std::vector<std::string> notes_;
};

}  // namespace

Result<int> run_rename(const Invocation &invocation) {
    if (auto may = check_rights(paths_of(invocation), "rename"); !may)
        return std::unexpected(may.error());
    const auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    return Renamer(invocation, bus->get()).run();
}

}  // namespace qemunit::ctl
