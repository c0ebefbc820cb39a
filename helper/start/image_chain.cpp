// SPDX-License-Identifier: MIT
#include "helper/start/image_chain.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/files/disk_image.h"

namespace qemunit::helper {

namespace {

bool is_same_file(int one, int other) {
    struct stat a {
    }, b{};
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

bool is_same_file(int one, const std::string &path) {
    struct stat a {
    }, b{};
    return fstat(one, &a) == 0 && stat(path.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

// As QEMU understands what an image names: a path from where the image is, or a URL.
std::string resolved(const std::string &named, const std::string &image) {
    std::string_view path = named;
    if (path.starts_with("file:"))
        path.remove_prefix(5);
    if (path == named && path.find(':') < path.find('/'))
        return named;
    return (std::filesystem::path(image).parent_path() / path).lexically_normal().string();
}

std::string layer_key(std::size_t below) {
    return below <= 1 ? "BackingFile" : "BackingLayer";
}

Result<> check_content(const OpenImage &image, std::string_view format) {
    const DriveFile &file = image.file;
    if (format == "qcow2" && has_external_data(image.fd.get()))
        return fail(EINVAL, fmt::format("{}: the image has its data in another file, which the ini "
                                        "cannot name; make one image of both with `qemu-img "
                                        "convert -O qcow2`",
                                        key_of(file)));
    if (!file.format_is_guessed)
        return {};
    const std::string fault = wrong_guess(image.fd.get(), file.path, format,
                                          file.is_backing() ? "BackingFormat" : "Format");
    return fault.empty() ? Result<>() : fail(EINVAL, fault);
}

// The format of a layer: what the ini says, or else what the image on it says.
Result<std::string> format_of_layer(const OpenImage &layer, const OpenImage &on_it,
                                    const std::string &said) {
    const DriveFile &file = layer.file;
    if (said.empty() || said == file.format)
        return file.format;
    if (!file.format_is_guessed)
        return fail(EINVAL,
                    fmt::format("{}: the image {} says that this is {}, but the ini that it is {}; "
                                "correct BackingFormat=, or the image with `qemu-img rebase -u`",
                                key_of(file), on_it.file.path, said, file.format));
    return said;
}

}  // namespace

Result<std::vector<std::string>> formats_of_chain(std::span<const OpenImage> images) {
    std::vector<std::string> formats{images.front().file.format};
    for (std::size_t i = 0;; ++i) {
        const OpenImage &image = images[i];
        if (auto checked = check_content(image, formats.back()); !checked)
            return std::unexpected(checked.error());
        for (std::size_t above = 0; above < i; ++above)
            if (is_same_file(images[above].fd.get(), image.fd.get()))
                return fail(ELOOP, fmt::format("{}: the image is a layer on itself, {}",
                                               key_of(image.file), images[above].file.path));
        const BackingFile backing =
            formats.back() == "qcow2" ? backing_by_content(image.fd.get()) : BackingFile{};
        if (backing.path.empty())
            return formats;
        const std::string path = resolved(backing.path, image.file.path);
        if (i + 1 == images.size())
            return fail(EINVAL,
                        fmt::format("{}: the image {} is a layer on {}, which the ini does not "
                                    "name: name that with {}={}",
                                    key_of(images.front().file), image.file.path, path,
                                    layer_key(i + 1), path));
        const OpenImage &below = images[i + 1];
        if (path != std::filesystem::path(below.file.path).lexically_normal().string() &&
            !is_same_file(below.fd.get(), path))
            return fail(EINVAL,
                        fmt::format("{}: the image {} is a layer on {}, not on this: correct {}=, "
                                    "or the image with `qemu-img rebase -u`",
                                    key_of(below.file), image.file.path, path, layer_key(i + 1)));
        auto format = format_of_layer(below, image, backing.format);
        if (!format)
            return std::unexpected(format.error());
        formats.push_back(std::move(*format));
    }
}

}  // namespace qemunit::helper
