// SPDX-License-Identifier: MIT
//
// A guest that is handed over, with the test as both QEMUs and as the companion's supervisor.
#include "helper/lifecycle/succession.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/files/descriptor_message.h"
#include "helper/lifecycle/hardware.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using nlohmann::json;

// Answers each command, unless it is held.
class AnsweringQemu {
  public:
    void connect(UniqueFd fd) {
        qemu_ = testing::FakeQemu(std::move(fd));
        qemu_.say(R"({"QMP":{"version":{"qemu":{"micro":0,"minor":0,"major":10},"package":""},)"
                  R"("capabilities":["oob"]}})");
    }
    void serve() {
        if (!qemu_)
            return;
        const std::string &heard = qemu_.heard();
        for (std::size_t end; (end = heard.find('\n', at_)) != std::string::npos; at_ = end + 1)
            take(parse_json(heard.substr(at_, end - at_)));
    }
    void say(const std::string &event, const json &data = json::object()) const {
        qemu_.say(json{{"event", event}, {"data", data}}.dump());
    }
    // Says what was held.
    void answer(const std::string &command) {
        held.erase(command);
        for (const json &id : std::exchange(waiting_[command], {}))
            reply(command, id);
    }
    std::size_t count(const std::string &command) const {
        return static_cast<std::size_t>(std::ranges::count(commands, command));
    }
    bool has(const std::string &command) const { return count(command) > 0; }
    void hang_up() { qemu_.hang_up(); }

    std::map<std::string, json> values, errors;
    std::set<std::string> held;
    std::vector<std::string> commands;
    std::vector<json> arguments;

  private:
    void take(const json &message) {
        const std::string command = string_at(message, "execute");
        commands.push_back(command);
        arguments.push_back(message.value("arguments", json()));
        if (held.contains(command))
            waiting_[command].push_back(message.at("id"));
        else
            reply(command, message.at("id"));
    }
    void reply(const std::string &command, const json &id) {
        json answer{{"id", id}};
        if (const auto error = errors.find(command); error != errors.end())
            answer["error"] = {{"class", "GenericError"}, {"desc", error->second}};
        else if (const auto value = values.find(command); value != values.end())
            answer["return"] = value->second;
        else
            answer["return"] = json::object();
        qemu_.say(answer.dump());
    }

    testing::FakeQemu qemu_;
    std::size_t at_ = 0;
    std::map<std::string, std::vector<json>> waiting_;
};

// A process that waits to be killed.
class Victim {
  public:
    Victim() : pid_(fork()) {
        if (pid_ == 0)
            for (;;)
                pause();
    }
    ~Victim() {
        if (!is_dead_) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }
    Victim(const Victim &) = delete;
    Victim &operator=(const Victim &) = delete;
    pid_t pid() const { return pid_; }
    bool is_dead() {
        int status = 0;
        is_dead_ = is_dead_ || (waitpid(pid_, &status, WNOHANG) == pid_ && WIFSIGNALED(status));
        return is_dead_;
    }

  private:
    pid_t pid_;
    bool is_dead_ = false;
};

class SuccessionTest : public ::testing::Test {
  protected:
    SuccessionTest() {
        std::signal(request_signal(), SIG_IGN);
        handover.supervisor = getpid();
        handover.hardware[hardware_text({}).copy(handover.hardware, sizeof handover.hardware - 1)] =
            '\0';
        for (const char *command : {"query-block", "query-fdsets", "qom-list", "query-jobs",
                                    "query-named-block-nodes", "query-block-exports"})
            old.values[command] = json::array();
        old.values["query-status"] = {{"status", "running"}};
        old.values["qom-get"] = "pc-q35-10.0-machine";
        fresh.values["query-block"] = json::array();
        fresh.values["query-status"] = {{"status", "inmigrate"}};
        client = make_client(old);
    }

