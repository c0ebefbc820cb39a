// SPDX-License-Identifier: MIT
#include "ctl/vms/clone.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "common/files/disk_image.h"
#include "common/files/named_file.h"
#include "common/vm_name.h"
#include "ctl/new/disk_copy.h"
#include "ctl/new/free_port.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/new_vm.h"
#include "ctl/new/state_folder.h"
#include "ctl/vm/whole_file.h"
#include "ctl/vms/clone_text.h"
#include "ctl/vms/file_replacement.h"
#include "ctl/vms/folder_copy.h"
#include "ctl/vms/folder_tree.h"
#include "ctl/vms/ini_lines.h"
#include "ctl/vms/private_copy.h"
#include "ctl/vms/unfinished_folder.h"
#include "ctl/vms/vm_places.h"
#include "ctl/vms/vm_units.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

// The machine as it was saved, which belongs to the disks as they are and to no others.
constexpr char kLeftOut[] = "hibernated";

volatile std::sig_atomic_t is_interrupted = 0;

// Lets the copy end where a signal would end the process, so that nothing is left of it.
class Interruptible {
  public:
    Interruptible() {
        struct sigaction action {};
        action.sa_handler = [](int) {
            is_interrupted = 1;
        };
        for (const int signal : {SIGINT, SIGTERM, SIGHUP})
            sigaction(signal, &action, nullptr);
    }
    ~Interruptible() {
        for (const int signal : {SIGINT, SIGTERM, SIGHUP})
            std::signal(signal, SIG_DFL);
    }
    Interruptible(const Interruptible &) = delete;
    Interruptible &operator=(const Interruptible &) = delete;
};

struct SourceText {
    std::string path, text;
};

struct OutsideImage {
    std::string path;
    UniqueFd file;
    std::string name;  // in the clone's folder
};

class Cloner {
  public:
    Cloner(const Invocation &invocation, sd_bus *bus)
        : invocation_(invocation),
          paths_(paths_of(invocation)),
          bus_(bus),
          snapshot_(invocation.value("--snapshot")) {
        words_.from = invocation.arguments[0];
        words_.to = invocation.arguments[1];
        words_.uuid = random_uuid();
        words_.cid = fmt::to_string(0x10000 + std::random_device()() % 0x7fff0000u);
        words_.next_port = [this] {
            const auto port = find_free_port(paths_, ports_);
            if (port)
                ports_.insert(*port);
            return port.value_or(0);
        };
    }

    Result<int> run() {
        for (const auto &step : {&Cloner::look_at_source, &Cloner::look_at_place,
                                 &Cloner::look_at_drives, &Cloner::ask_generator, &Cloner::copy})
            if (auto done = (this->*step)(); !done)
                return std::unexpected(done.error());
        report();
        return 0;
    }

