// SPDX-License-Identifier: MIT
//
// The text that QEMU keeps beside an open file of a drive (add-fd, "opaque"). QEMU got the file
// without a name; that text holds the name, so that everybody who asks QEMU sees it.
#pragma once

#include <string>
#include <string_view>

#include "common/concat.h"

namespace qemunit {

// A drive's name has no colon (id_wellformed() in util/id.c of QEMU).
inline std::string medium_label(std::string_view drive, std::string_view name) {
    return concat("qemunit-medium:", drive, ":", name);
}

// Of a file that the image is a layer on.
inline std::string layer_label(std::string_view drive, std::string_view name) {
    return concat("qemunit-layer:", drive, ":", name);
}

}  // namespace qemunit
