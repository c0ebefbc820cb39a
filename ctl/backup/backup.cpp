// SPDX-License-Identifier: MIT
#include "ctl/backup/backup.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "common/files/backup_name.h"
#include "common/files/disk_image.h"
#include "common/whole_number.h"
#include "ctl/backup/backed_up_vm.h"
#include "ctl/backup/backup_tool.h"
#include "ctl/backup/copy_folder.h"
#include "ctl/backup/disk_transfer.h"
#include "ctl/backup/running_backup.h"
#include "ctl/backup/store.h"
#include "ctl/new/state_folder.h"
#include "ctl/output/table.h"
#include "ctl/vm/vm_bus.h"
#include "ctl/vm/whole_file.h"
#include "ctl/vms/ini_lines.h"
#include "ctl/vms/vm_places.h"
#include "ctl/vms/vm_units.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVariablesExport = "uefi-variables";
constexpr std::size_t kFullEvery = 7;

Result<std::size_t> number_option(const Invocation &invocation, const char *option,
                                  std::size_t otherwise) {
    if (!invocation.has(option))
        return otherwise;
    const auto number = whole_number<std::size_t>(invocation.value(option));
    return number && *number > 0 ? Result<std::size_t>(*number)
                                 : fail(EINVAL, fmt::format("{}={}: not a number above 0", option,
                                                            invocation.value(option)));
}

class Backup {
  public:
    // `can_be_base`: the backup stays where a later one can be made on it.
    Backup(const Invocation &invocation, sd_bus *bus, const BackupStore &store, bool can_be_base)
        : invocation_(invocation),
          paths_(paths_of(invocation)),
          bus_(bus),
          vm_(invocation.arguments[0]),
          store_(store),
          can_be_base_(can_be_base) {}

    Result<> run() {
        for (const StoredBackup &backup : store_.backups())
            if (backup.fault.empty() && backup.manifest.vm != vm_)
                return fail(EINVAL, fmt::format("{} has backups of VM '{}'; each VM needs a folder "
                                                "of its own",
                                                store_.path(), backup.manifest.vm));
        const auto state = state_folder(invocation_, vm_);
        const auto active = active_state(bus_, vm_);
        if (!state || !active)
            return std::unexpected((state ? active : state).error());
        state_ = *state;
        if (ini_and_drop_ins(paths_, vm_).empty())
            return fail_no_ini(paths_, vm_);
        manifest_.vm = vm_;
        const bool is_off = *active == "inactive" || *active == "failed";
        auto done = is_off ? back_up_off_vm() : back_up_running_vm();
        if (!done && making_.folder)
            store_.discard(making_);
        return done;
    }

    const Manifest &manifest() const { return manifest_; }

  private:
    // What an incremental backup can be made on: a whole chain that is not too long.
    std::string newest() const {
        const auto every = number_option(invocation_, "--full-every", kFullEvery);
        if (invocation_.has("--full") || !every || store_.backups().empty())
            return "";
        const StoredBackup &last = store_.backups().back();
        const auto chain = store_.chain_of(last);
        if (!chain) {
            fmt::print(stderr, "A full backup is made: {}\n", chain.error().message);
            return "";
        }
        return chain->size() < *every ? last.name : "";
    }

    Result<> back_up_running_vm() {
        RunningBackup running(bus_, vm_);
        std::string since = newest();
        if (auto begun = running.begin(since); !begun)
            return begun;
        for (const ExportedDisk &disk : running.disks())
            if (disk.name != kVariablesExport && !is_format_of_backups(disk.format))
                return fail(
                    ENOTSUP,
                    fmt::format("disk '{}' has the format {}; only qcow2 and raw can be "
                                "backed up: make one of these of it with `qemu-img convert`",
                                disk.name, disk.format));
        if (auto making = begin(running.checkpoint()); !making)
            return making;
        manifest_.state = running.is_quiet() ? "frozen" : "running";
        const StoredBackup *before = nullptr;
        if (!since.empty()) {
            before = &*std::ranges::find(store_.backups(), since, &StoredBackup::name);
            manifest_.since = since;
            manifest_.since_sha256 = before->sha256;
        }
        for (const ExportedDisk &disk : running.disks())
            if (auto pulled = pull(running.socket(), disk, before); !pulled)
                return fail(pulled.error().code,
                            fmt::format("disk '{}': {}", disk.name, pulled.error().message));
        if (auto done = finish(/*is_off=*/false); !done)
            return done;
        // From here on, the backup is good, also if QEMU does not remember its checkpoint.
        if (auto ended = running.end(can_be_base_ && !loads_snapshot()); !ended)
            fmt::print(stderr, "The next backup may be a full one: {}\n", ended.error().message);
        return {};
    }

