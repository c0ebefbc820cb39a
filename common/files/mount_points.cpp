// SPDX-License-Identifier: MIT
#include "common/files/mount_points.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "common/ascii.h"
#include "common/concat.h"
#include "common/unique_fd.h"

namespace qemunit {

namespace {

namespace fs = std::filesystem;

// Without /usr/lib: a mount unit that a distribution ships need not be mounted.
constexpr std::string_view kUnitFolders[] = {
    "/etc/systemd/system",         "/run/systemd/system",          "/run/systemd/transient",
    "/run/systemd/generator",      "/run/systemd/generator.early", "/run/systemd/generator.late",
    "/etc/systemd/system.control", "/run/systemd/system.control",  "/usr/local/lib/systemd/system",
};

// A line of /proc/self/mountinfo, proc(5).
struct Mount {
    std::string device, root, point, type;
};

// "\040" is a space.
std::string unescape(const std::string &text) {
    const auto is_octal = [](char c) {
        return c >= '0' && c <= '7';
    };
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '\\' && i + 3 < text.size() &&
            std::all_of(&text[i + 1], &text[i + 4], is_octal)) {
            result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0'));
            i += 3;
        } else {
            result += text[i];
        }
    return result;
}

std::vector<Mount> read_mounts(const std::string &path) {
    std::vector<Mount> mounts;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string id, parent, word;
        Mount mount;
        words >> id >> parent >> mount.device >> mount.root >> mount.point;
        while (words >> word && word != "-") {
        }
        words >> mount.type;
        mount.root = unescape(mount.root);
        mount.point = unescape(mount.point);
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

// The mount on top of all those at `point`.
const Mount *mount_at(const std::vector<Mount> &mounts, const fs::path &point) {
    const auto found = std::find_if(mounts.rbegin(), mounts.rend(), [&](const Mount &mount) {
        return mount.point == point.native();
    });
    return found == mounts.rend() ? nullptr : &*found;
}

// Whether a file system of its own is mounted on `folder`. A sandbox mounts folders on themselves,
// to make them writable; an automount waits for somebody to look. Neither counts.
bool is_mounted(const std::vector<Mount> &mounts, const fs::path &folder) {
    const Mount *mount = mount_at(mounts, folder);
    if (mount == nullptr || mount->type == "autofs")
        return false;
    for (fs::path above = folder; above != above.root_path();) {
        above = above.parent_path();
        if (const Mount *around = mount_at(mounts, above)) {
            const fs::path itself = fs::path(around->root) / folder.lexically_relative(above);
            return mount->device != around->device || mount->root != itself.native();
        }
    }
    return true;
}

// "\x2d" for a '-'
std::string hexadecimal(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

bool has_unit(const std::string &root, const std::string &unit) {
    return std::ranges::any_of(kUnitFolders, [&](std::string_view folder) {
        std::error_code error;
        const fs::path path = fs::path(root + std::string(folder)) / unit;
        const fs::path target = fs::read_symlink(path, error);
        return error ? fs::exists(path, error)
                     : target != "/dev/null";  // a link to /dev/null masks the unit
    });
}

}  // namespace

std::string mount_unit(std::string_view folder) {
    while (folder.starts_with('/'))
        folder.remove_prefix(1);
    std::string name;
    for (const char c : folder) {
        const bool is_plain = is_alphanumeric_or(c, ":_") || (c == '.' && !name.empty());
        if (c == '/')
            name += '-';
        else if (is_plain)
            name += c;
        else
            name += hexadecimal(c);
    }
    return (name.empty() ? "-" : name) + ".mount";
}

Result<> check_mounted(const std::string &folder, const MountTables &tables) {
    // An automount mounts when somebody looks.
    const UniqueFd look(open((folder + "/.").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::error_code error;
    const fs::path place = fs::weakly_canonical(folder, error);
    if (error)
        return fail_errno(error.value(), folder);
    const std::vector<Mount> mounts = read_mounts(tables.mounted);
    for (fs::path point = place; point != point.root_path(); point = point.parent_path())
        if (const std::string unit = mount_unit(point.native());
            has_unit(tables.root, unit) && !is_mounted(mounts, point))
            return fail(
                ENOTCONN,
                concat(point.native(), " is a mount point of ", unit,
                       ", and nothing is mounted there: what is made now would be in the wrong "
                       "place. `systemctl start '",
                       unit, "'` mounts it."));
    return {};
}

}  // namespace qemunit
