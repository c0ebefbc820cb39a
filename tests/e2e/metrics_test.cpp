// SPDX-License-Identifier: MIT
//
// qemunit-metrics: the figures of real VMs, over its sockets and as a file.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr char kSocket[] = "/run/qemunit-metrics.sock";
constexpr char kPrint[] = "/usr/lib/qemunit/qemunit-metrics --print";

// The socket as an administrator enables it, for as long as this object lives.
class Enabled {
  public:
    explicit Enabled(std::string name = "qemunit-metrics") : name_(std::move(name)) {
        EXPECT_TRUE(run({"systemctl", "enable", "--now", name_ + ".socket"}).ok());
    }
    ~Enabled() {
        EXPECT_TRUE(run({"systemctl", "disable", "--now", name_ + ".socket"}).ok());
        run({"systemctl", "stop", name_ + ".service"});
    }
    Enabled(const Enabled &) = delete;
    Enabled &operator=(const Enabled &) = delete;

  private:
    std::string name_;
};

std::string ask(UnixClient client, const std::string &request) {
    EXPECT_TRUE(client.send(request));
    const auto answer = client.read_to_end();
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or("");
}

std::string scrape(const std::string &accept = "*/*") {
    auto client = UnixClient::connect(kSocket);
    if (!client)
        return client.error().message;
    return ask(std::move(*client),
               "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + accept + "\r\n\r\n");
}

// The socket of an IPv4 address; none if nobody listens.
UniqueFd connect_to(const char *address) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(9879);
    inet_pton(AF_INET, address, &where.sin_addr);
    if (connect(fd.get(), reinterpret_cast<const sockaddr *>(&where), sizeof where) != 0)
        fd.reset();
    return fd;
}

// The value of a sample, "qemunit_vm_answers{vm=\"a\"}"; -1 if there is none.
double value_of(const std::string &text, const std::string &sample) {
    const auto at = text.find("\n" + sample + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + sample.size() + 2));
}

TEST(Metrics, AreOffUntilSomebodyEnablesThem) {
    EXPECT_EQ(trimmed(run_words("systemctl is-enabled qemunit-metrics.socket").output), "disabled");
    EXPECT_EQ(trimmed(run_words("systemctl is-enabled qemunit-metrics-textfile.service").output),
              "disabled");
    EXPECT_FALSE(std::filesystem::exists(kSocket));
    EXPECT_FALSE(connect_to("127.0.0.1"));
}