    // QEMU loads no snapshot of disks that know a checkpoint, so that the VM would not start.
    bool loads_snapshot() const {
        for (const std::string &path : ini_and_drop_ins(paths_, vm_))
            for (const IniLine &line : ini_lines(read_whole(path).value_or("")))
                if (line.section == "VM" && line.key == "LoadSnapshot" && !line.value.empty())
                    return true;
        return false;
    }

    Result<> pull(int socket, const ExportedDisk &disk, const StoredBackup *before) {
        const NbdExport from{socket, disk.name};
        const bool is_variables = disk.name == kVariablesExport;
        const std::string name = is_variables ? kVariablesFile : disk.name + ".qcow2";
        if (!is_plain_name(disk.name))
            return fail(EINVAL, "its name is none for a file");
        const auto file = BackupStore::make_file(making_, name);
        if (!file)
            return std::unexpected(file.error());
        if (auto lent = lend(file->get()); !lent)
            return lent;
        Result<> pulled;
        if (is_variables) {
            pulled = pull_disk(from, file->get(), "raw");
        } else if (before == nullptr || !disk.has_bitmap) {
            pulled = pull_disk(from, file->get(), "qcow2");
        } else {
            const auto &disks = before->manifest.disks;
            const auto old = std::ranges::find(disks, disk.name, &BackedUpDisk::name);
            if (old == disks.end())
                return fail(ENOENT, fmt::format("{} does not have it; --full makes a full backup",
                                                before->name));
            pulled =
                pull_changes(from, disk.size, fmt::format("../{}/{}", before->name, old->file.name),
                             file->get());
        }
        if (pulled && !is_variables)
            pulled = check_image(file->get(), ToolRights::none);
        if (auto taken = take_back(file->get()); !taken || !pulled)
            return pulled ? taken : pulled;
        auto finished = finished_file(file->get(), name);
        if (!finished)
            return std::unexpected(finished.error());
        if (is_variables)
            manifest_.files.push_back(std::move(*finished));
        else
            manifest_.disks.push_back({disk.name, disk.format, disk.size, std::move(*finished)});
        return {};
    }

