// SPDX-License-Identifier: MIT
//
// Two command lines of QEMU, as options that can be held against each other; and what has changed
// between them, in words of the ini. For reload_plan.cpp. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctl/verbs/ini_words.h"

namespace qemunit::ctl {

// Without what the helper has added, and without limits of drives.
std::vector<QemuOption> comparable_options(const std::vector<std::string> &command);

// The parts without those of these keys.
std::vector<std::string> without(const QemuOption &option,
                                 std::initializer_list<std::string_view> keys);

bool is_cdrom(const QemuOption &option);
bool is_user_network(const QemuOption &option);
// Whether the two are one thing, perhaps with other settings.
bool is_same_thing(const QemuOption &a, const QemuOption &b);

// Of -m: "512M".
std::optional<uint64_t> bytes_of(const std::string &size);

// The changes that have to wait, each section and key once, though it may give several options.
class LaterChanges {
  public:
    // `how`: "comes", "goes", "changes", or both values.
    void add(const std::string &word, const std::string &how);
    std::vector<std::string> texts() const;

  private:
    using Change = std::pair<std::string, std::string>;
    std::vector<Change> changes_;
};

}  // namespace qemunit::ctl
