// SPDX-License-Identifier: MIT
//
// UEFI firmware of this machine, as its packages describe it to users of QEMU
// (QEMU's docs/interop/firmware.json; folders of JSON files, read in the order of their names).
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "generator/vm/machine.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

class FirmwareCatalog {
  public:
    // Reads the descriptors below `root` at the first find(), and keeps them.
    explicit FirmwareCatalog(std::string root) : root_(std::move(root)) {}

    // The first firmware that suits the machine: for Firmware::uefi one without Secure Boot, for
    // uefi_secure one with Secure Boot and keys. The error says what is missing.
    std::expected<UefiFirmware, std::string> find(const Vm &vm, Architecture host);

  private:
    struct Entry {
        UefiFirmware files;
        std::string architecture;           // QEMU's name
        std::vector<std::string> machines;  // patterns: "pc-q35-*"
        bool is_secure;
    };
    void read_folders();
    static std::vector<Entry> read(const std::string &path);  // one for each target

    std::string root_;
    std::optional<std::vector<Entry>> entries_;
};

}  // namespace qemunit::generator
