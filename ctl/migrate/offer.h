// SPDX-License-Identifier: MIT
//
// What `qemunitctl migrate` tells `qemunitctl receive` of a VM that is to move, and how that one
// decides whether it could run here. Pure: what each host knows of itself comes from host_facts.
// What comes from the other host is not believed more than it has to be.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/files/move_record.h"
#include "common/result.h"

namespace qemunit::ctl {

// Of a drive: the image, and what that is a layer on. `proof` is of ImageProofs; of the host that
// is to take the VM over, the other one's if it was seen in its own file.
struct MovedFile {
    std::string path;
    uint64_t proof = 0;
};

// As both hosts see it.
struct MovedDrive {
    std::string name, format;
    bool is_writable = false;
    uint64_t size = 0;              // bytes of the image's file
    uint64_t length = 0;            // as the guest sees it; of a drive that is to be copied
    std::vector<MovedFile> files;   // the image first
    std::string copy_refusal = {};  // of the host that is to get the copy: why it cannot
};

// A host's view of the VM, of its QEMU and of itself.
struct MoveFacts {
    std::string qemu_version;  // "7.2.22"
    std::string cpu;           // of -cpu
    std::string host_cpu;      // the processor's name and flags
    std::vector<MovedDrive> drives;
    std::vector<std::string> immovable;  // parts of the VM that cannot move, as people call them
};

struct MoveOffer {
    Move move;  // `host` is the one that offers; `vm`, the name there
    std::string machine, accelerator;
    uint64_t memory = 0;  // bytes
    MoveFacts facts;
    bool has_shared_storage = false;  // a person says that it is the same, where nothing shows it
    bool copies_storage = false;      // what the guest writes to comes along, into other images
};

// Of the host that is to take the VM over, besides its MoveFacts.
struct HostRoom {
    std::vector<std::string> machines;  // that its QEMU knows
    uint64_t memory = 0;                // bytes that are free
};

nlohmann::json offer_json(const MoveOffer &offer);
// Not of a message that is cut, or of another version.
Result<MoveOffer> parse_offer(std::string_view text);

// Why the VM cannot come here, with what to do; "" if it can.
std::string refusal_of(const MoveOffer &offer, const MoveFacts &here, const HostRoom &room);
// Why the VM cannot leave, whoever is to take it over.
std::string refusal_to_leave(const MoveFacts &facts);

// Of an offer that copies storage: this drive comes along.
inline bool is_copied(const MoveOffer &offer, const MovedDrive &drive) {
    return offer.copies_storage && drive.is_writable;
}

// Why --copy-storage cannot be, whoever is to get the disks.
std::string refusal_to_copy(const MoveOffer &offer);

// Whether version `one` is older than `other`.
bool is_older(std::string_view one, std::string_view other);

// What of ExecStart= cannot move; and its drives, whose files are still to be looked at.
std::vector<std::string> immovable_parts(const std::vector<std::string> &exec_start);
struct DriveOfSet {
    std::string set;  // "/dev/fdset/1"
    MovedDrive drive;
};
std::vector<DriveOfSet> drives_of(const std::vector<std::string> &exec_start);

}  // namespace qemunit::ctl
