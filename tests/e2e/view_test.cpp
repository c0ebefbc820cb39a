// SPDX-License-Identifier: MIT
//
// `qemunitctl view`: a viewer gets to the screen, and where it cannot, it is said what to do. The
// viewers here are scripts that read the first words of the screen's protocol.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// Programs that are found before all others, for as long as this object lives.
class Viewers {
  public:
    Viewers() { fs::create_directories(kFolder); }
    ~Viewers() { fs::remove_all(kFolder); }
    Viewers(const Viewers &) = delete;
    Viewers &operator=(const Viewers &) = delete;

    void add(const std::string &name, const std::string &script) const {
        const std::string path = std::string(kFolder) + "/" + name;
        write_file(path, "#!/bin/sh\n" + script + "\n");
        fs::permissions(path, fs::perms(0755));
    }
    static Finished view(const std::string &vm, const std::string &before = "") {
        return run(
            {"sh", "-c",
             before + " env PATH=" + kFolder + ":/usr/bin:/bin DISPLAY=:99 qemunitctl view " + vm});
    }

  private:
    static constexpr char kFolder[] = "/run/viewers";
};

constexpr char kNobody[] = "setpriv --reuid=nobody --regid=nogroup --clear-groups";
TEST(View, AViewerGetsToTheScreen) {
    VmUnderTest vm("vnc1", boot_sector_ini() + "[VM]\nDisplay=vnc\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Viewers viewers;
    // One that takes the path of a socket.
    viewers.add("xtigervncviewer",
                "echo \"path $1\"; socat -u UNIX-CONNECT:\"$1\",readbytes=11 -; exit 3");
    Finished seen = Viewers::view("vnc1");
    EXPECT_EQ(seen.status, 3) << seen;
    expect_contains(seen.output, "path /var/lib/qemunit/vnc1/vnc.sock\nRFB 003.008");

    // One that takes a port; QEMU is handed the connection.
    viewers.add("remote-viewer",
                "for last; do :; done; echo \"$last\"; "
                "socat -u TCP:${last#vnc://},readbytes=11 -; exit 4");
    seen = Viewers::view("vnc1");
    EXPECT_EQ(seen.status, 4) << seen;
    expect_contains(seen.output, "vnc://127.0.0.1:");
    expect_contains(seen.output, "RFB 003.008");
    // Another user does not get in.
    viewers.add("remote-viewer", std::string("for last; do :; done; ") + kNobody +
                                     " socat -u TCP:${last#vnc://},readbytes=11 -; exit 4");
    seen = Viewers::view("vnc1");
    EXPECT_EQ(seen.status, 4) << seen;
    EXPECT_FALSE(seen.says("RFB")) << seen;

    // Who may not use the monitor has no screen.
    viewers.add("remote-viewer",
                "for last; do :; done; socat -u TCP:${last#vnc://},readbytes=11 -; exit 4");
    seen = Viewers::view("vnc1 --no-ask-password", kNobody);
    EXPECT_FALSE(seen.ok());
    EXPECT_FALSE(seen.says("RFB")) << seen;
    expect_contains(seen.output, "qemunitctl: vnc1: ");
    EXPECT_TRUE(seen.says("ccess denied") || seen.says("authentication")) << seen;
}

TEST(View, SaysWhatToDo) {
    VmUnderTest blind("blind", boot_sector_ini());
    VmUnderTest vm("vnc2", boot_sector_ini() + "[VM]\nDisplay=vnc\n");
    const Viewers viewers;
    viewers.add("remote-viewer", "exit 0");
    Finished refused = Viewers::view("vnc2");
    EXPECT_EQ(refused.status, 1);
    expect_contains(refused.output,
                    "qemunitctl: vnc2: is off; start it with: systemctl start qemu@vnc2\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(blind.start().ok()) << blind.status();
    refused = Viewers::view("blind");
    expect_contains(refused.output, "has no screen to look at: write Display=spice or Display=vnc");
    refused = run_words("env -u DISPLAY -u WAYLAND_DISPLAY qemunitctl view vnc2");
    EXPECT_EQ(refused.status, 1);
    expect_contains(refused.output, "there is no graphical session here");
    expect_contains(refused.output, "ssh -L 5900:/var/lib/qemunit/vnc2/vnc.sock root@HOST");
    refused = run_words("env PATH=/nonexistent DISPLAY=:99 /usr/bin/qemunitctl view vnc2");
    expect_contains(refused.output, "neither remote-viewer (package virt-viewer) nor vncviewer");
    refused = ctl("-H other view vnc2");
    expect_contains(refused.output, "ssh -X other qemunitctl view vnc2");
    refused = Viewers::view("none");
    expect_contains(refused.output, "no such VM is configured");
}

}  // namespace
}  // namespace qemunit::e2e
