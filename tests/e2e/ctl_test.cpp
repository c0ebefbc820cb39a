// SPDX-License-Identifier: MIT
//
// qemunitctl as a person uses it: the verbs that end by themselves.
#include "tests/e2e/ctl.h"

#include <gtest/gtest.h>

#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

TEST(Ctl, ListsAndShowsVms) {
    const std::string network = "[Network lan]\nHostForward=tcp:127.0.0.1:20022-:22\n";
    VmUnderTest on("cton", boot_sector_ini() + network);
    VmUnderTest off("ctoff", boot_sector_ini());
    make_known(off);
    ASSERT_TRUE(on.start().ok()) << on.status();

    const Finished list = ctl("list");
    EXPECT_TRUE(list.ok() && list.says("cton   running  ") && list.says("ctoff  off      -"))
        << list;
    EXPECT_TRUE(list.says("tcp:127.0.0.1:20022-10.0.2.15:22")) << list;
    const Finished names = ctl("list --names");
    EXPECT_TRUE(names.says("ctoff\n") && names.says("cton\n")) << names;
    const Finished json = ctl("list --json");
    EXPECT_TRUE(json.ok() && json.says("\"name\": \"cton\"") && json.says("\"state\": \"off\""))
        << json;

    const Finished status = ctl("status cton ctoff");
    EXPECT_TRUE(status.ok() && status.says("State:  running") && status.says("State:  off") &&
                status.says("/run/qemunit/cton/serial.sock") && status.says("(lan)") &&
                !status.says("control.sock"))
        << status;
    const Finished forwards = ctl("forward list cton");
    EXPECT_TRUE(forwards.says("lan      tcp:127.0.0.1:20022-10.0.2.15:22")) << forwards;

    const Finished as_nobody =
        run_words("setpriv --reuid=nobody --regid=nogroup --clear-groups qemunitctl list");
    EXPECT_TRUE(as_nobody.ok() && as_nobody.says("cton   running  ")) << as_nobody;
    EXPECT_FALSE(as_nobody.says("20022")) << as_nobody;
}

TEST(Ctl, ErrorsSayWhatToDo) {
    VmUnderTest vm("cterr", boot_sector_ini());
    make_known(vm);
    const Finished off = ctl("console cterr");
    EXPECT_EQ(off.status, 1);
    EXPECT_EQ(trimmed(off.output),
              "qemunitctl: cterr: is off; start it with: systemctl start qemu@cterr");
    const Finished monitor = ctl("cmd cterr info status");
    EXPECT_TRUE(monitor.status == 1 && monitor.says("systemctl start qemu@cterr")) << monitor;
    const Finished unknown = ctl("status cter");
    EXPECT_TRUE(unknown.status == 1 && unknown.says("Did you mean 'cterr'?")) << unknown;
    const Finished verb = ctl("start cterr");
    EXPECT_TRUE(verb.status == 2 && verb.says("systemctl start qemu@cterr")) << verb;

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished port = ctl("console cterr nosuch");
    EXPECT_TRUE(port.status == 1 && port.says("has no serial port 'nosuch'")) << port;
    const std::string as_nobody =
        "setpriv --reuid=nobody --regid=nogroup --clear-groups qemunitctl ";
    const Finished console = run_words(as_nobody + "console cterr");
    EXPECT_TRUE(console.status == 1 && console.says("permission denied") &&
                console.says("SocketGroup="))
        << console;
    const Finished command = run_words(as_nobody + "cmd cterr quit");
    EXPECT_TRUE(command.status == 1 && command.says("cterr: access denied")) << command;
}

TEST(Ctl, SnapshotsForwardsScreenAndKeys) {
    VmUnderTest vm(
        "ctacts",
        boot_sector_ini() +
            "[VM]\nDisplay=vnc\n[Drive data]\nFile=data.qcow2\nSize=10M\n[Network lan]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto succeeds = [](const std::string &words) {
        const Finished done = ctl(words);
        EXPECT_TRUE(done.ok() && done.output.empty()) << done;
    };
    succeeds("snapshot save ctacts clean");
    const Finished snapshots = ctl("snapshot list ctacts");
    EXPECT_TRUE(snapshots.ok() && snapshots.says("\nclean  ")) << snapshots;
    succeeds("snapshot load ctacts clean");
    succeeds("snapshot delete ctacts clean");
    const Finished none = ctl("snapshot load ctacts clean");
    EXPECT_TRUE(none.status == 1 && none.says("qemunitctl: ctacts: ")) << none;

    succeeds("forward add ctacts tcp:127.0.0.1:20081-:80");
    const Finished forwards = ctl("forward list ctacts");
    EXPECT_TRUE(forwards.says("lan      tcp:127.0.0.1:20081-10.0.2.15:80")) << forwards;
    // As it was added, and as it is listed.
    succeeds("forward remove ctacts tcp:127.0.0.1:20081-10.0.2.15:80");
    EXPECT_FALSE(ctl("forward list ctacts").says("20081"));

    succeeds("screenshot ctacts /tmp/ctacts.png");
    EXPECT_TRUE(read_file("/tmp/ctacts.png").starts_with("\x89PNG"));
    succeeds("sendkey ctacts ctrl-alt-f1 ret");
    succeeds("type ctacts hello World");
}

TEST(Ctl, ChecksIniFiles) {
    VmUnderTest good("ctgood", boot_sector_ini());
    VmUnderTest bad("ctbad", "[VM]\nCPUs=many\n");
    const Finished one = ctl("check ctgood");
    EXPECT_TRUE(one.ok() && !one.says("ctgood.ini")) << one;
    const Finished all = ctl("check");
    EXPECT_TRUE(all.status == 1 && all.says("/etc/qemunit/ctbad.ini:2: CPUs=many")) << all;
    EXPECT_EQ(ctl("check " + bad.ini_path()).status, 1);
    const Finished unknown = ctl("check ctgod");
    EXPECT_TRUE(unknown.status == 1 && unknown.says("Did you mean 'ctgood'?")) << unknown;
}

TEST(Ctl, WhatCatPrintsRunsInAShell) {
    VmUnderTest vm("ctcat", boot_sector_ini() + "[VM]\nDescription=it's \"two\" $words\n");
    make_known(vm);
    Terminal shell({"sh", "-c", "eval \"$(qemunitctl cat ctcat)\""});
    ASSERT_SEEN(shell, kGuestReady);
    shell.type("\x01x");  // QEMU's own way out of a terminal
    EXPECT_EQ(shell.wait(), 0);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "inactive");
}

}  // namespace
}  // namespace qemunit::e2e
