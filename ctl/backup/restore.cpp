// SPDX-License-Identifier: MIT
#include "ctl/backup/restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "common/vm_name.h"
#include "ctl/backup/backed_up_vm.h"
#include "ctl/backup/backup_tool.h"
#include "ctl/backup/disk_transfer.h"
#include "ctl/backup/inspect.h"
#include "ctl/backup/store.h"
#include "ctl/new/disk_copy.h"
#include "ctl/new/free_port.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/new_vm.h"
#include "ctl/new/state_folder.h"
#include "ctl/vm/whole_file.h"
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

// The chain of one disk, as one image.
Result<> restore_image(const BackupStore &store, const BackupChain &chain, const BackedUpDisk &disk,
                       int to) {
    std::vector<UniqueFd> files;
    std::vector<int> fds;
    std::vector<std::string> formats;
    for (const StoredBackup *backup : chain) {
        const auto &disks = backup->manifest.disks;
        const auto its = std::ranges::find(disks, disk.name, &BackedUpDisk::name);
        if (its == disks.end())
            return fail(ENOENT, fmt::format("{} does not have disk '{}'", backup->name, disk.name));
        auto file = store.open_file(*backup, its->file.name);
        if (!file)
            return std::unexpected(file.error());
        fds.push_back(file->get());
        formats.emplace_back("qcow2");
        files.push_back(std::move(*file));
    }
    if (auto converted = convert_chain(fds, formats, to, disk.format, ToolRights::own); !converted)
        return converted;
    return fsync(to) == 0 ? Result<>() : fail_errno(errno, "cannot write it");
}

Result<> verify_chain(const BackupStore &store, const BackupChain &chain) {
    for (const StoredBackup *backup : chain)
        if (auto verified = verify_files(store, *backup); !verified)
            return verified;
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
            auto text = read_whole(fmt::format("{}/{}/{}", store_.path(), backup_.name, file.name));
            if (!text)
                return std::unexpected(text.error());
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
        if (auto verified = verify_chain(store_, chain_); !verified)
            return fail(verified.error().code, "nothing is restored: " + verified.error().message);
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
                return fail(made.error().code,
                            fmt::format("disk '{}': {}", disk.name, made.error().message));
        for (const BackedUpFile &file : backup_.manifest.files)
            if (auto made = make_file(folder->fd(), file); !made)
                return fail(made.error().code,
                            fmt::format("{}: {}", file.name, made.error().message));
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
        return to ? restore_image(store_, chain_, disk, to.get())
                  : fail_errno(errno, "cannot create " + name);
    }

    Result<> make_file(int folder, const BackedUpFile &file) const {
        const bool is_tpm = file.name.starts_with("tpm/");
        if (!is_tpm && file.name != kVariablesFile)
            return {};
        if (is_tpm && mkdirat(folder, kTpmFolder, S_IRWXU) != 0 && errno != EEXIST)
            return fail_errno(errno, "cannot create the folder");
        const auto from = store_.open_file(backup_, file.name);
        if (!from)
            return std::unexpected(from.error());
        const UniqueFd to(openat(folder, file.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                                 S_IRUSR | S_IWUSR));
        if (!to)
            return fail_errno(errno, "cannot create it");
        if (auto copied = copy_bytes(from->get(), to.get()); !copied)
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
    if (auto verified = verify_chain(store, chain); !verified)
        return fail(verified.error().code, "nothing is restored: " + verified.error().message);
    const fs::path whole = fs::absolute(path);
    const UniqueFd folder(open(whole.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder)
        return fail_errno(errno, "cannot open " + whole.parent_path().native());
    auto file = NewFile::create(folder.get(), whole.filename());
    if (!file)
        return std::unexpected(file.error());
    if (auto restored = restore_image(store, chain, *disk, file->fd()); !restored)
        return std::unexpected(restored.error());
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
