// SPDX-License-Identifier: MIT
//
// The target's side of a move, with the test as QEMU and as the source's companion: without "run",
// the guest does not run here, and what is written down is true whenever everything ends.
#include "helper/lifecycle/moving_in.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "common/time_units.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const Move kFrom{"0123456789abcdef0123456789abcdef", "host1", "vm1"};

constexpr char kEarlier[] = "fedcba9876543210fedcba9876543210";

class MovingInTest : public ::testing::Test {
  protected:
    MovingInTest() {
        folder.make_folder("records");
        make_companion();
    }
    ~MovingInTest() override {
        kill(process, SIGKILL);
        waitpid(process, nullptr, 0);
    }

    void make_companion() {
        testing::SocketPair pair, way;
        qemu = testing::FakeQemu(std::move(pair.other));
        source = testing::FakeQemu(std::move(way.other));
        listener = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        const std::string path = folder / "migrate.sock";
        fs::remove(path);
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(bind(listener.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
        EXPECT_EQ(listen(listener.get(), 1), 0);
        auto created =
            QmpClient::create(loop.get(), std::move(pair.one),
                              {.ready = [] {},
                               .event = [this](const QmpEvent &event) { moving->on_event(event); },
                               .closed =
                                   [this](const std::string &) {
                                       moving->on_closed();
                                   }});
        EXPECT_TRUE(created);
        client = std::move(*created);
        guest_run.emplace(*client, saved);
        Incoming incoming{.connection = std::move(way.one),
                          .listener = UniqueFd(dup(listener.get())),
                          .move = kFrom,
                          .copies = copies,
                          .copy_listener = UniqueFd(dup(listener.get()))};
        moving.emplace(loop.get(), *client, arrived, gone, CopyMark(folder / "records"), *guest_run,
                       handover, std::move(incoming), process, patience,
                       MovingIn::Callbacks{.tell_status = [](const std::string &) {},
                                           .has_moved =
                                               [this] {
                                                   has_moved = true;
                                               }});
        EXPECT_TRUE(qemu.greet(loop));
        EXPECT_TRUE(loop.run_until([this] { return client->is_ready(); }));
        qemu.forget();
    }
    void answer_until(const std::string &last, const std::string &value = R"("return":{})") {
        ASSERT_TRUE(qemu.answer_until(loop, last, value, 60s)) << last;
    }
    void load() {
        moving->begin();
        answer_until("migrate-incoming");
        ASSERT_TRUE(loop.run_until([this] { return source.has_heard("ready\n"); }, 60s));
        answer_until("query-status", R"("return":{"status":"inmigrate"})");
        answer_until("query-status", R"("return":{"status":"paused"})");
        ASSERT_TRUE(loop.run_until([this] { return source.has_heard("loaded\n"); }, 60s));
    }
    bool is_spent() const {
        pollfd state{listener.get(), 0, 0};
        return poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0;
    }
    // "run" has come, and QEMU is asked whether it is still there.
    void say_run() {
        source.say_raw("run\n");
        answer_until("query-status", R"("return":{"status":"paused"})");
    }
    bool is_let_run_again() { return qemu.has_heard_since("\"cont\""); }
    bool is_let_run() {
        return loop.run_until([this] { return qemu.has_heard("\"cont\""); }, 60s);
    }
    bool has_hung_up() {
        source.heard();
        char byte = 0;
        return recv(source.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }
    Arrival state() const { return arrived.state(kFrom.token); }
    bool quits() {
        return loop.run_until([this] { return qemu.has_heard("\"quit\""); }, 60s);
    }

    testing::TemporaryFolder folder;
    Handover handover;
    uint64_t patience = 60 * kSecond;
    const pid_t process = [] {
        const pid_t child = fork();
        if (child == 0)
            for (;;)
                pause();
        return child;
    }();
    const SavedState saved{folder / "state"};
    const ArrivalRecord arrived{folder / "records"};
    const MoveRecord gone{folder / "moved-away"};
    const CopyMark mark{folder / "records"};
    std::vector<CopiedImage> copies;
    testing::EventLoop loop;
    testing::FakeQemu qemu, source;
    UniqueFd listener;
    std::unique_ptr<QmpClient> client;
    std::optional<GuestRun> guest_run;
    std::optional<MovingIn> moving;
    bool has_moved = false;
};

class MovingInWithDisksTest : public MovingInTest {
  protected:
    MovingInWithDisksTest() {
        copies = {{"data", 1, 2, 3}};
        make_companion();
    }
    bool source_hears(const std::string &word) {
        return loop.run_until([&] { return source.has_heard(word); }, 60s);
    }
    void serve_disks() {
        moving->begin();
        answer_until("query-block-exports", R"("return":[])");
        EXPECT_TRUE(mark.counts());  // before the first byte can come
        answer_until("block-export-add");
        ASSERT_TRUE(source_hears("copy\n"));
    }
    void load_all() {
        serve_disks();
        source.say_raw("copying\ncopied\n");
        answer_until("migrate-incoming");
        ASSERT_TRUE(source_hears("ready\n"));
        answer_until("query-status", R"("return":{"status":"paused"})");
        loop.run_for(50ms);
        EXPECT_FALSE(source.has_heard("loaded\n"));
    }
};

TEST_F(MovingInWithDisksTest, TheGuestRunsWhenNobodyWritesItsDisksAnyMore) {
    load_all();
    answer_until("nbd-server-stop");
    answer_until("query-block-exports", R"("return":[])");
    ASSERT_TRUE(source_hears("loaded\n"));
    EXPECT_TRUE(mark.counts());
    say_run();
    ASSERT_TRUE(is_let_run());
    EXPECT_FALSE(mark.counts());  // the guest is this host's, whoever is killed now
    answer_until("cont");
    ASSERT_TRUE(loop.run_until([this] { return has_moved; }, 60s));
    EXPECT_FALSE(fs::exists(mark.path()));
}

TEST_F(MovingInWithDisksTest, AQemuThatStillServesItsDisksIsNotOffered) {
    load_all();
    answer_until("query-block-exports", R"("return":[{"id":"qemunit-copy-data"}])");
    ASSERT_TRUE(source_hears("refused QEMU still serves the disks here\n"));
    EXPECT_TRUE(quits());
    EXPECT_TRUE(mark.counts());
}

TEST_F(MovingInWithDisksTest, AGuestThatCannotRunLeavesAnUnfinishedCopy) {
    load_all();
    answer_until("query-block-exports", R"("return":[])");
    ASSERT_TRUE(source_hears("loaded\n"));
    say_run();
    answer_until("cont", R"("error":{"class":"GenericError","desc":"no lock"})");
    ASSERT_TRUE(source_hears("refused "));
    EXPECT_TRUE(mark.counts());
}

TEST_F(MovingInWithDisksTest, WhereItCannotBeWrittenDownNothingIsTaken) {
    fs::create_directories(folder / "records/unfinished-copy.new/x");
    moving->begin();
    answer_until("query-migrate");
    EXPECT_TRUE(quits());
    EXPECT_FALSE(qemu.has_heard("nbd-server-start"));
}

// The disks are there, and QEMU has not begun to load.
TEST_F(MovingInWithDisksTest, AnotherCompanionTakesTheDisksOnce) {
    serve_disks();
    make_companion();
    moving->begin();
    answer_until("query-block-exports", R"("return":[{"id":"qemunit-copy-data"}])");
    ASSERT_TRUE(source_hears("copy\n"));
    EXPECT_FALSE(qemu.has_heard("nbd-server"));
    source.say_raw("copied\n");
    answer_until("getfd");
    make_companion();
    moving->begin();
    answer_until("migrate-incoming");
    EXPECT_FALSE(qemu.has_heard("block-export"));
    ASSERT_TRUE(source_hears("ready\n"));
}

TEST_F(MovingInTest, TheGuestRunsWhenTheSourceSaysSo) {
    ASSERT_TRUE(gone.prepare({kEarlier, "here", "vm1"}));
    ASSERT_TRUE(gone.commit());
    load();
    EXPECT_TRUE(qemu.has_heard("late-block-activate"));
    loop.run_for(100ms);
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_EQ(state(), Arrival::coming);
    EXPECT_FALSE(is_spent());
    say_run();
    ASSERT_TRUE(is_let_run());
    EXPECT_EQ(state(), Arrival::taken);
    EXPECT_FALSE(gone.exists());
    EXPECT_FALSE(is_spent());
    EXPECT_FALSE(source.has_heard("runs"));
    answer_until("cont");
    ASSERT_TRUE(loop.run_until([this] { return has_moved; }, 60s));
    EXPECT_TRUE(is_spent());
    EXPECT_TRUE(source.has_heard("runs\n"));
    EXPECT_EQ(state(), Arrival::runs);
    EXPECT_FALSE(fs::exists(folder / "moved-away.back"));
    EXPECT_FALSE(moving->is_wanted());
}

TEST_F(MovingInTest, WithoutThatItDoesNot) {
    load();
    source.hang_up();
    EXPECT_TRUE(quits());
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_EQ(state(), Arrival::coming);
    EXPECT_FALSE(is_spent());
}

TEST_F(MovingInTest, NobodyElseOfTheCompanionLetsItRun) {
    load();
    EXPECT_FALSE(guest_run->let("cont", [](const QmpClient::Reply &) {}));
    EXPECT_TRUE(quits());
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

TEST_F(MovingInTest, RunBeforeAllIsLoadedMeansNothing) {
    moving->begin();
    answer_until("migrate-incoming");
    source.say_raw("run\n");
    answer_until("query-status", R"("return":{"status":"inmigrate"})");
    loop.run_for(100ms);
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

TEST_F(MovingInTest, SilenceIsNoLeave) {
    patience = kSecond / 2;
    make_companion();
    load();
    EXPECT_TRUE(quits());
    source.say_raw("run\n");
    loop.run_for(100ms);
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

// A lock that another program has: the source gets the guest back, and nothing says that it ran.
TEST_F(MovingInTest, AGuestThatQemuDoesNotLetRunIsGivenBack) {
    ASSERT_TRUE(gone.prepare({kEarlier, "here", "vm1"}));
    ASSERT_TRUE(gone.commit());
    load();
    say_run();
    answer_until("cont", R"("error":{"class":"GenericError","desc":"Failed to get lock"})");
    ASSERT_TRUE(loop.run_until(
        [this] { return source.has_heard("refused the guest cannot run there: Failed"); }, 60s));
    EXPECT_TRUE(quits());
    EXPECT_EQ(state(), Arrival::refused);
    EXPECT_TRUE(gone.exists());
    EXPECT_FALSE(handover.may_run_here);
    EXPECT_FALSE(is_spent());
}

// Killed right after that was written down.
TEST_F(MovingInTest, TheNextCompanionDoesNotRunWhatWasGivenBack) {
    load();
    ASSERT_TRUE(arrived.take(kFrom.token));
    ASSERT_TRUE(arrived.give_back(kFrom.token));
    handover.may_run_here = true;
    make_companion();
    EXPECT_FALSE(moving->has_leave());
    moving->begin();
    answer_until("query-migrate", R"("return":{"status":"completed"})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    EXPECT_TRUE(quits());
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_EQ(state(), Arrival::refused);
}

// It may have been revoked, or have run.
TEST_F(MovingInTest, TheNextCompanionDoesNotRunWhatCannotBeRead) {
    load();
    ASSERT_TRUE(arrived.take(kFrom.token));
    handover.may_run_here = true;
    fs::rename(folder / "records", folder / "elsewhere");
    folder.write("records", "");
    make_companion();
    EXPECT_FALSE(moving->has_leave());
    moving->begin();
    answer_until("query-migrate", R"("return":{"status":"completed"})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    EXPECT_TRUE(quits());
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_FALSE(source.has_heard("refused"));
}

// Nobody may say that it is not here, so it is not thrown away.
TEST_F(MovingInTest, AGuestThatCannotBeGivenBackIsKept) {
    load();
    say_run();
    ASSERT_TRUE(is_let_run());
    folder.make_folder("records/moved-in." + kFrom.token + ".refused/x");
    answer_until("cont", R"("error":{"class":"GenericError","desc":"Failed to get lock"})");
    source.hang_up();
    ASSERT_TRUE(loop.run_until([this] { return is_let_run_again(); }, 60s));
    EXPECT_EQ(state(), Arrival::taken);
    EXPECT_FALSE(qemu.has_heard("\"quit\""));
    EXPECT_FALSE(is_spent());
    answer_until("cont");
    EXPECT_TRUE(loop.run_until([this] { return has_moved; }, 60s));
    EXPECT_EQ(state(), Arrival::runs);
    EXPECT_TRUE(is_spent());
}

TEST_F(MovingInTest, ASavedStateThatCannotBeRetiredGivesTheGuestBack) {
    load();
    folder.write("state", "");
    folder.make_folder("state.used/x");
    say_run();
    ASSERT_TRUE(
        loop.run_until([this] { return source.has_heard("refused the guest cannot run"); }, 60s));
    EXPECT_TRUE(quits());
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_EQ(state(), Arrival::refused);
}

TEST_F(MovingInTest, ARecordThatCannotBeWrittenRefuses) {
    folder.make_folder("records/moved-in.new/x");
    moving->begin();
    answer_until("migrate-incoming");
    answer_until("query-status", R"("return":{"status":"paused"})");
    EXPECT_TRUE(loop.run_until([this] { return source.has_heard("refused cannot create"); }, 60s));
    EXPECT_TRUE(quits());
    EXPECT_FALSE(source.has_heard("loaded"));
}

TEST_F(MovingInTest, AGuestThatAMonitorLetsRunIsKilled) {
    load();
    qemu.say(R"({"event":"RESUME","data":{}})");
    int status = 0;
    ASSERT_TRUE(loop.run_until([&] { return waitpid(process, &status, WNOHANG) == process; }, 60s));
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    // It may have written.
    EXPECT_EQ(state(), Arrival::taken);
    EXPECT_TRUE(loop.run_until([this] { return has_hung_up(); }, 60s));
}

TEST_F(MovingInTest, TheNextCompanionGoesOn) {
    moving->begin();
    answer_until("migrate-incoming");
    make_companion();
    moving->begin();
    answer_until("query-migrate", R"("return":{"status":"active"})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    EXPECT_FALSE(qemu.has_heard("migrate-incoming"));
    EXPECT_TRUE(loop.run_until([this] { return source.has_heard("loaded\n"); }, 60s));
}

TEST_F(MovingInTest, TheNextCompanionDoesWhatWasSaid) {
    load();
    say_run();
    ASSERT_TRUE(is_let_run());
    make_companion();
    moving->begin();
    answer_until("cont");
    EXPECT_TRUE(loop.run_until([this] { return source.has_heard("runs\n"); }, 60s));
}

// Killed between its record and all that follows.
TEST_F(MovingInTest, TheNextCompanionDoesWhatIsWrittenDown) {
    load();
    ASSERT_TRUE(arrived.take(kFrom.token));
    make_companion();
    EXPECT_TRUE(moving->has_leave());
    moving->stop();
    moving->begin();
    answer_until("cont");
    EXPECT_TRUE(loop.run_until([this] { return source.has_heard("runs\n"); }, 60s));
    EXPECT_FALSE(qemu.has_heard("\"quit\""));
    EXPECT_EQ(state(), Arrival::runs);
}

TEST_F(MovingInTest, TheNextCompanionNeedsNoConnectionForThat) {
    load();
    ASSERT_TRUE(arrived.take(kFrom.token));
    make_companion();
    source.hang_up();
    moving->begin();
    answer_until("cont");
    EXPECT_TRUE(loop.run_until([this] { return has_moved; }, 60s));
}

// The one before it may have let the guest run: nobody is told that it has not, and it stays here.
TEST_F(MovingInTest, TheNextCompanionGivesNothingBack) {
    load();
    ASSERT_TRUE(arrived.take(kFrom.token));
    make_companion();
    moving->begin();
    answer_until("cont", R"("error":{"class":"GenericError","desc":"Reset is needed"})");
    loop.run_for(100ms);
    EXPECT_FALSE(qemu.has_heard("\"quit\""));
    EXPECT_FALSE(source.has_heard("refused"));
    moving->stop();
    EXPECT_TRUE(quits());
    EXPECT_EQ(state(), Arrival::taken);
    EXPECT_FALSE(is_spent());
}

TEST_F(MovingInTest, TheNextCompanionSaysAgainThatAllIsLoaded) {
    load();
    make_companion();
    moving->begin();
    answer_until("query-migrate", R"("return":{"status":"completed"})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    ASSERT_TRUE(loop.run_until([this] { return source.has_heard("loaded\n"); }, 60s));
    say_run();
    EXPECT_TRUE(is_let_run());
}

TEST_F(MovingInTest, HostsThatShareTheStateDirectoryDoNotMoveAVm) {
    load();
    ASSERT_TRUE(gone.prepare({kFrom.token, "here", "vm1"}));
    ASSERT_TRUE(gone.commit());
    say_run();
    EXPECT_TRUE(quits());
    EXPECT_TRUE(source.has_heard("refused the VM's state directory is the same one"));
    EXPECT_TRUE(gone.exists());
    EXPECT_EQ(state(), Arrival::refused);
}

// Somebody has asked, and was told that the guest never runs here.
TEST_F(MovingInTest, WhatWasRevokedIsNotRun) {
    load();
    ASSERT_TRUE(arrived.revoke(kFrom.token));
    say_run();
    EXPECT_TRUE(quits());
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_EQ(state(), Arrival::refused);
    EXPECT_TRUE(source.has_heard("refused "));
}

TEST_F(MovingInTest, AQemuThatIsGoneIsGivenNoGuest) {
    load();
    qemu.hang_up();
    ASSERT_TRUE(loop.run_until([this] { return has_hung_up(); }, 60s));
    EXPECT_EQ(state(), Arrival::coming);
    EXPECT_FALSE(handover.may_run_here);
}

// The companion hears "run" before it hears of QEMU's end.
TEST_F(MovingInTest, AQemuThatGoesWhenRunComesIsGivenNoGuest) {
    load();
    source.say_raw("run\n");
    ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard_since("query-status"); }, 60s));
    qemu.hang_up();
    ASSERT_TRUE(loop.run_until(
        [this] { return source.has_heard("refused QEMU is gone, or does not answer"); }, 60s));
    EXPECT_EQ(state(), Arrival::refused);
}

// It may have run.
TEST_F(MovingInTest, AQemuThatGoesAfterContHasCrashedHere) {
    load();
    say_run();
    ASSERT_TRUE(is_let_run());
    qemu.hang_up();
    ASSERT_TRUE(loop.run_until([this] { return has_hung_up(); }, 60s));
    EXPECT_EQ(state(), Arrival::taken);
    EXPECT_FALSE(source.has_heard("refused"));
}

}  // namespace
}  // namespace qemunit::helper
