// SPDX-License-Identifier: MIT
//
// QEMU refuses to start, in words of its own; beside them stand the key, the line, and what to do.
// What `qemunitctl check` can know, it says before.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// Of a VM that failed, when all has been said of it.
std::string status_of_failed(const VmUnderTest &vm) {
    EXPECT_TRUE(run_words("systemctl start qemu-failure@" + vm.name() + ".service").ok());
    return vm.status().output;
}

std::string forward_ini(const std::string &forward) {
    return deaf_ini() + "[VM]\nStop=quit\n[Network lan]\nHostForward=" + forward + "\n";
}

TEST(Refusals, APortThatAnotherVmHas) {
    VmUnderTest first("refone", forward_ini("tcp:127.0.0.1:20031-:22"));
    VmUnderTest second("reftwo", forward_ini("tcp::20031-:23"));
    ASSERT_TRUE(first.start().ok()) << first.status();
    EXPECT_FALSE(second.start().ok());
    const std::string status = status_of_failed(second);
    expect_contains(status,
                    "/etc/qemunit/reftwo.ini:7: HostForward=tcp::20031-:23: TCP port 20031 "
                    "of this machine is taken by the VM 'refone', ");
    const Finished check = run_words("qemunitctl check reftwo");
    EXPECT_TRUE(check.ok()) << check;
    expect_contains(check.output, "is taken by the VM 'refone'");
    // Nobody has it but itself.
    EXPECT_FALSE(run_words("qemunitctl check refone").says("is taken"));
}

TEST(Refusals, APortThatAnotherProgramHas) {
    const Finished holder =
        run_words("systemd-run --unit=refholder socat UDP4-LISTEN:20032,bind=127.0.0.1 STDIO");
    ASSERT_TRUE(holder.ok()) << holder;
    const Finished listens =
        run({"timeout", "20", "sh", "-c", "until grep -q :4E40 /proc/net/udp; do :; done"});
    ASSERT_TRUE(listens.ok()) << listens;
    VmUnderTest vm("refother", forward_ini("udp::20032-:53"));
    EXPECT_FALSE(vm.start().ok());
    expect_contains(status_of_failed(vm), "UDP port 20032 of this machine is taken by socat (PID ");
    run_words("systemctl stop refholder");
}

TEST(Refusals, APortThatNeedsAPrivilege) {
    VmUnderTest vm("reflow", forward_ini("tcp:127.0.0.1:81-:80"));
    EXPECT_FALSE(vm.start().ok());
    expect_contains(status_of_failed(vm),
                    "a port below 1024 needs the privilege CAP_NET_BIND_SERVICE");
    // The advice is true.
    ASSERT_TRUE(run_words("sysctl -q net.ipv4.ip_unprivileged_port_start=81").ok());
    const Finished allowed = vm.start();
    EXPECT_TRUE(allowed.ok()) << allowed << vm.status();
    ASSERT_TRUE(run_words("sysctl -q net.ipv4.ip_unprivileged_port_start=1024").ok());
}

TEST(Refusals, AMachineThatQemuDoesNotHave) {
    VmUnderTest vm("refpc", deaf_ini() + "Machine=pc99\n");
    EXPECT_FALSE(vm.start().ok());
    const std::string said =
        "/etc/qemunit/refpc.ini:4: Machine=pc99: /usr/bin/qemu-system-x86_64 "
        "has no such machine.";
    expect_contains(status_of_failed(vm), said);
    expect_contains(run_words("qemunitctl check refpc").output, said);
}

