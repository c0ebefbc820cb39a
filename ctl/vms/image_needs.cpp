// SPDX-License-Identifier: MIT
#include "ctl/vms/image_needs.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "common/files/disk_image.h"
#include "common/files/named_file.h"
#include "ctl/vm/whole_file.h"
#include "ctl/vms/folder_tree.h"
#include "ctl/vms/ini_lines.h"
#include "ctl/vms/vm_places.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLayersMost = 32;

// As root, nothing that somebody with fewer rights has laid on the way.
UniqueFd open_layer(const std::string &path, bool is_of_user) {
    if (is_of_user)
        return open_image(path);
    auto opened = open_named_file(path, /*write=*/false, std::nullopt);
    return opened ? std::move(*opened) : UniqueFd();
}

}  // namespace

std::vector<std::string> layers_by_header(int image, std::string path, bool is_of_user) {
    std::vector<std::string> layers;
    UniqueFd held;
    while (layers.size() < kLayersMost) {
        const std::string below = backing_by_content(image).path;
        if (below.empty())
            break;
        path = fs::path(path).parent_path() / below;
        layers.push_back(path);
        held = open_layer(path, is_of_user);
        if (!held)
            break;
        image = held.get();
    }
    return layers;
}

ImageNeeds ImageNeeds::of_others(const Paths &paths, const std::string &folders,
                                 const std::string &vm) {
    ImageNeeds needs(paths.is_of_user());
    needs.add_inis(paths, folders, vm);
    if (paths.is_of_user())
        needs.add_inis(Paths(), "/var/lib/qemunit", "");
    needs.add_folders(folders, vm);
    return needs;
}

std::string ImageNeeds::reason(const struct stat &info) const {
    const auto found = needed_.find({info.st_dev, info.st_ino});
    return found == needed_.end() ? "" : found->second;
}

void ImageNeeds::add_inis(const Paths &paths, const std::string &folders, const std::string &vm) {
    for (const std::string &other : vm_names(paths)) {
        if (other == vm)
            continue;
        for (const std::string &file : ini_and_drop_ins(paths, other))
            for (const std::string &path : possible_paths(read_whole(file).value_or(""))) {
                const std::string whole = fs::path(folders) / other / path;
                add_path(whole, fmt::format("the VM '{}' names it", other));
                if (const UniqueFd image = open_layer(whole, is_of_user_))
                    add_layers(image.get(), whole, other);
            }
    }
}

// Also images that no ini names, or not as one file.
void ImageNeeds::add_folders(const std::string &folders, const std::string &vm) {
    const auto all = open_folder(folders);
    if (!all)
        return;
    for (const TreeEntry &entry : entries_of(all->get()).value_or(std::vector<TreeEntry>())) {
        const std::string path = folders + "/" + entry.name;
        const Result<UniqueFd> folder =
            entry.name == vm ? Result<UniqueFd>(fail(ENOENT, "")) : open_folder(path);
        if (!folder)
            continue;
        for (const TreeEntry &file : entries_of(folder->get()).value_or(std::vector<TreeEntry>()))
            if (S_ISREG(file.info.st_mode))
                if (const auto image = open_beneath(folder->get(), file.name, O_RDONLY))
                    add_layers(image->get(), path + "/" + file.name, entry.name);
    }
}

void ImageNeeds::add_path(const std::string &path, const std::string &reason) {
    struct stat info {};
    if (stat(path.c_str(), &info) == 0)
        needed_.try_emplace({info.st_dev, info.st_ino}, reason);
}

void ImageNeeds::add_layers(int image, std::string path, const std::string &vm) {
    for (const std::string &layer : layers_by_header(image, path, is_of_user_))
        add_path(layer, fmt::format("{} of the VM '{}' is a layer on it", path, vm));
}

}  // namespace qemunit::ctl
