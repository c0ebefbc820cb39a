// SPDX-License-Identifier: MIT
#include "common/files/disk_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/concat.h"

namespace qemunit {

namespace {

using namespace std::literals;

std::string read_at(int image, off_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t filled = 0;
    while (filled < size) {
        const ssize_t n =
            pread(image, bytes.data() + filled, size - filled, offset + static_cast<off_t>(filled));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        filled += static_cast<std::size_t>(n);
    }
    bytes.resize(filled);
    return bytes;
}

uint64_t big_endian(std::string_view bytes) {
    uint64_t value = 0;
    for (const char byte : bytes)
        value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

// Of qcow2 (QEMU's docs/interop/qcow2.txt).
constexpr std::size_t kOldHeader = 72;     // of version 2, which has no length in it
constexpr std::size_t kHeadersMax = 4096;  // with what stands behind it
constexpr uint64_t kBackingFormatExtension = 0xe2792aca;

// The path as a word for a shell.
std::string quoted(std::string_view path) {
    std::string text = "'";
    for (const char c : path)
        text += c == '\'' ? "'\\''" : std::string(1, c);
    return text + "'";
}

}  // namespace

UniqueFd open_image(const std::string &path) {
    UniqueFd file(open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat info {};
    if (!file || fstat(file.get(), &info) != 0 || !(S_ISREG(info.st_mode) || S_ISBLK(info.st_mode)))
        return {};
    constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    UniqueFd image(open(concat("/proc/self/fd/", std::to_string(file.get())).c_str(), kFlags));
    // The sandbox of a VM has no /proc.
    if (!image && errno == ENOENT)
        image = UniqueFd(open(path.c_str(), kFlags));
    return image;
}

std::string format_by_content(int image) {
    const std::string begin = read_at(image, 0, 512);
    const std::string_view text(begin);
    if (text.starts_with("QFI\xfb"sv) && text.size() >= 8)
        return big_endian(text.substr(4, 4)) == 1 ? "qcow" : "qcow2";
    constexpr std::pair<std::string_view, std::string_view> kMarks[] = {
        {"QED\0"sv, "qed"},
        {"KDMV"sv, "vmdk"},
        {"COWD"sv, "vmdk"},
        {"# Disk DescriptorFile"sv, "vmdk"},
        {"vhdxfile"sv, "vhdx"},
        {"conectix"sv, "vpc"},
        {"WithoutFreeSpace"sv, "parallels"},
        {"WithouFreSpacExt"sv, "parallels"},
    };
    for (const auto &[mark, format] : kMarks)
        if (text.starts_with(mark))
            return std::string(format);
    if (text.size() >= 68 && text.substr(64, 4) == "\x7f\x10\xda\xbe"sv)
        return "vdi";
    return "";
}

std::optional<uint64_t> size_by_content(int image, std::string_view format) {
    if (format == "raw") {
        struct stat info {};
        if (fstat(image, &info) == 0 && S_ISREG(info.st_mode))
            return static_cast<uint64_t>(info.st_size);
    }
    if (format == "qcow2" && format_by_content(image) == format)
        if (const std::string size = read_at(image, 24, 8); size.size() == 8)
            return big_endian(size);
    return std::nullopt;
}

BackingFile backing_by_content(int image) {
    if (format_by_content(image) != "qcow2")
        return {};
    const std::string bytes = read_at(image, 0, kHeadersMax);
    const std::string_view header(bytes);
    if (header.size() < kOldHeader)
        return {};
    const uint64_t version = big_endian(header.substr(4, 4));
    const uint64_t name_at = big_endian(header.substr(8, 8));
    const uint64_t name_size = big_endian(header.substr(16, 4));
    if (name_at == 0 || name_at > header.size() || name_size > header.size() - name_at)
        return {};
    BackingFile backing{std::string(header.substr(name_at, name_size)), ""};
    std::size_t at = version == 2           ? kOldHeader
                     : header.size() >= 104 ? big_endian(header.substr(100, 4))
                                            : header.size();
    while (at + 8 <= header.size()) {
        const uint64_t type = big_endian(header.substr(at, 4));
        const uint64_t size = big_endian(header.substr(at + 4, 4));
        at += 8;
        if (type == 0 || size > header.size() - at)
            break;
        if (type == kBackingFormatExtension)
            backing.format = header.substr(at, size);
        at += (size + 7) / 8 * 8;
    }
    return backing;
}

bool has_external_data(int image) {
    constexpr uint64_t kExternalDataFile = 1u << 2;  // of the incompatible features
    const std::string header = read_at(image, 0, 80);
    return header.size() == 80 && format_by_content(image) == "qcow2" &&
           big_endian(std::string_view(header).substr(4, 4)) >= 3 &&
           (big_endian(std::string_view(header).substr(72, 8)) & kExternalDataFile) != 0;
}

std::string wrong_guess(const std::string &path, std::string_view guessed, std::string_view key) {
    const UniqueFd image = open_image(path);
    return image ? wrong_guess(image.get(), path, guessed, key) : "";
}

std::string wrong_guess(int image, std::string_view path, std::string_view guessed,
                        std::string_view key) {
    const std::string found = format_by_content(image);
    if (found.empty() || found == guessed)
        return "";
    return concat(
        path, " is ", found, " by its content, but ", guessed, " by its name, which counts: write ",
        key, "=", found, ", or ", key, "=", guessed,
        " if that is right all the same (whoever can write to a raw disk can make it look "
        "like that).");
}

std::string other_size(const std::string &path, std::string_view format, uint64_t size) {
    const UniqueFd image = open_image(path);
    return image ? other_size(image.get(), path, format, size) : "";
}

std::string other_size(int image, std::string_view path, std::string_view format, uint64_t size) {
    const auto found = size_by_content(image, format);
    if (!found || *found == size)
        return "";
    const std::string begin =
        concat(path, " has ", disk_size_text(*found), ", while Size=", disk_size_text(size),
               " is for an image that is made. ");
    if (*found > size)
        return concat(begin, "It stays as it is.");
    return concat(begin,
                  "To grow it: systemctl reload, while the VM runs; or, while it is off: qemu-img "
                  "resize -f ",
                  format, " ", quoted(path), " ", std::to_string(size));
}

std::string wrong_backing(const std::string &layer) {
    const UniqueFd image = open_image(layer);
    const BackingFile backing = image ? backing_by_content(image.get()) : BackingFile();
    if (backing.format.empty() || !backing.path.starts_with('/'))
        return "";
    const UniqueFd file = open_image(backing.path);
    const std::string found = file ? format_by_content(file.get()) : "";
    if (found.empty() || found == backing.format)
        return "";
    return concat(layer, " was made on top of ", backing.path, " as ", backing.format,
                  ", which is ", found,
                  " by its content. If that is a mistake, write BackingFormat=", found,
                  " and remove the layer, which is then made anew.");
}

std::string disk_size_text(uint64_t bytes) {
    constexpr std::pair<uint64_t, char> kUnits[] = {
        {uint64_t{1} << 40, 'T'}, {uint64_t{1} << 30, 'G'}, {1 << 20, 'M'}, {1 << 10, 'K'}};
    for (const auto &[unit, name] : kUnits)
        if (bytes >= unit && bytes % unit == 0)
            return concat(std::to_string(bytes / unit), std::string_view(&name, 1));
    return std::to_string(bytes);
}

}  // namespace qemunit
