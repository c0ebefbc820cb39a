// SPDX-License-Identifier: MIT
//
// Which VMs run, and with what they began.
#include "generator/running/running_vms.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

class RunningVmsTest : public ::testing::Test {
  protected:
    void begin(const std::string &unit, const std::string &id) const {
        folder.link("run/systemd/units/invocation:" + unit, id);
    }
    RunningVms find() const { return RunningVms::find(folder.path(), Paths()); }

    testing::TemporaryFolder folder;
};

TEST_F(RunningVmsTest, AreThoseOfWhichSystemdHasALink) {
    EXPECT_TRUE(find().empty());
    begin("qemu@vm1.service", "11");
    begin("qemu@.service", "12");
    begin("qemu@a b.service", "13");
    begin("qemu-tap@vm2.service", "14");
    begin("sshd.service", "15");
    folder.link("run/systemd/units/log-level-max:qemu@vm3.service", "16");
    const auto running = find();
    ASSERT_EQ(running.all().size(), 1u);
    EXPECT_EQ(running.all().at("vm1"), "11");
}

TEST_F(RunningVmsTest, BeganWithWhatTheLastRunGaveUnlessThatWasHeld) {
    using namespace std::string_literals;
    for (const char *name : {"vm1", "vm2", "vm3", "vm4", "vm5"})
        begin("qemu@"s + name + ".service", "now");
    const LastRun records("qemunit-generator 1\0"s + "vm1\0\0f\0p\0c\0\0\0"s +  // as its ini said
                          "vm2\0now\0f\0p\0c\0\0f\0q\0d\0\0"s +                 // held
                          "vm3\0old\0f\0p\0c\0\0f\0q\0d\0\0"s +                 // restarted since
                          "vm4\0old\0\0f\0q\0d\0\0"s);  // restarted, and says why
    const auto text = [&](const char *vm) {
        const auto started = find().started(vm, records);
        return started ? std::string(started->text) : "none";
    };
    EXPECT_EQ(text("vm1"), "f\0p\0c\0"s);
    EXPECT_EQ(text("vm2"), "f\0q\0d\0"s);
    EXPECT_EQ(text("vm3"), "f\0p\0c\0"s);
    EXPECT_EQ(text("vm4"), "none");
    EXPECT_EQ(text("vm5"), "none");
    EXPECT_EQ(text("off"), "none");
}

}  // namespace
}  // namespace qemunit::generator
