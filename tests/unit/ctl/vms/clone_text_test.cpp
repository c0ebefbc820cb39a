// SPDX-License-Identifier: MIT
#include "ctl/vms/clone_text.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

CloneWords words() {
    static unsigned port = 0;
    port = 10100;
    return {.from = "web.1",
            .to = "web.2",
            .from_state = "/var/lib/qemunit/web.1",
            .to_state = "/var/lib/qemunit/web.2",
            .uuid = "new-uuid",
            .cid = "77",
            .files = {{"/srv/data.img", "data.img"}},
            .next_port = [] {
                return port++;
            }};
}

TEST(CloneTextTest, WhatTwoCannotHaveIsAnotherOne) {
    const ClonedText cloned = cloned_text(
        "# mine\n[VM]\nUUID = old\nVSockCID=5\nMemory=1G # as it is\n\n[Network lan]\n"
        "; the card\nMAC=52:54:00:00:00:01\nHostForward=tcp:127.0.0.1:10022-:22\n"
        "HostForward=udp:127.0.0.2:53-10.0.2.15:53\n\n[CloudInit]\nHostname=web-1\n",
        words());
    EXPECT_EQ(cloned.text,
              "# mine\n[VM]\nUUID = new-uuid\nVSockCID=77\nMemory=1G # as it is\n\n[Network lan]\n"
              "; the card\nHostForward=tcp:127.0.0.1:10100-:22\n"
              "HostForward=udp:127.0.0.2:10101-10.0.2.15:53\n\n[CloudInit]\nHostname=web-2\n");
    EXPECT_EQ(cloned.shared, std::vector<std::string>{});
    EXPECT_EQ(cloned.changed.size(), 6u);
    EXPECT_EQ(cloned.changed[3],
              "HostForward=tcp:127.0.0.1:10022-:22 of [Network lan] is tcp:127.0.0.1:10100-:22");
}

TEST(CloneTextTest, PathsLeadIntoItsOwnFolder) {
    const ClonedText cloned = cloned_text(
        "[Drive root]\nFile=root.img\n[Drive data]\nFile=/srv/data.img\n"
        "[Drive base]\nFile=/srv/base.img\nReadOnly=yes\n"
        "[Drive own]\nFile=/var/lib/qemunit/web.1/own.img\nBackingFile=/srv/b.qcow2\n"
        "[VM]\nArguments=-a /var/lib/qemunit/web.1/x,/var/lib/qemunit/web.1/y "
        "/var/lib/qemunit/web.10/z\n[Share src]\nPath=/src\n",
        words());
    EXPECT_EQ(cloned.text,
              "[Drive root]\nFile=root.img\n[Drive data]\nFile=data.img\n"
              "[Drive base]\nFile=/srv/base.img\nReadOnly=yes\n"
              "[Drive own]\nFile=/var/lib/qemunit/web.2/own.img\nBackingFile=/srv/b.qcow2\n"
              "[VM]\nArguments=-a /var/lib/qemunit/web.2/x,/var/lib/qemunit/web.2/y "
              "/var/lib/qemunit/web.10/z\n[Share src]\nPath=/src\n");
    EXPECT_EQ(cloned.shared, (std::vector<std::string>{"/srv/base.img (File= of [Drive base])",
                                                       "/srv/b.qcow2 (BackingFile= of [Drive own])",
                                                       "/src ([Share src])"}));
}

TEST(CloneTextTest, WhatNobodyCanDecideIsNamed) {
    auto without_ports = words();
    without_ports.next_port = [] {
        return 0u;
    };
    const std::string text =
        "[Network lan]\nInterface=tap0\nHostForward=tcp::80-:80\n[CloudInit]\nHostname=other\n"
        "MetaData=/srv/meta\n";
    const ClonedText cloned = cloned_text(text, without_ports);
    EXPECT_EQ(cloned.text, text);
    EXPECT_EQ(cloned.changed, std::vector<std::string>{});
    EXPECT_EQ(cloned.shared.size(), 4u);
}

TEST(CloneTextTest, ALayerIsOnTheCopyOfItsBase) {
    const std::string in = "/var/lib/qemunit/web.1/root.qcow2", out = "/srv/data.qcow2";
    EXPECT_EQ(moved_backing("base.qcow2", in, words()), "");
    EXPECT_EQ(moved_backing("/srv/base.qcow2", in, words()), "");
    EXPECT_EQ(moved_backing("/var/lib/qemunit/web.1/base.qcow2", in, words()),
              "/var/lib/qemunit/web.2/base.qcow2");
    EXPECT_EQ(moved_backing("../web.3/base.qcow2", in, words()),
              "/var/lib/qemunit/web.3/base.qcow2");
    EXPECT_EQ(moved_backing("base.qcow2", out, words()), "/srv/base.qcow2");
    EXPECT_EQ(moved_backing("../var/lib/qemunit/web.1/b", out, words()),
              "/var/lib/qemunit/web.2/b");
    EXPECT_EQ(moved_backing("/srv/base.qcow2", out, words()), "");
    EXPECT_EQ(moved_backing("json:{}", out, words()), "");
}

}  // namespace
}  // namespace qemunit::ctl
