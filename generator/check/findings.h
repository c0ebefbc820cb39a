// SPDX-License-Identifier: MIT
//
// How the checks of a whole VM report: by section and key, which become the line where that key was
// last set. Decides nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

class Findings {
  public:
    Findings(const Vm &vm, Diagnostics &diagnostics) : vm_(vm), diagnostics_(diagnostics) {}

    // `section`: "Drive root". `key`: "File", the whole assignment for the item of a list,
    // "" for the section as such.
    void error(std::string_view section, std::string_view key, std::string message) {
        diagnostics_.push_back({vm_.location(section, key), Severity::error, std::move(message)});
    }
    void warn(std::string_view section, std::string_view key, std::string message) {
        diagnostics_.push_back({vm_.location(section, key), Severity::warning, std::move(message)});
    }

  private:
    const Vm &vm_;
    Diagnostics &diagnostics_;
};

// Remembers which section has something that only one section of a VM can have, such as an address.
class Takers {
  public:
    // `what`: "The address". An error of `section` if another has `value` already.
    void take(const std::string &value, const std::string &section, std::string_view key,
              std::string_view what, Findings &findings);

  private:
    std::map<std::string, std::string> sections_;
};

}  // namespace qemunit::generator
