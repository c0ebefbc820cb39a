// SPDX-License-Identifier: MIT
//
// The architectures of guests, by the names that Architecture= has for them. Pure, but for the name
// of this machine's own.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::ctl {

// "arm64" is "aarch64". "": none that a VM can have.
std::string architecture_named(std::string_view name);

// "" for one that no VM has but this machine's.
std::string architecture_of_this_machine();

// The device of its first serial port: "ttyS0".
std::string console_of(std::string_view architecture);

// What its kernel is told beside that; "", or words with a space in front.
std::string kernel_words_of(std::string_view architecture);

// Where `make` leaves its kernel: "arch/x86/boot/bzImage"; "" for none.
std::string_view built_kernel_of(std::string_view architecture);

// Beside the helper: "qemunit-init", "qemunit-init.aarch64".
std::string init_for(std::string_view architecture);

}  // namespace qemunit::ctl
