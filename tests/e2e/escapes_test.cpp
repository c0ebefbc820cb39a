// SPDX-License-Identifier: MIT
//
// What QEMU or an image says may be made for the terminal of whoever looks: qemunitctl shows it
// there, and the terminal does not obey. Into a pipe it goes as it is.
#include <gtest/gtest.h>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr char kTitle[] = "\x1b]0;owned\a";
constexpr char kWritten[] = "\\x1b]0;owned\\x07";

// On a terminal nothing of it is obeyed, and all of it is seen.
void expect_harmless(const std::vector<std::string> &command) {
    Terminal terminal(command);
    terminal.wait();
    expect_contains(terminal.rest(), kWritten);
    EXPECT_EQ(terminal.rest().find_first_of("\x1b\a"), std::string::npos) << terminal.rest();
}

TEST(Escapes, AreNotObeyedByATerminal) {
    VmUnderTest vm("escapes", boot_sector_ini() +
                                  "[Drive data]\nFile=data.qcow2\nFormat=qcow2\n"
                                  "Size=16M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
    ASSERT_TRUE(
        run({"qemu-img", "snapshot", "-c", kTitle, "/var/lib/qemunit/escapes/data.qcow2"}).ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();

    const std::vector<std::string> list{"qemunitctl", "snapshot", "list", "escapes"};
    expect_harmless(list);
    const Finished listed = run(list);
    EXPECT_TRUE(listed.ok() && listed.says(kTitle)) << listed;

    // In an error, and in what the monitor prints.
    expect_harmless({"qemunitctl", "cmd", "escapes", kTitle});
    expect_harmless({"qemunitctl", "cmd", "escapes", "info", "snapshots"});
    const Finished failed = run({"qemunitctl", "cmd", "escapes", kTitle});
    EXPECT_TRUE(failed.status == 1 && failed.says(kTitle)) << failed;

    // A monitor moves the cursor itself, and only itself.
    Terminal monitor({"qemunitctl", "monitor", "escapes"});
    ASSERT_TRUE(monitor.read_until("(escapes) "));
    monitor.type("info snapshots\r");
    const auto shown = monitor.read_until("owned\\x07");
    EXPECT_TRUE(shown && shown->find(kTitle) == std::string::npos)
        << (shown ? *shown : shown.error().message);
    monitor.type("\x04");
    EXPECT_EQ(monitor.wait(), 0);
}

}  // namespace
}  // namespace qemunit::e2e
