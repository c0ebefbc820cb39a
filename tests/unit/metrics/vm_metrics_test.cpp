// SPDX-License-Identifier: MIT
//
// The metrics: what a VM's figures become, and that the manual page and the examples know each.
#include "metrics/vm_metrics.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace qemunit::metrics {
namespace {

std::string text_of_file(const std::string &path) {
    std::ifstream file(std::string(QEMUNIT_SOURCE_DIR "/") + path);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

Figures one_vm() {
    Figures figures;
    figures.daemon_answers = true;
    VmFigures &vm = figures.vms["vm1"];
    vm.name = "vm1";
    vm.state = "running";
    vm.answers = true;
    return figures;
}

void expect_line(const std::string &text, const std::string &line) {
    EXPECT_NE(("\n" + text).find("\n" + line + "\n"), std::string::npos)
        << "not there: " << line << "\nin: " << text;
}

TEST(VmMetricsTest, AVm) {
    Figures figures = one_vm();
    VmFigures &vm = figures.vms["vm1"];
    vm.since = 1'500'000;
    vm.restarts = 2;
    vm.process.cpu = 2'500'000'000;
    vm.process.threads = {{1, 2, 0}, {1'000'000'000, {}, {}}};
    vm.numbers = {{"Memory", 1024}, {"BalloonActual", 512}};
    vm.drives["root"] = {{"rd_bytes", 7}, {"failed_wr_operations", 1}, {"unmap_operations", 3}};
    vm.latencies["root"]["read"] = {{100'000, 1}, {500'000, 2}, {UINT64_MAX, 3}};
    vm.networks["lan"] = {{"rx_bytes", 9}};
    vm.jobs = {{"a", "backup", "running", 1, 4},
               {"b", "backup", "running", 3, 4},
               {"c", "evil\"", "running", 9, 1},
               {"d", "commit", "concluded", 1, 1}};
    vm.events = {{"WATCHDOG", 1}};
    vm.backup = LastRun{2'000'000, false};
    const std::string text = metrics_text(figures, 3'000'000, Format::prometheus);
    for (const char *line : {
             "qemunit_daemon_answers 1",
             "qemunit_scrape_duration_seconds 0.003",
             "qemunit_vms{state=\"running\"} 1",
             "qemunit_vm_state{vm=\"vm1\",state=\"running\"} 1",
             "qemunit_vm_state{vm=\"vm1\",state=\"off\"} 0",
             "qemunit_vm_answers{vm=\"vm1\"} 1",
             "qemunit_vm_start_time_seconds{vm=\"vm1\"} 1.5",
             "qemunit_vm_restarts_total{vm=\"vm1\"} 2",
             "qemunit_vm_cpu_seconds_total{vm=\"vm1\"} 2.5",
             "qemunit_vm_vcpu_seconds_total{vm=\"vm1\",vcpu=\"1\"} 1",
             "qemunit_vm_vcpu_wait_seconds_total{vm=\"vm1\",vcpu=\"0\"} 0.000000002",
             "qemunit_vm_balloon_bytes{vm=\"vm1\"} 512",
             "qemunit_vm_drive_read_bytes_total{vm=\"vm1\",drive=\"root\"} 7",
             "qemunit_vm_drive_errors_total{vm=\"vm1\",drive=\"root\",operation=\"write\"} 1",
             "qemunit_vm_drive_operations_total{vm=\"vm1\",drive=\"root\",operation=\"discard\"} 3",
             // Cumulative, as Prometheus has them.
             "qemunit_vm_drive_latency_seconds_bucket{vm=\"vm1\",drive=\"root\",operation=\"read\","
             "le=\"0.0005\"} 3",
             "qemunit_vm_drive_latency_seconds_bucket{vm=\"vm1\",drive=\"root\",operation=\"read\","
             "le=\"+Inf\"} 6",
             "qemunit_vm_network_receive_bytes_total{vm=\"vm1\",network=\"lan\"} 9",
             "qemunit_vm_jobs{vm=\"vm1\",type=\"backup\"} 2",
             "qemunit_vm_jobs{vm=\"vm1\",type=\"other\"} 1",
             "qemunit_vm_job_progress_ratio{vm=\"vm1\",type=\"backup\"} 0.5",
             "qemunit_vm_job_progress_ratio{vm=\"vm1\",type=\"other\"} 1",
             "qemunit_vm_events_total{vm=\"vm1\",event=\"WATCHDOG\"} 1",
             // An alert sees the first one only if there was a 0 before.
             "qemunit_vm_events_total{vm=\"vm1\",event=\"BLOCK_IO_ERROR\"} 0",
             "qemunit_vm_events_total{vm=\"vm1\",event=\"GUEST_PANICKED\"} 0",
             "qemunit_vm_backup_end_time_seconds{vm=\"vm1\"} 2",
             "qemunit_vm_backup_success{vm=\"vm1\"} 0",
         })
        expect_line(text, line);
    EXPECT_EQ(text.find("commit"), std::string::npos);
    EXPECT_EQ(text.find("qemunit_vm_snapshot"), std::string::npos);
}

TEST(VmMetricsTest, AVmThatDoesNotAnswerKeepsWhatTheHostKnows) {
    Figures figures = one_vm();
    VmFigures &vm = figures.vms["vm1"];
    vm.answers = false;
    vm.restarts = 0;
    vm.process.memory = 4096;
    const std::string text = metrics_text(figures, 1, Format::openmetrics);
    expect_line(text, "qemunit_vm_answers{vm=\"vm1\"} 0");
    expect_line(text, "qemunit_vm_service_memory_bytes{vm=\"vm1\"} 4096");
    expect_line(text, "qemunit_vm_restarts_total{vm=\"vm1\"} 0");
    EXPECT_EQ(text.find("qemunit_vm_events"), std::string::npos);
    EXPECT_TRUE(text.ends_with("# EOF\n"));
}

// A QEMU that was taken over makes no series as it likes.
TEST(VmMetricsTest, NamesOfDrivesAreThoseThatAnIniCanHave) {
    Figures figures = one_vm();
    VmFigures &vm = figures.vms["vm1"];
    for (int i = 0; i < 1000; ++i)
        vm.drives["d" + std::to_string(i)] = {{"rd_bytes", 1}};
    vm.drives["\" 1\nevil 2"] = {{"rd_bytes", 666}};
    vm.drives[std::string(40, 'x')] = {{"rd_bytes", 666}};
    vm.state = "what\n";
    const std::string text = metrics_text(figures, 1, Format::prometheus);
    std::size_t samples = 0;
    for (std::size_t at = 0;
         (at = text.find("\nqemunit_vm_drive_read_bytes_total{", at)) != text.npos; ++at)
        ++samples;
    EXPECT_EQ(samples, 64u);
    EXPECT_EQ(text.find("666"), std::string::npos);
    expect_line(text, "qemunit_vm_state{vm=\"vm1\",state=\"other\"} 1");
}

TEST(VmMetricsTest, NamesFollowTheConventions) {
    std::set<std::string_view> names;
    for (const Family &family : families()) {
        EXPECT_TRUE(std::regex_match(std::string(family.name), std::regex("qemunit_[a-z_]+")));
        EXPECT_TRUE(names.insert(family.name).second) << family.name;
        EXPECT_TRUE(family.name.ends_with(family.unit)) << family.name;
        EXPECT_TRUE(family.help.ends_with(".")) << family.name;
    }
}

// "*qemunit_vm_state*" in the page's lists, without what the kinds have behind their names.
TEST(VmMetricsTest, TheManualPageHasEach) {
    const std::string page = text_of_file("man/qemunit-metrics.8.scd");
    std::set<std::string> on_page, there_are;
    const std::regex name("\\*(qemunit_[a-z_]+)\\*");
    for (std::sregex_iterator match(page.begin(), page.end(), name), end; match != end; ++match)
        on_page.insert((*match)[1]);
    for (const Family &family : families())
        there_are.insert(std::string(family.name) + (family.type == Type::counter ? "_total"
                                                     : family.type == Type::info  ? "_info"
                                                                                  : ""));
    EXPECT_EQ(on_page, there_are);
}

TEST(VmMetricsTest, TheExamplesUseOnlyWhatThereIs) {
    std::set<std::string> names;
    for (const Family &family : families())
        for (const char *suffix : {"", "_total", "_info", "_bucket"})
            names.insert(std::string(family.name) + suffix);
    const std::regex metric("\\bqemunit_[a-z_]+");
    for (const char *path : {"examples/metrics/alerts.yml", "examples/metrics/grafana.json"}) {
        const std::string text = text_of_file(path);
        for (std::sregex_iterator match(text.begin(), text.end(), metric), end; match != end;
             ++match)
            EXPECT_TRUE(names.contains(match->str())) << path << ": " << match->str();
    }
}

}  // namespace
}  // namespace qemunit::metrics
