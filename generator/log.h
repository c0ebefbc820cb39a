// SPDX-License-Identifier: MIT
//
// Where the generator speaks: the kernel log when PID 1 runs it, since journald may not
// be up and waiting for it would stall the boot; standard error everywhere else.
#pragma once

#include <string_view>

#include "common/unique_fd.h"
#include "generator/diagnostic.h"

namespace qemunit {

class Log {
  public:
    // `to_kernel`: as `<3>qemunit-generator[PID]: …` to /dev/kmsg, one record a message;
    // falls back to standard error where that cannot be opened, as in a container.
    explicit Log(bool to_kernel);

    void write(const Diagnostic &diagnostic) const;
    void write(Severity severity, std::string_view message) const;

  private:
    UniqueFd kernel_;
};

}  // namespace qemunit
