// SPDX-License-Identifier: MIT
#include "ctl/vm/timeout.h"

#include <fmt/format.h>

#include "common/whole_number.h"

namespace qemunit::ctl {

Result<unsigned> parse_timeout(std::string_view text) {
    unsigned unit = 1;
    std::string_view digits = text;
    if (digits.ends_with("min")) {
        unit = 60;
        digits.remove_suffix(3);
    } else if (digits.ends_with("s")) {
        digits.remove_suffix(1);
    }
    const auto number = whole_number(digits);
    if (!number || *number == 0 || *number > 86400)
        return fail(EINVAL,
                    fmt::format("--timeout={}: not a time up to a day; write 90s or 5min", text));
    return static_cast<unsigned>(*number) * unit;
}

}  // namespace qemunit::ctl
