// SPDX-License-Identifier: MIT
//
// What a VM has where its ini says nothing: the names and defaults that depend on others of its
// keys, or on its machine, for all who must know the same of it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// A relative path is relative to the VM's state directory.
std::string absolute_path(const Vm &vm, const FilePath &path);

// Model= of a card that the machine has by itself.
inline constexpr std::string_view kOnboardModel = "onboard";

// The path of the QEMU that the VM runs in.
std::string qemu_program(const Vm &vm, Architecture host);

// By Format=, or by the suffix.
std::string format_of(const Drive &drive);
std::string format_of(const FilePath &file);
// By BackingFormat=, or by the suffix.
std::string backing_format_of(const Drive &drive);
DriveInterface effective_interface(const Vm &vm, const Drive &drive, Architecture host);
SerialType effective_type(const Vm &vm, const Serial &serial, Architecture host);
std::string_view effective_tag(const Share &share);

// How many processors the guest starts with.
uint64_t cpu_count(const Vm &vm);
// "" where QEMU's own default is right, as of a board with one kind of processor.
std::string cpu_model(const Vm &vm, Architecture host);
// "utc", or what else the clock shows.
std::string clock_base(const Vm &vm);
bool has_rng(const Vm &vm, Architecture host);
bool discards(const Vm &vm, const Drive &drive);
// Whether devices of PCI Express have ports of their own, as on the machines that we know to have
// them.
bool has_root_ports(const Vm &vm, Architecture host);
unsigned hot_plug_ports(const Vm &vm, Architecture host);
VideoCard video_card(const Vm &vm, Architecture host);
// Whether the guest's memory is an object of its own.
bool has_memory_object(const Vm &vm);

// Whether QEMU is to try KVM first and then TCG.
bool falls_back_to_tcg(const Vm &vm, Architecture host);

// The number of what Order= names first: 0, or 1 behind a kernel.
unsigned first_boot_index(const Vm &vm);

// By BootIndex=, or by the place of its name in Order=.
std::optional<unsigned> boot_index(const Vm &vm, std::string_view device,
                                   const std::optional<BootPosition> &own);
// Whether Order= is QEMU's "cdn" and no name of a device.
bool order_is_letters(const Vm &vm);

// Whether a line of its [Service] asks for ports of the host below 1024.
bool names_port_privilege(const Vm &vm);

std::string tap_name(const Vm &vm, const Network &network);
// Whether it is an interface of the host, of its own or on a bridge.
bool is_tap(const Network &network);

// "console=ttyS0", for the first serial port.
std::string console_parameter(const Vm &vm, Architecture host);

}  // namespace qemunit::generator
