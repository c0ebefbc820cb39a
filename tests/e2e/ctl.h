// SPDX-License-Identifier: MIT
//
// qemunitctl as the tests of its verbs use it, in a terminal and in scripts.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/process.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {

// What the boot sector prints, without its first word: the last dots of SeaBIOS may come within
// that.
inline constexpr char kGuestReady[] = "guest ready";

inline Finished ctl(const std::string &words) {
    return run_words("qemunitctl " + words);
}

// qemunitd reads the configuration anew some time after a reload. A VM that has run, it knows.
inline void make_known(const VmUnderTest &vm) {
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(vm.stop().ok()) << vm.status();
}

#define ASSERT_SEEN(terminal, text)                    \
    do {                                               \
        const auto seen = (terminal).read_until(text); \
        ASSERT_TRUE(seen) << seen.error().message;     \
    } while (false)

}  // namespace qemunit::e2e
