// SPDX-License-Identifier: MIT
#include "helper/share/share.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/files/trusted_path.h"
#include "common/options.h"
#include "common/paths.h"

namespace qemunit::helper {

namespace {

// A way back from chroot(2).
class HostView {
  public:
    static Result<HostView> enter() {
        HostView view;
        view.before_ = UniqueFd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!view.before_ || chroot(kSharePlace) != 0)
            return fail_errno(errno, fmt::format("cannot enter {}", kSharePlace));
        return view;
    }
    Result<> leave() {
        if (fchdir(before_.get()) != 0 || chroot(".") != 0)
            return fail_errno(errno, "cannot leave the file systems of the host");
        return {};
    }

  private:
    UniqueFd before_;
};

// A copy of the mount of the folder and of those below it: stays the same wherever the folder's
// name leads later.
Result<UniqueFd> take_folder(const std::string &path) {
    const auto found = find_path(path);
    if (!found)
        return std::unexpected(found.error());
    struct stat status {};
    if (fstat(found->fd.get(), &status) != 0 || !S_ISDIR(status.st_mode))
        return fail_errno(ENOTDIR, "cannot share " + path);
    UniqueFd tree(open_tree(found->fd.get(), "",
                            AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    return tree ? Result<UniqueFd>(std::move(tree)) : fail_errno(errno, "cannot share " + path);
}

Result<> give_up_mounting() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
    if (prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN) != 0 || syscall(SYS_capget, &header, sets) != 0)
        return fail_errno(errno, "cannot give up capabilities");
    for (uint32_t *set : {&sets[0].effective, &sets[0].permitted, &sets[0].inheritable})
        *set &= ~(uint32_t{1} << CAP_SYS_ADMIN);
    if (syscall(SYS_capset, &header, sets) != 0)
        return fail_errno(errno, "cannot give up capabilities");
    return {};
}

constexpr Option<ShareOptions> kShareOptions[] = {
    {{.name = "--read-only", .help = "The guest cannot write"}, set_to<&ShareOptions::read_only>},
    {{.name = "--special-files",
      .help = "The guest's root may make device nodes, and files with\n"
              "set-user-ID bits and capabilities"},
     set_to<&ShareOptions::special_files>},
    {kHelpOption, set_to<&ShareOptions::mode, ShareOptions::Mode::help>, true},
    {kVersionOption, set_to<&ShareOptions::mode, ShareOptions::Mode::version>, true},
};

}  // namespace

std::string share_help() {
    return options_help(
        R"(qemunit-share [OPTION]... PATH [-- ARGUMENT...]

Serves the folder PATH with virtiofsd on the socket that it was given. Run by
qemu-virtiofs@VM:SHARE.service, for a [Share] with Type=virtiofs.

)",
        kShareOptions, "\nEach ARGUMENT is for virtiofsd. See qemunit.ini(5).\n");
}

Result<ShareOptions> parse_share_options(const std::vector<std::string> &arguments) {
    ShareOptions options;
    const auto words = take_options(kShareOptions, arguments, Operands::behind_options, options);
    if (!words)
        return std::unexpected(words.error());
    if (options.mode != ShareOptions::Mode::serve)
        return options;
    if (words->empty() || !words->front().starts_with('/'))
        return fail(EINVAL, "one folder is needed, by its absolute path; see --help");
    options.path = words->front();
    if (words->size() > 1 && (*words)[1] != "--")
        return fail(EINVAL, fmt::format("'{}' after the folder; see --help", (*words)[1]));
    if (words->size() > 1)
        options.further.assign(words->begin() + 2, words->end());
    return options;
}

std::vector<std::string> virtiofsd_command(const ShareOptions &options) {
    std::vector<std::string> words{
        std::string(kVirtiofsdPath),           "--fd=3", "-o",
        fmt::format("source={}", kSharePlace), "-o",     "sandbox=chroot"};
    // The capabilities that the unit does not give to virtiofsd, which ends if it asks in vain.
    if (!options.special_files)
        words.insert(words.end(), {"-o", "modcaps=-mknod:-setfcap"});
    words.insert(words.end(), options.further.begin(), options.further.end());
    return words;
}

Result<> put_in_place(const ShareOptions &options) {
    auto view = HostView::enter();
    if (!view)
        return std::unexpected(view.error());
    const auto tree = take_folder(options.path);
    if (auto left = view->leave(); !left)
        return left;
    if (!tree)
        return std::unexpected(tree.error());
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;
    if (options.read_only)
        attributes.attr_set |= MOUNT_ATTR_RDONLY;
    if (mount_setattr(tree->get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                      sizeof attributes) != 0 ||
        umount2(kSharePlace, MNT_DETACH) != 0 ||
        move_mount(tree->get(), "", AT_FDCWD, kSharePlace, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return fail_errno(errno, "cannot mount " + options.path);
    return give_up_mounting();
}

}  // namespace qemunit::helper
