// SPDX-License-Identifier: MIT
#include "ctl/output/table.h"

#include <gtest/gtest.h>

#include "common/timer.h"
#include "ctl/verbs/list.h"

namespace qemunit::ctl {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
    EXPECT_EQ(table_text({{"VM", "STATE", "X"}, {"a-long-name", "off", ""}}),
              "VM           STATE  X\n"
              "a-long-name  off\n");
    EXPECT_EQ(table_text({}), "");
    EXPECT_EQ(table_text({{"a"}, {"", "b"}}), "a\n   b\n");
}

TEST(TableTest, ACellStaysInItsRow) {
    EXPECT_EQ(table_text({{"TAG", "SIZE"}, {"a\nfake\tb", "1"}}),
              "TAG       SIZE\n"
              "a fake b  1\n");
}

TEST(TableTest, DurationsHaveTwoUnits) {
    EXPECT_EQ(duration_text(0), "0s");
    EXPECT_EQ(duration_text(kSecond - 1), "0s");
    EXPECT_EQ(duration_text(59 * kSecond), "59s");
    EXPECT_EQ(duration_text(60 * kSecond), "1min");
    EXPECT_EQ(duration_text(61 * kSecond), "1min 1s");
    EXPECT_EQ(duration_text((2 * 3600 + 5 * 60 + 9) * kSecond), "2h 5min");
    EXPECT_EQ(duration_text(2 * 3600 * kSecond + 9 * kSecond), "2h");
    EXPECT_EQ(duration_text((10 * 24 * 3600) * kSecond), "1w 3d");
}

TEST(TableTest, SizesHaveOneDigit) {
    EXPECT_EQ(size_text(0), "0B");
    EXPECT_EQ(size_text(1023), "1023B");
    EXPECT_EQ(size_text(1024), "1.0K");
    EXPECT_EQ(size_text(257'294'336), "245.4M");
    EXPECT_EQ(size_text(uint64_t{3} << 30), "3.0G");
    EXPECT_EQ(size_text(uint64_t{5} << 40), "5.0T");
}

const std::vector<VmStatus> kVms{
    {{"vm1", "running", "qemu@vm1.service"},
     7260 * kSecond,
     uint64_t{256} << 20,
     {{{"lan", "tcp::10022-10.0.2.15:22"}, {"lan", "udp::53-10.0.2.15:53"}}},
     ""},
    {{"web", "off", "qemu@web.service"}, {}, {}, {}, ""}};

TEST(ListTest, OneLineForEachVm) {
    EXPECT_EQ(list_text(kVms),
              "VM   STATE    UPTIME   MEMORY  FORWARDS\n"
              "vm1  running  2h 1min  256.0M  tcp::10022-10.0.2.15:22 udp::53-10.0.2.15:53\n"
              "web  off      -        -       -\n");
    EXPECT_EQ(list_text({{{"vm1", "failed", "qemu@vm1.service"}, {}, {}, {}, "timeout"}}),
              "VM   STATE             UPTIME  MEMORY  FORWARDS\n"
              "vm1  failed (timeout)  -       -       -\n");
    EXPECT_EQ(list_text({}),
              "No VMs are configured. The ini file of one is /etc/qemunit/NAME.ini, see "
              "qemunit.ini(5); after it was written: systemctl daemon-reload\n");
}

TEST(ListTest, JsonHasNullForWhatIsNotKnown) {
    EXPECT_EQ(list_json(kVms, {"vm1"}), R"([
  {
    "name": "vm1",
    "state": "running",
    "unit": "qemu@vm1.service",
    "uptime_usec": 7260000000,
    "memory_bytes": 268435456,
    "forwards": [
      "tcp::10022-10.0.2.15:22",
      "udp::53-10.0.2.15:53"
    ],
    "qemu_replaced": true
  },
  {
    "name": "web",
    "state": "off",
    "unit": "qemu@web.service",
    "uptime_usec": null,
    "memory_bytes": null,
    "forwards": null,
    "qemu_replaced": false
  }
]
)");
    EXPECT_EQ(list_json({}), "[]\n");
}

TEST(ListTest, AnOldQemuIsNamedWithTheWayOut) {
    EXPECT_EQ(old_qemu_text({}), "");
    EXPECT_EQ(old_qemu_text({"vm1"}),
              "QEMU was replaced since vm1 began, as by an upgrade: qemunitctl upgrade "
              "--through-disk vm1\n");
    EXPECT_EQ(old_qemu_text({"vm1", "web"}),
              "QEMU was replaced since vm1, web began, as by an upgrade: qemunitctl upgrade "
              "--through-disk --all\n");
}

}  // namespace
}  // namespace qemunit::ctl
