// SPDX-License-Identifier: MIT
//
// An ini that is changed while its VM runs, and `systemctl reload`.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {

// What a test of the same name has left: images, a saved state.
inline void remove_state(const std::string &vm) {
    std::error_code error;
    std::filesystem::remove_all("/var/lib/qemunit/" + vm, error);
}

// All that the VM's journal has by now.
inline std::string log_of(const VmUnderTest &vm) {
    run_words("journalctl --sync");
    return journalctl(vm.unit());
}

inline Finished try_reload(const VmUnderTest &vm, const std::string &ini) {
    write_file(vm.ini_path(), ini);
    EXPECT_TRUE(run_words("systemctl daemon-reload").ok());
    return vm.systemctl("reload");
}

// One that works.
inline void reload(const VmUnderTest &vm, const std::string &ini) {
    const Finished reloaded = try_reload(vm, ini);
    ASSERT_TRUE(reloaded.ok()) << reloaded << log_of(vm);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

}  // namespace qemunit::e2e
