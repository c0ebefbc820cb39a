// SPDX-License-Identifier: MIT
//
// Values that say what the guest's machine is made of, beside values.cpp. Pure.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/ascii.h"
#include "common/whole_number.h"
#include "generator/vm/text.h"
#include "generator/vm/values.h"

namespace qemunit::generator {

namespace {

bool is_property_name(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric_or(c, "_.-"); });
}

// "16x9" -> 16, 9
std::optional<std::pair<unsigned, unsigned>> pair_of_numbers(std::string_view text,
                                                             char separator) {
    const std::size_t at = text.find(separator);
    if (at == text.npos)
        return std::nullopt;
    const auto first = whole_number<unsigned>(text.substr(0, at)),
               second = whole_number<unsigned>(text.substr(at + 1));
    if (!first || !second)
        return std::nullopt;
    return std::pair(*first, *second);
}

}  // namespace

Parsed<MachineOption> parse_value(As<MachineOption>, std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos || equals + 1 == text.size() ||
        !is_property_name(text.substr(0, equals)))
        return std::unexpected("not an option of a machine; write it as in hpet=off.");
    const std::string_view name = text.substr(0, equals);
    for (const auto &[own, key] :
         {std::pair("type", "Machine="), std::pair("accel", "Accelerator="),
          std::pair("memory-backend", "the section [Memory]")})
        if (name == own)
            return std::unexpected(fmt::format("{} says that.", key));
    return MachineOption{std::string(name), std::string(text.substr(equals + 1))};
}

// The driver may have dots, as cfi.pflash01; the property has none.
Parsed<DeviceProperty> parse_value(As<DeviceProperty>, std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const std::size_t dot = name.rfind('.');
    if (equals == text.npos || equals + 1 == text.size() || dot == name.npos ||
        !is_property_name(name.substr(0, dot)) || !is_property_name(name.substr(dot + 1)))
        return std::unexpected("not a property of a device; write it as in ICH9-LPC.disable_s3=1.");
    return DeviceProperty{std::string(name.substr(0, dot)), std::string(name.substr(dot + 1)),
                          std::string(text.substr(equals + 1))};
}

Parsed<SmbiosTable> parse_value(As<SmbiosTable>, std::string_view text) {
    constexpr std::string_view kType = "type=";
    const std::string_view number =
        text.substr(0, text.find(',')).substr(std::min(text.size(), kType.size()));
    if (!text.starts_with(kType) || !whole_number(number))
        return std::unexpected(
            "not a table of SMBIOS; write it as in type=1,manufacturer=Example.");
    for (const std::string_view file : {",path=", ",file="})
        if (text.find(file) != text.npos)
            return std::unexpected(
                "QEMU cannot read a file here; [Credential NAME] hands files to the guest.");
    return SmbiosTable{std::string(text)};
}

Parsed<FirmwareFile> parse_value(As<FirmwareFile>, std::string_view text) {
    constexpr std::size_t kNameMax = 55;  // FW_CFG_MAX_FILE_PATH of QEMU, without its NUL
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const auto is_char = [](char c) {
        return is_alphanumeric_or(c, "_.-/");
    };
    if (colon == text.npos || name.empty() || name.size() > kNameMax ||
        !std::ranges::all_of(name, is_char))
        return std::unexpected(
            "not a name and a file; write it as in opt/com.coreos/config:/srv/vm1.ign.");
    if (!name.starts_with("opt/"))
        return std::unexpected("the name must begin with opt/: the others are QEMU's own.");
    auto file = parse_value(As<FilePath>{}, text.substr(colon + 1));
    if (!file)
        return std::unexpected(file.error());
    if (file->text.empty())
        return std::unexpected("which file is it?");
    return FirmwareFile{std::string(name), std::move(*file)};
}

Parsed<HugePages> parse_value(As<HugePages>, std::string_view text) {
    if (const auto are_used = parse_value(As<bool>{}, text))
        return HugePages{*are_used, 0};
    const auto size = parse_value(As<MemorySize>{}, text);
    if (!size || (size->bytes & (size->bytes - 1)) != 0)
        return std::unexpected(
            "not the size of a page; write yes, or 2M, or another size that the host has.");
    return HugePages{true, size->bytes};
}

Parsed<Resolution> parse_value(As<Resolution>, std::string_view text) {
    constexpr unsigned kMost = 16384;
    const auto size = pair_of_numbers(text, 'x');
    if (!size || size->first == 0 || size->second == 0 || size->first > kMost ||
        size->second > kMost)
        return std::unexpected("not a size of a screen; write it as in 1280x800.");
    return Resolution{size->first, size->second};
}

Parsed<ScreenCount> parse_value(As<ScreenCount>, std::string_view text) {
    constexpr unsigned kMost = 16;  // VIRTIO_GPU_MAX_SCANOUTS of QEMU
    const auto number = whole_number<unsigned>(text);
    if (!number || *number == 0 || *number > kMost)
        return std::unexpected(fmt::format("not a number from 1 to {}.", kMost));
    return ScreenCount{*number};
}

Parsed<PortCount> parse_value(As<PortCount>, std::string_view text) {
    constexpr unsigned kMost = 16;
    const auto number = whole_number<unsigned>(text);
    if (!number || *number > kMost)
        return std::unexpected(fmt::format("not a number from 0 to {}.", kMost));
    return PortCount{*number};
}

Parsed<PciAddress> parse_value(As<PciAddress>, std::string_view text) {
    auto address = parse_pci_address(text);
    if (!address)
        return std::unexpected(
            "not the address of a PCI device; `lspci -D` prints them, as 0000:03:00.0.");
    return PciAddress{std::move(*address)};
}

Parsed<UsbAddress> parse_value(As<UsbAddress>, std::string_view text) {
    auto address = parse_usb_address(text);
    if (!address)
        return std::unexpected(
            "not a USB device; write vendor and product as `lsusb` prints them, 046d:c52b, or bus "
            "and "
            "port, as 1-2.3.");
    return std::move(*address);
}

Parsed<QueueCount> parse_value(As<QueueCount>, std::string_view text) {
    const auto number = whole_number<unsigned>(text);
    if (!number || *number == 0 || *number > kCpusMax)
        return std::unexpected(fmt::format("not a number of queues from 1 to {}.", kCpusMax));
    return QueueCount{*number};
}

}  // namespace qemunit::generator
