// SPDX-License-Identifier: MIT
#include "ctl/run/cpio.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace qemunit::ctl {

namespace {

constexpr std::size_t kBlock = 512;

void fill(std::string &bytes, std::size_t unit) {
    bytes.resize((bytes.size() + unit - 1) / unit * unit, '\0');
}

}  // namespace

void Cpio::add(std::string_view path, std::string_view content, unsigned mode) {
    // Magic, inode, mode, uid, gid, links, time, size, device, device of a node, length of the name
    // with its NUL, no sum.
    bytes_ += fmt::format(
        "070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
        ++inode_, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, content.size(), 0, 0, 0, 0, path.size() + 1,
        0);
    bytes_ += path;
    bytes_ += '\0';
    fill(bytes_, 4);
    bytes_ += content;
    fill(bytes_, 4);
}

void Cpio::add_folder(std::string_view path) {
    add(path, "", S_IFDIR | 0755);
}

void Cpio::add_file(std::string_view path, std::string_view content, unsigned mode) {
    add(path, content, S_IFREG | mode);
}

std::string Cpio::end() {
    add("TRAILER!!!", "", 0);
    fill(bytes_, kBlock);
    return std::move(bytes_);
}

}  // namespace qemunit::ctl
