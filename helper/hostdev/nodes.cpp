// SPDX-License-Identifier: MIT
#include "helper/hostdev/nodes.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <set>

#include "common/concat.h"
#include "common/host_device/kernel_files.h"
#include "common/whole_number.h"

namespace qemunit::helper {

namespace {

constexpr std::string_view kGroupLink = "/iommu_group";

Result<> make_folder(const std::string &path, mode_t mode) {
    if ((mkdir(path.c_str(), mode) != 0 && errno != EEXIST) || chmod(path.c_str(), mode) != 0)
        return fail_errno(errno, "cannot create " + path);
    return {};
}

Result<> make_folders(const HostDevicePlaces &places) {
    for (const auto &[path, mode] :
         {std::pair(places.all_vms(), mode_t{0700}), std::pair(places.folder(), mode_t{0755}),
          std::pair(places.nodes(), mode_t{0755})})
        if (auto made = make_folder(path, mode); !made)
            return made;
    return {};
}

// "246:0"
std::optional<dev_t> device_number(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == text.npos)
        return std::nullopt;
    const auto major_number = whole_number<unsigned>(text.substr(0, colon)),
               minor_number = whole_number<unsigned>(text.substr(colon + 1));
    if (!major_number || !minor_number)
        return std::nullopt;
    return makedev(*major_number, *minor_number);
}

Result<> make_node(const std::string &path, std::string_view number, mode_t mode) {
    const auto device = device_number(number);
    if (!device)
        return fail(ENODEV,
                    concat("cannot create ", path, ": the kernel has no device node for it"));
    unlink(path.c_str());
    if (mknod(path.c_str(), S_IFCHR | mode, *device) != 0 || chmod(path.c_str(), mode) != 0)
        return fail_errno(errno, "cannot create " + path);
    return {};
}

constexpr mode_t kForTheVm = 0666, kForNobody = 0600;

// The nodes of groups that no device of the VM is in any more.
void remove_unused_groups(const std::string &vfio) {
    std::set<std::string> used;
    for (const std::string &name : names_in(vfio))
        if (const std::string group = link_name(concat(vfio, "/", name, kGroupLink));
            !group.empty())
            used.insert(group);
    for (const std::string &name : names_in(vfio))
        if (name.find(':') == name.npos &&
            (used.empty() || (name != "vfio" && !used.contains(name))))
            unlink(concat(vfio, "/", name).c_str());
}

}  // namespace

Result<> make_vfio_nodes(const HostDevicePlaces &places, std::string_view device,
                         std::string_view address, std::string_view group,
                         std::string_view group_node, std::string_view container_node) {
    const std::string vfio = places.vfio(), of_device = concat(vfio, "/", address);
    if (auto made = make_folders(places); !made)
        return made;
    if (auto made = make_folder(vfio, 0755); !made)
        return made;
    if (auto made = make_node(places.node(device), group_node, kForNobody); !made)
        return made;
    if (auto made = make_node(concat(vfio, "/vfio"), container_node, kForTheVm); !made)
        return made;
    if (auto made = make_node(concat(vfio, "/", group), group_node, kForTheVm); !made)
        return made;
    if (auto made = make_folder(of_device, 0755); !made)
        return made;
    const std::string link = concat(of_device, kGroupLink);
    unlink(link.c_str());
    if (symlink(concat("../", group).c_str(), link.c_str()) != 0)
        return fail_errno(errno, "cannot create " + link);
    return {};
}

Result<> make_usb_node(const HostDevicePlaces &places, std::string_view device,
                       std::string_view node) {
    if (auto made = make_folders(places); !made)
        return made;
    return make_node(places.node(device), node, kForNobody);
}

Result<> make_empty_usb_node(const HostDevicePlaces &places, std::string_view device) {
    constexpr std::string_view kNull = "1:3";
    return make_usb_node(places, device, kNull);
}

void remove_nodes(const HostDevicePlaces &places, std::string_view device,
                  std::string_view address) {
    unlink(places.node(device).c_str());
    if (!address.empty()) {
        const std::string of_device = concat(places.vfio(), "/", address);
        unlink(concat(of_device, kGroupLink).c_str());
        rmdir(of_device.c_str());
    }
    remove_unused_groups(places.vfio());
    for (const std::string &folder : {places.vfio(), places.nodes(), places.folder()})
        rmdir(folder.c_str());
}

}  // namespace qemunit::helper
