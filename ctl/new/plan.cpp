// SPDX-License-Identifier: MIT
#include "ctl/new/plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "common/files/disk_image.h"
#include "ctl/new/image.h"
#include "ctl/new/image_fetch.h"
#include "ctl/new/image_store.h"
#include "ctl/new/ssh_keys.h"

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
            return fail(keys.error().code, "--ssh-key: " + keys.error().message);
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

}  // namespace

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
    if (vm.image.is_iso && (!request.login.empty() || request.has_key_files))
        return fail(EINVAL, fmt::format("{} is a CD, whose installer asks; --login= and --ssh-key= "
                                        "are for images with cloud-init in them",
                                        vm.image.path));
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
    if (vm.disk == NewVm::Disk::layer && vm.image.path.starts_with("/tmp/"))
        fmt::print(stderr,
                   "qemunitctl: {} has to stay, and /tmp is emptied at the next boot; --full-copy "
                   "makes a copy\n",
                   vm.image.path);
    if (!vm.image.has_boot_sector)
        fmt::print(stderr, "qemunitctl: {} has no boot sector; is it a disk image?\n",
                   vm.image.path);
    if (!is_install)
        if (auto taken = take_keys(request, source.image.user, vm); !taken)
            return std::unexpected(taken.error());
    return vm;
}

}  // namespace qemunit::ctl
