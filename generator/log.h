// SPDX-License-Identifier: MIT
//
// Where the generator speaks: the kernel log when PID 1 runs it, since journald may not be up and
// waiting for it would stall the boot; standard error everywhere else, which is the journal when a
// user's manager runs it. It never waits for a reader.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/unique_fd.h"
#include "generator/vm/diagnostic.h"

namespace qemunit::generator {

class Log {
  public:
    enum class Reader {
        person,
        // `<3>qemunit-generator[PID]: …`, one record a message, to /dev/kmsg. In most containers,
        // that is not the kernel's, and nobody reads it: there, messages also go to journald, if it
        // is up.
        kernel_log,
        journal,  // the same, to standard error
    };
    explicit Log(Reader reader);

    void write(const Diagnostic &diagnostic) const;
    void write(Severity severity, std::string_view message) const;

    // The messages (`<3>…`) that neither the kernel nor journald has taken.
    const std::vector<std::string> &unheard() const { return unheard_; }

  private:
    void tell_journald(int priority, std::string_view message) const;

    Reader reader_;
    UniqueFd kernel_, journald_;
    bool is_kernels_ = false;
    mutable std::vector<std::string> unheard_;
};

}  // namespace qemunit::generator