    std::unique_ptr<QmpClient> make_client(AnsweringQemu &qemu) {
        testing::SocketPair pair;
        qemu.connect(std::move(pair.other));
        auto created = QmpClient::create(
            loop.get(), std::move(pair.one),
            {.ready = [] {},
             .event = [this](const QmpEvent &event) { succession->on_event(event); },
             .closed =
                 [this](const std::string &) {
                     succession->on_closed();
                 }});
        EXPECT_TRUE(created);
        return std::move(*created);
    }

    void make_succession(pid_t qemu) {
        int ends[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        control.reset(ends[1]);
        guest_run.emplace(*client, saved);
        succession.emplace(
            loop.get(), *client, *guest_run, saved, handover, UniqueFd(ends[0]), "", folder.path(),
            qemu, patience,
            Succession::Callbacks{
                .tell_status = [this](const std::string &text) { statuses.push_back(text); },
                .hold_input = [](bool) {},
                .port_with_input = [] { return std::string(); },
                .watch = [this](QmpClient &, pid_t process) { given_to = process; },
                .has_succeeded =
                    [this](SuccessorEnds, std::unique_ptr<QmpClient> qmp) {
                        client->become(std::move(qmp));
                        has_succeeded = true;
                    },
                .is_back =
                    [this] {
                        is_back = true;
                    }});
    }

    bool until(const std::function<bool()> &done) {
        return loop.run_until(
            [&] {
                old.serve();
                fresh.serve();
                return done();
            },
            60s);
    }
    bool until_done() {
        return until([this] { return result.has_value(); });
    }

    void begin() {
        make_succession(old_process.pid());
        ASSERT_TRUE(until([this] { return client->is_ready(); }));
        succession->begin([this](const Result<uint64_t> &done) { result = done; });
    }
    // The supervisor is asked for a QEMU.
    void wait_for_order() {
        ASSERT_TRUE(until([this] {
            if (auto request = receive_request(control.get()))
                answer = std::move(request->fds.at(kAnswerFd));
            return static_cast<bool>(answer);
        }));
    }
    // That QEMU is there, and the old one sends.
    void come() {
        testing::SocketPair pair;
        const int end = pair.one.get();
        CompanionFds names;
        names.insert_or_assign(kQmpFd, UniqueFd());
        EXPECT_GT(
            send_with_descriptors(answer.get(), ends_text(new_process.pid(), names), {&end, 1}), 0);
        folder.write("upgrade.cpr", "");
        ASSERT_TRUE(until([this] {
            const auto request = receive_request(control.get());
            return request && request->kind == SuccessorRequest::Kind::adopt;
        }));
        EXPECT_EQ(send(control.get(), "\n", 1, 0), 1);
        ASSERT_TRUE(until([this] { return old.has("migrate"); }));
        fresh.connect(std::move(pair.other));
        ASSERT_TRUE(until([this] { return fresh.has("query-status"); }));
    }
    void begin_to_send() {
        begin();
        wait_for_order();
        come();
    }
    void old_stops() {
        old.values["query-status"] = {{"status", "finish-migrate"}};
        const std::size_t asked = old.count("query-status");
        old.say("STOP");
        ASSERT_TRUE(until([&] { return old.count("query-status") > asked; }));
    }
    void old_has_sent() {
        old.values["query-status"] = {{"status", "postmigrate"}};
        old.say("MIGRATION", {{"status", "completed"}});
    }
    void new_has_loaded() { fresh.values["query-status"] = {{"status", "paused"}}; }
    void begin_to_give() {
        fresh.held = {"cont"};
        begin_to_send();
        old_stops();
        old_has_sent();
        new_has_loaded();
        ASSERT_TRUE(until([this] { return fresh.has("cont"); }));
    }

    testing::TemporaryFolder folder;
    testing::EventLoop loop;
    Handover handover;
    const SavedState saved{folder / "state"};
    uint64_t patience = 60 * kSecond;
    Victim old_process, new_process;
    AnsweringQemu old, fresh;
    std::unique_ptr<QmpClient> client;
    std::optional<GuestRun> guest_run;
    std::optional<Succession> succession;
    UniqueFd control, answer;
    std::vector<std::string> statuses;
    std::optional<Result<uint64_t>> result;
    pid_t given_to = -1;
    bool has_succeeded = false, is_back = false;
};

TEST_F(SuccessionTest, TheGuestGoesOnInTheNewQemu) {
    begin_to_send();
    old_stops();
    old_has_sent();
    new_has_loaded();
    ASSERT_TRUE(until_done());
    EXPECT_TRUE(*result);
    EXPECT_TRUE(has_succeeded);
    EXPECT_EQ(given_to, new_process.pid());
    EXPECT_TRUE(until([this] { return old_process.is_dead(); }));
    EXPECT_FALSE(new_process.is_dead());
    EXPECT_FALSE(old.has("migrate_cancel"));
}

// A guest may be frozen, or about to be, and only QEMU knows: a free node of its says so.
TEST_F(SuccessionTest, AGuestThatIsHeldForABackupIsNotHandedOver) {
    old.values["query-named-block-nodes"] =
        json::array({{{"node-name", "libvirt-1"}}, {{"node-name", "qemunit-backup-frozen"}}});
    begin();
    ASSERT_TRUE(
        until([&] { return result || old.has("migrate") || receive_request(control.get()); }));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->error().message, "a backup is under way");
    EXPECT_FALSE(succession->is_under_way());
}

