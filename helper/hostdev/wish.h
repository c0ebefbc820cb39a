// SPDX-License-Identifier: MIT
//
// Which VMs have which USB device when it is plugged in, for the first time (Optional=yes) or
// again: a file each, in a folder of root's alone, from before the VM's start until after its end.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/host_device/address.h"
#include "common/result.h"

namespace qemunit::helper {

struct Wish {
    std::string vm, device;
    UsbAddress address;
    bool force = false;
};

std::string wish_text(const Wish &wish);
// `name`: "vm1:stick"
std::optional<Wish> parse_wish(std::string_view name, std::string_view text);

class Wishes {
  public:
    // `root` is a prefix of all paths, "" for this system.
    explicit Wishes(std::string_view root);

    std::vector<Wish> all() const;
    bool has(std::string_view vm, std::string_view device) const;
    Result<> keep(const Wish &wish) const;
    // The folder, too, if nothing is left: udev starts qemunit-plugged@.service only where it is.
    void forget(std::string_view vm, std::string_view device) const;

  private:
    std::string folder_;
};

}  // namespace qemunit::helper
