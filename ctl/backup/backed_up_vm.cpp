// SPDX-License-Identifier: MIT
#include "ctl/backup/backed_up_vm.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/files/disk_image.h"
#include "common/files/free_name.h"
#include "common/files/named_file.h"
#include "ctl/backup/backup_tool.h"
#include "ctl/backup/disk_transfer.h"
#include "ctl/backup/image_use.h"
#include "ctl/new/disk_copy.h"
#include "ctl/vm/whole_file.h"
#include "ctl/vms/folder_tree.h"
#include "ctl/vms/ini_lines.h"
#include "ctl/vms/vm_places.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr off_t kStateFileMost = 64 << 20;
constexpr std::size_t kStateFilesMost = 64;
constexpr std::size_t kLayersMost = 64;

Result<> copy_into(int from, const std::string &name, const BackupStore::Making &making,
                   Manifest &manifest) {
    const auto to = BackupStore::make_file(making, name);
    if (!to)
        return std::unexpected(to.error());
    if (auto copied = copy_bytes(from, to->get()); !copied)
        return fail(copied.error().code, fmt::format("{}: {}", name, copied.error().message));
    auto file = finished_file(to->get(), name);
    if (!file)
        return std::unexpected(file.error());
    manifest.files.push_back(std::move(*file));
    return {};
}

// Somebody else's file may be in there by another name of it.
Result<UniqueFd> open_state(int folder, const std::string &name, uid_t owner) {
    auto file = open_beneath(folder, name, O_RDONLY | O_NONBLOCK);
    struct stat info {};
    if (!file || fstat(file->get(), &info) != 0)
        return fail(file ? errno : file.error().code, fmt::format("cannot open {}", name));
    if (!S_ISREG(info.st_mode) || info.st_size > kStateFileMost ||
        (info.st_nlink > 1 && info.st_uid != owner))
        return fail(EPERM, fmt::format("{} is no file of the VM's", name));
    return file;
}

Result<> copy_tpm(int folder, uid_t owner, const BackupStore::Making &making, Manifest &manifest) {
    const auto tpm = open_beneath(folder, kTpmFolder, O_RDONLY | O_DIRECTORY);
    if (!tpm)
        return tpm.error().code == ENOENT ? Result<>() : std::unexpected(tpm.error());
    const auto entries = entries_of(tpm->get());
    if (!entries)
        return std::unexpected(entries.error());
    if (mkdirat(making.folder.get(), kTpmFolder, S_IRWXU) != 0)
        return fail_errno(errno, "cannot make the folder tpm");
    std::size_t count = 0;
    for (const TreeEntry &entry : *entries) {
        // swtpm writes a new file beside the old one and renames it; ".lock" is no state.
        if (!entry.name.starts_with("tpm2-") || !is_plain_name(entry.name))
            continue;
        if (++count > kStateFilesMost)
            return fail(E2BIG, "the TPM has too many files");
        const auto file = open_state(tpm->get(), entry.name, owner);
        if (!file)
            return std::unexpected(file.error());
        if (auto copied = copy_into(file->get(), fmt::format("{}/{}", kTpmFolder, entry.name),
                                    making, manifest);
            !copied)
            return copied;
    }
    return {};
}

// As qemunit-open does at a start: as root, not where somebody with fewer rights leads.
Result<UniqueFd> open_layer_of(const Paths &paths, const std::string &path,
                               const std::optional<Account> &user) {
    if (!paths.is_of_user())
        return open_named_file(path, /*write=*/false, user);
    UniqueFd file = open_image(path);
    return file ? Result<UniqueFd>(std::move(file)) : fail_errno(errno, "cannot open " + path);
}

