// SPDX-License-Identifier: MIT
#include "helper/image.h"

#include <fmt/format.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "common/paths.h"
#include "common/vm_name.h"
#include "helper/new_file.h"

namespace qemunit {

const char *const kImageHelp =
    R"(qemunit-image --vm=NAME [--owner=USER] --format=FORMAT [OPTION]... PATH

Creates the disk image PATH, unless it exists. Run by qemu-image@NAME.service before the VM
starts, for Size= and BackingFile= in its ini file.

     --vm=NAME              The VM's name
     --owner=USER           Whose the image will be, if not of who runs this
     --format=FORMAT        As qemu-img(1) calls it
     --size=BYTES           Its size; without it, that of the backing file
     --backing-file=PATH    What it is a copy-on-write layer of
     --backing-format=FORMAT
  -h --help                 Show this help
     --version              Show the version

See qemunit.ini(5).
)";

namespace {

struct Account {
    uid_t uid;
    gid_t gid;
};

Result<Account> find_account(const std::string &name) {
    uid_t uid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
    const bool is_number = error == std::errc{} && end == name.data() + name.size();
    const passwd *entry = is_number ? getpwuid(uid) : getpwnam(name.c_str());
    if (entry == nullptr && !is_number)
        return fail(ENOENT, fmt::format("there is no user '{}'", name));
    return entry ? Account{entry->pw_uid, entry->pw_gid} : Account{uid, uid};
}

// qemu-img says itself what is wrong.
Result<> run_qemu_img(const ImageOptions &options, const std::string &path) {
    std::vector<std::string> words{"/usr/bin/qemu-img", "create", "-q", "-f", options.format};
    if (!options.backing_file.empty())
        words.insert(words.end(), {"-b", options.backing_file, "-F", options.backing_format});
    words.push_back(path);
    if (options.size)
        words.push_back(fmt::to_string(*options.size));
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    if (const int error = posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ))
        return fail_errno(error, fmt::format("cannot run {}; is qemu-utils installed?", words[0]));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(EIO, fmt::format("cannot create {}", options.path));
    return {};
}

// The VM's own folder comes to be when its service starts, which is later.
Result<> make_state_folder(const std::string &vm, Account owner) {
    const std::string folder = Paths().state_dir(vm);
    if (mkdir(folder.c_str(), S_IRWXU) != 0)
        return errno == EEXIST ? Result<>() : fail_errno(errno, "cannot create " + folder);
    if (chown(folder.c_str(), owner.uid, owner.gid) != 0)
        return fail_errno(errno, "cannot hand over " + folder);
    return {};
}

}  // namespace

Result<ImageOptions> parse_image_options(const std::vector<std::string> &arguments) {
    ImageOptions options;
    auto argument = arguments.begin();
    for (; argument != arguments.end() && argument->starts_with('-'); ++argument) {
        const std::size_t equals = std::min(argument->find('='), argument->size());
        const std::string name = argument->substr(0, equals + 1);
        const std::string value = argument->substr(std::min(equals + 1, argument->size()));
        if (name == "--help" || name == "-h" || name == "--version") {
            options.mode =
                name == "--version" ? ImageOptions::Mode::version : ImageOptions::Mode::help;
            return options;
        }
        if (name == "--vm=") {
            options.vm = value;
        } else if (name == "--owner=") {
            options.owner = value;
        } else if (name == "--format=") {
            options.format = value;
        } else if (name == "--backing-file=") {
            options.backing_file = value;
        } else if (name == "--backing-format=") {
            options.backing_format = value;
        } else if (name == "--size=") {
            uint64_t size = 0;
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), size);
            if (error != std::errc{} || end != value.data() + value.size())
                return fail(EINVAL, fmt::format("--size='{}' is not a number of bytes", value));
            options.size = size;
        } else {
            return fail(EINVAL, fmt::format("unknown option '{}'; see --help", *argument));
        }
    }
    if (!is_vm_name(options.vm))
        return fail(EINVAL, fmt::format("--vm='{}' is not the name of a VM", options.vm));
    if (options.format.empty())
        return fail(EINVAL, "--format= is needed; see --help");
    if (!options.size && options.backing_file.empty())
        return fail(EINVAL, "--size= or --backing-file= is needed; see --help");
    if (arguments.end() - argument != 1 || !argument->starts_with('/'))
        return fail(EINVAL, "one image is needed, by its absolute path; see --help");
    options.path = *argument;
    return options;
}

Result<> create_image(const ImageOptions &options) {
    const std::filesystem::path path(options.path);
    if (access(options.path.c_str(), F_OK) == 0)
        return {};
    std::optional<Account> owner;
    if (!options.owner.empty()) {
        const auto account = find_account(options.owner);
        if (!account)
            return std::unexpected(account.error());
        owner = *account;
        if (path.parent_path() == Paths().state_dir(options.vm))
            if (auto made = make_state_folder(options.vm, *owner); !made)
                return made;
    }
    umask(S_IRWXG | S_IRWXO);
    const std::string temporary =
        path.parent_path() / fmt::format(".{}.new", path.filename().native());
    unlink(temporary.c_str());  // of a run that was cut short
    if (auto created = run_qemu_img(options, temporary); !created)
        return created;
    if (owner && lchown(temporary.c_str(), owner->uid, owner->gid) != 0)
        return fail_errno(errno, "cannot hand over " + options.path);
    auto published = publish(temporary, options.path);
    if (!published && published.error().code == EEXIST) {  // somebody was faster
        unlink(temporary.c_str());
        return {};
    }
    return published;
}

}  // namespace qemunit
