// SPDX-License-Identifier: MIT
#include "ctl/run/kernel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "common/unique_fd.h"
#include "ctl/run/architecture.h"

namespace qemunit::ctl {

namespace {

constexpr std::size_t kHeadOfKernel = 64 << 10;

// As `make` leaves it.
constexpr std::string_view kBuilt[] = {"arch/x86/boot/bzImage", "arch/arm64/boot/Image",
                                       "arch/arm/boot/zImage", "arch/riscv/boot/Image"};

std::string head_of(const std::string &path) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    std::string bytes(kHeadOfKernel, '\0');
    const ssize_t n = file ? pread(file.get(), bytes.data(), bytes.size(), 0) : -1;
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
}

// Of the caller, or of root, and no folder that everybody may change names in.
bool is_trusted(const std::string &path) {
    struct stat own{}, target{};
    if (lstat(path.c_str(), &own) != 0 || stat(path.c_str(), &target) != 0)
        return false;
    const auto is_known = [](uid_t owner) {
        return owner == 0 || owner == geteuid();
    };
    const bool is_open = S_ISDIR(target.st_mode) && (target.st_mode & S_IWOTH) != 0 &&
                         (target.st_mode & S_ISVTX) == 0;
    return is_known(own.st_uid) && is_known(target.st_uid) && !is_open;
}

// This folder, each one down to the file, and the file.
bool is_trusted_below_here(const std::string &path) {
    std::filesystem::path here(".");
    if (!is_trusted(here))
        return false;
    for (const std::filesystem::path &part : std::filesystem::path(path))
        if (!is_trusted(here /= part))
            return false;
    return true;
}

// "/srv/vmlinuz-6.1.0-57-arm64": where the file itself does not tell.
std::string version_of_name(std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    const std::size_t dash = name.find('-');
    return dash == name.npos ? "" : std::string(name.substr(dash + 1));
}

}  // namespace

std::optional<std::string> version_of_bzimage(std::string_view begin) {
    constexpr std::size_t kMagicPlace = 0x202, kVersionPlace = 0x20e, kSetup = 0x200;
    const auto word_at = [&](std::size_t place) {
        return static_cast<std::size_t>(static_cast<unsigned char>(begin[place])) |
               static_cast<std::size_t>(static_cast<unsigned char>(begin[place + 1])) << 8;
    };
    if (begin.size() < kVersionPlace + 2 || begin.substr(kMagicPlace, 4) != "HdrS")
        return std::nullopt;
    const std::size_t place = word_at(kVersionPlace) + kSetup;
    if (place == kSetup || place >= begin.size())
        return std::nullopt;
    std::string_view text = begin.substr(place);
    text = text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
    // It becomes the name of a folder, and is whatever the kernel's maker wrote.
    return text.contains('/') ? std::nullopt : std::optional<std::string>(text);
}

Result<Kernel> find_kernel(const std::string &named, bool of_host,
                           const std::string &architecture) {
    std::vector<std::string> places;
    utsname name{};
    uname(&name);
    if (!named.empty())
        places.push_back(named);
    if (named.empty() && !of_host)
        for (const std::string_view built : kBuilt)
            if (architecture.empty() || built == built_kernel_of(architecture))
                places.emplace_back(built);
    if (named.empty() && (architecture.empty() || architecture == architecture_of_this_machine())) {
        places.push_back(fmt::format("/boot/vmlinuz-{}", name.release));
        places.push_back(fmt::format("/lib/modules/{}/vmlinuz", name.release));
    }
    const auto place = std::ranges::find_if(
        places, [](const std::string &path) { return access(path.c_str(), R_OK) == 0; });
    if (place == places.end()) {
        if (!named.empty())
            return fail_errno(errno, "cannot read the kernel " + named);
        return fail(ENOENT, fmt::format("found no kernel to boot: looked for {}; name one by "
                                        "--kernel=FILE",
                                        fmt::join(places, ", ")));
    }
    // Whoever has laid out the folder that somebody is in does not choose what that one boots.
    if (named.empty() && !place->starts_with('/') && !is_trusted_below_here(*place))
        return fail(EPERM, fmt::format("{0}, or a folder that it is in, belongs to another user, "
                                       "or is for everybody to write in: if you trust it, name it "
                                       "by --kernel={0}; --host-kernel is this machine's",
                                       *place));
    return Kernel{*place, version_of_bzimage(head_of(*place)).value_or(version_of_name(*place))};
}

}  // namespace qemunit::ctl
