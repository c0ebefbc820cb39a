// SPDX-License-Identifier: MIT
//
// From a cloud image to a login in two commands, with the cloud-init and the SSH server of Debian.
// The image is of tools/fetch-cloud-image; tools/test makes it for these tests.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/made_vm.h"
#include "tests/e2e/ssh_keys.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// A guest that is emulated boots in a minute, on a machine that does nothing else.
constexpr std::chrono::minutes kBoot{8};

Finished in_guest(const std::string &command) {
    return run({"qemunitctl", "ssh", "--timeout=7min", "-o", "LogLevel=ERROR", "cloudvm", command},
               "", Deadline(kBoot));
}

// What makes a guest the one that it is. A login takes seconds there.
struct CloudGuest {
    std::string boot, instance, instances, host_key;
};

CloudGuest ask_guest() {
    const Finished said = in_guest(
        "cat /proc/sys/kernel/random/boot_id /var/lib/cloud/data/instance-id && "
        "ls /var/lib/cloud/instances && cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub");
    EXPECT_TRUE(said.ok()) << said;
    CloudGuest guest;
    std::istringstream lines(said.output);
    for (std::string *line : {&guest.boot, &guest.instance, &guest.instances, &guest.host_key})
        std::getline(lines, *line);
    EXPECT_TRUE(lines) << said;
    return guest;
}

// By the installed ssh_config, with the programs themselves.
void expect_files_go_to_and_fro() {
    const std::string text = "sent and fetched\n", here = "/srv/cloud-sent",
                      back = "/srv/cloud-got";
    write_file(here, text);
    const Finished sent = run({"scp", "-q", here, "joe@cloudvm.qemu:one"}, "", Deadline(kBoot));
    EXPECT_TRUE(sent.ok()) << sent;
    const Finished moved =
        run({"sftp", "-q", "-b", "-", "joe@qemu/cloudvm"}, "rename one two\n", Deadline(kBoot));
    EXPECT_TRUE(moved.ok()) << moved;
    const Finished got =
        run({"rsync", "--archive", "joe@cloudvm.qemu:two", back}, "", Deadline(kBoot));
    EXPECT_TRUE(got.ok()) << got;
    EXPECT_EQ(read_file(back), text);
    fs::remove(here);
    fs::remove(back);
}

// The caller's agent there, and a port of the guest here.
void expect_agent_and_ports(const Keys &keys) {
    const Finished lent =
        run({"ssh-agent", "sh", "-c", "ssh-add -q \"$0\" && qemunitctl ssh -A cloudvm ssh-add -L",
             keys.path()},
            "", Deadline(kBoot));
    EXPECT_TRUE(lent.ok()) << lent;
    expect_contains(lent.output, trimmed(read_file(keys.path() + ".pub")));

    const std::string socket = "/run/cloud-forward.sock";
    Terminal forward({"qemunitctl", "ssh", "-N", "-v", "-L", socket + ":127.0.0.1:22", "cloudvm"});
    ASSERT_SEEN(forward, "Entering interactive session");
    auto client = UnixClient::connect(socket);
    ASSERT_TRUE(client) << client.error().message;
    const auto greeting = client->read_until("SSH-2.0-OpenSSH");
    EXPECT_TRUE(greeting) << greeting.error().message;
    forward.type("\x03");
    forward.wait();
    fs::remove(socket);
}

TEST(CloudImage, ARealFirstBootTakesItAll) {
    const char *image = getenv("QEMUNIT_CLOUD_IMAGE");
    if (image == nullptr)
        GTEST_SKIP() << "QEMUNIT_CLOUD_IMAGE is not set: tools/test --e2e 'CloudImage.*' makes one";
    ASSERT_TRUE(fs::is_regular_file(image)) << image;
    const Keys keys("/root");
    const MadeVm vm("cloudvm");
    const Finished made =
        vm.make(std::string(image) + " --login=joe --memory=512M --size=3G --start");
    ASSERT_TRUE(made.ok()) << made << run({"systemctl", "status", vm.unit()});
    const Finished first = in_guest("id -un; hostname; exit 7");
    ASSERT_EQ(first.status, 7) << first << run({"journalctl", "-u", vm.unit(), "-n", "60"});
    EXPECT_EQ(first.output, "joe\ncloudvm\n");
    // The rest of the first boot goes on meanwhile.
    const Finished done = in_guest("cloud-init status --wait --long");
    EXPECT_TRUE(done.ok() && done.says("status: done")) << done;
    const CloudGuest guest = ask_guest();
    const Finished root =
        in_guest("sudo -n id -u && getent hosts cloudvm && df --output=size / | tail -n 1");
    int uid = -1;
    long size = 0;  // KiB
    EXPECT_EQ(std::sscanf(root.output.c_str(), "%d 127.0.1.1 cloudvm cloudvm %ld", &uid, &size), 2)
        << root;
    EXPECT_EQ(uid, 0);
    EXPECT_GT(size, 5L << 19);
    expect_files_go_to_and_fro();
    expect_agent_and_ports(keys);

    const auto known_hosts = [&] {
        std::string text;
        for (const auto &file : fs::directory_iterator(keys.known_hosts()))
            if (file.is_regular_file() && !file.is_symlink())
                text += read_file(file.path());
        return text;
    };
    const std::string known = known_hosts();
    EXPECT_TRUE(known.ends_with(" ssh-ed25519 " + guest.host_key + "\n")) << known;
    EXPECT_EQ(guest.instances, guest.instance);

    // The next boot is nobody's first one.
    const Finished restarted = run({"systemctl", "restart", vm.unit()}, "", Deadline(kBoot));
    ASSERT_TRUE(restarted.ok()) << restarted << run({"systemctl", "status", vm.unit()});
    const CloudGuest again = ask_guest();
    EXPECT_NE(again.boot, guest.boot);
    EXPECT_EQ(again.instance, guest.instance);
    EXPECT_EQ(again.instances, guest.instances);
    EXPECT_EQ(again.host_key, guest.host_key);
    EXPECT_EQ(known_hosts(), known);

    // The guest powers off by its power button, and nothing but the VM's own is left.
    const Finished stopped = run({"systemctl", "stop", vm.unit()}, "", Deadline(kBoot));
    EXPECT_TRUE(stopped.ok()) << stopped;
    EXPECT_EQ(unit_property(vm.unit(), "Result"), "success");
    EXPECT_TRUE(wait_until_gone("/run/qemunit/cloudvm"));
    EXPECT_FALSE(fs::exists("/run/qemunit-credentials/cloudvm"));
    const Finished failed =
        run({"systemctl", "list-units", "--no-legend", "--failed", "qemu*@cloudvm*"});
    EXPECT_EQ(failed.output, "");
    EXPECT_EQ(std::distance(fs::directory_iterator(vm.state()), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace qemunit::e2e