// That QEMU is at the same sockets, and QEMU's `cont` there runs what it has loaded.
TEST_F(SuccessionTest, AGuestThatAMonitorHasLetRunInTheNewQemuStaysThere) {
    begin_to_send();
    old_stops();
    fresh.values["query-status"] = {{"status", "running"}};
    fresh.say("RESUME");
    ASSERT_TRUE(until_done());
    EXPECT_TRUE(*result) << result->error().message;
    EXPECT_TRUE(until([this] { return old_process.is_dead(); }));
    EXPECT_FALSE(new_process.is_dead());
    EXPECT_FALSE(is_back);
    EXPECT_FALSE(old.has("cont"));
    EXPECT_FALSE(old.has("migrate_cancel"));
}

TEST_F(SuccessionTest, AGuestThatHasRunThereNeverComesBack) {
    fresh.errors["cont"] = "Resetting the Virtual Machine is required";
    begin_to_send();
    old_stops();
    old_has_sent();
    fresh.say("RESUME");
    ASSERT_TRUE(until_done());
    EXPECT_TRUE(*result);
    EXPECT_FALSE(is_back);
    EXPECT_FALSE(old.has("cont"));
}

TEST_F(SuccessionTest, AGuestThatCannotRunThereComesBack) {
    fresh.errors["cont"] = "Failed to lock byte 100";
    begin_to_send();
    old_stops();
    old_has_sent();
    new_has_loaded();
    ASSERT_TRUE(until_done());
    EXPECT_FALSE(*result);
    EXPECT_TRUE(is_back);
    EXPECT_TRUE(old.has("cont"));
    EXPECT_TRUE(until([this] { return new_process.is_dead(); }));
    EXPECT_FALSE(old_process.is_dead());
    EXPECT_FALSE(handover.has_succeeded);
}

// It opens the disks anew, which may hang.
TEST_F(SuccessionTest, ANewQemuThatIsLateIsWaitedFor) {
    patience = 1 * kSecond;
    begin_to_give();
    const std::string waits = "Waiting for the new QEMU, which does not let the guest run yet";
    ASSERT_TRUE(until([&] { return result || statuses.back() == waits; }));
    loop.run_for(100ms);
    EXPECT_FALSE(result);
    EXPECT_FALSE(old_process.is_dead());
    EXPECT_FALSE(new_process.is_dead());
    EXPECT_TRUE(succession->is_under_way());
    fresh.answer("cont");
    ASSERT_TRUE(until_done());
    EXPECT_TRUE(*result);
    EXPECT_TRUE(until([this] { return old_process.is_dead(); }));
    EXPECT_FALSE(new_process.is_dead());
}

