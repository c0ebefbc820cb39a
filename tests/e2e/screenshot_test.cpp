// SPDX-License-Identifier: MIT
//
// Screenshot of org.qemunit1.VM: a picture of the guest's screen.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/e2e/bus.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

// What a caller reads from the file that it gets; the error's name instead if there is one.
std::string screenshot(const std::string &vm) {
    const BusFd reply = call_for_fd(vm, "Screenshot");
    if (!reply.error.empty())
        return reply.error + ": " + reply.message;
    std::string bytes;
    EXPECT_EQ(fcntl(reply.fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    char buffer[4096];
    for (ssize_t n; (n = read(reply.fd.get(), buffer, sizeof buffer)) > 0;)
        bytes.append(buffer, static_cast<std::size_t>(n));
    return bytes;
}

// Width and height of a PNG, from its IHDR.
std::pair<unsigned, unsigned> size_of(const std::string &png) {
    const auto number = [&](std::size_t place) {
        unsigned value = 0;
        for (std::size_t i = place; i < place + 4; ++i)
            value = value << 8 | static_cast<unsigned char>(png[i]);
        return value;
    };
    if (png.size() < 24 || !png.starts_with("\x89PNG\r\n\x1a\n") || png.substr(12, 4) != "IHDR")
        return {};
    return {number(16), number(20)};
}

TEST(Screenshot, IsAPngOfTheScreen) {
    VmUnderTest vm("screen", boot_sector_ini() + "[VM]\nDisplay=vnc\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    // SeaBIOS has left text mode behind: 720 by 400; before that, QEMU says 640 by 480.
    for (int i = 0; i < 3; ++i) {
        const auto [width, height] = size_of(screenshot(vm.name()));
        EXPECT_TRUE(width == 720 || width == 640) << width;
        EXPECT_TRUE(height == 400 || height == 480) << height;
    }
    // Also of one that does not run; and QEMU keeps nothing that grows.
    ASSERT_EQ(call_vm(vm.name(), "Pause").error, "");
    EXPECT_GT(size_of(screenshot(vm.name())).first, 0u);
    ASSERT_EQ(call_vm(vm.name(), "Resume").error, "");
    EXPECT_GT(size_of(screenshot(vm.name())).first, 0u);
    const Finished sets = run({"busctl", "call", "org.qemunit1", "/org/qemunit1/vm/screen",
                               "org.qemunit1.VM", "Execute", "ss", "query-fdsets", ""});
    EXPECT_TRUE(sets.says("\\\"fds\\\":[]")) << sets;
}

TEST(Screenshot, TheExampleSavesIt) {
    VmUnderTest vm("screenfile", boot_sector_ini() + "[VM]\nDisplay=vnc\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished saved = run({QEMUNIT_EXAMPLE_SCREENSHOT, vm.name(), "/run/screen.png"});
    EXPECT_TRUE(saved.ok()) << saved;
    EXPECT_GT(size_of(read_file("/run/screen.png")).first, 0u);
    const Finished unknown = run({QEMUNIT_EXAMPLE_SCREENSHOT, "nobody", "/run/nobody.png"});
    EXPECT_TRUE(unknown.says("No VM 'nobody' is configured")) << unknown;
}

TEST(Screenshot, WithoutAScreenTheKeyIsNamed) {
    VmUnderTest vm("blind", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string answer = screenshot(vm.name());
    EXPECT_TRUE(answer.starts_with("org.qemunit1.Error.Monitor: VM 'blind' has no screen"))
        << answer;
    EXPECT_NE(answer.find("Display=vnc in [VM]"), std::string::npos) << answer;
}

}  // namespace
}  // namespace qemunit::e2e
