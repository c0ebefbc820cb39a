// SPDX-License-Identifier: MIT
#include "ctl/run/output_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ctl/run/report_file.h"

namespace qemunit::ctl {

namespace {

constexpr int kDeepest = 64;
constexpr std::size_t kCopied = 1 << 16;

struct CloseFolder {
    void operator()(DIR *folder) const { closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

// What a guest can take of this machine's memory.
constexpr uint64_t kMostBytes = uint64_t{1} << 30;
constexpr uint64_t kPartOfMemory = 4;
constexpr char kMostFiles[] = "65536";

std::string most_bytes() {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    const uint64_t memory =
        pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : 0;
    return fmt::to_string(memory == 0 ? kMostBytes : std::min(kMostBytes, memory / kPartOfMemory));
}

// A tmpfs that is mounted nowhere (fsopen(2)), and gone with its last descriptor.
Result<UniqueFd> make_memory_folder() {
    const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
    const auto configure = [&](unsigned command, const char *key, const char *value) {
        return syscall(SYS_fsconfig, context.get(), command, key, value, 0) == 0;
    };
    if (!context || !configure(FSCONFIG_SET_STRING, "mode", "0777") ||
        !configure(FSCONFIG_SET_STRING, "size", most_bytes().c_str()) ||
        !configure(FSCONFIG_SET_STRING, "nr_inodes", kMostFiles) ||
        !configure(FSCONFIG_CMD_CREATE, nullptr, nullptr))
        return fail_errno(errno, "cannot make a file system in memory");
    UniqueFd folder(
        static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                                 MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)));
    if (!folder)
        return fail_errno(errno, "cannot make a file system in memory");
    return folder;
}

Result<> copy_file(int from, int to, const char *name, unsigned mode) {
    // One that is there may be anything, also a link.
    if (unlinkat(to, name, 0) != 0 && errno != ENOENT)
        return fail_errno(errno, fmt::format("cannot replace {}", name));
    const UniqueFd copy(
        openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777));
    if (!copy)
        return fail_errno(errno, fmt::format("cannot make {}", name));
    std::vector<char> buffer(kCopied);
    for (;;) {
        const ssize_t n = read(from, buffer.data(), buffer.size());
        if (n < 0)
            return fail_errno(errno, fmt::format("cannot read {}", name));
        if (n == 0)
            return {};
        for (ssize_t done = 0; done < n;) {
            const ssize_t written =
                write(copy.get(), buffer.data() + done, static_cast<std::size_t>(n - done));
            if (written <= 0)
                return fail_errno(errno, fmt::format("cannot write {}", name));
            done += written;
        }
    }
}

Result<> copy_folder(int from, int to, int depth) {
    if (depth > kDeepest)
        return fail(ELOOP, "folders that are too deep");
    // fsmount(2) returns one that cannot be listed itself.
    const Folder folder(fdopendir(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!folder)
        return fail_errno(errno, "cannot list a folder");
    for (;;) {
        errno = 0;
        const dirent *entry = readdir(folder.get());
        if (entry == nullptr && errno != 0)
            return fail_errno(errno, "cannot list a folder");
        if (entry == nullptr)
            return {};
        const std::string name = entry->d_name;
        if (name == "." || name == "..")
            continue;
        const UniqueFd one(
            openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        struct stat info {};
        if (!one || fstat(one.get(), &info) != 0)
            continue;  // a link, or a socket
        if (S_ISREG(info.st_mode)) {
            if (auto copied = copy_file(one.get(), to, name.c_str(), info.st_mode); !copied)
                return copied;
        } else if (S_ISDIR(info.st_mode)) {
            if (mkdirat(to, name.c_str(), (info.st_mode & 0777) | 0700) != 0 && errno != EEXIST)
                return fail_errno(errno, fmt::format("cannot make {}", name));
            const UniqueFd below(
                openat(to, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
            if (!below)
                return fail_errno(errno, fmt::format("cannot open {}", name));
            if (auto copied = copy_folder(one.get(), below.get(), depth + 1); !copied)
                return copied;
        }
    }
}

Result<> move_folder(int from, int to, int depth);

// What is there may be anything, also a link: rename(2) replaces it, and follows nothing.
Result<> move_entry(int from, int to, const std::string &name, int depth) {
    struct stat info {};
    const UniqueFd entry(openat(from, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!entry || fstat(entry.get(), &info) != 0)
        return fail_errno(errno, fmt::format("cannot look at {}", name));
    const mode_t mode = info.st_mode & 0777;
    // fchmod(2) takes no descriptor of O_PATH.
    const std::string itself = fmt::format("/proc/self/fd/{}", entry.get());
    if (S_ISREG(info.st_mode)) {
        if ((info.st_mode & 07000) != 0 && chmod(itself.c_str(), mode) != 0)
            return fail_errno(errno, fmt::format("cannot keep {}", name));
        return renameat(from, name.c_str(), to, name.c_str()) == 0
                   ? Result<>()
                   : fail_errno(errno, fmt::format("cannot keep {}", name));
    }
    if (!S_ISDIR(info.st_mode))
        return unlinkat(from, name.c_str(), 0) == 0
                   ? Result<>()
                   : fail_errno(errno, fmt::format("cannot remove {}", name));
    // The guest may have closed it to everybody.
    if (chmod(itself.c_str(), mode | 0700) != 0 ||
        (mkdirat(to, name.c_str(), mode | 0700) != 0 && errno != EEXIST))
        return fail_errno(errno, fmt::format("cannot make {}", name));
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const UniqueFd below_from(openat(entry.get(), ".", kFlags)),
        below_to(openat(to, name.c_str(), kFlags));
    if (!below_from || !below_to)
        return fail_errno(errno, fmt::format("cannot open {}", name));
    if (auto moved = move_folder(below_from.get(), below_to.get(), depth + 1); !moved)
        return moved;
    return unlinkat(from, name.c_str(), AT_REMOVEDIR) == 0
               ? Result<>()
               : fail_errno(errno, fmt::format("cannot remove {}", name));
}

Result<> move_folder(int from, int to, int depth) {
    if (depth > kDeepest)
        return fail(ELOOP, "folders that are too deep");
    const Folder folder(fdopendir(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!folder)
        return fail_errno(errno, "cannot list a folder");
    std::vector<std::string> names;
    for (const dirent *entry = nullptr; (errno = 0, entry = readdir(folder.get())) != nullptr;)
        if (const std::string name = entry->d_name; name != "." && name != "..")
            names.push_back(name);
    if (errno != 0)
        return fail_errno(errno, "cannot list a folder");
    for (const std::string &name : names)
        if (auto moved = move_entry(from, to, name, depth); !moved)
            return moved;
    return {};
}

}  // namespace

OutputFolder::~OutputFolder() {
    if (!written_.empty())
        rmdir(written_.c_str());
}

// Root's may be in a folder of somebody else, who has laid out links.
Result<UniqueFd> OutputFolder::open_place(const std::string &path) {
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error).lexically_normal();
    if (error)
        return fail_errno(error.value(), "cannot make the folder " + path);
    if (geteuid() == 0) {
        const auto found = open_folder_without_links(whole);
        if (!found)
            return fail(found.error().code,
                        fmt::format("cannot make the folder {}: {}", path, found.error().message));
        UniqueFd folder(openat(found->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return folder ? Result<UniqueFd>(std::move(folder))
                      : fail_errno(errno, "cannot open the folder " + path);
    }
    std::filesystem::create_directories(whole, error);
    UniqueFd folder(::open(whole.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder ? Result<UniqueFd>(std::move(folder))
                  : fail_errno(error ? error.value() : errno, "cannot make the folder " + path);
}

Result<OutputFolder> OutputFolder::open(const std::string &path) {
    OutputFolder output;
    output.path_ = path;
    auto folder = open_place(path);
    if (!folder)
        return std::unexpected(folder.error());
    output.folder_ = std::move(*folder);
    if (geteuid() != 0) {
        std::string written = path + "/.qemunit-output-XXXXXX";
        if (mkdtemp(written.data()) == nullptr)
            return fail_errno(errno, "cannot make a folder in " + path);
        output.written_ = std::move(written);
        return output;
    }
    auto memory = make_memory_folder();
    if (!memory)
        return std::unexpected(memory.error());
    output.memory_ = std::move(*memory);
    return output;
}

Result<FolderView> OutputFolder::for_guest() const {
    if (!memory_)
        return open_folder_view(written_, FolderUse::write);
    FolderView view;
    view.folder.reset(fcntl(memory_.get(), F_DUPFD_CLOEXEC, 3));
    if (!view.folder)
        return fail_errno(errno, "cannot hand over " + path_);
    return view;
}

Result<> OutputFolder::collect() const {
    const UniqueFd written(
        memory_ ? -1 : ::open(written_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!memory_ && !written)
        return fail_errno(errno, "cannot open " + written_);
    auto kept = memory_ ? copy_plain_files(memory_.get(), folder_.get())
                        : move_plain_files(written.get(), folder_.get());
    if (!kept)
        return fail(kept.error().code,
                    fmt::format("cannot keep the guest's files in {}: {}{}", path_,
                                kept.error().message, memory_ ? "" : "; they are in " + written_));
    return {};
}

Result<> copy_plain_files(int from, int to) {
    return copy_folder(from, to, 0);
}

Result<> move_plain_files(int from, int to) {
    return move_folder(from, to, 0);
}

}  // namespace qemunit::ctl
