// SPDX-License-Identifier: MIT
#include "common/host_device/host_use.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "common/concat.h"
#include "common/host_device/kernel_files.h"
#include "common/host_device/pci_device.h"
#include "common/result.h"

namespace qemunit {

namespace {

std::string real_path(const std::string &path) {
    std::error_code error;
    return std::filesystem::canonical(path, error);
}

bool is_below_any(const std::string &path, const std::vector<std::string> &folders) {
    return std::ranges::any_of(
        folders, [&](const std::string &folder) { return path.starts_with(folder + "/"); });
}

// The names in a folder of /sys/class that are of the device, or of one behind it.
std::vector<std::string> below(const std::string &root, std::string_view kind,
                               const std::vector<std::string> &folders) {
    const std::string folder = concat(root, "/sys/class/", kind);
    std::vector<std::string> found;
    for (const std::string &name : names_in(folder))
        if (is_below_any(real_path(concat(folder, "/", name)), folders))
            found.push_back(name);
    return found;
}

// With the kernel's own multipath of NVMe, the disks are those of the subsystem, whose folder is
// that of no controller; below the controllers are hidden ones, a path each.
std::vector<std::string> nvme_subsystems(const std::string &root, const std::string &device) {
    const std::string folder = concat(root, "/sys/class/nvme-subsystem");
    std::vector<std::string> found;
    for (const std::string &name : names_in(folder)) {
        const std::string subsystem = real_path(concat(folder, "/", name));
        for (const std::string &entry : names_in(subsystem))
            if (entry.starts_with("nvme") &&
                is_below_any(real_path(concat(subsystem, "/", entry)), {device})) {
                found.push_back(subsystem);
                break;
            }
    }
    return found;
}

// "nvme1n2" of its path "nvme1c3n2"; "" of other names (nvme_mpath_alloc_disk() in the kernel's
// drivers/nvme/host/multipath.c).
std::string head_of_path(std::string_view name) {
    const std::size_t c = name.find('c'), n = name.find('n', std::min(c, name.size()));
    if (!name.starts_with("nvme") || c == name.npos || n == name.npos)
        return {};
    return concat(name.substr(0, c), name.substr(n));
}

// proc(5) writes a space, and some other bytes, as three octal digits.
std::string unescape(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                       (text[i + 3] - '0'));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

// Where the block device with this number or name is mounted.
std::string mount_of(const std::string &root, const std::string &number, const std::string &name) {
    std::istringstream mounts(kernel_text(root + "/proc/self/mountinfo"));
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string word, device, place;
        words >> word >> word >> device >> word >> place;
        // What comes behind it is the file system's type, and what it is on.
        while (words >> word && word != "-") {
        }
        std::string source;
        words >> word >> source;
        if (device == number || unescape(source) == concat("/dev/", name))
            return unescape(place);
    }
    return {};
}

bool is_swap(const std::string &root, const std::string &name) {
    std::istringstream swaps(kernel_text(root + "/proc/swaps"));
    for (std::string line; std::getline(swaps, line);)
        if (unescape(line.substr(0, line.find_first_of(" \t"))) == concat("/dev/", name))
            return true;
    return false;
}

// Also by what neither list has: each disk of btrfs and ZFS, multipath. Only such users keep others
// away (O_EXCL in open(2)); whoever has a partition keeps others from the whole. A drive without a
// medium is free. What says anything else may be in use.
std::string claim_on_disk(const std::string &root, const std::string &name, KeptDisks *kept) {
    UniqueFd file(open(concat(root, "/dev/", name).c_str(),
                       O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    const int code = errno;
    if (!file && code == EBUSY)
        return fmt::format("its disk '{}' is in use", name);
    if (!file && code != ENOMEDIUM)
        return fmt::format("nobody can tell whether its disk '{0}' is in use: /dev/{0}: {1}", name,
                           std::strerror(code));
    if (file && kept)
        kept->push_back(std::move(file));
    return {};
}

std::string use_of_disk(const std::string &root, const std::string &name) {
    const std::string folder = concat(root, "/sys/class/block/", name);
    if (const std::string place = mount_of(root, kernel_text(folder + "/dev"), name);
        !place.empty())
        return fmt::format("its disk '{}' has the file system at {}", name, place);
    if (is_swap(root, name))
        return fmt::format("its disk '{}' is swap space", name);
    if (const auto holders = names_in(folder + "/holders"); !holders.empty()) {
        const std::string title =
            kernel_text(concat(root, "/sys/class/block/", holders.front(), "/dm/name"));
        return fmt::format("its disk '{}' is part of '{}'", name,
                           title.empty() ? holders.front() : title);
    }
    return {};
}

std::string use_of_disks(const std::string &root, const std::string &device, KeptDisks *kept) {
    std::vector<std::string> folders = nvme_subsystems(root, device);
    folders.push_back(device);
    std::set<std::string> disks;
    for (const std::string &name : below(root, "block", folders)) {
        const std::string folder = concat(root, "/sys/class/block/", name);
        if (kernel_text(folder + "/hidden") != "1") {
            disks.insert(name);
            continue;
        }
        const std::string head = head_of_path(name);
        std::error_code error;
        if (head.empty() ||
            !std::filesystem::exists(concat(root, "/sys/class/block/", head), error))
            return fmt::format(
                "nobody can tell whether the disk behind its path '{}' is in use: there is no '{}'",
                name, head);
        disks.insert(head);
    }
    for (const std::string &name : disks)
        if (std::string use = use_of_disk(root, name); !use.empty())
            return use;
    for (const std::string &name : disks) {
        std::error_code error;
        if (std::filesystem::exists(concat(root, "/sys/class/block/", name, "/partition"), error))
            continue;
        if (std::string use = claim_on_disk(root, name, kept); !use.empty())
            return use;
    }
    return {};
}

// The lines of a table of routes.
Result<std::vector<std::string>> routes_in(const std::string &path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
        lines.push_back(std::move(line));
    if (!file.eof())
        return fail(EIO, concat("cannot read ", path));
    return lines;
}

// The interfaces of default routes, of both protocols.
Result<std::set<std::string>> interfaces_of_default_routes(const std::string &root) {
    std::set<std::string> names;
    const auto routes = routes_in(root + "/proc/net/route");
    if (!routes)
        return std::unexpected(routes.error());
    if (routes->empty())  // not even the titles of its columns
        return fail(EIO, concat("nothing is in ", root, "/proc/net/route"));
    for (const std::string &line : *routes) {
        std::istringstream words(line);
        std::string name, destination, skipped, mask;
        words >> name >> destination;
        for (int i = 0; i < 5; ++i)
            words >> skipped;
        words >> mask;
        if (destination == "00000000" && mask == "00000000")
            names.insert(name);
    }
    // A kernel without IPv6 has no such file; one with it has routes of its own there.
    const std::string path6 = root + "/proc/net/ipv6_route";
    if (access(path6.c_str(), F_OK) != 0 && errno == ENOENT)
        return names;
    const auto routes6 = routes_in(path6);
    if (!routes6)
        return std::unexpected(routes6.error());
    for (const std::string &line : *routes6) {
        std::istringstream words(line);
        std::string destination, length, name;
        words >> destination >> length;
        while (words >> name) {  // the last word
        }
        if (destination == std::string(32, '0') && length == "00" && name != "lo")
            names.insert(name);
    }
    return names;
}

// The cards below bridges, bonds and VLANs, and the interface itself if it is one.
void add_cards(const std::string &root, const std::string &name, std::set<std::string> &seen,
               std::set<std::string> &cards) {
    if (!seen.insert(name).second)
        return;
    bool has_lower = false;
    for (const std::string &entry : names_in(concat(root, "/sys/class/net/", name)))
        if (constexpr std::string_view kLower = "lower_"; entry.starts_with(kLower)) {
            has_lower = true;
            add_cards(root, entry.substr(kLower.size()), seen, cards);
        }
    if (!has_lower)
        cards.insert(name);
}

std::string use_of_network(const std::string &root, const std::string &device) {
    const auto own = below(root, "net", {device});
    if (own.empty())
        return {};
    const auto ways = interfaces_of_default_routes(root);
    if (!ways)
        return fmt::format(
            "nobody can tell whether its interface '{}' is the only way to the network: {}",
            own.front(), ways.error().message);
    std::set<std::string> seen, cards;
    for (const std::string &name : *ways)
        add_cards(root, name, seen, cards);
    std::string used;
    for (const std::string &name : own)
        if (cards.erase(name) > 0)
            used = name;
    if (used.empty() || !cards.empty())
        return {};
    return fmt::format("its interface '{}' is the only way to the network", used);
}

}  // namespace

std::string use_by_host(const std::string &root, const std::string &folder, KeptDisks *kept) {
    const std::string device = real_path(folder);
    if (device.empty())
        return "the kernel has it no more";
    if (std::string use = use_of_disks(root, device, kept); !use.empty())
        return use;
    if (std::string use = use_of_network(root, device); !use.empty())
        return use;
    if (kernel_text(device + "/boot_vga") == "1" || !below(root, "graphics", {device}).empty())
        return "it shows the console";
    return {};
}

std::string use_by_host(const std::string &root, const PciDevice &device, KeptDisks *kept) {
    return device.driver == kVfioDriver ? std::string()
                                        : use_by_host(root, pci_folder(root, device.address), kept);
}

}  // namespace qemunit
