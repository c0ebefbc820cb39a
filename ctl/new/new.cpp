// SPDX-License-Identifier: MIT
#include "ctl/new/new.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "common/files/disk_image.h"
#include "ctl/new/catalogue.h"
#include "ctl/new/disk_copy.h"
#include "ctl/new/free_port.h"
#include "ctl/new/image.h"
#include "ctl/new/image_fetch.h"
#include "ctl/new/image_store.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/new_vm.h"
#include "ctl/new/report.h"
#include "ctl/new/request.h"
#include "ctl/new/ssh_keys.h"
#include "ctl/new/state_folder.h"

namespace qemunit::ctl {

namespace {

constexpr char kMemory[] = "1G", kMemoryToInstall[] = "2G", kCpus[] = "1";
constexpr uint64_t kSizeToInstall = uint64_t{20} << 30, kSizeOfCatalogue = uint64_t{10} << 30;
// Where root makes a VM for nobody in particular.
constexpr char kLoginOfRoot[] = "user";

Result<> take_keys(const NewRequest &request, const std::string &user, NewVm &vm) {
    const Caller caller = find_caller();
    vm.login = !request.login.empty()  ? request.login
               : !user.empty()         ? user
               : caller.name == "root" ? kLoginOfRoot
                                       : caller.name;
    if (!request.has_key_files)
        vm.keys = keys_of(caller);
    for (const std::string &file : request.key_files) {
        auto keys = read_keys(file);
        if (!keys)
            return fail(keys.error().code, "--ssh-key=" + keys.error().message);
        vm.keys.insert(vm.keys.end(), keys->begin(), keys->end());
    }
    if (vm.keys.empty() && !request.has_key_files)
        fmt::print(stderr,
                   "qemunitctl: {}/.ssh has no *.pub, so nobody can log in by ssh: `ssh-keygen` "
                   "makes a key, --ssh-key=FILE names one\n",
                   caller.home);
    return {};
}

Result<> check_size(const NewVm &vm) {
    if (vm.disk == NewVm::Disk::install || vm.size == 0 || vm.size >= vm.image.size) {
        const bool can_grow = vm.image.format == "raw" || vm.image.format == "qcow2";
        if (vm.disk != NewVm::Disk::copy || vm.size == 0 || can_grow)
            return {};
        return fail(EINVAL,
                    fmt::format("a copy of an image of the format {} cannot be made larger; "
                                "leave out --size=, or --full-copy",
                                vm.image.format));
    }
    return fail(EINVAL,
                fmt::format("--size={} is less than {} has, which is {}", disk_size_text(vm.size),
                            vm.image.path, disk_size_text(vm.image.size)));
}

struct Source {
    std::string path;
    CatalogueImage image;  // nothing in it for a file
};

// Where the image is, after a download if that is needed.
Result<Source> find_source(const Invocation &invocation, const NewRequest &request) {
    const std::string &image = request.image;
    const bool is_url = image.contains("://");
    if (!request.sha256.empty() && !is_url)
        return fail(EINVAL, "--sha256= is for a URL");
    if (!is_url && (image.contains('/') || access(image.c_str(), F_OK) == 0))
        return Source{image, {}};
    CatalogueImage wanted;
    if (is_url) {
        if (!image.starts_with("https://") && !image.starts_with("http://"))
            return fail(EINVAL, fmt::format("{}: not a URL of https or http", image));
        if (request.sha256.empty())
            return fail(EINVAL,
                        "what comes from a URL is used only if it is known what it should "
                        "be: --sha256= with the digest that its publisher names");
        wanted = image_of_url(image, request.sha256);
        wanted.architecture = request.architecture;
    } else {
        auto found = find_image(read_catalogue(catalogue_folders(paths_of(invocation))), image,
                                request.architecture);
        if (!found)
            return std::unexpected(found.error());
        wanted = std::move(*found);
    }
    if (const auto stored =
            find_stored(store_folder(invocation), wanted.name, wanted.architecture, wanted.digest))
        return Source{stored->path, std::move(wanted)};
    if (request.is_dry_run)
        return fail(ENOENT,
                    fmt::format("{} is not here yet, and --dry-run downloads nothing", image));
    auto path = fetch_image(invocation, wanted);
    return path ? Result<Source>(Source{std::move(*path), std::move(wanted)})
                : std::unexpected(path.error());
}

// All but the port.
Result<NewVm> plan_vm(const NewRequest &request, const Source &source) {
    NewVm vm{.name = request.name,
             .uuid = random_uuid(),
             .firmware = request.firmware,
             .memory = request.memory,
             .cpus = request.cpus.empty() ? kCpus : request.cpus,
             .size = request.size,
             .bridge = request.bridge};
    auto image = read_image(source.path);
    if (!image)
        return std::unexpected(image.error());
    vm.image = std::move(*image);
    vm.made_from = source.image.name.empty() || source.image.source == request.image
                       ? vm.image.path
                       : source.image.name;
    if (request.architecture != own_architecture())
        vm.architecture = request.architecture;
    if (vm.firmware.empty())
        vm.firmware = source.image.firmware;
    // QEMU has no other firmware for these.
    if (vm.firmware.empty() && request.architecture != "x86_64" && request.architecture != "i386")
        vm.firmware = "uefi";
    // A cloud's image is as small as can be, and its guest makes its file system as large as the
    // disk.
    if (vm.size == 0 && !source.image.name.empty())
        vm.size = std::max(kSizeOfCatalogue, vm.image.size);
    if (request.is_install && !vm.image.is_iso)
        return fail(EINVAL, fmt::format("--install needs an image of a CD (ISO 9660), and {} is {} "
                                        "by its content",
                                        vm.image.path, vm.image.format));
    if (vm.image.is_iso && request.is_full_copy)
        return fail(EINVAL, vm.image.path + " is a CD, which is installed from; it needs no copy");
    if (request.is_full_copy && !vm.image.layers.empty())
        return fail(EINVAL, fmt::format("{0} is a layer on {1}; make one image of both, instead of "
                                        "--full-copy: qemu-img convert -O qcow2 {0} NEW",
                                        vm.image.path, vm.image.layers.front()));
    vm.disk = vm.image.is_iso        ? NewVm::Disk::install
              : request.is_full_copy ? NewVm::Disk::copy
                                     : NewVm::Disk::layer;
    const bool is_install = vm.disk == NewVm::Disk::install;
    if (is_install && vm.size == 0)
        vm.size = kSizeToInstall;
    if (vm.memory.empty())
        vm.memory = is_install ? kMemoryToInstall : kMemory;
    if (auto checked = check_size(vm); !checked)
        return std::unexpected(checked.error());
    if (!vm.image.has_boot_sector)
        fmt::print(stderr, "qemunitctl: {} has no boot sector; is it a disk image?\n",
                   vm.image.path);
    if (!is_install)
        if (auto taken = take_keys(request, source.image.user, vm); !taken)
            return std::unexpected(taken.error());
    return vm;
}

Result<> choose_port(const Paths &paths, NewVm &vm) {
    if (!vm.bridge.empty())
        return {};
    const auto port = find_free_port(paths);
    if (!port)
        return std::unexpected(port.error());
    vm.ssh_port = *port;
    return {};
}

// A disk of an earlier VM would be taken for this one's.
Result<> check_nothing_is_left(const std::string &folder, const std::string &vm) {
    const std::string left = left_in(folder);
    if (left.empty())
        return {};
    return fail(EEXIST, fmt::format("{} is left of an earlier VM '{}': move or remove what is in "
                                    "{}, or choose another name",
                                    left, vm, folder));
}

Result<std::string> make_vm(const Invocation &invocation, NewVm &vm) {
    const Paths paths = paths_of(invocation);
    const auto folder = state_folder(invocation, vm.name);
    // Of a user whose systemd does not run, nobody knows where it is; a copy has to be there.
    if (!folder && vm.disk == NewVm::Disk::copy)
        return std::unexpected(folder.error());
    if (folder)
        if (auto checked = check_nothing_is_left(*folder, vm.name); !checked)
            return std::unexpected(checked.error());
    std::optional<DiskCopy> disk;
    if (vm.disk == NewVm::Disk::copy) {
        auto opened = make_state_folder(*folder);
        if (!opened)
            return std::unexpected(opened.error());
        auto copied = copy_disk(vm.image, vm.size, std::move(*opened), disk_file(vm));
        if (!copied) {
            rmdir(folder->c_str());
            return std::unexpected(copied.error());
        }
        disk.emplace(std::move(*copied));
    }
    const auto lock = lock_new_vms(paths);
    if (!lock)
        return std::unexpected(lock.error());
    if (auto is_free = check_name_is_free(paths, vm.name); !is_free)
        return std::unexpected(is_free.error());
    if (auto chosen = choose_port(paths, vm); !chosen)
        return std::unexpected(chosen.error());
    if (disk)
        if (auto published = disk->file.publish(); !published)
            return std::unexpected(published.error());
    auto ini = write_ini(paths, vm.name, ini_text(vm));
    if (!ini && disk) {
        unlinkat(disk->folder.get(), disk_file(vm).c_str(), 0);
        rmdir(folder->c_str());
    }
    return ini;
}

int run_systemctl(const Paths &paths, std::vector<std::string> words) {
    words.insert(words.begin(), "systemctl");
    if (paths.is_of_user())
        words.insert(words.begin() + 1, "--user");
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        execvp(argv.front(), argv.data());
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Result<> start_vm(const Paths &paths, const std::string &vm) {
    if (run_systemctl(paths, {"daemon-reload"}) != 0)
        return fail(EIO, fmt::format("{} is made, but systemd has not read it: {} daemon-reload",
                                     vm, paths.systemctl()));
    if (run_systemctl(paths, {"start", "qemu@" + vm + ".service"}) != 0)
        return fail(EIO, fmt::format("{0} is made, but did not start; this says why: {1} status "
                                     "qemu@{0}",
                                     vm, paths.systemctl()));
    return {};
}

}  // namespace

Result<int> run_new(const Invocation &invocation) {
    const auto request = parse_request(invocation);
    if (!request)
        return std::unexpected(request.error());
    const Paths paths = paths_of(invocation);
    if (auto is_free = check_name_is_free(paths, request->name); !is_free)
        return std::unexpected(is_free.error());
    const auto source = find_source(invocation, *request);
    if (!source)
        return std::unexpected(source.error());
    auto vm = plan_vm(*request, *source);
    if (!vm)
        return std::unexpected(vm.error());
    if (request->is_dry_run) {
        if (auto chosen = choose_port(paths, *vm); !chosen)
            return std::unexpected(chosen.error());
        fmt::print("{}", ini_text(*vm));
        return 0;
    }
    const auto ini = make_vm(invocation, *vm);
    if (!ini)
        return std::unexpected(ini.error());
    fmt::print("{}", report_text(*vm, *ini));
    if (request->starts)
        if (auto started = start_vm(paths, vm->name); !started)
            return std::unexpected(started.error());
    fmt::print("{}", next_text(*vm, paths, request->starts));
    return 0;
}

}  // namespace qemunit::ctl
