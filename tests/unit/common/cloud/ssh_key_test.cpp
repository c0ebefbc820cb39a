// SPDX-License-Identifier: MIT
#include "common/cloud/ssh_key.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

const std::string kKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDVB7AIejoa3KUJSiffWbX6SB5DVjqj/jeO88DSRRKhe";

TEST(SshKeyTest, WhatSshKeygenWrites) {
    EXPECT_TRUE(is_ssh_key(kKey));
    EXPECT_TRUE(is_ssh_key(kKey + " joe@desk of many words"));
    EXPECT_TRUE(is_ssh_key(kKey + "\tjoe"));
    EXPECT_TRUE(is_ssh_key("restrict,command=\"echo \\\"a b\\\" c\" " + kKey));
}

TEST(SshKeyTest, WhatIsNone) {
    for (const std::string &line :
         {std::string(), std::string("ssh-ed25519"), std::string("ssh-ed25519 AAAA"),
          std::string("/root/.ssh/id.pub"), "ssh-rsa" + kKey.substr(kKey.find(' ')),
          kKey.substr(kKey.find(' ') + 1), kKey.substr(0, kKey.size() - 1), kKey + "\nnext",
          "a b " + kKey, std::string("ssh-ed25519 ////////////")})
        EXPECT_FALSE(is_ssh_key(line)) << line;
    EXPECT_TRUE(is_private_key("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    EXPECT_FALSE(is_private_key(kKey));
}

TEST(SshKeyTest, OfAFile) {
    const auto keys =
        ssh_keys_in("a.pub", "# mine\r\n\n  " + kKey + " joe\r\n" + kKey + " joe\n" + kKey);
    ASSERT_TRUE(keys) << keys.error().message;
    EXPECT_EQ(*keys, (std::vector{kKey + " joe", kKey}));
    const auto fault = [](const std::string &text) {
        const auto none = ssh_keys_in("a.pub", text);
        return none ? "" : none.error().message;
    };
    EXPECT_EQ(fault(kKey + "\nroot:secret:\n"), "a.pub:2: not a public key of SSH");
    EXPECT_EQ(fault("# none\n"), "a.pub has no public key of SSH; `ssh-keygen` makes one");
    EXPECT_TRUE(
        fault("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n").starts_with("a.pub is a private key"));
}

}  // namespace
}  // namespace qemunit
