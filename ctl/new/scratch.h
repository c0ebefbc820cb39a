// SPDX-License-Identifier: MIT
//
// A folder below /run, or the user's own, with files for another program to read; gone with this
// object. For `new` and `images`.
#pragma once

#include <string>

namespace qemunit::ctl {

class Scratch {
  public:
    // `runtime`: "/run"
    explicit Scratch(const std::string &runtime);
    ~Scratch();
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;

    // Its path; "" if it cannot be written.
    std::string write(const std::string &name, const std::string &text) const;

  private:
    std::string path_;
};

}  // namespace qemunit::ctl
