// SPDX-License-Identifier: MIT
//
// Which keys make a text, on the keyboard that the guest believes to have, and the names of
// keys. Pure; input_methods.cpp presses them.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::bus {

// Keys by QEMU's names (QKeyCode in qapi/ui.json), pressed in this order, released in the
// opposite one.
using Chord = std::vector<std::string>;

enum class Layout { us, de };

// The layout of that name (Keyboard= of the ini, -k of QEMU); "" is "en-us". The error says that
// the name is not known.
std::expected<Layout, std::string> layout_of(std::string_view name);

// The chords that type `text`, valid UTF-8; "\n" is the Enter key, "\t" the Tab key. The error
// names the first character that this keyboard does not have.
std::expected<std::vector<Chord>, std::string> chords_of(std::string_view text, Layout layout);

// "", or what is wrong with the name of a key, as a sentence.
std::string key_fault(std::string_view key);

}  // namespace qemunit::bus
