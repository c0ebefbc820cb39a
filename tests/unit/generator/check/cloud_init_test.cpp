// SPDX-License-Identifier: MIT
//
// [CloudInit] in the exact words of each message, and what is no secret of them.
#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::error;
using testing::said;
using testing::Texts;

const std::string kKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDVB7AIejoa3KUJSiffWbX6SB5DVjqj/jeO88DSRRKhe";
constexpr const char *kExcluded =
    " exclude each other: what the file says would not be added to; write it into the file.";

Texts of_cloud(const std::string &line) {
    return said("[CloudInit]\n" + line + "\n");
}

TEST(CloudInitTest, WhatIsRight) {
    for (const std::string &line :
         {"SSHKey=" + kKey, "SSHKey=" + kKey + " joe@desk", std::string("SSHKey=/a b/id.pub"),
          std::string("SSHKey=id.pub"), std::string("User=_joe.x-1"),
          std::string("Hostname=a.b-c.1"), std::string("Hostname=" + std::string(63, 'a')),
          std::string("Password=$y$j9T$salt$0123456789abcdefghijklmnop"),
          std::string("Password=$2b$05$0123456789abcdefghijklmnop"),
          std::string("Password=$6$rounds=9$s$0123456789abcdefghijkl")})
        EXPECT_EQ(of_cloud(line), Texts{}) << line;
    EXPECT_EQ(said("[CloudInit]\nUserData=/a\nHostname=b\nNetworkConfig=/c\n"), Texts{});
    EXPECT_EQ(said("[CloudInit]\nUserData=/a\nUserData=\nUser=b\n"), Texts{});
}

TEST(CloudInitTest, WhatIsWrong) {
    for (const char *name : {"-a", "a-", "a..b", ".a", "a.", "a_b", "ü"})
        EXPECT_EQ(of_cloud(std::string("Hostname=") + name),
                  error(2, std::string("Hostname=") + name +
                               ": not a host name; letters, digits and '-', with dots between, at "
                               "most 64 characters."));
    EXPECT_EQ(of_cloud("Hostname=" + std::string(64, 'a')).size(), 1u);
    for (const char *name : {"0a", "a b", "a:b", "root$"})
        EXPECT_EQ(of_cloud(std::string("User=") + name).size(), 1u) << name;
    EXPECT_EQ(of_cloud("SSHKey=ssh-rsa AAAA"),
              error(2,
                    "SSHKey=ssh-rsa AAAA: not a public key; write the line of a .pub file of "
                    "ssh-keygen, or the file's path."));
    EXPECT_EQ(of_cloud("SSHKey=../id.pub").size(), 1u);
}

TEST(CloudInitTest, NoMessageShowsAPassword) {
    for (const char *password :
         {"secret", "$6$secret", "$6$secret$", "$$secret$0123456789abcdefghijkl",
          "$6$secret$0123456789abcdefghijkl me", "*", "!"})
        EXPECT_EQ(of_cloud(std::string("Password=") + password),
                  error(2,
                        "Password=: not the hash of a password, see crypt(5); make one by: "
                        "openssl passwd -6"));
}

TEST(CloudInitTest, AFileSaysItAll) {
    const std::string hash = "$6$salt$0123456789abcdefghijkl";
    EXPECT_EQ(said("[CloudInit]\nUserData=/a\nUser=b\n"),
              error(3, std::string("UserData= and User=") + kExcluded));
    EXPECT_EQ(said("[CloudInit]\nSSHKey=/b\nUserData=/a\n"),
              error(2, std::string("UserData= and SSHKey=") + kExcluded));
    EXPECT_EQ(said("[CloudInit]\nUserData=/a\nPassword=" + hash + "\n"),
              error(3, std::string("UserData= and Password=") + kExcluded));
    EXPECT_EQ(said("[CloudInit]\nMetaData=/a\nHostname=b\n"),
              error(3, std::string("MetaData= and Hostname=") + kExcluded));
}

}  // namespace
}  // namespace qemunit::generator
