// SPDX-License-Identifier: MIT
//
// A VM that `qemunitctl new` makes in a test: whatever comes of it is gone with this object.
#pragma once

#include <filesystem>
#include <string>

#include "tests/e2e/ctl.h"

namespace qemunit::e2e {

class MadeVm {
  public:
    explicit MadeVm(std::string name) : name_(std::move(name)) {}
    ~MadeVm() {
        // The guests of these tests do not know the power button.
        run({"systemctl", "kill", "--kill-who=main", "--signal=KILL", unit()});
        run({"systemctl", "stop", unit()});
        run({"systemctl", "reset-failed", unit()});
        std::filesystem::remove(ini_path());
        std::filesystem::remove_all(state());
        run_words("systemctl daemon-reload");
    }
    MadeVm(const MadeVm &) = delete;
    MadeVm &operator=(const MadeVm &) = delete;

    // "qemunitctl new NAME WORDS"
    Finished make(const std::string &words) const { return ctl("new " + name_ + " " + words); }

    std::string unit() const { return "qemu@" + name_ + ".service"; }
    std::string ini_path() const { return "/etc/qemunit/" + name_ + ".ini"; }
    std::string ini() const { return read_file(ini_path()); }
    std::string state() const { return "/var/lib/qemunit/" + name_; }

  private:
    std::string name_;
};

}  // namespace qemunit::e2e
