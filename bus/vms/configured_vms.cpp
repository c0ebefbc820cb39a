// SPDX-License-Identifier: MIT
#include "bus/vms/configured_vms.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "common/paths.h"
#include "common/shared_names.h"
#include "common/vm_name.h"

namespace qemunit::bus {

namespace {

// "qemu@vm1.service.d" -> "vm1"
std::optional<std::string> vm_of_drop_in_dir(std::string_view dir) {
    if (!dir.ends_with(".d"))
        return std::nullopt;
    dir.remove_suffix(2);
    return vm_of_service_unit(dir);
}

// In SourcePath= the only escape is "%%" (config_parse_unit_path_printf() in systemd).
std::string unescape_specifiers(std::string_view value) {
    std::string path;
    for (std::size_t i = 0; i < value.size(); ++i) {
        path += value[i];
        if (value.substr(i).starts_with("%%"))
            ++i;
    }
    return path;
}

std::string source_path_in(std::ifstream &drop_in) {
    constexpr std::string_view kKey = "SourcePath=";
    for (std::string line; std::getline(drop_in, line);)
        if (line.starts_with(kKey))
            return unescape_specifiers(std::string_view(line).substr(kKey.size()));
    return {};
}

// The file that the generator leaves of a VM whose ini has errors: the ini's path, then an error
// a line (generator/broken.h).
ConfiguredVm broken_vm(std::ifstream &file) {
    ConfiguredVm vm;
    std::getline(file, vm.source_path);
    for (std::string line; std::getline(file, line);)
        vm.errors.push_back(line);
    return vm;
}

}  // namespace

ConfiguredVms configured_vms(std::string_view generator_output) {
    namespace fs = std::filesystem;
    ConfiguredVms vms;
    std::error_code error;
    for (fs::directory_iterator entry(generator_output, error), end; !error && entry != end;
         entry.increment(error)) {
        auto name = vm_of_drop_in_dir(entry->path().filename().native());
        if (!name)
            continue;
        std::ifstream drop_in(entry->path() / kDropInName);
        if (drop_in)
            vms.emplace(std::move(*name), ConfiguredVm{source_path_in(drop_in), {}});
    }
    for (fs::directory_iterator entry(fs::path(generator_output) / kBrokenVmsFolder, error), end;
         !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename();
        std::ifstream file(entry->path());
        if (file && is_vm_name(name))
            vms.insert_or_assign(name, broken_vm(file));
    }
    return vms;
}

GeneratorRun generator_run(const std::string &generator_output) {
    struct stat output {};
    if (stat(generator_output.c_str(), &output) < 0)
        return {};
    return {output.st_ino, output.st_ctim.tv_sec, output.st_ctim.tv_nsec};
}

std::string configured_keyboard(std::string_view generator_output, const std::string &vm) {
    // One option of QEMU a line, with its value (generator/qemu/command_line.cpp).
    constexpr std::string_view kOption = "    -k ";
    constexpr std::string_view kContinued = " \\";
    const std::string dir = service_unit(vm) + ".d";
    std::ifstream drop_in(std::filesystem::path(generator_output) / dir / kDropInName);
    for (std::string line; std::getline(drop_in, line);) {
        std::string_view rest = line;
        if (!rest.starts_with(kOption))
            continue;
        rest.remove_prefix(kOption.size());
        if (rest.ends_with(kContinued))
            rest.remove_suffix(kContinued.size());
        return std::string(rest);
    }
    return {};
}

}  // namespace qemunit::bus
