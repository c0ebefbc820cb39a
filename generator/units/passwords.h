// SPDX-License-Identifier: MIT
//
// Writes the hash of a Password= to where root alone can read it, or the user whose VM it is: a
// unit is for everybody to read. For generation.cpp, where the manager itself will read the units.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "generator/read/search.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

class Passwords {
  public:
    explicit Passwords(std::string folder) : folder_(std::move(folder)) {}

    // Without Password=, there is no file afterwards. A file is whole or not there.
    Result<> keep(const Vm &vm) const;

    // Removes what VMs have left that are configured no more.
    void forget_others(const std::vector<VmSource> &sources) const;

  private:
    std::string folder_;  // below one that is root's, or the user's
};

}  // namespace qemunit::generator
