// SPDX-License-Identifier: MIT
#include "bus/monitor/statistics.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::bus {
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
    const Counters counters{
        {"rd_bytes", 512}, {"wr_bytes", 0}, {"failed_rd_operations", 2}, {"rd_total_time_ns", 9}};
    EXPECT_EQ(drive_counters(json::parse(reply.dump())),
              (std::map<std::string, Counters>{
                  {"root", counters}, {"data", counters}, {"scsi", counters}}));
    EXPECT_TRUE(drive_counters(json()).empty());
}

TEST(StatisticsTest, LatenciesBetweenOurBoundsOnly) {
    const std::string root = "/machine/peripheral/root/virtio-backend";
    json blockstats = {{{"device", "root"}, {"qdev", root}, {"stats", {{"rd_bytes", 1}}}},
                       {{"device", "pflash0"}, {"qdev", "flash"}, {"stats", json::object()}}};
    EXPECT_TRUE(drive_latencies(blockstats).empty());
    EXPECT_EQ(devices_without_latencies(blockstats), std::vector{root});
    EXPECT_EQ(count_latencies_of(root)["id"], root);
    json histogram = {{"boundaries", count_latencies_of(root)["boundaries"]},
                      {"bins", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}}};
    blockstats[0]["stats"]["rd_latency_histogram"] = histogram;
    const auto latencies = drive_latencies(json::parse(blockstats.dump())).at("root").at("read");
    ASSERT_EQ(latencies.size(), 11u);
    EXPECT_EQ(latencies.front(), (std::pair<uint64_t, uint64_t>(100'000, 1)));
    EXPECT_EQ(latencies.back(), (std::pair<uint64_t, uint64_t>(UINT64_MAX, 7)));
    EXPECT_TRUE(devices_without_latencies(json::parse(blockstats.dump())).empty());
    // Somebody else's bounds, or a lie.
    for (const auto &[key, value] : std::map<std::string, json>{
             {"bins", {1, 2}}, {"bins", "x"}, {"boundaries", {1, 2}}, {"boundaries", nullptr}}) {
        json other = histogram;
        other[key] = value;
        blockstats[0]["stats"]["rd_latency_histogram"] = other;
        EXPECT_TRUE(drive_latencies(json::parse(blockstats.dump())).empty()) << other;
        EXPECT_TRUE(devices_without_latencies(json::parse(blockstats.dump())).empty()) << other;
    }
}

TEST(StatisticsTest, ThreadsOfProcessors) {
    const json cpus = json::parse(
        R"([{"thread-id": 7}, {"thread-id": 8}, {"thread-id": 8}, {"thread-id": -1}, {}, 3])");
    EXPECT_EQ(cpu_threads(cpus), (std::vector<uint32_t>{7, 8}));
    EXPECT_TRUE(cpu_threads("x").empty());
}

TEST(StatisticsTest, Jobs) {
    json jobs = json::array();
    for (int i = 0; i < 100; ++i)
        jobs.push_back({{"id", "j"}, {"type", "backup"}, {"current-progress", i}});
    EXPECT_EQ(jobs_under_way(json::parse(jobs.dump())).size(), 64u);
    EXPECT_EQ(jobs_under_way(json::parse(jobs.dump()))[3].current, 3u);
    EXPECT_TRUE(jobs_under_way(nullptr).empty());
}

// What QEMU 7.2.22 prints.
constexpr char kInfoNetwork[] =
    "hub 0\r\n"
    " \\ hub0port0: none: index=0,type=hubport,\r\n"
    "lan: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:56\r\n"
    " \\ lan: index=0,type=tap,ifname=vm,tap0,script=no,downscript=no\r\n"
    "usr: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:57\r\n"
    " \\ usr: index=0,type=user,net=10.0.2.0,restrict=off\r\n"
    " \\ handed: index=0,type=tap,fd=12\r\n"
    " \\ hot: index=0,type=tap,ifname=tap1,script=no,downscript=no\n";

TEST(StatisticsTest, InterfacesOfNetworks) {
    using Interfaces = std::map<std::string, std::string>;
    EXPECT_EQ(tap_interfaces(kInfoNetwork), (Interfaces{{"lan", "vm,tap0"}, {"hot", "tap1"}}));
    EXPECT_TRUE(tap_interfaces("").empty());
    EXPECT_TRUE(tap_interfaces("\n\n").empty());
    // It is QEMU that says so.
    for (const std::string bad :
         {"..", ".", "", "../../../block/sda", "a/b", "a b", "a:b", "sixteen_letters_"})
        EXPECT_TRUE(tap_interfaces("lan: index=0,type=tap,ifname=" + bad + ",script=no").empty())
            << bad;
    EXPECT_TRUE(tap_interfaces("\xff: index=0,type=tap,ifname=tap0,script=no").empty());
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += "n" + std::to_string(i) + ": index=0,type=tap,ifname=tap0,script=no\n";
    EXPECT_EQ(tap_interfaces(many).size(), 64u);
}

TEST(StatisticsTest, WhatTheHostSendsTheGuestReceives) {
    const testing::TemporaryFolder folder;
    folder.write("tx_bytes", "17\n");
    folder.write("rx_bytes", "4\n");
    folder.write("rx_dropped", "18446744073709551615\n");
    folder.write("rx_errors", "no number\n");
    EXPECT_EQ(network_counters(folder.path()),
              (Counters{{"rx_bytes", 17}, {"tx_bytes", 4}, {"tx_dropped", UINT64_MAX}}));
    EXPECT_TRUE(network_counters(folder.path() + "/nothing").empty());
}

TEST(StatisticsTest, Memory) {
    EXPECT_EQ(memory_bytes({{"base-memory", 64u}, {"plugged-memory", 8u}}), 72u);
    EXPECT_EQ(memory_bytes({{"base-memory", 64u}}), 64u);
    EXPECT_EQ(memory_bytes(json()), 0u);
    EXPECT_EQ(balloon_bytes({{"actual", 32u}}), 32u);
    EXPECT_EQ(balloon_bytes(json::object()), std::nullopt);
}

TEST(StatisticsTest, TapsThatQemuGotOpen) {
    const auto sets = nlohmann::json::parse(R"([
        {"fdset-id": 1, "fds": [{"fd": 20, "opaque": "qemunit-medium:root:/srv/a.img"}]},
        {"fdset-id": 1000, "fds": [{"fd": 21, "opaque": "qemunit-tap:lan:vm,tap0"}]},
        {"fdset-id": 1001, "fds": [{"fd": 22, "opaque": "qemunit-tap:wan:../../kernel"}, {"fd": 23}, 5]},
        {"fds": 7}, 8])");
    EXPECT_EQ(open_tap_interfaces(sets), (std::map<std::string, std::string>{{"lan", "vm,tap0"}}));
    EXPECT_TRUE(open_tap_interfaces(nullptr).empty());
}

}  // namespace
}  // namespace qemunit::bus
