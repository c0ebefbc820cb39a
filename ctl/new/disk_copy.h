// SPDX-License-Identifier: MIT
//
// A copy of an image that is a VM's own, byte by byte: nobody takes the image apart as root. For
// `qemunitctl new --full-copy` and `clone`. Until it is published, the copy has no name.
#pragma once

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "common/files/new_file.h"
#include "common/result.h"
#include "ctl/new/image.h"

namespace qemunit::ctl {

// Into `folder`, as `name`. Shares the blocks with the image where the file system can; holes stay
// holes. Asks first whether there is room. `size`: what the guest shall see; 0: the image's.
Result<NewFile> copy_disk(const Image &image, uint64_t size, int folder, const std::string &name);

// All of it, into an empty file: blocks shared where they can be, holes left out. `stops`: a flag
// that a signal sets; the error's code is EINTR then.
Result<> copy_bytes(int from, int to, const volatile std::sig_atomic_t *stops = nullptr);

// `qemu-img WORDS`, as a user without rights who has the image, /proc/self/fd/N, meanwhile.
// qemu-img says itself what is wrong.
Result<> change_image(int image, std::vector<std::string> words);

}  // namespace qemunit::ctl
