// SPDX-License-Identifier: MIT
//
// A VM that is to be made, as a value, and its ini file as text. For `qemunitctl new`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ctl/new/image.h"

namespace qemunit::ctl {

struct NewVm {
    enum class Disk {
        layer,    // on the image
        copy,     // of the image
        install,  // blank, with the image as the CD to install from
    };

    std::string name;
    std::string made_from;     // as the caller named it: "debian-12", a path
    std::string uuid;          // by which its host keys are told from those of an earlier VM
    std::string architecture;  // "": the host's
    std::string firmware;      // "": what the machine has without one
    std::string memory, cpus;
    Disk disk = Disk::layer;
    Image image;
    uint64_t size = 0;      // of the disk; 0: that of the image
    std::string bridge;     // "": a user network, with
    unsigned ssh_port = 0;  // of loopback that leads to the guest's port 22
    std::string login;
    std::vector<std::string> keys;  // for ssh, a line each
};

// "root.qcow2", in the VM's state directory.
std::string disk_file(const NewVm &vm);
std::string ini_text(const NewVm &vm);
// A new one, RFC 9562, version 4.
std::string random_uuid();
// A name of a host made from that of a VM: RFC 952 knows letters, digits and '-'.
std::string host_name(const std::string &vm);

}  // namespace qemunit::ctl
