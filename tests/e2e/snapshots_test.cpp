// SPDX-License-Identifier: MIT
//
// SaveSnapshot, LoadSnapshot, DeleteSnapshot and ListSnapshots of org.qemunit1.VM.
#include <gtest/gtest.h>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"

namespace qemunit::e2e {
namespace {

std::string ini_with_disk() {
    return silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=16M\n";
}

BusReply snapshot(const VmUnderTest &vm, const char *member, const std::string &tag) {
    return call_vm(vm.name(), member, tag);
}

std::string list(const VmUnderTest &vm) {
    return trimmed(run({"busctl", "--timeout=80", "call", "org.qemunit1",
                        "/org/qemunit1/vm/" + vm.name(), "org.qemunit1.VM", "ListSnapshots"})
                       .output);
}

std::string execute(const VmUnderTest &vm, const std::string &command,
                    const std::string &arguments = "") {
    return trimmed(
        run({"busctl", "--timeout=80", "call", "org.qemunit1", "/org/qemunit1/vm/" + vm.name(),
             "org.qemunit1.VM", "Execute", "ss", command, arguments})
            .output);
}

std::string state(const VmUnderTest &vm) {
    return trimmed(run({"busctl", "get-property", "org.qemunit1", "/org/qemunit1/vm/" + vm.name(),
                        "org.qemunit1.VM", "State"})
                       .output);
}

TEST(Snapshots, WhatTheGuestDidSinceIsUndone) {
    VmUnderTest vm("snapundo", ini_with_disk() + "[Drive data]\nFile=data.qcow2\nSize=16M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    guest.run("answer=42; echo before >/dev/vdb; sync");
    EXPECT_EQ(list(vm), "a(stt) 0");
    BusReply reply = snapshot(vm, "SaveSnapshot", "clean");
    ASSERT_EQ(reply.error, "") << reply;
    EXPECT_EQ(state(vm), "s \"running\"");
    expect_contains(list(vm), "a(stt) 1 \"clean\" ");
    guest.run("answer=43; echo after >/dev/vdb; sync");

    reply = snapshot(vm, "LoadSnapshot", "clean");
    EXPECT_EQ(reply.error, "") << reply;
    EXPECT_EQ(guest.run("echo $answer; echo 3 >/proc/sys/vm/drop_caches; head -n 1 /dev/vdb"),
              "42\nbefore\n");
    EXPECT_EQ(state(vm), "s \"running\"");

    // A VM that is paused stays so.
    ASSERT_EQ(call_vm(vm.name(), "Pause").error, "");
    EXPECT_EQ(snapshot(vm, "LoadSnapshot", "clean").error, "");
    EXPECT_EQ(state(vm), "s \"paused\"");
    EXPECT_EQ(snapshot(vm, "DeleteSnapshot", "clean").error, "");
    EXPECT_EQ(list(vm), "a(stt) 0");
    EXPECT_EQ(execute(vm, "query-jobs"), "s \"[]\"");
}

// QEMU itself would revert the disks, reset the machine, and only then find out that it cannot
// load.
TEST(Snapshots, NoneIsLoadedWhileTheMachineIsSavedOrMoved) {
    VmUnderTest vm("snapmoving", ini_with_disk());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    guest.run("answer=42; echo before >/dev/vda; sync");
    ASSERT_EQ(snapshot(vm, "SaveSnapshot", "clean").error, "");
    guest.run("answer=43; echo after >/dev/vda; sync");
    const std::string socket = "/var/lib/qemunit/snapmoving/state.sock";
    const Finished reader = run({"systemd-run", "--quiet", "--unit=snapmoving-reader", "socat",
                                 "-u", "UNIX-LISTEN:" + socket + ",mode=0777", "OPEN:/dev/null"});
    ASSERT_TRUE(reader.ok()) << reader;
    execute(vm, "migrate-set-parameters", R"({"max-bandwidth":4096})");
    const std::string uri = R"({"uri":"unix:)" + socket + R"("})";
    const Deadline deadline;
    while (execute(vm, "query-migrate").find("active") == std::string::npos && !deadline.passed())
        execute(vm, "migrate", uri);
    const BusReply reply = snapshot(vm, "LoadSnapshot", "clean");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Busy") << reply;
    expect_contains(reply.message, "its state is being saved or moved");
    EXPECT_EQ(execute(vm, "migrate_cancel"), "s \"{}\"");
    EXPECT_EQ(guest.run("echo $answer; echo 3 >/proc/sys/vm/drop_caches; head -n 1 /dev/vda"),
              "43\nafter\n");
    run_words("systemctl stop snapmoving-reader");
}

TEST(Snapshots, ErrorsComeBeforeTheGuestIsStopped) {
    VmUnderTest vm("snaperror", ini_with_disk());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    for (const char *tag : {"", "1", "a b", "-x", "a;b", "a\nb", "\"a", "/x", "\xc3\xa4"})
        EXPECT_EQ(snapshot(vm, "SaveSnapshot", tag).error, "org.qemunit1.Error.InvalidArgument")
            << tag;
    for (const char *member : {"LoadSnapshot", "DeleteSnapshot"}) {
        EXPECT_EQ(snapshot(vm, member, "").error, "org.qemunit1.Error.InvalidArgument");
        const BusReply reply = snapshot(vm, member, "nope");
        EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor");
        EXPECT_EQ(reply.message, "VM 'snaperror' has no snapshot 'nope', nor any other");
    }
    ASSERT_EQ(snapshot(vm, "SaveSnapshot", "one").error, "");
    BusReply reply = snapshot(vm, "SaveSnapshot", "one");
    EXPECT_EQ(reply.message, "VM 'snaperror' has a snapshot 'one' already; delete it first");
    // Not by its number either.
    reply = snapshot(vm, "LoadSnapshot", "1");
    EXPECT_EQ(reply.message, "VM 'snaperror' has no snapshot '1'; it has: one");
    EXPECT_EQ(snapshot(vm, "DeleteSnapshot", "1").message, reply.message);
    EXPECT_EQ(state(vm), "s \"running\"");
}

TEST(Snapshots, ARawDriveIsNamed) {
    VmUnderTest vm("snapraw",
                   ini_with_disk() + "[Drive data]\nFile=data.img\nFormat=raw\nSize=1M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const BusReply reply = snapshot(vm, "SaveSnapshot", "clean");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor");
    expect_contains(reply.message, "Drive 'data' of VM 'snapraw' is writable and raw");
    EXPECT_EQ(state(vm), "s \"running\"");
}

TEST(Snapshots, AVmWithoutDrivesIsToldWhatItLacks) {
    VmUnderTest vm("snapnone", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(snapshot(vm, "SaveSnapshot", "clean").message,
                    "has no drive that could hold a snapshot");
    EXPECT_EQ(list(vm), "a(stt) 0");
}

TEST(Snapshots, TheExampleMakesAndListsThem) {
    const std::string program = QEMUNIT_EXAMPLES "/snapshot.py";
    VmUnderTest vm("snappy", ini_with_disk());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished saved = run({program, vm.name(), "save", "clean"});
    EXPECT_TRUE(saved.ok() && saved.says(" MiB  clean\n")) << saved;
    EXPECT_TRUE(run({program, vm.name(), "load", "clean"}).ok());
    const Finished unknown = run({program, vm.name(), "load", "nope"});
    EXPECT_TRUE(unknown.says("org.qemunit1.Error.Monitor: VM 'snappy' has no snapshot 'nope'"))
        << unknown;
    const Finished deleted = run({program, vm.name(), "delete", "clean"});
    EXPECT_TRUE(deleted.ok()) << deleted;
    EXPECT_EQ(trimmed(deleted.output), "");
}

std::string ini_with_counted_disk(const std::string &more) {
    return boot_sector_ini() + "[Drive data]\nFile=data.qcow2\nSize=16M\n[VM]\n" + more;
}

// Not in its firmware: a machine that is reset after it has half-loaded that of another one in its
// first milliseconds does not always boot.
void start_guest(const VmUnderTest &vm) {
    Journal journal(vm.unit());
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    auto line = journal.read_until_line("qemunit guest ready");
    EXPECT_TRUE(line) << line.error().message;
}

// A VM with a snapshot of a machine that had a device more.
std::unique_ptr<VmUnderTest> vm_with_unfit_snapshot(const std::string &name) {
    auto vm = std::make_unique<VmUnderTest>(name, ini_with_counted_disk("RNG=yes\n"));
    start_guest(*vm);
    EXPECT_EQ(snapshot(*vm, "SaveSnapshot", "withrng").error, "");
    EXPECT_TRUE(vm->stop().ok());
    write_file(vm->ini_path(), ini_with_counted_disk("RNG=no\n"));
    EXPECT_TRUE(run_words("systemctl daemon-reload").ok());
    start_guest(*vm);
    return vm;
}

void expect_boot(const VmUnderTest &vm) {
    Journal journal(vm.unit());
    EXPECT_EQ(call_vm(vm.name(), "Resume").error, "");
    auto line = journal.read_until_line("qemunit guest ready");
    EXPECT_TRUE(line) << line.error().message;
    EXPECT_EQ(state(vm), "s \"running\"");
}

// Its disks are reverted and its machine is half-loaded by then.
TEST(Snapshots, AVmThatCouldNotLoadOneIsPausedAtAReset) {
    const auto made = vm_with_unfit_snapshot("snaphalf");
    const VmUnderTest &vm = *made;
    for (const char *was : {"running", "paused"}) {
        if (was == std::string("paused")) {
            EXPECT_EQ(call_vm(vm.name(), "Pause").error, "");
        }
        const BusReply reply = snapshot(vm, "LoadSnapshot", "withrng");
        EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor") << reply;
        expect_contains(reply.message,
                        "Error -22 while loading VM state. VM 'snaphalf' was reset and "
                        "is paused, since its disks are those of the snapshot already");
        EXPECT_EQ(state(vm), "s \"paused\"") << was;
        expect_contains(status_of_qemu(vm.name()), "prelaunch");
        expect_boot(vm);
    }
    const Finished loaded = run({"qemunitctl", "snapshot", "load", vm.name(), "withrng"});
    EXPECT_FALSE(loaded.ok());
    EXPECT_TRUE(loaded.says("was reset and is paused")) << loaded;
    EXPECT_EQ(state(vm), "s \"paused\"");
    auto told =
        wait_for_property(vm.unit(), "StatusText", "Paused: a snapshot could not be loaded");
    EXPECT_TRUE(told) << told.error().message;
    expect_contains(journalctl(vm.unit()),
                    "a snapshot could not be loaded, and the guest stands still");
    // What can be loaded is.
    ASSERT_EQ(snapshot(vm, "SaveSnapshot", "fit").error, "");
    EXPECT_EQ(snapshot(vm, "LoadSnapshot", "fit").error, "");
}

TEST(Snapshots, TheMonitorsOwnCommandIsNoOtherDoor) {
    const auto made = vm_with_unfit_snapshot("snapdoor");
    const VmUnderTest &vm = *made;
    BusReply reply = monitor_command(vm.name(), "loadvm withrng");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor") << reply;
    expect_contains(reply.message, "was reset and is paused");
    EXPECT_EQ(state(vm), "s \"paused\"");
    expect_boot(vm);
    // Nothing was touched by these: QEMU stops the guest all the same.
    for (const char *tag : {"nope", "no such"}) {
        reply = monitor_command(vm.name(), std::string("loadvm ") + tag);
        EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor") << reply;
        EXPECT_EQ(state(vm), "s \"running\"") << tag;
    }
    // QEMU's own socket, where nobody tells apart what happened.
    auto monitor = UnixClient::connect(vm.socket("monitor"));
    ASSERT_TRUE(monitor) << monitor.error().message;
    ASSERT_TRUE(monitor->read_until("(qemu) "));
    ASSERT_TRUE(monitor->send("loadvm withrng\r"));
    ASSERT_TRUE(monitor->read_until("Error: "));
    expect_contains(status_of_qemu(vm.name()), "restore-vm");
    auto told =
        wait_for_property(vm.unit(), "StatusText", "Paused: a snapshot could not be loaded");
    EXPECT_TRUE(told) << told.error().message;
    reply = call_vm(vm.name(), "Resume");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor");
    expect_contains(reply.message, "its machine may be half-loaded: Reset it first");
    expect_contains(status_of_qemu(vm.name()), "restore-vm");
    EXPECT_EQ(call_vm(vm.name(), "Reset").error, "");
    expect_boot(vm);
}

TEST(Snapshots, TheJobOfADaemonThatIsGoneIsTidiedAway) {
    VmUnderTest vm("snapjob", ini_with_disk());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    execute(vm, "blockdev-create",
            R"({"job-id":"qemunit-old","options":{"driver":"file","filename":"/no/x","size":0}})");
    expect_contains(execute(vm, "query-jobs"), "qemunit-old");
    EXPECT_EQ(snapshot(vm, "SaveSnapshot", "clean").error, "");
    EXPECT_EQ(execute(vm, "query-jobs"), "s \"[]\"");
}

TEST(Snapshots, TheTimersServiceKeepsSomeOfItsOwn) {
    VmUnderTest vm("snaptimer", boot_sector_ini() +
                                    "[VM]\nSnapshotKeep=2\n[Drive data]\nFile=data.qcow2\n"
                                    "Size=16M\n");
    const std::string unit = "qemu-snapshot@" + vm.name() + ".service";
    // Of a VM that does not run, none; and that is no failure.
    EXPECT_TRUE(run({"systemctl", "start", unit}).ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(snapshot(vm, "SaveSnapshot", "clean").error, "");
    for (int i = 0; i < 3; ++i) {
        const Finished saved = run({"systemctl", "start", unit});
        EXPECT_TRUE(saved.ok()) << saved << journalctl(unit);
    }
    const std::string kept = list(vm);
    expect_contains(kept, "a(stt) 3 ");
    expect_contains(kept, "\"clean\"");
    expect_contains(journalctl(unit), "Deleted auto-");
    EXPECT_TRUE(
        run({"systemctl", "enable", "--quiet", "--now", "qemu-snapshot@" + vm.name() + ".timer"})
            .ok());
    EXPECT_EQ(
        trimmed(run({"systemctl", "is-active", "qemu-snapshot@" + vm.name() + ".timer"}).output),
        "active");
    run({"systemctl", "disable", "--quiet", "--now", "qemu-snapshot@" + vm.name() + ".timer"});
}

}  // namespace
}  // namespace qemunit::e2e
