// SPDX-License-Identifier: MIT
#include "ctl/top/top_rows.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace qemunit::ctl {
namespace {

Moment moment(uint64_t usec) {
    Moment at;
    at.monotonic = usec;
    at.realtime = 1'000'000'000 + usec;
    at.figures.daemon_answers = true;
    return at;
}

VmFigures &add_vm(Moment &at, const std::string &name, uint64_t cpu_ns) {
    VmFigures &vm = at.figures.vms[name];
    vm.name = name;
    vm.state = "running";
    vm.main_pid = 7;
    vm.answers = true;
    vm.answered = at.monotonic;
    vm.since = 1'000'000'000;
    vm.process.cpu = cpu_ns;
    return vm;
}

std::vector<std::string> names(const std::vector<TopRow> &rows) {
    std::vector<std::string> all;
    for (const TopRow &row : rows)
        all.push_back(row.name);
    return all;
}

TEST(TopRowsTest, RatesAreOfTheTimeBetween) {
    Moment before = moment(0), now = moment(2'000'000);
    VmFigures &old = add_vm(before, "a", 1'000'000'000);
    VmFigures &vm = add_vm(now, "a", 2'000'000'000);
    old.process.threads = {{0, 0, {}}, {0, 0, {}}};
    vm.process.threads = {{300'000'000, 100'000'000, {}}, {500'000'000, 0, {}}};
    vm.process.memory = 5000;
    vm.process.swapped = 10;
    vm.numbers = {{"Memory", 9000}, {"BalloonActual", 8000}};
    old.drives = {{"x", {{"rd_bytes", 100}}}, {"y", {{"rd_bytes", 0}}}};
    vm.drives = {{"x", {{"rd_bytes", 300}}}, {"y", {{"rd_bytes", 200}, {"wr_bytes", 9}}}};
    const TopRow row = top_rows(&before, now).at(0);
    EXPECT_EQ(row.cpu, 50.0);
    EXPECT_EQ(row.guest, 40.0);
    EXPECT_EQ(row.qemu, 10.0);
    EXPECT_EQ(row.steal, 5.0);
    EXPECT_EQ(row.read, 200.0);
    EXPECT_EQ(row.written, std::nullopt);  // of before, it is not known
    EXPECT_EQ(row.received, std::nullopt);
    EXPECT_EQ(row.memory, 5000u);
    EXPECT_EQ(row.balloon, 8000u);
    EXPECT_EQ(row.swap, 10u);
    EXPECT_EQ(row.up_usec, 2'000'000u);
    EXPECT_FALSE(row.hangs);
}

// Another VM has kept the round waiting.
TEST(TopRowsTest, CountersOfQemuAreOfWhenItAnswered) {
    Moment before = moment(1'000'000), now = moment(5'000'000);
    VmFigures &old = add_vm(before, "a", 0), &vm = add_vm(now, "a", 4'000'000'000);
    vm.answered = 3'000'000;
    old.drives["x"] = {{"rd_bytes", 0}};
    vm.drives["x"] = {{"rd_bytes", 200}};
    old.networks["n"] = {{"tx_bytes", 0}};
    vm.networks["n"] = {{"tx_bytes", 400}};
    const TopRow row = top_rows(&before, now).at(0);
    EXPECT_EQ(row.cpu, 100.0);
    EXPECT_EQ(row.read, 100.0);
    EXPECT_EQ(row.sent, 200.0);
    vm.answered = old.answered;
    EXPECT_EQ(top_rows(&before, now).at(0).read, std::nullopt);
}

TEST(TopRowsTest, ThereIsNoRateAcrossAStart) {
    Moment before = moment(0), now = moment(1'000'000);
    add_vm(before, "other-process", 1);
    add_vm(now, "other-process", 2).main_pid = 8;
    add_vm(before, "fewer", 5);
    add_vm(now, "fewer", 2);
    add_vm(now, "new", 2);
    for (const TopRow &row : top_rows(&before, now))
        EXPECT_EQ(row.cpu, std::nullopt) << row.name;
    for (const TopRow &row : top_rows(nullptr, now))
        EXPECT_EQ(row.cpu, std::nullopt) << row.name;
}

TEST(TopRowsTest, WithoutTheMemoryControllerItIsThatOfQemu) {
    Moment now = moment(1);
    VmFigures &vm = add_vm(now, "a", 1);
    vm.process.resident = 42;
    vm.answers = false;
    EXPECT_EQ(top_rows(nullptr, now).at(0).memory, 42u);
    EXPECT_TRUE(top_rows(nullptr, now).at(0).hangs);
    // It is not QEMU that does not answer.
    now.figures.daemon_answers = false;
    EXPECT_FALSE(top_rows(nullptr, now).at(0).hangs);
}

TEST(TopRowsTest, Order) {
    std::vector<TopRow> rows(4);
    rows[0].name = "d";
    rows[1].name = "a";
    rows[1].cpu = 1;
    rows[2].name = "c";
    rows[2].cpu = 7;
    rows[2].memory = 1;
    rows[3].name = "b";
    sort_rows(rows, TopSort::cpu, false);
    EXPECT_EQ(names(rows), (std::vector<std::string>{"c", "a", "b", "d"}));
    sort_rows(rows, TopSort::cpu, true);
    EXPECT_EQ(names(rows), (std::vector<std::string>{"b", "d", "a", "c"}));
    sort_rows(rows, TopSort::name, false);
    EXPECT_EQ(names(rows), (std::vector<std::string>{"a", "b", "c", "d"}));
    sort_rows(rows, TopSort::name, true);
    EXPECT_EQ(names(rows), (std::vector<std::string>{"d", "c", "b", "a"}));
    sort_rows(rows, TopSort::memory, false);
    EXPECT_EQ(rows[0].name, "c");
    EXPECT_EQ(top_total(rows).cpu, 8.0);
    EXPECT_EQ(top_total(rows).swap, std::nullopt);
}

TEST(TopRowsTest, Words) {
    EXPECT_EQ(parse_top_sort("memory"), TopSort::memory);
    EXPECT_EQ(parse_top_sort("size").error().message,
              "'size' is nothing to sort by; there are: name, cpu, memory, disk, network, uptime");
    std::vector<TopRow> rows(2);
    rows[0].name = "Web1";
    rows[0].state = "running";
    rows[1].name = "db";
    rows[1].state = "off";
    EXPECT_EQ(names(filtered_rows(rows, "wEB")), std::vector<std::string>{"Web1"});
    EXPECT_EQ(names(filtered_rows(rows, "off")), std::vector<std::string>{"db"});
    EXPECT_EQ(filtered_rows(rows, "").size(), 2u);
    EXPECT_EQ(filtered_rows(rows, "x").size(), 0u);
}

}  // namespace
}  // namespace qemunit::ctl
