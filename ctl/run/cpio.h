// SPDX-License-Identifier: MIT
//
// An archive for the kernel to unpack as its first root: cpio in the format newc
// (Documentation/driver-api/early-userspace/buffer-format.rst of Linux). Pure. Several in a row are
// one.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::ctl {

class Cpio {
  public:
    // `path`: without a slash in front. Folders have to come before what is in them.
    void add_folder(std::string_view path);
    void add_file(std::string_view path, std::string_view content, unsigned mode);
    // The archive, ended and filled up to whole blocks.
    std::string end();

  private:
    void add(std::string_view path, std::string_view content, unsigned mode);

    std::string bytes_;
    unsigned inode_ = 0;
};

}  // namespace qemunit::ctl
