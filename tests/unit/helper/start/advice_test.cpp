// SPDX-License-Identifier: MIT
#include "helper/start/advice.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

class AdviceTest : public ::testing::Test {
  protected:
    // As nobody, since root may open everything.
    std::string advice(const std::string &path, bool write, Scope scope = Scope::system) {
        return as_nobody([&] { return permission_advice(path, write, scope); });
    }
    std::string as_nobody(const std::function<std::string()> &advise) {
        EXPECT_TRUE(testing::holds_in_child([&] {
            ASSERT_EQ(setgroups(0, nullptr), 0);
            ASSERT_EQ(setegid(kNobody), 0);
            ASSERT_EQ(seteuid(kNobody), 0);
            const std::string text = advise();
            ASSERT_EQ(seteuid(0), 0);
            folder.write("advice", text);
        }));
        return folder.read("advice");
    }
    std::string file(const std::string &name, mode_t mode) {
        const std::string path = folder.write(name, "");
        EXPECT_EQ(chmod(path.c_str(), mode), 0);
        return path;
    }
    void SetUp() override {
        if (geteuid() != 0)
            GTEST_SKIP() << "only root can become somebody else";
    }

    static constexpr unsigned kNobody = 65534;
    testing::TemporaryFolder folder;
};

TEST_F(AdviceTest, WhatMayBeOpenedNeedsNone) {
    EXPECT_EQ(advice(file("a", 0644), false), "");
    EXPECT_EQ(advice(file("b", 0666), true), "");
}

TEST_F(AdviceTest, WhatIsNotThereIsQemusToSay) {
    EXPECT_EQ(advice(folder / "gone", true), "");
}

TEST_F(AdviceTest, WhoMayNotAndWhatToDo) {
    const std::string a = file("a", 0600);
    EXPECT_EQ(advice(a, false),
              a +
                  ": the user 'nobody', who runs QEMU, may not read it. Allow it with `setfacl -m "
                  "u:nobody:r " +
                  a + "` or `chown nobody " + a + "`, or choose another user with User= in [VM].");
    const std::string b = file("b", 0644);
    EXPECT_EQ(advice(b, true),
              b +
                  ": the user 'nobody', who runs QEMU, may not read and write it. Allow it with "
                  "`setfacl -m u:nobody:rw " +
                  b + "` or `chown nobody " + b + "`, or choose another user with User= in [VM].");
}

TEST_F(AdviceTest, AUserCannotChooseAnother) {
    const std::string a = file("a", 0600);
    EXPECT_EQ(advice(a, false, Scope::user),
              a +
                  ": the user 'nobody', who runs QEMU, may not read it. Its owner can allow it "
                  "with `setfacl -m u:nobody:r " +
                  a + "`.");
}

TEST_F(AdviceTest, KvmIsForAGroup) {
    const std::string device = file("kvm", 0660);
    const auto advise = [&](Scope scope) {
        return as_nobody([&] { return kvm_advice(device, scope); });
    };
    const std::string fault = device +
                              ": the user 'nobody', who runs QEMU, is not in the group 'kvm'. root "
                              "can change that with `usermod -aG kvm nobody`";
    EXPECT_EQ(advise(Scope::system), fault + ".");
    EXPECT_EQ(advise(Scope::user), fault + "; it counts when user@65534.service starts anew.");
    ASSERT_EQ(chmod(device.c_str(), 0666), 0);
    EXPECT_EQ(advise(Scope::user), "");
    ASSERT_EQ(chmod(device.c_str(), 0600), 0);
    EXPECT_EQ(advise(Scope::user), advice(device, true, Scope::user));
    ASSERT_EQ(unlink(device.c_str()), 0);
    EXPECT_EQ(advise(Scope::user), "");
}

TEST_F(AdviceTest, AFolderOnTheWayCounts) {
    file("private/a", 0666);
    ASSERT_EQ(chmod((folder / "private").c_str(), 0700), 0);
    EXPECT_NE(advice(folder / "private/a", false), "");
}

TEST(QuotedPathAdviceTest, WhatIsNotThereIsCalledOtherwise) {
    const testing::TemporaryFolder folder;
    for (const char *name : {"it's", "a \"b\""}) {
        EXPECT_EQ(quoted_path_advice(folder / name),
                  (folder / name) +
                      ": no such file in the VM's sandbox. If there is one outside, the quotes in "
                      "its name are why: some versions of systemd, 257 is one, lose such paths. "
                      "Give it a name without quotes.");
        EXPECT_EQ(quoted_path_advice(folder.write(name, "")), "");
    }
    EXPECT_EQ(quoted_path_advice(folder / "gone"), "");
}

TEST(MissingImageAdviceTest, WhoWasToMakeIt) {
    const testing::TemporaryFolder folder;
    EXPECT_EQ(missing_image_advice(folder / "gone", "vm1"),
              (folder / "gone") +
                  ": the image could not be made; `systemctl status qemu-image@vm1` says why.");
    EXPECT_EQ(missing_image_advice(folder / "gone", "vm1", Scope::user),
              (folder / "gone") +
                  ": the image could not be made; `systemctl --user status qemu-image@vm1` says "
                  "why.");
    EXPECT_EQ(missing_image_advice(folder.write("there", ""), "vm1"), "");
}

}  // namespace
}  // namespace qemunit::helper