// The companion before it was killed between its decision and `cont`, to which QEMU says so first.
TEST_F(SuccessionTest, ATakeoverIsTheNewQemusWhichSaysThatTheGuestRuns) {
    handover.has_succeeded = true;
    handover.predecessor = old_process.pid();
    handover.successor = new_process.pid();
    old.held = {"cont"};  // which is the new one's connection by then
    make_succession(new_process.pid());
    ASSERT_TRUE(until([this] { return client->is_ready(); }));
    bool is_over = false;
    succession->take_up([&] { is_over = true; });
    ASSERT_TRUE(until([this] { return old.has("cont"); }));
    old.say("RESUME");
    old.answer("cont");
    ASSERT_TRUE(until([&] { return is_over; }));
    EXPECT_TRUE(until([this] { return old_process.is_dead(); }));
    EXPECT_FALSE(new_process.is_dead());
    EXPECT_FALSE(succession->is_under_way());
}

TEST_F(SuccessionTest, AGuestThatRunsInTheOldQemuAsWellEndsTheVm) {
    begin_to_give();
    old.say("RESUME");
    EXPECT_TRUE(until([this] { return old_process.is_dead() && new_process.is_dead(); }));
}

// QEMU says STOP once; the new one would be told to let the guest run.
TEST_F(SuccessionTest, AGuestThatIsPausedMeanwhileStandsStill) {
    old.held = {"query-migrate"};
    begin();
    ASSERT_TRUE(until([this] { return old.has("query-migrate"); }));
    old.say("STOP");
    ASSERT_TRUE(until_done());
    EXPECT_EQ(result->error().message, "the guest has stopped meanwhile");
    EXPECT_FALSE(succession->is_under_way());

    // What was asked before is of no use to another try.
    result.reset();
    old.values["query-status"] = {{"status", "paused"}};
    old.answer("query-migrate");
    succession->begin([this](const Result<uint64_t> &done) { result = done; });
    ASSERT_TRUE(until_done());
    EXPECT_NE(result->error().message.find("stands still (paused)"), std::string::npos);

    result.reset();
    old.values["query-status"] = {{"status", "running"}};
    succession->begin([this](const Result<uint64_t> &done) { result = done; });
    wait_for_order();
    old.values["query-status"] = {{"status", "paused"}};
    old.say("STOP");
    ASSERT_TRUE(until_done());
    EXPECT_EQ(result->error().message, "the guest has stopped meanwhile");
    EXPECT_TRUE(is_back);
    EXPECT_FALSE(old.has("cont"));
}

TEST_F(SuccessionTest, DrivesKeepTheLimitsThatAReloadHasSet) {
    const auto drives = [](int iops) {
        return json::array(
            {{{"device", "root"},
              {"qdev", "/machine/peripheral/root/virtio-backend"},
              {"inserted",
               {{"iops", iops}, {"bps", 0}, {"bps_rd", 0}, {"file", "/dev/fdset/1"}}}}});
    };
    old.values["query-block"] = drives(100);
    fresh.values["query-block"] = drives(0);
    const Hardware started = hardware_of(drives(0), json::array(), json::array(), json::array());
    const std::string text = hardware_text(started);
    handover.hardware[text.copy(handover.hardware, sizeof handover.hardware - 1)] = '\0';
    begin_to_send();
    old_stops();
    old_has_sent();
    new_has_loaded();
    ASSERT_TRUE(until([this] { return fresh.has("block_set_io_throttle"); }));
    const json &limits = fresh.arguments[static_cast<std::size_t>(
        std::ranges::find(fresh.commands, "block_set_io_throttle") - fresh.commands.begin())];
    EXPECT_EQ(limits["id"], "/machine/peripheral/root/virtio-backend");
    EXPECT_EQ(limits["iops"], 100);
    EXPECT_EQ(limits["bps_wr"], 0);
    EXPECT_FALSE(limits.contains("file"));
}

}  // namespace
}  // namespace qemunit::helper