// Where others than root can change what a path leads to, the rights are those of User=.
TEST(Refusals, AnImageThatTheVmsUserMayNotWrite) {
    fs::create_directories("/srv/refimages");
    ASSERT_TRUE(run_words("qemu-img create -q -f qcow2 /srv/refimages/a.qcow2 1M").ok());
    ASSERT_TRUE(run_words("chown daemon /srv/refimages").ok());
    VmUnderTest vm("refimage", deaf_ini() +
                                   "Stop=quit\nUser=qemunit\n[Drive root]\n"
                                   "File=/srv/refimages/a.qcow2\n");
    const std::string said =
        "/etc/qemunit/refimage.ini:7: File=/srv/refimages/a.qcow2: the user "
        "'qemunit', who runs QEMU, may not read and write it.";
    expect_contains(run_words("qemunitctl check refimage").output, said);
    EXPECT_FALSE(vm.start().ok());
    expect_contains(status_of_failed(vm), said);
    ASSERT_TRUE(run_words("chown qemunit /srv/refimages/a.qcow2").ok());
    EXPECT_FALSE(run_words("qemunitctl check refimage").says("may not"));
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(vm.stop().ok());
    // Nobody but root has put it there.
    ASSERT_TRUE(run_words("chown -R root: /srv/refimages").ok());
    ASSERT_TRUE(run_words("chmod -R go= /srv/refimages").ok());
    EXPECT_FALSE(run_words("qemunitctl check refimage").says("may not"));
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(vm.stop().ok());
    fs::remove_all("/srv/refimages");
}

TEST(Refusals, ALayerWhoseBackingFileTheIniDoesNotName) {
    fs::create_directories("/srv/reflayers");
    ASSERT_TRUE(run_words("qemu-img create -q -f qcow2 /srv/reflayers/base.qcow2 1M").ok());
    ASSERT_TRUE(run_words("qemu-img create -q -f qcow2 -F qcow2 -b /srv/reflayers/base.qcow2 "
                          "/srv/reflayers/top.qcow2")
                    .ok());
    ASSERT_TRUE(run_words("chown qemunit /srv/reflayers/base.qcow2 /srv/reflayers/top.qcow2").ok());
    const std::string ini =
        deaf_ini() + "[VM]\nStop=quit\n[Drive root]\nFile=/srv/reflayers/top.qcow2\n";
    VmUnderTest vm("reflayer", ini);
    const std::string said =
        "the image /srv/reflayers/top.qcow2 is a layer on "
        "/srv/reflayers/base.qcow2, which the ini does not name: name that with "
        "BackingFile=/srv/reflayers/base.qcow2";
    expect_contains(run_words("qemunitctl check reflayer").output, said);
    EXPECT_FALSE(vm.start().ok());
    expect_contains(status_of_failed(vm), said);
    // The advice is true.
    write_file(vm.ini_path(), ini + "BackingFile=/srv/reflayers/base.qcow2\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_FALSE(run_words("qemunitctl check reflayer").says("layer"));
}

// One that starts, and one that ends by itself, say nothing.
TEST(Refusals, WhoIsNotRefusedHearsNothing) {
    VmUnderTest vm("reffine", forward_ini("tcp:127.0.0.1:20033-:22"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok()) << vm.status();
    EXPECT_FALSE(vm.status().says("reffine.ini:"));
}

TEST(Refusals, CheckOfOneVmKnowsTheOthers) {
    VmUnderTest one("refport1", forward_ini("tcp::20034-:22"));
    VmUnderTest two("refport2", forward_ini("tcp::20034-:22"));
    for (const auto &[name, other] : {std::pair("refport1", "refport2"), {"refport2", "refport1"}})
        expect_contains(
            run({"qemunitctl", "check", name}).output,
            std::string("TCP port 20034 of the host is also that of VM '") + other + "'");
}

TEST(Refusals, AHostThatIsNone) {
    const Finished list = run_words("qemunitctl -H no.such.host.invalid list");
    EXPECT_EQ(list.status, 1);
    EXPECT_FALSE(list.says("Transport endpoint")) << list;
    expect_contains(list.output,
                    "cannot connect to the system bus of no.such.host.invalid over ssh");
}

}  // namespace
}  // namespace qemunit::e2e
