// SPDX-License-Identifier: MIT
//
// An ini file on its way, in a folder that nobody else can look into: an ini may hold a password.
// For `edit`, `clone` and `rename`, which ask the generator before the file counts.
#pragma once

#include <string>

#include "common/paths.h"
#include "common/result.h"

namespace qemunit::ctl {

// Gone with this object, unless it has something that is nowhere else.
class PrivateCopy {
  public:
    PrivateCopy(const Paths &paths, const std::string &vm);
    ~PrivateCopy();
    PrivateCopy(const PrivateCopy &) = delete;
    PrivateCopy &operator=(const PrivateCopy &) = delete;

    // `drop_ins`: a folder that the generator shall read, too; "": none.
    Result<> begin(const std::string &text, const std::string &drop_ins = "") const;
    Result<> add_drop_in(const std::string &name, const std::string &text) const;

    struct Checked {
        bool is_good = false;
        std::string said;  // lines, each with its end
    };
    Checked check() const;

    const std::string &path() const { return path_; }
    // For an error's text.
    std::string keep();

  private:
    bool is_of_user_;
    std::string folder_, path_;
    bool is_kept_ = false;
};

}  // namespace qemunit::ctl
