// SPDX-License-Identifier: MIT
//
// What this host knows of a VM that moves, of the QEMU that runs it, and of itself: for both sides.
#pragma once

#include <systemd/sd-bus.h>

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/migrate/copy_target.h"
#include "ctl/migrate/image_proof.h"
#include "ctl/migrate/offer.h"

namespace qemunit::ctl {

// Of a VM that runs here, as it was started. `to`: its name there. The proofs have to be there
// until the other host has answered.
Result<MoveOffer> offer_of(sd_bus *bus, const std::string &vm, const std::string &to,
                           ImageProofs &proofs);

// What its disks are for the guest.
Result<> learn_lengths(sd_bus *bus, const std::string &vm, MoveOffer &offer);

// Of a VM that would be started here. Asks its QEMU for its version and machines, as a process
// without rights.
struct Receiver {
    MoveFacts facts;
    HostRoom room;
    std::vector<CopiedImage> copies;  // which image each copied drive goes into
};
// `unfinished`: what an earlier copy has left here, if that still counts.
Result<Receiver> receiver_of(sd_bus *bus, const std::string &vm, const MoveOffer &offer,
                             const std::optional<UnfinishedCopy> &unfinished);

// Of an offer that copies storage: images that are not here yet, by their drives.
Result<std::vector<DriveOfSet>> missing_images(sd_bus *bus, const std::string &vm,
                                               const MoveOffer &offer);

// As others know this host; a word in any case.
std::string name_of_this_host();

}  // namespace qemunit::ctl
