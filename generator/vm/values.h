// SPDX-License-Identifier: MIT
//
// Text -> value, one function per type of value. The error is the second half of a
// sentence about the value: "not a size; write 512M or 2G".
#pragma once

#include <concepts>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generator/vm/enumerations.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

template <typename T>
using Parsed = std::expected<T, std::string>;

// Which type is wanted is said by a tag, so that one generic setter serves all keys.
template <typename T>
struct As {};

Parsed<std::string> parse_value(As<std::string>, std::string_view text);
Parsed<bool> parse_value(As<bool>, std::string_view text);
Parsed<FilePath> parse_value(As<FilePath>, std::string_view text);
Parsed<FolderPath> parse_value(As<FolderPath>, std::string_view text);
Parsed<ProgramPath> parse_value(As<ProgramPath>, std::string_view text);
Parsed<QemuName> parse_value(As<QemuName>, std::string_view text);
Parsed<MemorySize> parse_value(As<MemorySize>, std::string_view text);
Parsed<DiskSize> parse_value(As<DiskSize>, std::string_view text);
Parsed<Rate> parse_value(As<Rate>, std::string_view text);
Parsed<SnapshotCount> parse_value(As<SnapshotCount>, std::string_view text);
Parsed<CpuCount> parse_value(As<CpuCount>, std::string_view text);
Parsed<MachineOption> parse_value(As<MachineOption>, std::string_view text);
Parsed<DeviceProperty> parse_value(As<DeviceProperty>, std::string_view text);
Parsed<SmbiosTable> parse_value(As<SmbiosTable>, std::string_view text);
Parsed<FirmwareFile> parse_value(As<FirmwareFile>, std::string_view text);
Parsed<HugePages> parse_value(As<HugePages>, std::string_view text);
Parsed<Resolution> parse_value(As<Resolution>, std::string_view text);
Parsed<ScreenCount> parse_value(As<ScreenCount>, std::string_view text);
Parsed<PortCount> parse_value(As<PortCount>, std::string_view text);
Parsed<QueueCount> parse_value(As<QueueCount>, std::string_view text);
Parsed<Uuid> parse_value(As<Uuid>, std::string_view text);
Parsed<ClockBase> parse_value(As<ClockBase>, std::string_view text);
Parsed<TimeSpan> parse_value(As<TimeSpan>, std::string_view text);
Parsed<ReadyWhen> parse_value(As<ReadyWhen>, std::string_view text);
Parsed<VsockCid> parse_value(As<VsockCid>, std::string_view text);
Parsed<BootPosition> parse_value(As<BootPosition>, std::string_view text);
Parsed<InterfaceName> parse_value(As<InterfaceName>, std::string_view text);
Parsed<MacAddress> parse_value(As<MacAddress>, std::string_view text);
Parsed<HostForward> parse_value(As<HostForward>, std::string_view text);
Parsed<PciAddress> parse_value(As<PciAddress>, std::string_view text);
Parsed<UsbAddress> parse_value(As<UsbAddress>, std::string_view text);
Parsed<FileMode> parse_value(As<FileMode>, std::string_view text);
Parsed<AccountName> parse_value(As<AccountName>, std::string_view text);
Parsed<HostName> parse_value(As<HostName>, std::string_view text);
Parsed<GuestUser> parse_value(As<GuestUser>, std::string_view text);
Parsed<SshKey> parse_value(As<SshKey>, std::string_view text);
Parsed<PasswordHash> parse_value(As<PasswordHash>, std::string_view text);

// IFNAMSIZ without its NUL.
inline constexpr std::size_t kInterfaceNameMax = 15;
bool is_interface_name(std::string_view text);

// Of hostname(7): labels of letters, digits and '-', with dots between; as long as Linux has room.
bool is_host_name(std::string_view text);

std::string not_one_of(std::string_view text, std::span<const std::string_view> names);

template <typename E>
requires std::is_enum_v<E> Parsed<E> parse_value(As<E>, std::string_view text) {
    std::vector<std::string_view> known;
    for (const auto &[name, value] : kNames<E>) {
        if (name == text)
            return value;
        known.push_back(name);
    }
    return std::unexpected(not_one_of(text, known));
}

// Splits as systemd splits ExecStart=: words between white space, '…' and "…" keep
// white space, C escapes count in all of them (systemd.service(5), "Command lines").
Parsed<std::vector<QemuWord>> split_quoted(std::string_view text);

}  // namespace qemunit::generator
