// SPDX-License-Identifier: MIT
#include "generator/read/firmware.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "generator/vm/enumerations.h"

namespace qemunit::generator {

namespace {

using nlohmann::json;

// The first folder that has a file of a name wins.
constexpr std::string_view kFolders[] = {"/etc/qemu/firmware", "/usr/share/qemu/firmware"};
constexpr std::uintmax_t kDescriptionMax = 64 * 1024;

bool contains(const json &list, std::string_view word) {
    return std::ranges::any_of(list, [&](const json &item) { return item == word; });
}

// A machine's name without a version means the newest version, whose name begins in the same way.
std::string versioned(const std::string &machine) {
    if (machine == "q35")
        return "pc-q35-0";
    if (machine == "pc")
        return "pc-i440fx-0";
    return machine == "virt" ? "virt-0" : machine;
}

bool matches(const std::vector<std::string> &patterns, const std::string &machine) {
    return std::ranges::any_of(patterns, [&](const std::string &pattern) {
        return fnmatch(pattern.c_str(), versioned(machine).c_str(), 0) == 0 || pattern == machine;
    });
}

}  // namespace

std::vector<FirmwareCatalog::Entry> FirmwareCatalog::read(const std::string &path) {
    std::error_code error;
    if (std::filesystem::file_size(path, error) > kDescriptionMax || error)
        return {};
    std::ifstream file(path);
    const json root = json::parse(file, nullptr, false);
    try {
        const json &mapping = root.at("mapping"), &features = root.at("features");
        // We need firmware in two parts: code that stays, and variables that the guest changes.
        if (!contains(root.at("interface-types"), "uefi") || mapping.at("device") != "flash" ||
            mapping.value("mode", "split") != "split")
            return {};
        const json &code = mapping.at("executable"), &variables = mapping.at("nvram-template");
        const bool has_keys = contains(features, "enrolled-keys");
        // Secure Boot without keys refuses nothing, and on x86 needs SMM all the same. Debian 12
        // has no such code for aarch64, although it has a descriptor.
        if (!has_keys && contains(features, "secure-boot"))
            return {};
        std::vector<Entry> entries;
        for (const json &target : root.at("targets"))
            entries.push_back({{code.at("filename"), code.at("format"), variables.at("filename"),
                                variables.at("format")},
                               target.at("architecture"),
                               target.at("machines"),
                               has_keys && contains(features, "secure-boot")});
        return entries;
    } catch (const json::exception &) {
        return {};  // a descriptor of another form is of no use
    }
}

void FirmwareCatalog::read_folders() {
    std::map<std::string, std::string> by_name;
    for (std::string_view folder : kFolders) {
        std::error_code error;
        for (std::filesystem::directory_iterator it(root_ + std::string(folder), error), end;
             !error && it != end; it.increment(error))
            if (it->path().extension() == ".json")
                by_name.try_emplace(it->path().filename(), it->path());
    }
    entries_.emplace();
    for (const auto &[name, path] : by_name)
        std::ranges::move(read(path), std::back_inserter(*entries_));
}

std::expected<UefiFirmware, std::string> FirmwareCatalog::find(const Vm &vm, Architecture host) {
    if (!entries_)
        read_folders();
    const MachineTraits traits = machine_traits(vm, host);
    const std::string architecture(name_of(vm.architecture.value_or(host)));
    const bool wants_secure = vm.firmware == Firmware::uefi_secure;
    for (const Entry &entry : *entries_)
        if (entry.architecture == architecture && entry.is_secure == wants_secure &&
            matches(entry.machines, traits.machine))
            return entry.files;
    return std::unexpected(fmt::format(
        "this machine has no such firmware for the machine '{}' of {}; install the package that "
        "has it, on Debian {}.",
        traits.machine, architecture,
        architecture == "aarch64"   ? "qemu-efi-aarch64"
        : architecture == "arm"     ? "qemu-efi-arm"
        : architecture == "riscv64" ? "qemu-efi-riscv64"
                                    : "ovmf"));
}

}  // namespace qemunit::generator
