// SPDX-License-Identifier: MIT
//
// The texts of a seed, and its ID.
#include "helper/seed/cloud_config.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

using Texts = std::map<std::string, std::string>;

CloudConfig config() {
    CloudConfig config;
    config.instance = "vm1";
    config.hostname = "web";
    return config;
}

TEST(CloudConfigTest, OfKeys) {
    CloudConfig cloud = config();
    cloud.user = "root";
    cloud.password = "$6$a$b";
    cloud.ssh_keys = {"command=\"a\" ssh-rsa A", "ssh-rsa B"};
    auto files = seed_files(cloud);
    EXPECT_EQ(files.extract("meta-data").mapped(),
              "instance-id: \"" + instance_id(cloud) + "\"\nlocal-hostname: \"web\"\n");
    EXPECT_EQ(files, (Texts{{"user-data",
                             "#cloud-config\nuser:\n  name: \"root\"\n  lock_passwd: false\n"
                             "  hashed_passwd: \"$6$a$b\"\ndisable_root: false\n"
                             "manage_etc_hosts: localhost\n"
                             "ssh_authorized_keys:\n  - \"command=\\\"a\\\" ssh-rsa A\"\n"
                             "  - \"ssh-rsa B\"\n"}}));
    cloud.ssh_keys = {"abc"};
    EXPECT_EQ(guest_credentials(cloud),
              (Texts{{"system.hostname", "web"},
                     {"ssh.authorized_keys.root", "abc\n"},
                     {"ssh.ephemeral-authorized_keys-all",
                      "io.systemd.credential.binary:ssh.ephemeral-authorized_keys-all=YWJjCg=="},
                     {"passwd.hashed-password.root", "$6$a$b"}}));
}

// What has no name there has /etc/hosts as it was.
TEST(CloudConfigTest, AHostNameIsInTheGuestsHosts) {
    EXPECT_EQ(seed_files(config())["user-data"], "#cloud-config\nmanage_etc_hosts: localhost\n");
    CloudConfig cloud = config();
    cloud.hostname = "";
    EXPECT_EQ(seed_files(cloud)["user-data"], "#cloud-config\n");
}

TEST(CloudConfigTest, OfFiles) {
    CloudConfig cloud = config();
    cloud.user_data = "#!/bin/sh";
    cloud.meta_data = "instance-id: 7";
    cloud.network_config = "version: 2";
    EXPECT_EQ(seed_files(cloud), (Texts{{"user-data", "#!/bin/sh"},
                                        {"meta-data", "instance-id: 7"},
                                        {"network-config", "version: 2"}}));
}

TEST(CloudConfigTest, AnotherContentIsAnotherInstance) {
    const std::string first = instance_id(config());
    EXPECT_TRUE(first.starts_with("vm1-"));
    EXPECT_EQ(first.size(), 20u);
    EXPECT_EQ(instance_id(config()), first);
    CloudConfig cloud = config();
    cloud.user = "joe";
    EXPECT_NE(instance_id(cloud), first);
    cloud = config();
    cloud.network_config = "version: 2";
    EXPECT_NE(instance_id(cloud), first);
    cloud = config();
    cloud.hostname = "mail";
    EXPECT_NE(instance_id(cloud), first);
}

}  // namespace
}  // namespace qemunit::helper
