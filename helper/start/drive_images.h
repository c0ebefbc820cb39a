// SPDX-License-Identifier: MIT
//
// The files of a VM's drives, open: those that qemunit-open has opened, and those that this
// process, with the rights of QEMU's user, opens itself. For qemunit-helper, which hands them to
// QEMU as fd sets. Changes nothing in them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "helper/handover/options.h"

namespace qemunit::helper {

struct OpenImage {
    DriveFile file;
    UniqueFd fd;
};
// In the order of the options: each image before what it is a layer on.
using OpenImages = std::vector<OpenImage>;

// `stored`: by stored_name(). systemd keeps none of them afterwards, so that an image's lock is
// QEMU's alone.
Result<OpenImages> open_images(const HelperOptions &options,
                               std::map<std::string, UniqueFd> stored);

// Notes about what people may not expect: an image of another size than Size=.
std::vector<std::string> size_notes(const HelperOptions &options, const OpenImages &images);

// QEMU's words for the sets.
std::vector<std::string> fd_set_arguments(const OpenImages &images);

// Adds to QEMU's words what the generator cannot know: that an image is a block device, and which
// layers there are below an image.
Result<> complete_drives(std::vector<std::string> &qemu, const OpenImages &images);

}  // namespace qemunit::helper