    Result<> back_up_off_vm() {
        if (auto here = check_has_disks(state_); !here)
            return here;
        const auto disks = disks_of_off_vm(paths_, vm_, state_);
        if (auto held = hold_unit(bus_, vm_); !held)
            return held;
        const auto started = last_start(bus_, vm_);
        if (!disks || !started)
            return std::unexpected(disks ? started.error() : disks.error());
        uint32_t random = 0;
        if (getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
            return fail(EIO, "there are no random numbers");
        timespec now{};
        clock_gettime(CLOCK_REALTIME, &now);
        const uint64_t usec = static_cast<uint64_t>(now.tv_sec) * 1'000'000 +
                              static_cast<uint64_t>(now.tv_nsec) / 1'000;
        if (auto making = begin(backup_name(usec, random)); !making)
            return making;
        manifest_.state = "off";
        for (const OffDisk &disk : *disks)
            if (auto pulled = pull_off(disk); !pulled)
                return fail(pulled.error().code,
                            fmt::format("disk '{}': {}", disk.name, pulled.error().message));
        const auto last = last_start(bus_, vm_);
        if (auto off = check_is_off(bus_, paths_, vm_); !off || !last || *last != *started)
            return fail(EBUSY, "the VM was started while its disks were copied; nothing is kept");
        return finish(/*is_off=*/true);
    }

    Result<> pull_off(const OffDisk &disk) {
        const std::string name = disk.name + ".qcow2";
        const auto file = BackupStore::make_file(making_, name);
        if (!file)
            return std::unexpected(file.error());
        if (auto lent = lend(file->get()); !lent)
            return lent;
        auto pulled = pull_off_disk(paths_, disk, making_, file->get());
        if (pulled)
            pulled = check_image(file->get(), ToolRights::none);
        if (auto taken = take_back(file->get()); !taken || !pulled)
            return pulled ? taken : pulled;
        auto finished = finished_file(file->get(), name);
        if (!finished)
            return std::unexpected(finished.error());
        const auto size = size_by_content(file->get(), "qcow2");
        manifest_.disks.push_back({disk.name, disk.format, size.value_or(0), std::move(*finished)});
        return {};
    }

    Result<> begin(const std::string &checkpoint) {
        auto making = store_.make(checkpoint);
        if (!making)
            return std::unexpected(making.error());
        making_ = std::move(*making);
        manifest_.checkpoint = checkpoint;
        return {};
    }

    Result<> finish(bool is_off) {
        if (auto copied = back_up_files(paths_, state_, is_off, making_, manifest_); !copied)
            return copied;
        return store_.publish(making_, manifest_);
    }

    const Invocation &invocation_;
    const Paths paths_;
    sd_bus *bus_;
    const std::string vm_;
    const BackupStore &store_;
    const bool can_be_base_;
    std::string state_;
    BackupStore::Making making_;
    Manifest manifest_;
};

Result<> remove_surplus(const std::string &path, std::size_t keep) {
    const auto store = BackupStore::open(path, BackupStore::Use::change);
    if (!store)
        return std::unexpected(store.error());
    const SurplusBackups surplus = surplus_backups(store->backups(), keep);
    if (!surplus.why_older_stay.empty())
        fmt::print(stderr, "No backup that is older is removed: {}/{}\n", store->path(),
                   surplus.why_older_stay);
    for (const std::string &name : surplus.names) {
        if (auto removed = store->remove(name); !removed)
            return removed;
        fmt::print(stderr, "Removed {}/{}\n", store->path(), name);
    }
    return {};
}

void report(const Manifest &manifest, const std::string &path) {
    uint64_t bytes = 0;
    for (const BackedUpDisk &disk : manifest.disks)
        bytes += disk.file.bytes;
    fmt::print(stderr, "Made {}/{}: {}, {}, {}\n", path, manifest.checkpoint,
               manifest.since.empty() ? "full" : "what has changed since " + manifest.since,
               size_text(bytes),
               manifest.state == "off"      ? "of the VM that is off"
               : manifest.state == "frozen" ? "with the guest's file systems frozen"
                                            : "as after a power failure, since no agent froze the "
                                              "guest's file systems");
}

Result<Manifest> back_up(const Invocation &invocation, sd_bus *bus, const std::string &path,
                         bool can_be_base) {
    const auto store = BackupStore::open(path, BackupStore::Use::change);
    if (!store)
        return std::unexpected(store.error());
    Backup backup(invocation, bus, *store, can_be_base);
    if (auto done = backup.run(); !done)
        return std::unexpected(done.error());
    return backup.manifest();
}

// As long as whoever reads takes.
Result<> pack(const std::string &folder, const std::string &name) {
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot run tar");
    if (child == 0) {
        execlp("tar", "tar", "-C", folder.c_str(), "--sparse", "-c", name.c_str(), nullptr);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Result<>() : fail(EIO, "tar failed");
}

// A stream cannot be gone back in, as images need: it is made of a backup beside.
Result<int> stream(const Invocation &invocation, sd_bus *bus) {
    if (isatty(STDOUT_FILENO) != 0)
        return fail(EINVAL, "a backup is no text for a terminal; redirect the output");
    const auto folder = CopyFolder::make();
    if (!folder)
        return std::unexpected(folder.error());
    const auto made = back_up(invocation, bus, folder->path(), /*can_be_base=*/false);
    if (!made)
        return fail(made.error().code, made.error().message + folder->advice());
    const auto packed = pack(folder->path(), made->checkpoint);
    return packed ? Result<int>(0) : std::unexpected(packed.error());
}

}  // namespace

Result<int> run_backup(const Invocation &invocation) {
    if (auto may = check_rights(paths_of(invocation), "backup"); !may)
        return std::unexpected(may.error());
    const auto keep = number_option(invocation, "--keep", 0);
    const auto every = number_option(invocation, "--full-every", kFullEvery);
    if (!keep || !every)
        return std::unexpected((keep ? every : keep).error());
    const auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const std::string &path = invocation.arguments[1];
    if (path == "-")
        return stream(invocation, bus->get());
    const auto manifest = back_up(invocation, bus->get(), path, /*can_be_base=*/true);
    if (!manifest)
        return fail(manifest.error().code,
                    fmt::format("no backup of VM '{}': {}", invocation.arguments[0],
                                manifest.error().message));
    report(*manifest, path);
    if (*keep > 0)
        if (auto removed = remove_surplus(path, *keep); !removed)
            return std::unexpected(removed.error());
    return 0;
}

}  // namespace qemunit::ctl
