// SPDX-License-Identifier: MIT
//
// Which VM has which device of the host, and what drove it before: a file each in /run, written
// before the device is touched, so that who comes after a kill knows what to give back, and there
// until it has been given back. In a folder of root's alone. Whoever changes one has the lock of
// the device's IOMMU group or port.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace qemunit::helper {

struct Claim {
    std::string key;  // "pci-0000:03:00.0", "usb-1-2.3": the file's name
    std::string vm, device;
    std::string driver;           // "": none; of USB, the node that it had, "189:5"
    std::string driver_override;  // "": none; of USB, the inode of its folder in /sys

    bool is_of(std::string_view of_vm, std::string_view of_device) const {
        return vm == of_vm && device == of_device;
    }
};

std::string pci_key(std::string_view address);
std::string usb_key(std::string_view port);
// The address again; "" if the key is one of the other kind.
std::string pci_address_of(std::string_view key);
std::string usb_port_of(std::string_view key);

std::string claim_text(const Claim &claim);
std::optional<Claim> parse_claim(std::string_view key, std::string_view text);

class Claims {
  public:
    // `root` is a prefix of all paths, "" for this system.
    explicit Claims(std::string_view root);

    std::optional<Claim> find(std::string_view key) const;
    // Whether the unit that has taken the device is up. If it is not, the claim only tells what is
    // still to be given back.
    bool counts(const Claim &claim) const { return is_up(claim.vm, claim.device); }
    bool is_up(std::string_view vm, std::string_view device) const;
    // All of a [HostDevice …], which are more than one only if it was edited and a VM was killed.
    std::vector<Claim> of(std::string_view vm, std::string_view device) const;
    Result<> keep(const Claim &claim) const;
    void forget(const Claim &claim) const;

  private:
    std::string root_, folder_;
};

}  // namespace qemunit::helper
