// SPDX-License-Identifier: MIT
//
// What the units of a VM say about the way to its SSH server: everybody may read these, so that
// `ssh` needs no rights on the VM. Pure but for facts_of().
#pragma once

#include <systemd/sd-bus.h>

#include <optional>
#include <string>
#include <vector>

#include "common/host_forward.h"
#include "common/result.h"

namespace qemunit::ctl {

struct NetworkCard {
    std::string name;
    std::string mac;          // in lower case
    std::string interface;    // of this machine: a tap, or the bridge; "" for other networks
    bool is_of_user = false;  // Type=user
    bool is_passt = false;
};

struct SshFacts {
    std::string uuid;  // of UUID= in the ini; "": none
    std::optional<unsigned> cid;
    bool has_agent = false;
    std::vector<NetworkCard> cards;
    std::vector<HostForward> forwards;
    std::string user;  // of User= in [CloudInit]
};

// From the words of ExecStart= of qemu@.service.
SshFacts facts_of_words(const std::vector<std::string> &exec_start);

// From those of qemu-usernet@.service and qemu-passt@.service.
std::vector<HostForward> usernet_forwards(const std::vector<std::string> &words);
std::vector<HostForward> passt_forwards(const std::vector<std::string> &words);

// From those of qemu-credential@.service.
std::string cloud_init_user(const std::vector<std::string> &words);

Result<SshFacts> facts_of(sd_bus *bus, const std::string &vm);

}  // namespace qemunit::ctl
