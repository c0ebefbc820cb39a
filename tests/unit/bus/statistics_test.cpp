// SPDX-License-Identifier: MIT
#include "bus/statistics.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

using nlohmann::json;

TEST(StatisticsTest, DrivesByTheirNames) {
    const json stats = {{"rd_bytes", 512},
                        {"wr_bytes", 0},
                        {"failed_rd_operations", 2},
                        {"rd_total_time_ns", 9},
                        {"wr_operations", -1}};
    const json reply = {
        {{"device", "root"}, {"qdev", "/machine/peripheral/root/virtio-backend"}, {"stats", stats}},
        {{"device", ""},
         {"qdev", "/machine/peripheral/qemunit-hot-data/virtio-backend"},
         {"stats", stats}},
        {{"device", ""}, {"qdev", "/machine/peripheral/qemunit-hot-scsi"}, {"stats", stats}},
        {{"device", ""}, {"qdev", "/machine/peripheral/mine"}, {"stats", stats}},
        {{"device", "pflash0"}, {"stats", stats}},
        {{"device", "broken"}},
        7};
    const Counters counters{{"rd_bytes", 512}, {"wr_bytes", 0}, {"failed_rd_operations", 2}};
    EXPECT_EQ(drive_counters(json::parse(reply.dump())),
              (std::map<std::string, Counters>{
                  {"root", counters}, {"data", counters}, {"scsi", counters}}));
    EXPECT_TRUE(drive_counters(json()).empty());
}

TEST(StatisticsTest, Memory) {
    EXPECT_EQ(memory_bytes({{"base-memory", 64u}, {"plugged-memory", 8u}}), 72u);
    EXPECT_EQ(memory_bytes({{"base-memory", 64u}}), 64u);
    EXPECT_EQ(memory_bytes(json()), 0u);
    EXPECT_EQ(balloon_bytes({{"actual", 32u}}), 32u);
    EXPECT_EQ(balloon_bytes(json::object()), std::nullopt);
}

}  // namespace
}  // namespace qemunit
