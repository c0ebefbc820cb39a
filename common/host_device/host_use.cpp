// SPDX-License-Identifier: MIT
#include "common/host_device/host_use.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <sstream>
#include <vector>

#include "common/concat.h"
#include "common/host_device/kernel_files.h"
#include "common/unique_fd.h"

namespace qemunit {

namespace {

std::string real_path(const std::string &path) {
    std::error_code error;
    return std::filesystem::canonical(path, error);
}

// The names in a folder of /sys/class that are of the device, or of one behind it.
std::vector<std::string> of_device(const std::string &root, std::string_view kind,
                                   const std::string &device) {
    const std::string folder = concat(root, "/sys/class/", kind);
    std::vector<std::string> found;
    for (const std::string &name : names_in(folder))
        if (real_path(concat(folder, "/", name)).starts_with(concat(device, "/")))
            found.push_back(name);
    return found;
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
// away (O_EXCL in open(2)).
bool is_claimed(const std::string &root, const std::string &name) {
    const UniqueFd file(open(concat(root, "/dev/", name).c_str(),
                             O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    return !file && errno == EBUSY;
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
    if (is_claimed(root, name))
        return fmt::format("its disk '{}' is in use", name);
    return {};
}

// The interfaces of default routes, of both protocols.
std::set<std::string> interfaces_of_default_routes(const std::string &root) {
    std::set<std::string> names;
    std::istringstream routes(kernel_text(root + "/proc/net/route"));
    for (std::string line; std::getline(routes, line);) {
        std::istringstream words(line);
        std::string name, destination, skipped, mask;
        words >> name >> destination;
        for (int i = 0; i < 5; ++i)
            words >> skipped;
        words >> mask;
        if (destination == "00000000" && mask == "00000000")
            names.insert(name);
    }
    std::istringstream routes6(kernel_text(root + "/proc/net/ipv6_route"));
    for (std::string line; std::getline(routes6, line);) {
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
    std::set<std::string> seen, cards;
    for (const std::string &name : interfaces_of_default_routes(root))
        add_cards(root, name, seen, cards);
    std::string used;
    for (const std::string &own : of_device(root, "net", device))
        if (cards.erase(own) > 0)
            used = own;
    if (used.empty() || !cards.empty())
        return {};
    return fmt::format("its interface '{}' is the only way to the network", used);
}

}  // namespace

std::string use_by_host(const std::string &root, const std::string &folder) {
    const std::string device = real_path(folder);
    for (const std::string &name : of_device(root, "block", device))
        if (std::string use = use_of_disk(root, name); !use.empty())
            return use;
    if (std::string use = use_of_network(root, device); !use.empty())
        return use;
    if (kernel_text(device + "/boot_vga") == "1" || !of_device(root, "graphics", device).empty())
        return "it shows the console";
    return {};
}

}  // namespace qemunit
