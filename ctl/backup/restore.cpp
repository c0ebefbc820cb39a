// SPDX-License-Identifier: MIT
#include "ctl/backup/restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "common/files/free_name.h"
#include "common/vm_name.h"
#include "ctl/backup/backed_up_vm.h"
#include "ctl/backup/backup_tool.h"
#include "ctl/backup/disk_transfer.h"
#include "ctl/backup/store.h"
#include "ctl/new/disk_copy.h"
#include "ctl/new/free_port.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/new_vm.h"
#include "ctl/new/state_folder.h"
#include "ctl/vms/clone_text.h"
#include "ctl/vms/file_replacement.h"
#include "ctl/vms/ini_lines.h"
#include "ctl/vms/private_copy.h"
#include "ctl/vms/unfinished_folder.h"
#include "ctl/vms/vm_places.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

Result<const StoredBackup *> chosen_backup(const Invocation &invocation, const BackupStore &store) {
    if (store.backups().empty())
        return fail(ENOENT, fmt::format("there is no backup in {}", store.path()));
    const std::string name = invocation.value("--checkpoint");
    if (name.empty())
        return &store.backups().back();
    const auto found = std::ranges::find(store.backups(), name, &StoredBackup::name);
    return found != store.backups().end()
               ? Result<const StoredBackup *>(&*found)
               : fail(ENOENT, fmt::format("there is no backup '{}' in {}; qemunitctl backups {} "
                                          "lists them",
                                          name, store.path(), store.path()));
}

constexpr off_t kTextMost = 4 << 20;
constexpr uint64_t kStateMost = 64 << 20;
const std::string kNothing = "nothing is restored: ";

std::string not_as_written(const BackupStore &store, const StoredBackup &backup,
                           const BackedUpFile &file) {
    return fmt::format("{}/{}/{} is not what was written", store.path(), backup.name, file.name);
}

Result<> check_sum(const BackupStore &store, const StoredBackup &backup, const BackedUpFile &file,
                   int copy) {
    const auto sum = sum_of(copy);
    if (!sum)
        return std::unexpected(sum.error());
    return sum->sha256 == file.sha256 ? Result<>() : fail(EIO, not_as_written(store, backup, file));
}

// Whoever owns the folder may change a file after it was looked at: what counts is a copy of ours,
// read once, and its sum.
Result<> copy_verified(const BackupStore &store, const StoredBackup &backup,
                       const BackedUpFile &file, int to) {
    const auto from = store.open_file(backup, file.name);
    struct stat info {};
    if (!from || fstat(from->get(), &info) != 0)
        return from ? fail_errno(errno, file.name) : std::unexpected(from.error());
    if (static_cast<uint64_t>(info.st_size) != file.bytes)
        return fail(
            EIO, fmt::format("{}: it has {} bytes, and had {}", not_as_written(store, backup, file),
                             info.st_size, file.bytes));
    if (auto copied = copy_bytes(from->get(), to); !copied)
        return fail(copied.error().code,
                    fmt::format("{}/{}/{}: {}{}", store.path(), backup.name, file.name,
                                copied.error().message,
                                copied.error().code == ENOSPC
                                    ? "; a restore needs room for the image, and where that is raw "
                                      "or of several backups, for a copy of these beside it"
                                    : ""));
    return check_sum(store, backup, file, to);
}