bool is_same_file(const std::string &one, const std::string &other) {
    struct stat a {
    }, b{};
    return one == other || (stat(one.c_str(), &a) == 0 && stat(other.c_str(), &b) == 0 &&
                            a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

// What the image at `path` is a layer on: the next one that the ini names, or an error. Who writes
// the image, a guest's QEMU for one, must not have any other file read.
Result<std::string> layer_below(const std::string &path, const std::string &by_header,
                                const OffDisk &disk, std::size_t below) {
    const std::string named =
        (fs::path(path).parent_path() / by_header).lexically_normal().native();
    if (below >= disk.layers.size())
        return fail(EPERM, fmt::format("the image {} is a layer on {}, which the ini does not "
                                       "name: name that with {}={} in [Drive {}]",
                                       path, named, below == 0 ? "BackingFile" : "BackingLayer",
                                       named, disk.name));
    if (!is_same_file(named, disk.layers[below]))
        return fail(EPERM, fmt::format("the image {} is a layer on {}, but by [Drive {}] on {}",
                                       path, named, disk.name, disk.layers[below]));
    return disk.layers[below];
}

Result<std::optional<Account>> user_of(const std::vector<std::string> &texts) {
    std::string user;
    for (const std::string &text : texts)
        for (const IniLine &line : ini_lines(text))
            if (line.section == "VM" && line.key == "User")
                user = line.value;
    if (user.empty())
        return std::nullopt;
    auto account = find_account(user);
    if (!account)
        return std::unexpected(account.error());
    return std::move(*account);
}

// A copy without a name, byte by byte, which qemu-img may have.
Result<UniqueFd> lent_copy(int image, const BackupStore::Making &making) {
    UniqueFd copy = make_nameless_file(making.folder.get());
    if (!copy)
        return fail_errno(errno, "cannot make a copy");
    if (auto copied = copy_bytes(image, copy.get()); !copied)
        return std::unexpected(copied.error());
    if (auto lent = lend(copy.get()); !lent)
        return std::unexpected(lent.error());
    return copy;
}

}  // namespace

Result<BackedUpFile> finished_file(int file, const std::string &name) {
    if (fsync(file) != 0)
        return fail_errno(errno, fmt::format("cannot write {}", name));
    auto sum = sum_of(file);
    if (!sum)
        return fail(sum.error().code, fmt::format("{}: {}", name, sum.error().message));
    return BackedUpFile{name, sum->bytes, std::move(sum->sha256)};
}

Result<> back_up_files(const Paths &paths, const std::string &state, bool is_off,
                       const BackupStore::Making &making, Manifest &manifest) {
    bool is_first = true;
    for (const std::string &path : ini_and_drop_ins(paths, manifest.vm)) {
        const UniqueFd file = open_image(path);
        std::string name = kIniName;
        if (!std::exchange(is_first, false)) {
            if (mkdirat(making.folder.get(), "drop-ins", S_IRWXU) != 0 && errno != EEXIST)
                return fail_errno(errno, "cannot make the folder drop-ins");
            name = fmt::format("drop-ins/{}", fs::path(path).filename().native());
        }
        if (!file)
            return fail_errno(errno, "cannot open " + path);
        if (auto copied = copy_into(file.get(), name, making, manifest); !copied)
            return copied;
    }
    const auto folder = open_folder(state);
    struct stat info {};
    if (!folder)
        return folder.error().code == ENOENT ? Result<>() : std::unexpected(folder.error());
    if (fstat(folder->get(), &info) != 0)
        return fail_errno(errno, "cannot read " + state);
    if (is_off && faccessat(folder->get(), kVariablesFile, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        const auto file = open_state(folder->get(), kVariablesFile, info.st_uid);
        if (!file)
            return std::unexpected(file.error());
        if (auto copied = copy_into(file->get(), kVariablesFile, making, manifest); !copied)
            return copied;
    }
    return copy_tpm(folder->get(), info.st_uid, making, manifest);
}

Result<std::vector<OffDisk>> disks_of_off_vm(const Paths &paths, const std::string &vm,
                                             const std::string &state) {
    std::vector<std::string> texts;
    for (const std::string &path : ini_and_drop_ins(paths, vm)) {
        auto text = read_whole(path);
        if (!text)
            return std::unexpected(text.error());
        texts.push_back(std::move(*text));
    }
    const auto user = user_of(texts);
    if (!user)
        return std::unexpected(user.error());
    std::vector<OffDisk> disks;
    for (const NamedDrive &drive : named_drives(texts)) {
        if (drive.file.empty() || !drive.is_written())
            continue;
        const auto whole = [&](const std::string &file) {
            return (fs::path(state) / file).lexically_normal().native();
        };
        const std::string path = whole(drive.file);
        std::string format = fs::path(path).extension() == ".qcow2" ? "qcow2" : "raw";
        for (const std::string &text : texts)
            for (const IniLine &line : ini_lines(text))
                if (line.section == "Drive " + drive.name && line.key == "Format" &&
                    !line.value.empty())
                    format = line.value;
        if (!is_format_of_backups(format))
            return fail(EINVAL,
                        fmt::format("[Drive {}] has the format {}; while the VM is off, only "
                                    "qcow2 and raw can be backed up",
                                    drive.name, format));
        OffDisk disk{drive.name, std::move(format), path, {}, *user};
        if (!drive.backing_file.empty())
            disk.layers.push_back(whole(drive.backing_file));
        for (const std::string &layer : drive.layers)
            disk.layers.push_back(whole(layer));
        disks.push_back(std::move(disk));
    }
    if (disks.empty())
        return fail(EINVAL, fmt::format("VM '{}' has no disk that it writes and keeps", vm));
    return disks;
}

Result<> pull_off_disk(const Paths &paths, const OffDisk &disk, const BackupStore::Making &making,
                       int to) {
    std::vector<UniqueFd> copies;
    std::vector<int> chain;
    std::vector<std::string> formats;
    std::string path = disk.path, format = disk.format;
    for (;;) {
        if (copies.size() == kLayersMost)
            return fail(ELOOP, disk.path + " is a layer on too many others");
        const auto image = open_layer_of(paths, path, disk.user);
        if (!image)
            return std::unexpected(image.error());
        if (format == "qcow2" && has_external_data(image->get()))
            return fail(EINVAL, path +
                                    ": its data is in another file; make one file of it first: "
                                    "qemu-img convert -O qcow2");
        const auto use = ImageUse::begin(image->get());
        auto copy = use ? lent_copy(image->get(), making) : std::unexpected(use.error());
        if (!copy)
            return fail(copy.error().code, fmt::format("{}: {}", path, copy.error().message));
        if (auto unused = use->end(); !unused)
            return fail(unused.error().code, fmt::format("{}: {}", path, unused.error().message));
        chain.insert(chain.begin(), copy->get());
        formats.insert(formats.begin(), format);
        copies.push_back(std::move(*copy));
        const BackingFile below =
            format == "qcow2" ? backing_by_content(image->get()) : BackingFile{};
        if (!below.path.empty() && below.format != "qcow2" && below.format != "raw")
            return fail(EINVAL, fmt::format("{} does not say of which format {} is, which it is a "
                                            "layer on",
                                            path, below.path));
        if (below.path.empty())
            break;
        auto next = layer_below(path, below.path, disk, copies.size() - 1);
        if (!next)
            return std::unexpected(next.error());
        path = std::move(*next);
        format = below.format;
    }
    return convert_chain(chain, formats, to, "qcow2", ToolRights::none);
}

}  // namespace qemunit::ctl