  private:
    Result<> look_at_source() {
        const VmPlaces places = find_places(paths_, words_.from);
        if (places.inis.empty() || is_masked_ini(places.inis.front()))
            return fail_no_ini(paths_, words_.from);
        if (auto off = check_is_off(bus_, paths_, words_.from); !off)
            return snapshot_.empty()
                       ? off
                       : fail(off.error().code, off.error().message +
                                                    "; an image that is written to cannot be read, "
                                                    "and neither can its snapshots");
        const auto started = last_start(bus_, words_.from);
        if (!started)
            return std::unexpected(started.error());
        last_start_ = *started;
        std::set<std::string> names;
        for (const std::string &folder : places.drop_in_folders) {
            std::error_code error;
            for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
                 entry.increment(error))
                if (entry->path().extension() == ".conf" &&
                    names.insert(entry->path().filename()).second)
                    if (auto taken = take_text(entry->path(), drop_ins_); !taken)
                        return taken;
        }
        std::vector<SourceText> ini;
        if (auto taken = take_text(places.inis.front(), ini); !taken)
            return taken;
        ini_ = std::move(ini.front());
        return {};
    }

    Result<> take_text(const std::string &path, std::vector<SourceText> &texts) {
        auto text = read_whole(path);
        if (!text)
            return std::unexpected(text.error());
        texts.push_back({path, std::move(*text)});
        return {};
    }

    Result<> look_at_place() {
        if (auto named = check_new_name(words_.to); !named)
            return named;
        const auto from = state_folder(invocation_, words_.from),
                   to = state_folder(invocation_, words_.to);
        if (!from || !to)
            return std::unexpected((from ? to : from).error());
        words_.from_state = *from;
        words_.to_state = *to;
        if (auto here = check_has_disks(*from); !here)
            return here;
        return check_nothing_is_left(paths_, words_.to, *to);
    }

    // Those elsewhere that the VM writes to get a name in the clone's folder.
    Result<> look_at_drives() {
        std::vector<std::string> texts{ini_.text};
        for (const std::string &file : ini_and_drop_ins(paths_, words_.from))
            texts.push_back(read_whole(file).value_or(""));
        for (const NamedDrive &drive : named_drives(texts)) {
            const fs::path whole = fs::path(words_.from_state) / drive.file;
            const std::string path = whole.lexically_normal();
            struct stat info {};
            if (drive.file.empty())
                continue;
            const bool is_there = lstat(path.c_str(), &info) == 0;
            if (is_there && drive.is_written())
                if (auto may = look_at_snapshot(path); !may)
                    return may;
            if (path.starts_with(words_.from_state + "/")) {
                if (is_there && !S_ISREG(info.st_mode))
                    return fail(EINVAL, fmt::format("{} of [Drive {}] is no plain file; name the "
                                                    "file itself in File=",
                                                    path, drive.name));
                continue;
            }
            if (!drive.is_written())
                continue;
            if (!is_there) {  // will be made
                words_.files[drive.file] = free_name(path);
                continue;
            }
            if (!S_ISREG(info.st_mode))
                return fail(EINVAL, fmt::format("{} of [Drive {}] is no plain file, and is not "
                                                "copied; both VMs must not write to it",
                                                path, drive.name));
            auto file = open_outside(path);
            if (!file)
                return std::unexpected(file.error());
            words_.files[drive.file] = free_name(path);
            outside_.push_back({path, std::move(*file), words_.files[drive.file]});
        }
        return {};
    }

    Result<> look_at_snapshot(const std::string &path) {
        if (snapshot_.empty())
            return {};
        const auto image = open_outside(path);
        if (!image)
            return std::unexpected(image.error());
        if (format_by_content(image->get()) != "qcow2")
            return fail(EINVAL, path + " is no qcow2 image, and has no snapshots");
        with_snapshot_.insert(path);
        return {};
    }

    // As root, not where somebody with fewer rights leads.
    Result<UniqueFd> open_outside(const std::string &path) const {
        if (!paths_.is_of_user())
            return open_named_file(path, /*write=*/false, std::nullopt);
        UniqueFd file = open_image(path);
        return file ? Result<UniqueFd>(std::move(file)) : fail_errno(errno, "cannot open " + path);
    }

    std::string free_name(const std::string &path) {
        const fs::path file = fs::path(path).filename();
        std::string name = file;
        struct stat info {};
        for (int i = 2;
             names_.contains(name) || lstat((words_.from_state + "/" + name).c_str(), &info) == 0;
             ++i)
            name = fmt::format("{}-{}{}", file.stem().native(), i, file.extension().native());
        names_.insert(name);
        return name;
    }

    // Before anything is copied.
    Result<> ask_generator() {
        const PrivateCopy trial(paths_, words_.to);
        if (auto begun = trial.begin(cloned_text(ini_.text, words_).text); !begun)
            return begun;
        for (const SourceText &drop_in : drop_ins_)
            if (auto added = trial.add_drop_in(fs::path(drop_in.path).filename(),
                                               cloned_text(drop_in.text, words_).text);
                !added)
                return added;
        const auto checked = trial.check();
        return checked.is_good ? Result<>()
                               : fail(EINVAL, "such a VM could not start:\n" + checked.said);
    }

    Result<> copy() {
        const Interruptible signals;
        auto folder = begin_folder();
        if (!folder)
            return std::unexpected(folder.error());
        if (auto copied = copy_files(folder->fd()); !copied)
            return copied;
        const auto lock = lock_new_vms(paths_);
        if (!lock)
            return std::unexpected(lock.error());
        if (auto is_free = look_at_place(); !is_free)
            return is_free;
        const auto started = last_start(bus_, words_.from);
        if (auto off = check_is_off(bus_, paths_, words_.from);
            !off || !started || *started != last_start_)
            return fail(EBUSY, "the VM was started while its disks were copied; nothing is made");
        if (is_interrupted != 0)
            return fail(EINTR, "interrupted; nothing is made");
        if (auto published = folder->publish(); !published)
            return published;
        auto written = write_texts();
        if (!written) {
            folder->withdraw();
            std::error_code error;
            fs::remove_all(ini_place() + ".d", error);
        }
        return written;
    }

    Result<UnfinishedFolder> begin_folder() {
        const auto lock = lock_new_vms(paths_);
        if (!lock)
            return std::unexpected(lock.error());
        return UnfinishedFolder::make(words_.to_state);
    }

    Result<> copy_files(int to) {
        FolderCopy copy{.left_out = kLeftOut,
                        .on_file = [this](int image, const std::string &original) -> Result<> {
                            if (auto whole = check_is_whole(image); !whole)
                                return whole;
                            auto reverted = revert(image, original);
                            return reverted ? rebase(image, original) : reverted;
                        },
                        .stops = &is_interrupted,
                        .files = 0,
                        .skipped = {}};
        const auto from = open_folder(words_.from_state);
        if (!from && from.error().code != ENOENT)
            return std::unexpected(from.error());
        uint64_t needed = from ? needed_room_of_folder(from->get(), to, kLeftOut) : 0;
        for (const OutsideImage &image : outside_)
            needed += needed_room(image.file.get(), to);
        if (auto room = check_room(to, needed, words_.from); !room)
            return room;
        is_shared_ = needed == 0;
        if (from) {
            struct stat info {};
            is_hibernated_ = fstatat(from->get(), "hibernated", &info, 0) == 0;
            if (auto copied = copy_folder(from->get(), to, words_.from_state, copy); !copied)
                return copied;
        }
        files_ = copy.files;
        for (const OutsideImage &image : outside_)
            if (auto copied = copy_file(image.file.get(), to, image.name, image.path, copy);
                !copied)
                return copied;
        skipped_ = std::move(copy.skipped);
        return {};
    }

    // Before qemu-img opens the copy, and with it any file that is named there.
    static Result<> check_is_whole(int image) {
        if (!has_external_data(image))
            return {};
        return fail(EINVAL,
                    "its data is in another file; make one file of it first: qemu-img "
                    "convert -O qcow2");
    }

    // The copy goes back to the snapshot; a backing file has no part in that.
    Result<> revert(int image, const std::string &original) const {
        if (!with_snapshot_.contains(original))
            return {};
        auto reverted = change_image(
            image, {"snapshot", "-q", "-a", snapshot_,
                    fmt::format(
                        R"(json:{{"driver": "qcow2", "backing": null, "file": {{"driver": "file", )"
                        R"("filename": "/proc/self/fd/{}"}}}})",
                        image)});
        return reverted ? reverted
                        : fail(reverted.error().code,
                               fmt::format("it cannot be put back to a snapshot '{}'", snapshot_));
    }

    // A layer on a file that was copied, too, is one on the copy.
    Result<> rebase(int image, const std::string &original) const {
        if (format_by_content(image) != "qcow2")
            return {};
        const BackingFile backing = backing_by_content(image);
        const std::string moved =
            backing.path.empty() ? "" : moved_backing(backing.path, original, words_);
        if (moved.empty())
            return {};
        std::vector<std::string> words{"rebase", "-q", "-u", "-f", "qcow2", "-b", moved};
        if (!backing.format.empty())
            words.insert(words.end(), {"-F", backing.format});
        words.push_back(fmt::format("/proc/self/fd/{}", image));
        return change_image(image, std::move(words));
    }

    // The ini comes last: with it, there is a VM.
    Result<> write_texts() {
        ports_.clear();
        for (const SourceText &drop_in : drop_ins_)
            if (auto written = write_text_of(
                    drop_in, ini_place() + ".d/" + fs::path(drop_in.path).filename().native());
                !written)
                return written;
        return write_text_of(ini_, ini_place());
    }

    Result<> write_text_of(const SourceText &source, const std::string &path) {
        struct stat like {};
        if (stat(source.path.c_str(), &like) != 0)
            return fail_errno(errno, "cannot open " + source.path);
        if (!S_ISREG(like.st_mode))
            like.st_mode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;  // a mask
        ClonedText text = cloned_text(source.text, words_);
        changed_.insert(changed_.end(), text.changed.begin(), text.changed.end());
        shared_.insert(shared_.end(), text.shared.begin(), text.shared.end());
        return write_file_like(like, path, text.text, Replaces::no);
    }

    std::string ini_place() const {
        return paths_.config_dirs().front() + "/" + words_.to + ".ini";
    }

    void report() const {
        fmt::print("Made {} from {}: {}\n", words_.to, words_.from, ini_place());
        const char *blocks = is_shared_ ? ", with blocks shared" : "";
        if (files_ != 0)
            fmt::print("copied   {} -> {}, {} file{}{}\n", words_.from_state, words_.to_state,
                       files_, files_ == 1 ? "" : "s", blocks);
        for (const OutsideImage &image : outside_)
            fmt::print("copied   {} -> {}/{}\n", image.path, words_.to_state, image.name);
        for (const std::string &note : changed_)
            fmt::print("changed  {}\n", note);
        for (const std::string &note : shared_)
            fmt::print("shared   {}\n", note);
        for (const std::string &path : skipped_)
            fmt::print("left     {}, which is no file\n", path);
        if (!snapshot_.empty())
            fmt::print(
                "disks    as they were in the snapshot {}; UEFI variables and TPM are those "
                "of now\n",
                snapshot_);
        if (is_hibernated_)
            fmt::print(
                "left     the hibernated machine of {}: {} boots from disks as after a "
                "power failure\n",
                words_.from, words_.to);
        fmt::print("Next:\n  {0} daemon-reload && {0} start qemu@{1}\n", paths_.systemctl(),
                   words_.to);
    }

    const Invocation &invocation_;
    const Paths paths_;
    sd_bus *bus_;
    const std::string snapshot_;  // "": the disks as they are
    CloneWords words_;
    std::set<unsigned> ports_;
    std::set<std::string> with_snapshot_;
    std::set<std::string> names_;
    SourceText ini_;
    std::vector<SourceText> drop_ins_;
    std::vector<OutsideImage> outside_;
    uint64_t last_start_ = 0;
    std::size_t files_ = 0;
    std::vector<std::string> skipped_, changed_, shared_;
    bool is_shared_ = false, is_hibernated_ = false;
};

}  // namespace

Result<int> run_clone(const Invocation &invocation) {
    if (auto may = check_rights(paths_of(invocation), "clone"); !may)
        return std::unexpected(may.error());
    const auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    return Cloner(invocation, bus->get()).run();
}

}  // namespace qemunit::ctl
