// SPDX-License-Identifier: MIT
//
// The text that QEMU keeps beside an open file (add-fd, "opaque"). QEMU got the file
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

// Of a tap, with its interface of the host, which has no name for QEMU either.
inline constexpr std::string_view kTapLabels = "qemunit-tap:";
inline std::string tap_label(std::string_view network, std::string_view interface) {
    return concat(kTapLabels, network, ":", interface);
}

}  // namespace qemunit
