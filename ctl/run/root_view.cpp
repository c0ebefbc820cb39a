// SPDX-License-Identifier: MIT
#include "ctl/run/root_view.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "common/files/descriptor_message.h"

// glibc's <sys/mount.h> and the kernel's cannot both be included.
extern "C" int mount(const char *source, const char *target, const char *type, unsigned long flags,
                     const void *data);

namespace qemunit::ctl {

namespace {

constexpr unsigned long kRecursive = 1 << 14, kPrivate = 1 << 18, kReadOnly = 1;  // MS_*

constexpr std::string_view kHidden[] = {"/proc", "/sys", "/dev", "/run"};

bool write_setting(const char *path, const std::string &text) {
    const UniqueFd file(open(path, O_WRONLY | O_CLOEXEC));
    return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool enter_namespaces() {
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (user == 0)
        return unshare(CLONE_NEWNS) == 0;
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_setting("/proc/self/setgroups", "deny") &&
           write_setting("/proc/self/uid_map", fmt::format("{0} {0} 1\n", user)) &&
           write_setting("/proc/self/gid_map", fmt::format("{0} {0} 1\n", group));
}

// What belongs to the running system, not to its file tree. Where a link is in its place, there is
// nothing to hide.
int hide_in(const std::string &path) {
    for (const std::string_view hidden : kHidden) {
        const std::string folder = (path == "/" ? "" : path) + std::string(hidden);
        struct stat info {};
        if (lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
            mount("tmpfs", folder.c_str(), "tmpfs", kReadOnly, "mode=0555,size=0") != 0)
            return errno;
    }
    return 0;
}

// In a child: an errno, or 0 and the descriptor.
int make_view(const std::string &path, FolderUse use, UniqueFd &folder) {
    if (!enter_namespaces() || mount(nullptr, "/", nullptr, kRecursive | kPrivate, nullptr) != 0)
        return errno;
    if (use == FolderUse::read)
        if (const int error = hide_in(path); error != 0)
            return error;
    folder.reset(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, path.c_str(),
                                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
    if (!folder)
        return errno;
    mount_attr attributes{};
    attributes.attr_set =
        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (use == FolderUse::read ? MOUNT_ATTR_RDONLY : 0);
    return syscall(SYS_mount_setattr, folder.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                   sizeof attributes) == 0
               ? 0
               : errno;
}

// One byte, with the descriptor.
bool send_view(int socket, int folder) {
    return send_with_descriptors(socket, std::string_view("", 1), {&folder, 1}) == 1;
}

UniqueFd receive_view(int socket) {
    char byte = 0;
    DescriptorMessage received = receive_with_descriptors(socket, {&byte, 1});
    return received.size == 1 && received.fds.size() == 1 ? std::move(received.fds.front())
                                                          : UniqueFd();
}

}  // namespace

Result<FolderView> open_folder_view(const std::string &path, FolderUse use) {
    FolderView plain;
    plain.folder.reset(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!plain.folder)
        return fail_errno(errno, "cannot open the folder " + path);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno(errno, "cannot create a socket pair");
    UniqueFd ours(ends[0]), theirs(ends[1]);
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot fork");
    if (child == 0) {
        UniqueFd folder;
        const int error = make_view(path, use, folder);
        _exit(error == 0 && send_view(theirs.get(), folder.get()) ? 0 : error == 0 ? EIO : error);
    }
    theirs.reset();
    FolderView view;
    view.folder = receive_view(ours.get());
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (view.folder)
        return view;
    const int error = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
    if (geteuid() == 0)
        return fail_errno(error, fmt::format("cannot show the guest {}", path));
    plain.lack = std::strerror(error);
    return plain;
}

}  // namespace qemunit::ctl
