// SPDX-License-Identifier: MIT
#include "ctl/view/screen_socket.h"

#include <gtest/gtest.h>

#include "ctl/view/viewer.h"

namespace qemunit::ctl {
namespace {

using Protocol = ScreenSocket::Protocol;

std::string found(const std::vector<std::string> &words) {
    const auto screen = screen_socket(words);
    if (!screen)
        return "none";
    return (screen->protocol == Protocol::vnc ? "vnc " : "spice ") + screen->path;
}

TEST(ScreenSocketTest, OfACommandLine) {
    EXPECT_EQ(found({"qemu", "-vnc", "unix:/v/a/vnc.sock", "-m", "1G"}), "vnc /v/a/vnc.sock");
    EXPECT_EQ(found({"-vnc", "unix:/v/a,,b/vnc.sock,audiodev=x"}), "vnc /v/a,b/vnc.sock");
    EXPECT_EQ(found({"-spice", "unix=on,addr=/v/a,,b/spice.sock,disable-ticketing=on"}),
              "spice /v/a,b/spice.sock");
    EXPECT_EQ(found({"-spice", "a,,b=c,addr=/x"}), "spice /x");
    for (const std::vector<std::string> &none : {std::vector<std::string>{},
                                                 {"-vnc"},
                                                 {"-vnc", "none"},
                                                 {"-vnc", ":0"},
                                                 {"-spice", "port=5900,addr=127.0.0.1"},
                                                 {"-spice", ""},
                                                 {"-display", "none"}})
        EXPECT_EQ(found(none), "none");
}

TEST(ScreenSocketTest, TheOwnerOfAConnection) {
    const std::string table =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 0100007F:170C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 0 1\n"
        "   1: 0100007F:170C 0100007F:D2A4 01 00000000:00000000 00:00000000 00000000     7 0 1\n"
        "   2: 0100007F:D2A4 0100007F:170C 01 00000000:00000000 00:00000000 00000000  1000 0 1\n";
    EXPECT_EQ(owner_of_connection(table, 0xd2a4, 0x170c), 1000u);
    EXPECT_EQ(owner_of_connection(table, 0x170c, 0xd2a4), 7u);
    EXPECT_EQ(owner_of_connection(table, 1, 2), std::nullopt);
    EXPECT_EQ(owner_of_connection("", 1, 2), std::nullopt);
}

TEST(ScreenSocketTest, WhatAViewerIsCalledWith) {
    using ViewerWords = std::vector<std::string>;
    const ScreenSocket vnc{Protocol::vnc, "/v"}, spice{Protocol::spice, "/s"};
    EXPECT_EQ(viewer_command({"/usr/bin/remote-viewer", true}, spice, "vm1", "/s"),
              (ViewerWords{"/usr/bin/remote-viewer", "--title=vm1", "spice+unix:///s"}));
    EXPECT_EQ(viewer_command({"/usr/bin/remote-viewer", false}, vnc, "vm1", "5901"),
              (ViewerWords{"/usr/bin/remote-viewer", "--title=vm1", "vnc://127.0.0.1:5901"}));
    EXPECT_EQ(viewer_command({"/usr/bin/vncviewer", true}, vnc, "vm1", "/v"),
              (ViewerWords{"/usr/bin/vncviewer", "/v"}));
}

}  // namespace
}  // namespace qemunit::ctl
