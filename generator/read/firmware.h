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
    // Looks below `root`, at the first question only.
    explicit FirmwareCatalog(std::string root) : root_(std::move(root)) {}

    // The first that suits the machine: for Firmware::uefi one that needs no Secure Boot, for
    // uefi_secure one that has it and its keys. The error says what is missing.
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
