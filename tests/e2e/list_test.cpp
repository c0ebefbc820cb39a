// SPDX-License-Identifier: MIT
//
// What `qemunitctl list` and `status` say of VMs that do not run: why.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

// The line of `qemunitctl list` of that VM, without its name and the spaces after it.
std::string listed(const std::string &vm) {
    std::istringstream lines(run_words("qemunitctl list").output);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(vm + " "))
            return line.substr(line.find_first_not_of(' ', vm.size()));
    return {};
}

TEST(List, AVmWhoseIniHasErrorsIsBroken) {
    VmUnderTest bad("lsbad", "[VM]\nCPUs=many\nMemory=lots\n");
    expect_contains(listed("lsbad"), "broken  -");
    const Finished status = run_words("qemunitctl status lsbad");
    expect_contains(status.output, "State:  broken");
    expect_contains(status.output, "Ini file:  /etc/qemunit/lsbad.ini");
    expect_contains(status.output, "Errors:  /etc/qemunit/lsbad.ini:2: CPUs=many");
    expect_contains(status.output, "/etc/qemunit/lsbad.ini:3: Memory=lots");
    const Finished console = run_words("qemunitctl console lsbad");
    EXPECT_TRUE(console.status == 1 && console.says("qemunitctl check lsbad")) << console;
    const Finished command = run_words("qemunitctl cmd lsbad info status");
    EXPECT_TRUE(command.status == 1 && command.says("lsbad.ini:2: CPUs=many")) << command;

    // A start that was tried changes nothing; a mended ini does.
    EXPECT_FALSE(bad.start().ok());
    expect_contains(listed("lsbad"), "broken  -");
    write_file(bad.ini_path(), boot_sector_ini());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    run_words("systemctl reset-failed " + bad.unit());
    expect_contains(listed("lsbad"), "off  ");
    ASSERT_TRUE(bad.start().ok()) << bad.status();

    // One that runs goes on as what it is.
    write_file(bad.ini_path(), "[VM]\nMemory=lots\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_contains(listed("lsbad"), "running  ");
    expect_contains(run_words("qemunitctl status lsbad").output, "lsbad.ini:2: Memory=lots");
}

TEST(List, OneDropInOfAllBreaksAll) {
    VmUnderTest vm("lsall", boot_sector_ini());
    std::filesystem::create_directories("/etc/qemunit/vm.d");
    write_file("/etc/qemunit/vm.d/50-bad.conf", "[VM]\nMemory=lots\n");
    EXPECT_TRUE(run_words("systemctl daemon-reload").ok());
    const std::string line = listed("lsall");
    std::filesystem::remove("/etc/qemunit/vm.d/50-bad.conf");
    EXPECT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_contains(line, "broken  -");
    expect_contains(listed("lsall"), "off  ");
}

TEST(List, ATimeoutIsAFailureAndNoCrash) {
    VmUnderTest vm("lstime", deaf_ini() + "[VM]\nTimeout=1s\nStop=quit\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(wait_for_state(vm.unit(), "failed"));
    EXPECT_EQ(listed("lstime"), "failed (timeout)  -       -       -");
    expect_contains(run_words("qemunitctl status lstime").output, "State:  failed (timeout)");
}

TEST(List, TheUptimeOfAVmThatCrashedIsNone) {
    VmUnderTest vm("lsdead", deaf_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(kill(vm.main_pid(), SIGKILL), 0);
    ASSERT_TRUE(wait_for_state(vm.unit(), "failed"));
    EXPECT_EQ(listed("lsdead").substr(0, 18), "crashed  -       -");
    EXPECT_FALSE(run_words("qemunitctl status lsdead").says("Uptime"));
}

TEST(List, AHibernatedVmSaysSo) {
    VmUnderTest vm("lshib", deaf_ini() + "[VM]\nStop=hibernate\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
    expect_contains(listed("lshib"), "hibernated  -");
    // To everybody, and by a daemon that has not seen it happen.
    ASSERT_TRUE(run_words("systemctl restart qemunitd").ok());
    const Finished nobody =
        run_words("setpriv --reuid=nobody --regid=nogroup --clear-groups qemunitctl status lshib");
    expect_contains(nobody.output, "State:  hibernated");
    expect_contains(run_words("qemunitctl console lshib").output, "is hibernated; start it with");

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(listed("lshib"), "running  ");
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
    std::filesystem::remove("/var/lib/qemunit/lshib/hibernated");
    expect_contains(listed("lshib"), "off  ");
}

}  // namespace
}  // namespace qemunit::e2e
