// SPDX-License-Identifier: MIT
//
// What QEMU calls the files of a drive: the fd set of each, and the block nodes over it. The
// generator writes these names into the command line, the helper what depends on the files.
#pragma once

#include <string>
#include <string_view>

namespace qemunit {

// "qemunit-image-root" and "qemunit-file-root"; of the layers below, counted from 1,
// "qemunit-image1-root" and "qemunit-file1-root".
std::string image_node(std::string_view drive, unsigned layer = 0);
std::string file_node(std::string_view drive, unsigned layer = 0);

// "/dev/fdset/1", which QEMU opens by the descriptors that it was given (util/osdep.c).
std::string fd_set_path(unsigned set);

}  // namespace qemunit
