// SPDX-License-Identifier: MIT
#include "helper/image/image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <filesystem>

#include "common/files/account.h"
#include "common/files/disk_image.h"
#include "common/files/left_images.h"
#include "common/files/mount_points.h"
#include "common/files/named_file.h"
#include "common/files/new_file.h"
#include "common/files/trusted_path.h"
#include "common/options.h"
#include "common/paths.h"
#include "common/user_paths.h"
#include "common/vm_name.h"
#include "common/whole_number.h"

namespace qemunit::helper {

namespace {

constexpr char kQemuImg[] = "/usr/bin/qemu-img";
// qemu-img runs as this user where the VM's own does not exist yet.
constexpr char kStandInUser[] = "qemunit";

// Runs qemu-img(1) with the rights of `owner`, and these files. qemu-img says itself what is wrong.
Result<> run_qemu_img(std::vector<std::string> words, const std::optional<Account> &owner,
                      const std::vector<int> &files, int output) {
    words.insert(words.begin(), kQemuImg);
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot fork");
    if (child == 0) {
        for (const int fd : files)
            fcntl(fd, F_SETFD, 0);
        if (output >= 0)
            dup2(output, STDOUT_FILENO);
        if (owner && owner->uid != geteuid() &&
            (setgroups(owner->groups.size(), owner->groups.data()) != 0 ||
             setgid(owner->gid) != 0 || setuid(owner->uid) != 0))
            _exit(EX_NOPERM);
        execv(argv.front(), argv.data());
        _exit(EX_UNAVAILABLE);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EX_UNAVAILABLE)
        return fail(ENOENT, fmt::format("cannot run {}; is qemu-utils installed?", kQemuImg));
    if (WIFEXITED(status) && WEXITSTATUS(status) == EX_NOPERM)
        return fail(EPERM, fmt::format("cannot run {} as user '{}'", kQemuImg, owner->name));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(EIO, "qemu-img failed");
    return {};
}

std::string path_of(int fd) {
    return fmt::format("/proc/self/fd/{}", fd);
}

std::string whole_file(int fd) {
    std::string text;
    char buffer[4096];
    lseek(fd, 0, SEEK_SET);
    for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    return text;
}

// The size of a backing file as a guest sees it. The files below the backing file are not opened:
// QEMU opens them, in the sandbox.
Result<uint64_t> virtual_size(const ImageOptions &options, const std::optional<Account> &owner,
                              int file) {
    if (const auto size = size_by_content(file, options.backing_format))
        return *size;
    const UniqueFd said(memfd_create("qemu-img", MFD_CLOEXEC));
    if (!said)
        return fail_errno(errno, "cannot run " + std::string(kQemuImg));
    if (auto done = run_qemu_img(
            {"info", "-U", "--output=json", "-f", options.backing_format, path_of(file)}, owner,
            {file}, said.get());
        !done)
        return std::unexpected(done.error());
    const auto info = nlohmann::json::parse(whole_file(said.get()), nullptr, false);
    if (!info.is_object() || !info.contains("virtual-size") ||
        !info["virtual-size"].is_number_unsigned())
        return fail(EIO, "qemu-img does not say how large it is; Size= may say it");
    return info["virtual-size"].get<uint64_t>();
}

// systemd makes the VM's own folder only when the VM's service starts, which is later. Then it
// gives the folder to a user who exists only since.
Result<> make_state_folder(const ImageOptions &options, const Account &owner) {
    const std::string folder = Paths().state_dir(options.vm);
    if (mkdir(folder.c_str(), S_IRWXU) != 0)
        return errno == EEXIST ? Result<>() : fail_errno(errno, "cannot create " + folder);
    // The new owner cannot have replaced the folder: only root can write in the folder above.
    if (!options.has_dynamic_user && lchown(folder.c_str(), owner.uid, owner.gid) != 0)
        return fail_errno(errno, "cannot hand over " + folder);
    return {};
}

// A user who runs this for their own VM opens what they may open. Root, with an `owner`, opens
// nothing by a link that others could have put there.
Result<UniqueFd> open_folder(const std::string &path, const std::optional<Account> &owner) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    UniqueFd folder;
    if (owner) {
        const auto found = find_path(path);
        if (!found)
            return std::unexpected(found.error());
        folder = reopen(found->fd, kFlags);
    } else {
        folder = UniqueFd(open(path.c_str(), kFlags));
    }
    return folder ? Result<UniqueFd>(std::move(folder)) : fail_errno(errno, "cannot open " + path);
}

Result<UniqueFd> open_backing_file(const ImageOptions &options,
                                   const std::optional<Account> &owner) {
    if (options.has_dynamic_user)
        return open_named_file(options.backing_file, /*write=*/false, std::nullopt);
    if (owner)
        return open_for(*owner, options.backing_file, O_RDONLY);
    UniqueFd file(open(options.backing_file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    return file ? Result<UniqueFd>(std::move(file))
                : fail_errno(errno, "cannot open " + options.backing_file);
}

// Whether there is an image already. A link that leads nowhere is an error: it is no image, and
// none can be made in its place.
Result<bool> is_there(const ImageOptions &options, int folder, const std::string &name) {
    struct stat status {};
    if (fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? Result<bool>(false)
                               : fail_errno(errno, "cannot look at " + options.path);
    if (S_ISLNK(status.st_mode) && access(options.path.c_str(), F_OK) != 0)
        return fail(EEXIST, options.path +
                                " is a link that leads nowhere: remove it, and the image is made "
                                "here, or make what it leads to");
    return true;
}

Result<> hand_to_owner_of(int folder, int image) {
    struct stat status {};
    if (fstat(folder, &status) != 0 || fchown(image, status.st_uid, status.st_gid) != 0)
        return fail_errno(errno, "cannot hand it over to the folder's owner");
    return {};
}

Result<> fill(const ImageOptions &options, const std::optional<Account> &owner, int image) {
    std::vector<std::string> words{"create", "-q", "-f", options.format};
    std::optional<uint64_t> size = options.size;
    if (!options.backing_file.empty()) {
        const auto backing = open_backing_file(options, owner);
        if (!backing)
            return std::unexpected(backing.error());
        if (options.backing_format_is_guessed)
            if (std::string fault = wrong_guess(backing->get(), options.backing_file,
                                                options.backing_format, "BackingFormat");
                !fault.empty())
                return fail(EINVAL, std::move(fault));
        const auto its_size = virtual_size(options, owner, backing->get());
        if (!its_size)
            return fail(its_size.error().code,
                        fmt::format("{}: {}", options.backing_file, its_size.error().message));
        if (!size)
            size = *its_size;
        words.insert(words.end(), {"-u", "-b", options.backing_file, "-F", options.backing_format});
    }
    words.insert(words.end(), {path_of(image), fmt::to_string(*size)});
    return run_qemu_img(words, owner, {image}, -1);
}

Result<uint64_t> parse_image_size(std::string_view text) {
    const auto size = whole_number(text);
    if (!size)
        return fail(EINVAL, fmt::format("--size='{}' is not a number of bytes", text));
    return *size;
}

constexpr Option<ImageOptions> kImageOptions[] = {
    {{.name = "--vm", .value = "NAME", .help = "The VM's name"}, set_text<&ImageOptions::vm>},
    {{.name = "--owner",
      .value = "USER",
      .help = "Whose the image will be, if not of who runs this"},
     set_text<&ImageOptions::owner>},
    {{.name = "--dynamic-user",
      .help = "The image will be whose the folder is, since the VM's user\n"
              "exists only while the VM runs"},
     set_to<&ImageOptions::has_dynamic_user>},
    {{.name = "--format", .value = "FORMAT", .help = "As qemu-img(1) calls it"},
     set_text<&ImageOptions::format>},
    {{.name = "--size", .value = "BYTES", .help = "Its size; without it, that of the backing file"},
     set_parsed<&ImageOptions::size, parse_image_size>},
    {{.name = "--backing-file", .value = "PATH", .help = "What it is a copy-on-write layer of"},
     set_text<&ImageOptions::backing_file>},
    {{.name = "--backing-format", .value = "FORMAT", .help = "As qemu-img(1) calls that one's"},
     set_text<&ImageOptions::backing_format>},
    {{.name = "--backing-format-is-guessed",
      .help = "By its name, so that its content must not say otherwise"},
     set_to<&ImageOptions::backing_format_is_guessed>},
    {kHelpOption, set_to<&ImageOptions::mode, ImageOptions::Mode::help>, true},
    {kVersionOption, set_to<&ImageOptions::mode, ImageOptions::Mode::version>, true},
};

}  // namespace

std::string image_help() {
    return options_help(
        R"(qemunit-image --vm=NAME [--owner=USER | --dynamic-user] --format=FORMAT [OPTION]... PATH

Creates the disk image PATH, unless it exists. Run by qemu-image@NAME.service before the VM
starts, for Size= and BackingFile= in its ini file.

)",
        kImageOptions, "\nSee qemunit.ini(5).\n");
}

Result<ImageOptions> parse_image_options(const std::vector<std::string> &arguments) {
    ImageOptions options;
    const auto images = take_options(kImageOptions, arguments, Operands::behind_options, options);
    if (!images)
        return std::unexpected(images.error());
    if (options.mode != ImageOptions::Mode::create)
        return options;
    if (!is_vm_name(options.vm))
        return fail(EINVAL, fmt::format("--vm='{}' is not the name of a VM", options.vm));
    if (options.format.empty())
        return fail(EINVAL, "--format= is needed; see --help");
    if (!options.size && options.backing_file.empty())
        return fail(EINVAL, "--size= or --backing-file= is needed; see --help");
    if (images->size() != 1 || !images->front().starts_with('/'))
        return fail(EINVAL, "one image is needed, by its absolute path; see --help");
    options.path = images->front();
    return options;
}

Result<> create_image(const ImageOptions &options) {
    if (access(options.path.c_str(), F_OK) == 0)
        return {};
    const std::filesystem::path path(options.path);
    const std::string parent = path.parent_path(), name = path.filename();
    std::optional<Account> owner;
    if (!options.owner.empty() || options.has_dynamic_user) {
        auto account = find_account(options.has_dynamic_user ? kStandInUser : options.owner);
        if (!account)
            return std::unexpected(account.error());
        owner = std::move(*account);
        if (parent == Paths().state_dir(options.vm))
            if (auto made = make_state_folder(options, *owner); !made)
                return made;
    }
    const auto cannot = [&](const Error &why) {
        return fail(why.code, fmt::format("cannot create {}: {}", options.path, why.message));
    };
    const auto folder = open_folder(parent, owner);
    if (!folder)
        return cannot(folder.error());
    if (const auto found = is_there(options, folder->get(), name); !found || *found)
        return found ? Result<>() : std::unexpected(found.error());
    if (auto mounted = qemunit::check_mounted(parent); !mounted)
        return cannot(mounted.error());
    auto image = NewFile::create(folder->get(), name);
    if (!image)
        return cannot(image.error());
    if (owner && fchown(image->fd(), owner->uid, owner->gid) != 0)
        return fail_errno(errno, "cannot hand over " + options.path);
    if (auto filled = fill(options, owner, image->fd()); !filled)
        return cannot(filled.error());
    if (options.has_dynamic_user)
        if (auto handed = hand_to_owner_of(folder->get(), image->fd()); !handed)
            return cannot(handed.error());
    auto published = image->publish();
    if (published)
        return {};
    if (published.error().code != EEXIST)
        return cannot(published.error());
    const auto found =
        is_there(options, folder->get(), name);  // somebody has made the image meanwhile
    return found ? Result<>() : std::unexpected(found.error());
}

std::string advice_on_blank_image(const ImageOptions &options) {
    if (!options.backing_file.empty() || access(options.path.c_str(), F_OK) == 0)
        return "";
    const Paths paths = options.owner.empty() && !options.has_dynamic_user ? user_paths() : Paths();
    return left_image_advice(options.path, options.vm, paths.config_dirs());
}

}  // namespace qemunit::helper