// As systemd-report(1) of systemd 260 asks: on one connection, and it is nobody's in particular.
TEST(Metrics, FiguresOfAVmByVarlink) {
    const std::string path = "/run/systemd/report/org.qemunit1";
    EXPECT_FALSE(std::filesystem::exists(path));
    VmUnderTest vm("mxv", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Enabled http;
    scrape();
    const Enabled enabled("qemunit-metrics-varlink");  // beside the other
    EXPECT_EQ(trimmed(run({"stat", "-c", "%a", path}).output), "666");
    auto client = UnixClient::connect(path);
    ASSERT_TRUE(client) << client.error().message;
    const auto call = [&](const std::string &method, const std::string &until) {
        EXPECT_TRUE(client->send("{\"method\":\"" + method + "\",\"more\":true}" + '\0'));
        const auto answer = client->read_until(until);
        EXPECT_TRUE(answer) << answer.error().message;
        return answer.value_or("");
    };
    const std::string last("}}\0", 3);  // of all others, "continues" is behind the parameters
    expect_contains(call("io.systemd.Metrics.Describe", last),
                    R"({"parameters":{"description":"Whether the VM is in this state.",)"
                    R"("name":"org.qemunit1.vm_state","type":"gauge"},"continues":true})");
    expect_contains(call("io.systemd.Metrics.List", last),
                    R"({"parameters":{"name":"org.qemunit1.vm_state","object":"mxv",)"
                    R"("fields":{"state":"running"},"value":1},"continues":true})");
    expect_contains(call("io.systemd.Metrics.Other", last), "org.varlink.service.MethodNotFound");
}

TEST(Metrics, FiguresOfAVmByHttp) {
    VmUnderTest vm("mx",
                   silent_linux_ini() + "[VM]\nCPUs=2\n[Drive data]\nFile=data.img\nSize=1M\n");
    VmUnderTest off("mx-off", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Enabled enabled;
    EXPECT_EQ(unit_property("qemunit-metrics.service", "ActiveState"), "inactive");
    scrape();  // has QEMU count latencies from now on
    GuestShell guest(vm);
    guest.run(
        "modprobe -a virtio_pci virtio_blk; dd if=/dev/zero of=/dev/vda bs=64k count=2; sync");
    // An answer may be a second old.
    std::string text;
    const std::string written = "qemunit_vm_drive_written_bytes_total{vm=\"mx\",drive=\"data\"}";
    for (const Deadline deadline; value_of(text, written) < 131072 && !deadline.passed();)
        text = scrape();
    EXPECT_EQ(unit_property("qemunit-metrics.service", "ActiveState"), "active");
    expect_contains(text, "HTTP/1.1 200 OK\r\n");
    expect_contains(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    EXPECT_EQ(value_of(text, written), 131072);
    for (const auto &[sample, value] : std::map<std::string, double>{
             {"qemunit_vm_state{vm=\"mx\",state=\"running\"}", 1},
             {"qemunit_vm_state{vm=\"mx-off\",state=\"off\"}", 1},
             {"qemunit_vm_answers{vm=\"mx\"}", 1},
             {"qemunit_vm_answers{vm=\"mx-off\"}", -1},
             {"qemunit_daemon_answers", 1},
             {"qemunit_vm_restarts_total{vm=\"mx\"}", 0},
             {"qemunit_vm_memory_bytes{vm=\"mx\"}", 268435456},
             {"qemunit_vm_vcpus{vm=\"mx\"}", 2},
             {"qemunit_vm_drive_errors_total{vm=\"mx\",drive=\"data\",operation=\"write\"}", 0}})
        EXPECT_EQ(value_of(text, sample), value) << sample << " in " << text;
    for (const char *sample :
         {"qemunit_vm_cpu_seconds_total{vm=\"mx\"}", "qemunit_vm_resident_memory_bytes{vm=\"mx\"}",
          "qemunit_vm_vcpu_seconds_total{vm=\"mx\",vcpu=\"0\"}",
          "qemunit_vm_start_time_seconds{vm=\"mx\"}", "qemunit_daemon_cpu_seconds_total",
          "qemunit_vm_drive_latency_seconds_bucket{vm=\"mx\",drive=\"data\",operation=\"write\",le="
          "\"+Inf\"}"})
        EXPECT_GT(value_of(text, sample), 0) << sample << " in " << text;
    expect_contains(scrape("application/openmetrics-text;version=1.0.0"), "\n# EOF\n");
    if (std::filesystem::exists("/usr/bin/promtool")) {
        const Finished lint =
            run({"promtool", "check", "metrics"}, text.substr(text.find("\r\n\r\n") + 4));
        EXPECT_TRUE(lint.ok()) << lint;
    }

    // By TCP, from this host, and by any user.
    UniqueFd fd = connect_to("127.0.0.1");
    ASSERT_TRUE(fd);
    expect_contains(ask(UnixClient::over(std::move(fd)), "GET /metrics HTTP/1.0\r\n\r\n"),
                    "qemunit_vm_answers{vm=\"mx\"} 1\n");
}

TEST(Metrics, AVmThatHangsHoldsUpNobody) {
    VmUnderTest well("mh-well", boot_sector_ini()), hangs("mh-hangs", boot_sector_ini());
    ASSERT_TRUE(well.start().ok()) << well.status();
    ASSERT_TRUE(hangs.start().ok()) << hangs.status();
    const Enabled enabled;
    expect_contains(scrape(), "qemunit_vm_answers{vm=\"mh-hangs\"} 1\n");
    ASSERT_EQ(kill(hangs.main_pid(), SIGSTOP), 0);
    std::string text;
    for (const Deadline deadline;
         value_of(text, "qemunit_vm_answers{vm=\"mh-hangs\"}") != 0 && !deadline.passed();)
        text = scrape();
    EXPECT_EQ(value_of(text, "qemunit_vm_answers{vm=\"mh-hangs\"}"), 0) << text;
    EXPECT_EQ(value_of(text, "qemunit_vm_answers{vm=\"mh-well\"}"), 1) << text;
    EXPECT_GT(value_of(text, "qemunit_vm_memory_bytes{vm=\"mh-well\"}"), 0) << text;
    // What does not come from QEMU is there as ever.
    EXPECT_EQ(value_of(text, "qemunit_vm_memory_bytes{vm=\"mh-hangs\"}"), -1) << text;
    EXPECT_EQ(value_of(text, "qemunit_vm_state{vm=\"mh-hangs\",state=\"running\"}"), 1) << text;
    for (const char *sample : {"qemunit_vm_cpu_seconds_total{vm=\"mh-hangs\"}",
                               "qemunit_vm_resident_memory_bytes{vm=\"mh-hangs\"}",
                               "qemunit_vm_start_time_seconds{vm=\"mh-hangs\"}"})
        EXPECT_GT(value_of(text, sample), 0) << sample << " in " << text;
    // Only one call had to wait for it: the daemon does not ask it anew.
    const BusReply reply = call_vm("mh-well", "GetStatistics");
    EXPECT_EQ(reply.error, "") << reply;
    const Finished one = run_words(kPrint);
    expect_contains(one.output, "qemunit_vm_answers{vm=\"mh-hangs\"} 0\n");
    EXPECT_LT(value_of("\n" + one.output, "qemunit_scrape_duration_seconds"), 0.9) << one;

    ASSERT_EQ(kill(hangs.main_pid(), SIGCONT), 0);
    for (const Deadline deadline;
         value_of(text, "qemunit_vm_answers{vm=\"mh-hangs\"}") != 1 && !deadline.passed();)
        text = scrape();
    EXPECT_EQ(value_of(text, "qemunit_vm_answers{vm=\"mh-hangs\"}"), 1) << text;
}

TEST(Metrics, WithoutQemunitdThereIsWhatSystemdKnows) {
    VmUnderTest vm("mnod", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(run_words("systemctl mask --runtime --now qemunitd.service").ok());
    const Finished text = run_words(kPrint);
    ASSERT_TRUE(run_words("systemctl unmask --runtime qemunitd.service").ok());
    EXPECT_TRUE(text.ok()) << text;
    expect_contains(text.output, "\nqemunit_daemon_answers 0\n");
    // That is not for want of an answer of QEMU.
    EXPECT_FALSE(text.says("\nqemunit_vm_answers{")) << text;
    EXPECT_GT(value_of(text.output, "qemunit_vm_resident_memory_bytes{vm=\"mnod\"}"), 0) << text;
    EXPECT_EQ(value_of(text.output, "qemunit_vm_state{vm=\"mnod\",state=\"running\"}"), 1) << text;
}

TEST(Metrics, AQemunitdThatHangsHoldsUpNothingOfSystemd) {
    VmUnderTest vm("mstop", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    // It is there, and not about to go.
    ASSERT_EQ(call_vm("mstop", "GetStatistics").error, "");
    const pid_t qemunitd = std::stoi(unit_property("qemunitd.service", "MainPID"));
    ASSERT_GT(qemunitd, 1);
    ASSERT_EQ(kill(qemunitd, SIGSTOP), 0);
    const Finished text = run_words(std::string(kPrint) + " --timeout=5");
    EXPECT_EQ(kill(qemunitd, SIGCONT), 0);
    expect_contains(text.output, "\nqemunit_daemon_answers 0\n");
    EXPECT_FALSE(text.says("\nqemunit_vm_answers{")) << text;
    EXPECT_EQ(value_of(text.output, "qemunit_vm_restarts_total{vm=\"mstop\"}"), 0) << text;
    for (const char *sample : {"qemunit_vm_resident_memory_bytes{vm=\"mstop\"}",
                               "qemunit_vm_cpu_seconds_total{vm=\"mstop\"}",
                               "qemunit_vm_start_time_seconds{vm=\"mstop\"}"})
        EXPECT_GT(value_of(text.output, sample), 0) << sample << " in " << text;
}

TEST(Metrics, NobodyElseGetsIn) {
    const Enabled enabled;
    const Finished refused =
        run_words("setpriv --reuid=nobody --regid=nogroup --clear-groups socat -u UNIX-CONNECT:" +
                  std::string(kSocket) + " -");
    EXPECT_TRUE(!refused.ok() && refused.says("Permission denied")) << refused;
    // Not by an address of the network.
    ASSERT_TRUE(run_words("ip tuntap add dev mxlink mode tap").ok());
    ASSERT_TRUE(run_words("ip address add 10.96.0.1/24 dev mxlink").ok());
    ASSERT_TRUE(run_words("ip link set mxlink up").ok());
    EXPECT_FALSE(connect_to("10.96.0.1"));
    EXPECT_TRUE(run_words("ip link delete mxlink").ok());
    // It has no rights, and is no root.
    scrape();
    const std::string pid = unit_property("qemunit-metrics.service", "MainPID");
    const std::string status = read_file("/proc/" + pid + "/status");
    expect_contains(status, "CapEff:\t0000000000000000");
    expect_contains(status, "NoNewPrivs:\t1");
    EXPECT_EQ(trimmed(run_words("stat -c %U /proc/" + pid).output), "qemunit-metrics");
    // And does not serve what it is not for.
    auto client = UnixClient::connect(kSocket);
    ASSERT_TRUE(client) << client.error().message;
    expect_contains(ask(std::move(*client), "GET /../etc/passwd HTTP/1.1\r\n\r\n"), "404");
}

TEST(Metrics, ClientsThatDoNothingKeepNobodyOut) {
    const Enabled enabled;
    std::vector<UnixClient> idle;
    for (int i = 0; i < 64; ++i) {
        auto client = UnixClient::connect(kSocket);
        if (!client)
            break;  // the queue is full
        idle.push_back(std::move(*client));
    }
    EXPECT_GE(idle.size(), 32u);
    // The oldest of them make room.
    std::string text;
    for (const Deadline deadline; text.find(" 200 OK") == text.npos && !deadline.passed();)
        text = scrape();
    expect_contains(text, "qemunit_build_info{version=");
}

TEST(Metrics, AServiceThatCannotStartIsTriedOncePerClient) {
    const std::string folder = "/run/systemd/system/qemunit-metrics.service.d";
    const std::string starts = "/run/metrics-starts";
    std::filesystem::create_directories(folder);
    write_file(
        folder + "/fails.conf",
        "[Service]\nExecStart=\nExecStart=+/bin/sh -c 'echo start >>" + starts + "; exit 1'\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    {
        const Enabled enabled;
        for (int i = 0; i < 2; ++i) {
            auto client = UnixClient::connect(kSocket);
            ASSERT_TRUE(client) << client.error().message;
            const auto said = client->read_to_end();
            EXPECT_EQ(said.value_or(""), "") << said.value_or("");
            EXPECT_TRUE(wait_for_state("qemunit-metrics.service", "failed"));
        }
        EXPECT_EQ(unit_property("qemunit-metrics.socket", "ActiveState"), "active");
    }
    EXPECT_EQ(read_file(starts), "start\nstart\n");
    std::filesystem::remove(starts);
    std::filesystem::remove_all(folder);
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
}

TEST(Metrics, AFileForNodeExporter) {
    VmUnderTest vm("mfile", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string file = "/run/qemunit-metrics/qemunit.prom";
    const Finished started = run_words("systemctl start qemunit-metrics-textfile.service");
    EXPECT_TRUE(started.ok()) << started;
    const Finished seen =
        run_words("setpriv --reuid=nobody --regid=nogroup --clear-groups cat " + file);
    expect_contains(seen.output, "qemunit_vm_answers{vm=\"mfile\"} 1\n");
    EXPECT_TRUE(run_words("systemctl stop qemunit-metrics-textfile.service").ok());
    EXPECT_FALSE(std::filesystem::exists(file));
}

constexpr char kGetAll[] =
    "busctl call --timeout=60 org.qemunit1 /org/qemunit1 org.qemunit1.Manager GetAllStatistics "
    "tas ";

TEST(Metrics, CallersAtOnceGetTheSameAnswer) {
    VmUnderTest vm("monce", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string call = kGetAll, pid = std::to_string(vm.main_pid());
    // The third one gives up, and the first two have been waiting meanwhile.
    const Finished answers =
        run({"sh", "-c",
             "kill -STOP " + pid + "; " + call + "20000000 0 & " + call + "20000000 0 & " + call +
                 "500000 1 Memory >/dev/null; kill -CONT " + pid + "; wait"});
    const auto first = answers.output.find("\"Answers\" b true");
    EXPECT_NE(first, std::string::npos) << answers;
    EXPECT_NE(answers.output.find("\"Answers\" b true", first + 1), std::string::npos) << answers;
    EXPECT_FALSE(answers.says("\"Answers\" b false")) << answers;
}

TEST(Metrics, GetAllStatisticsAnswersInTimeForEverybody) {
    const std::string call = kGetAll;
    const std::string nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups ";
    VmUnderTest vm("mall", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished known = run_words(nobody + call + "5000000 0");
    expect_contains(known.output, "\"mall\"");
    expect_contains(known.output, "\"Answers\" b true");
    expect_contains(known.output, "\"Drives\"");
    const Finished some = run_words(nobody + call + "5000000 1 Memory");
    expect_contains(some.output, "\"Memory\" t 67108864");
    EXPECT_FALSE(some.says("\"Drives\"")) << some;
    for (const char *bad : {"0", "20000001"}) {
        const Finished refused = run_words(nobody + call + bad + " 0");
        EXPECT_TRUE(!refused.ok() && refused.says("A time of 1 to 20000000")) << refused;
    }
}

TEST(Metrics, ARuleThatHidesAVmHidesItsFigures) {
    const std::string nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups ";
    VmUnderTest secret("msecret", boot_sector_ini()), open("mopen", boot_sector_ini());
    ASSERT_TRUE(secret.start().ok()) << secret.status();
    ASSERT_TRUE(open.start().ok()) << open.status();
    const std::string rules = "/etc/polkit-1/rules.d/10-msecret.rules";
    write_file(rules,
               "polkit.addRule(function(action, subject) {\n"
               "  if (action.id == 'org.qemunit1.inspect' && action.lookup('vm') == 'msecret' &&\n"
               "      subject.user == 'nobody') return polkit.Result.NO;\n});\n");
    ASSERT_TRUE(run_words("systemctl restart polkit").ok());
    const Finished part = run_words(nobody + kGetAll + "5000000 1 Memory");
    const Finished shown = run_words(nobody + kPrint), all = run_words(kPrint);
    std::filesystem::remove(rules);
    EXPECT_TRUE(run_words("systemctl restart polkit").ok());
    // The properties, which everybody can read, and no more.
    const std::string pid = std::to_string(secret.main_pid());
    expect_contains(part.output, "\"msecret\" 2 \"State\" s \"running\" \"MainPID\" u " + pid);
    expect_contains(part.output, "\"Memory\" t 67108864");
    expect_contains(shown.output, "qemunit_vm_answers{vm=\"mopen\"} 1\n");
    expect_contains(shown.output, "qemunit_vm_state{vm=\"msecret\",state=\"running\"} 1\n");
    EXPECT_FALSE(shown.says("qemunit_vm_answers{vm=\"msecret\"}")) << shown;
    EXPECT_FALSE(shown.says("qemunit_vm_memory_bytes{vm=\"msecret\"}")) << shown;
    expect_contains(all.output, "qemunit_vm_memory_bytes{vm=\"msecret\"} 67108864\n");
}

}  // namespace
}  // namespace qemunit::e2e
