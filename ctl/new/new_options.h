// SPDX-License-Identifier: MIT
//
// The options of `new` and `images`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kNewOptions[] = {
    {.name = "--install",
     .value = "ISO",
     .value_is_optional = true,
     .help = "A blank disk, and the image as the CD to install from"},
    {.name = "--full-copy", .help = "A copy of the image, not a layer on it"},
    {.name = "--size", .value = "SIZE", .wanted = "a size", .help = "Of the disk: 20G"},
    {.name = "--memory", .value = "SIZE", .wanted = "a size", .help = "2G"},
    {.name = "--cpus", .value = "NUMBER", .wanted = "a number", .help = "How many the guest has"},
    {.name = "--firmware",
     .value = "NAME",
     .wanted = "the name of a firmware",
     .help = "bios, uefi or uefi-secure"},
    {.name = "--bridge",
     .value = "BRIDGE",
     .wanted = "the name of a bridge",
     .help = "A card on this bridge of the host, not a user network"},
    {.name = "--login",
     .value = "NAME",
     .wanted = "the name of a user",
     .help = "The user of the guest that is made at its first boot"},
    {.name = "--ssh-key",
     .value = "FILE",
     .wanted = "a file",
     .help = "The public keys that let in, not those of ~/.ssh/*.pub"},
    {.name = "--sha256",
     .value = "DIGITS",
     .wanted = "a digest",
     .help = "Of the file that a URL leads to"},
    {.name = "--architecture",
     .value = "NAME",
     .wanted = "the name of an architecture",
     .help = "Of image and machine: x86_64, aarch64"},
    {.name = "--start", .help = "Start the VM"},
    {.name = "--dry-run", .help = "Make nothing, print the ini file"},
};

inline constexpr OptionText kImagesOptions[] = {
    {.name = "--json", .help = "For programs"},
    {.name = "--fetch",
     .value = "IMAGE",
     .wanted = "the name of an image",
     .help = "Download what the catalogue means by it today"},
    {.name = "--architecture",
     .value = "NAME",
     .wanted = "the name of an architecture",
     .help = "Of the image for --fetch="},
};

}  // namespace qemunit::ctl
