// SPDX-License-Identifier: MIT
#include "helper/start/drive_images.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/cdrom.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "common/drive_nodes.h"
#include "common/file_label.h"
#include "common/files/disk_image.h"
#include "helper/handover/descriptor_store.h"
#include "helper/start/advice.h"
#include "helper/start/image_chain.h"

namespace qemunit::helper {

namespace {

Result<UniqueFd> open_own(const HelperOptions &options, const DriveFile &file) {
    UniqueFd fd(open(file.path.c_str(),
                     (file.write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    const int code = errno;
    struct stat status {};
    if (fd && fstat(fd.get(), &status) == 0)
        return S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)
                   ? Result<UniqueFd>(std::move(fd))
                   : fail(EINVAL,
                          fmt::format("{}: neither a file nor a block device", key_of(file)));
    std::string advice;
    if (code == EROFS)
        advice = fmt::format(
            "It is on a file system that cannot be written: write ReadOnly=yes or "
            "Ephemeral=yes in [Drive {}].",
            file.drive);
    else if (code == ENOENT && std::ranges::find(options.made, file.path) != options.made.end())
        advice = missing_image_advice(file.path, options.vm, options.scope);
    else
        advice = permission_advice(file.path, file.write, options.scope);
    return std::unexpected(not_opened(file, code, advice));
}

// "" for a file, which the command line of the generator is for.
std::string driver_of_device(const UniqueFd &fd) {
    struct stat status {};
    if (fstat(fd.get(), &status) != 0 || !S_ISBLK(status.st_mode))
        return "";
    return ioctl(fd.get(), CDROM_DRIVE_STATUS, CDSL_CURRENT) >= 0 ? "host_cdrom" : "host_device";
}

std::string *drive_option(std::vector<std::string> &qemu, const std::string &drive) {
    // "if=sd" is the slot of a board.
    const std::string begin = fmt::format("if=none,id={},", drive),
                      in_slot = fmt::format("if=sd,id={},", drive);
    const auto found = std::ranges::adjacent_find(qemu, [&](const auto &option, const auto &value) {
        return option == "-drive" && (value.starts_with(begin) || value.starts_with(in_slot));
    });
    return found == qemu.end() ? nullptr : &*std::next(found);
}

// "backing.", "backing.backing.": where QEMU's options of a layer begin.
std::string place_of_layer(unsigned layer) {
    std::string place;
    for (unsigned i = 0; i < layer; ++i)
        place += "backing.";
    return place;
}

void add_device_driver(std::string &option, const OpenImage &image, const std::string &place) {
    if (const std::string driver = driver_of_device(image.fd); !driver.empty())
        option += fmt::format(",{}file.driver={}", place, driver);
}

}  // namespace

Result<OpenImages> open_images(const HelperOptions &options,
                               std::map<std::string, UniqueFd> stored) {
    OpenImages images;
    for (const DriveFile &file : options.files) {
        if (auto passed = stored.extract(stored_name(file))) {
            if (auto removed = remove_stored(stored_name(file)); !removed)
                return std::unexpected(removed.error());
            images.push_back({file, std::move(passed.mapped())});
            continue;
        }
        auto opened = open_own(options, file);
        if (!opened)
            return std::unexpected(opened.error());
        images.push_back({file, std::move(*opened)});
    }
    return images;
}

std::vector<std::string> size_notes(const HelperOptions &options, const OpenImages &images) {
    std::vector<std::string> notes;
    for (const auto &[size, format, path] : options.sized)
        for (const auto &[file, fd] : images)
            if (file.path == path && !file.is_backing())
                if (std::string note = other_size(fd.get(), path, format, size); !note.empty())
                    notes.push_back(std::move(note));
    return notes;
}

std::vector<std::string> fd_set_arguments(const OpenImages &images) {
    std::vector<std::string> words;
    for (const auto &[file, fd] : images) {
        std::string option = fmt::format("fd={},set={},opaque=", fd.get(), file.set);
        for (const char c : file.is_backing() ? layer_label(file.drive, file.path)
                                              : medium_label(file.drive, file.path))
            option.append(c == ',' ? 2 : 1, c);
        words.insert(words.end(), {"-add-fd", std::move(option)});
    }
    return words;
}

Result<> complete_drives(std::vector<std::string> &qemu, const OpenImages &images) {
    for (std::size_t first = 0, end = 0; first < images.size(); first = end) {
        for (end = first + 1; end < images.size() && images[end].file.is_backing(); ++end) {
        }
        const std::span chain(images.data() + first, end - first);
        const auto formats = formats_of_chain(chain);
        if (!formats)
            return std::unexpected(formats.error());
        const std::string &drive = chain.front().file.drive;
        std::string *option = drive_option(qemu, drive);
        if (option == nullptr)
            return fail(EINVAL, fmt::format("QEMU's command line has no drive '{}'", drive));
        add_device_driver(*option, chain.front(), "");
        for (unsigned layer = 1; layer < formats->size(); ++layer) {
            const std::string place = place_of_layer(layer);
            *option += fmt::format(
                ",{0}driver={1},{0}node-name={2},{0}file.filename={3},"
                "{0}file.node-name={4}",
                place, (*formats)[layer], image_node(drive, layer),
                fd_set_path(chain[layer].file.set), file_node(drive, layer));
            add_device_driver(*option, chain[layer], place);
        }
    }
    return {};
}

}  // namespace qemunit::helper
