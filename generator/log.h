// SPDX-License-Identifier: MIT
//
// Where the generator speaks: the kernel log when PID 1 runs it, since journald may not
// be up and waiting for it would stall the boot; standard error everywhere else, which is
// the journal when a user's manager runs it.
#pragma once

#include <string_view>

#include "common/unique_fd.h"
#include "generator/diagnostic.h"

namespace qemunit {

class Log {
  public:
    enum class Reader {
        person,
        // `<3>qemunit-generator[PID]: …`, one record a message, to /dev/kmsg. Where that cannot
        // be opened, as in a container, as for a person.
        kernel_log,
        journal,  // the same, to standard error
    };
    explicit Log(Reader reader);

    void write(const Diagnostic &diagnostic) const;
    void write(Severity severity, std::string_view message) const;

  private:
    Reader reader_;
    UniqueFd kernel_;
};

}  // namespace qemunit