Result<std::string> read_verified(const BackupStore &store, const StoredBackup &backup,
                                  const BackedUpFile &file) {
    const auto from = store.open_file(backup, file.name);
    if (!from)
        return std::unexpected(from.error());
    const UniqueFd copy(memfd_create("text", MFD_CLOEXEC));
    if (!copy)
        return fail_errno(errno, "cannot read " + file.name);
    std::string text(static_cast<std::size_t>(kTextMost) + 1, '\0');
    std::size_t length = 0;
    for (ssize_t n = 1; n != 0 && length < text.size();) {
        n = pread(from->get(), text.data() + length, text.size() - length,
                  static_cast<off_t>(length));
        if (n < 0 && errno != EINTR)
            return fail_errno(errno, "cannot read " + file.name);
        length += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    if (length > static_cast<std::size_t>(kTextMost))
        return fail(E2BIG, fmt::format("{}/{}/{} is too large for a text", store.path(),
                                       backup.name, file.name));
    text.resize(length);
    if (pwrite(copy.get(), text.data(), length, 0) != static_cast<ssize_t>(length))
        return fail(EIO, "cannot copy " + file.name);
    if (auto same = check_sum(store, backup, file, copy.get()); !same)
        return std::unexpected(same.error());
    return text;
}

// The chain of one disk, as one image. A full backup is that already, unless the image is raw. What
// takes images apart has no rights, and copies without a name in `folder`, which has the image.
Result<> restore_image(const BackupStore &store, const BackupChain &chain, const BackedUpDisk &disk,
                       int folder, int to) {
    const bool is_copy = chain.size() == 1 && disk.format == "qcow2";
    std::vector<UniqueFd> copies;
    std::vector<int> fds;
    std::vector<std::string> formats;
    for (const StoredBackup *backup : chain) {
        const auto &disks = backup->manifest.disks;
        const auto its = std::ranges::find(disks, disk.name, &BackedUpDisk::name);
        if (its == disks.end())
            return fail(ENOENT, fmt::format("{} does not have disk '{}'", backup->name, disk.name));
        UniqueFd copy;
        if (!is_copy && !(copy = make_nameless_file(folder)))
            return fail_errno(errno, "cannot make a copy");
        if (auto copied = copy_verified(store, *backup, its->file, is_copy ? to : copy.get());
            !copied)
            return copied;
        if (is_copy) {
            if (auto alone = check_stands_alone(to); !alone)
                return alone;
            break;
        }
        if (auto lent = lend(copy.get()); !lent)
            return lent;
        fds.push_back(copy.get());
        formats.emplace_back("qcow2");
        copies.push_back(std::move(copy));
    }
    if (is_copy)
        return fsync(to) == 0 ? Result<>() : fail_errno(errno, "cannot write it");
    if (auto lent = lend(to); !lent)
        return lent;
    auto converted = convert_chain(fds, formats, to, disk.format, ToolRights::none);
    if (auto taken = take_back(to); !taken || !converted)
        return converted ? taken : converted;
    return {};
}

class Restore {
  public:
    Restore(const Invocation &invocation, const BackupStore &store, BackupChain chain)
        : paths_(paths_of(invocation)),
          invocation_(invocation),
          store_(store),
          chain_(std::move(chain)),
          backup_(*chain_.back()) {
        words_.from = backup_.manifest.vm;
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
        for (const auto &step : {&Restore::look_at_place, &Restore::read_texts,
                                 &Restore::ask_generator, &Restore::make})
            if (auto done = (this->*step)(); !done)
                return std::unexpected(done.error());
        fmt::print("Restored {} from {}/{}: {}\n", words_.to, store_.path(), backup_.name,
                   ini_path());
        for (const std::string &note : changed_)
            fmt::print("changed  {}\n", note);
        fmt::print("Next:\n  {0} daemon-reload && {0} start qemu@{1}\n", paths_.systemctl(),
                   words_.to);
        return 0;
    }

  private:
    Result<> look_at_place() {
        if (auto named = check_new_name(words_.to); !named)
            return named;
        const auto from = state_folder(invocation_, words_.from),
                   to = state_folder(invocation_, words_.to);
        if (!from || !to)
            return std::unexpected((from ? to : from).error());
        words_.from_state = *from;
        words_.to_state = *to;
        return check_nothing_is_left(paths_, words_.to, *to);
    }

    Result<> read_texts() {
        std::vector<std::string> texts;
        for (const BackedUpFile &file : backup_.manifest.files) {
            const bool is_drop_in = file.name.starts_with("drop-ins/");
            if (!is_drop_in && file.name != kIniName)
                continue;
            auto text = read_verified(store_, backup_, file);
            if (!text)
                return fail(text.error().code, kNothing + text.error().message);
            texts.push_back(*text);
            if (is_drop_in)
                drop_ins_.emplace_back(fs::path(file.name).filename(), std::move(*text));
            else
                ini_ = std::move(*text);
        }
        for (const NamedDrive &drive : named_drives(texts)) {
            const auto &disks = backup_.manifest.disks;
            if (std::ranges::find(disks, drive.name, &BackedUpDisk::name) == disks.end())
                continue;
            const std::string path =
                (fs::path(words_.from_state) / drive.file).lexically_normal().native();
            const std::string inside = words_.from_state + "/";
            const bool is_inside =
                path.starts_with(inside) && !path.substr(inside.size()).contains('/');
            const std::string name =
                is_inside ? path.substr(inside.size()) : free_name(fs::path(path).filename());
            if (!is_plain_name(name) || !taken_.insert(name).second)
                return fail(EINVAL,
                            fmt::format("File= of [Drive {}] is no name for an image", drive.name));
            if (!is_inside || drive.file.starts_with('/'))
                words_.files[drive.file] = name;
            images_[drive.name] = name;
        }
        return {};
    }

    std::string free_name(std::string name) const {
        while (taken_.contains(name))
            name.insert(0, "restored-");
        return name;
    }

    // A disk is one image now. Where the VM keeps its name, it stays the same machine.
    std::string text_of(const std::string &text) {
        std::vector<IniLine> lines = ini_lines(text);
        for (const auto &[drive, image] : images_)
            for (const char *key : {"BackingFile", "BackingLayer", "BackingFormat"})
                drop_key(lines, "Drive " + drive, key);
        if (words_.from != words_.to) {
            ClonedText cloned = cloned_text(joined(lines), words_);
            changed_.insert(changed_.end(), cloned.changed.begin(), cloned.changed.end());
            return std::move(cloned.text);
        }
        for (IniLine &line : lines)
            if (line.section.starts_with("Drive ") && line.key == "File")
                if (const auto moved = words_.files.find(line.value); moved != words_.files.end()) {
                    changed_.push_back(fmt::format("File={} of [{}] is {}", line.value,
                                                   line.section, moved->second));
                    set_value(line, moved->second);
                }
        return joined(lines);
    }

    Result<> ask_generator() {
        const PrivateCopy trial(paths_, words_.to);
        ini_ = text_of(ini_);
        if (auto begun = trial.begin(ini_); !begun)
            return begun;
        if (!drop_ins_.empty() && mkdir((trial.path() + ".d").c_str(), S_IRWXU) != 0)
            return fail_errno(errno, "cannot make a copy of the drop-ins");
        for (auto &[name, text] : drop_ins_) {
            text = text_of(text);
            if (auto added = trial.add_drop_in(name, text); !added)
                return added;
        }
        const auto checked = trial.check();
        return checked.is_good ? Result<>()
                               : fail(EINVAL, "such a VM could not start:\n" + checked.said);
    }

    Result<> make() {
        const auto lock = lock_new_vms(paths_);
        if (!lock)
            return std::unexpected(lock.error());
        if (auto is_free = look_at_place(); !is_free)
            return is_free;
        auto folder = UnfinishedFolder::make(words_.to_state);
        if (!folder)
            return std::unexpected(folder.error());
        for (const BackedUpDisk &disk : backup_.manifest.disks)
            if (auto made = make_disk(folder->fd(), disk); !made)
                return fail(made.error().code, fmt::format("{}disk '{}': {}", kNothing, disk.name,
                                                           made.error().message));
        for (const BackedUpFile &file : backup_.manifest.files)
            if (auto made = make_file(folder->fd(), file); !made)
                return fail(made.error().code,
                            fmt::format("{}{}: {}", kNothing, file.name, made.error().message));
        if (auto published = folder->publish(); !published)
            return published;
        auto written = write_texts();
        if (!written) {
            folder->withdraw();
            std::error_code error;
            fs::remove_all(ini_path() + ".d", error);
        }
        return written;
    }

    Result<> make_disk(int folder, const BackedUpDisk &disk) const {
        const auto image = images_.find(disk.name);
        // One that the ini did not name, such as an attached one.
        const std::string name = image != images_.end() ? image->second : disk.file.name;
        const UniqueFd to(
            openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
        return to ? restore_image(store_, chain_, disk, folder, to.get())
                  : fail_errno(errno, "cannot create " + name);
    }

    Result<> make_file(int folder, const BackedUpFile &file) const {
        const bool is_tpm = file.name.starts_with("tpm/");
        if (!is_tpm && file.name != kVariablesFile)
            return {};
        if (is_tpm && mkdirat(folder, kTpmFolder, S_IRWXU) != 0 && errno != EEXIST)
            return fail_errno(errno, "cannot create the folder");
        if (file.bytes > kStateMost)
            return fail(E2BIG, "it is too large");
        const UniqueFd to(openat(folder, file.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                                 S_IRUSR | S_IWUSR));
        if (!to)
            return fail_errno(errno, "cannot create it");
        if (auto copied = copy_verified(store_, backup_, file, to.get()); !copied)
            return copied;
        return fsync(to.get()) == 0 ? Result<>() : fail_errno(errno, "cannot write it");
    }

    // The ini comes last: with it, there is a VM. It may hold a password.
    Result<> write_texts() const {
        struct stat like {};
        like.st_uid = geteuid();
        like.st_gid = getegid();
        like.st_mode = S_IRUSR | S_IWUSR;
        std::error_code error;
        if (!drop_ins_.empty())
            fs::create_directories(ini_path() + ".d", error);
        for (const auto &[name, text] : drop_ins_)
            if (auto written = write_file_like(like, ini_path() + ".d/" + name, text, Replaces::no);
                !written)
                return written;
        return write_file_like(like, ini_path(), ini_, Replaces::no);
    }

    std::string ini_path() const { return paths_.config_dirs().front() + "/" + words_.to + ".ini"; }

    const Paths paths_;
    const Invocation &invocation_;
    const BackupStore &store_;
    const BackupChain chain_;
    const StoredBackup &backup_;
    CloneWords words_;
    std::set<unsigned> ports_;
    std::string ini_;
    std::vector<std::pair<std::string, std::string>> drop_ins_;
    std::map<std::string, std::string> images_;  // of drives, in the VM's folder
    std::set<std::string> taken_;
    std::vector<std::string> changed_;
};

// One disk, as an image that is not there yet.
Result<int> restore_one(const Invocation &invocation, const BackupStore &store,
                        const BackupChain &chain) {
    const std::string name = invocation.value("--disk"), &path = invocation.arguments[1];
    const auto &disks = chain.back()->manifest.disks;
    const auto disk = std::ranges::find(disks, name, &BackedUpDisk::name);
    if (disk == disks.end())
        return fail(ENOENT, fmt::format("{} has no disk '{}'", chain.back()->name, name));
    const fs::path whole = fs::absolute(path);
    const UniqueFd folder(open(whole.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder)
        return fail_errno(errno, "cannot open " + whole.parent_path().native());
    auto file = NewFile::create(folder.get(), whole.filename());
    if (!file)
        return std::unexpected(file.error());
    if (auto restored = restore_image(store, chain, *disk, folder.get(), file->fd()); !restored)
        return fail(restored.error().code, kNothing + restored.error().message);
    if (auto published = file->publish(); !published)
        return std::unexpected(published.error());
    fmt::print("Restored disk '{}' of {} from {}/{}: {}, {}\n", name, chain.back()->manifest.vm,
               store.path(), chain.back()->name, whole.native(), disk->format);
    return 0;
}

}  // namespace

Result<int> run_restore(const Invocation &invocation) {
    if (auto may = check_rights(paths_of(invocation), "restore"); !may)
        return std::unexpected(may.error());
    const auto store = BackupStore::open(invocation.arguments[0], BackupStore::Use::read);
    if (!store)
        return std::unexpected(store.error());
    const auto backup = chosen_backup(invocation, *store);
    if (!backup)
        return std::unexpected(backup.error());
    auto chain = store->chain_of(**backup);
    if (!chain)
        return std::unexpected(chain.error());
    if (invocation.has("--disk"))
        return restore_one(invocation, *store, *chain);
    return Restore(invocation, *store, std::move(*chain)).run();
}

}  // namespace qemunit::ctl
