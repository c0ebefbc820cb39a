// SPDX-License-Identifier: MIT
//
// The options of `import`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kImportOptions[] = {
    {.name = "--libvirt", .value = "FILE", .wanted = "a file", .help = "From the XML of a domain"},
    {.name = "--quickemu", .value = "FILE", .wanted = "a file", .help = "From a quickemu .conf"},
    {.name = "--proxmox", .value = "FILE", .wanted = "a file", .help = "From a Proxmox VE .conf"},
    {.name = "--pid", .value = "PID", .wanted = "a PID", .help = "From a QEMU that runs"},
    {.name = "--line",
     .value = "NUMBER",
     .wanted = "a number",
     .help = "Of the script, where the command begins"},
    {.letter = 'o',
     .name = "--output",
     .value = "FILE",
     .wanted = "a file",
     .help = "Write the ini file there, never over another"},
    {.name = "--with-state", .help = "Copy UEFI variables and the state of a TPM as well"},
};

}  // namespace qemunit::ctl
