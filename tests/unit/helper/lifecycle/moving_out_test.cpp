// SPDX-License-Identifier: MIT
//
// The source's side of a move, with the test as QEMU and as the target's companion: who may let the
// guest run, at whatever point the other side falls silent.
#include "helper/lifecycle/moving_out.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const Move kTo{"0123456789abcdef0123456789abcdef", "host2", "vm1"};

class MovingOutTest : public ::testing::Test {
  protected:
    MovingOutTest() { make_companion(); }
    ~MovingOutTest() override {
        kill(process, SIGKILL);
        waitpid(process, nullptr, 0);
    }

    void make_companion() {
        testing::SocketPair pair;
        qemu = testing::FakeQemu(std::move(pair.other));
        answered = 0;
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
        moving.emplace(loop.get(), *client, record, *guest_run, handover, process, patience,
                       MovingOut::Callbacks{.tell_status = [](const std::string &) {},
                                            .is_back = [this] { is_back = true; },
                                            .grant =
                                                [this](uint64_t) {
                                                    has_granted = true;
                                                }});
        EXPECT_TRUE(qemu.greet(loop));
        EXPECT_TRUE(loop.run_until([this] { return client->is_ready(); }));
        qemu.forget();
    }
    void begin() {
        testing::SocketPair pair;
        target = testing::FakeQemu(std::move(pair.other));
        moving->begin({.connection = std::move(pair.one), .move = kTo},
                      [this](Result<> outcome) { result = outcome; });
    }
    // Answers commands as they come until one is `last`, which gets `value`.
    void answer_until(const std::string &last, const std::string &value = R"("return":{})") {
        for (bool done = false; !done;) {
            ASSERT_TRUE(loop.run_until(
                [this] { return qemu.heard().find('\n', place) != std::string::npos; }, 60s))
                << last;
            const std::size_t end = qemu.heard().find('\n', place);
            const std::string line = qemu.heard().substr(place, end - place);
            place = end + 1;
            done = line.find("\"" + last + "\"") != line.npos;
            const std::string usual = line.find("query-status") != line.npos
                                          ? R"("return":{"status":"running"})"
                                          : R"("return":{})";
            qemu.say("{" + (done ? value : usual) + ",\"id\":" + std::to_string(++answered) + "}");
        }
    }
    // All has been sent, and the target says so.
    void offer() {
        begin();
        target.say_raw("ready\n");
        answer_until("migrate");
        complete();
    }
    void complete() { qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})"); }
    bool target_hears(const std::string &word) {
        return loop.run_until([&] { return target.has_heard(word); }, 60s);
    }
    void expect_back(const std::string &why) {
        ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
        ASSERT_FALSE(*result);
        EXPECT_NE(result->error().message.find(why), std::string::npos) << result->error().message;
        EXPECT_TRUE(is_back);
        EXPECT_FALSE(record.exists());
        EXPECT_FALSE(moving->is_given());
        EXPECT_FALSE(handover.is_moving_out);
    }

    testing::TemporaryFolder folder;
    Handover handover;
    uint64_t patience = 60 * kSecond;
    const SavedState saved{folder / "state"};
    const MoveRecord record{folder / "moved-away"};
    testing::EventLoop loop;
    testing::FakeQemu qemu, target;
    std::unique_ptr<QmpClient> client;
    std::optional<GuestRun> guest_run;
    std::optional<MovingOut> moving;
    std::optional<Result<>> result;
    bool is_back = false, has_granted = false;
    const pid_t process = [] {
        const pid_t child = fork();
        if (child == 0)
            for (;;)
                pause();
        return child;
    }();
    unsigned answered = 0;
    std::size_t place = 0;
};

class MovingOutWithDisksTest : public MovingOutTest {
  protected:
    void begin_with_disks() {
        testing::SocketPair pair, way;
        target = testing::FakeQemu(std::move(pair.other));
        server = testing::FakeQemu(std::move(way.other));
        MoveRequest request{.connection = std::move(pair.one), .move = kTo};
        request.copies.push_back({"data", std::move(way.one)});
        moving->begin(std::move(request), [this](Result<> outcome) { result = outcome; });
        target.say_raw("copy\n");
        server.say_raw("NBDMAGIC");
        answer_until("blockdev-mirror");
    }
    void send_all() {
        begin_with_disks();
        EXPECT_EQ(moving->state()["phase"], "copying");
        answer_until("query-jobs", kReady);
        ASSERT_TRUE(target_hears("copied\n"));
        EXPECT_FALSE(qemu.has_heard("\"migrate\""));
        target.say_raw("ready\n");
        answer_until("migrate");
        EXPECT_TRUE(qemu.has_heard(R"({"capability":"pause-before-switchover","state":true})"));
    }
    void answer_next() {
        const std::string line = qemu.heard().substr(place, qemu.heard().find('\n', place) - place);
        std::string answer = R"("return":{})";
        if (line.find("query-status") != line.npos)
            answer = R"("return":{"status":"running"})";
        else if (line.find("query-jobs") != line.npos)
            answer =
                R"("return":[{"id":"qemunit-copy-data","status":"running","current-progress":0,)"
                R"("total-progress":1}])";
        answer_until("execute", answer);
    }
    void pause() { qemu.say(R"({"event":"MIGRATION","data":{"status":"pre-switchover"}})"); }

    static constexpr char kReady[] =
        R"("return":[{"id":"qemunit-copy-data","status":"ready","current-progress":1,)"
        R"("total-progress":1}])";
    testing::FakeQemu server;
};

TEST_F(MovingOutWithDisksTest, TheGuestIsGivenWhenItsDisksAreThere) {
    send_all();
    pause();
    answer_until("block-job-cancel");
    EXPECT_FALSE(qemu.has_heard("migrate-continue"));
    answer_until("query-jobs", R"("return":[{"id":"qemunit-copy-data","status":"concluded"}])");
    answer_until("migrate-continue");
    complete();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    EXPECT_TRUE(record.exists());
}

TEST_F(MovingOutWithDisksTest, ADiskThatIsNotWholeKeepsTheGuestHere) {
    send_all();
    pause();
    answer_until("block-job-cancel");
    answer_until("query-jobs",
                 R"("return":[{"id":"qemunit-copy-data","status":"concluded","error":"EIO"}])");
    answer_until("migrate_cancel");
    answer_until("query-status", R"("return":{"status":"running"})");
    expect_back("[Drive data] could not be copied: EIO");
    EXPECT_FALSE(qemu.has_heard("migrate-continue"));
}

TEST_F(MovingOutWithDisksTest, AQemuThatHasNotWaitedKeepsTheGuestHere) {
    send_all();
    complete();
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont");
    expect_back("QEMU has not waited for the disks");
}

TEST_F(MovingOutWithDisksTest, ADiskThatFailsWhileTheMemoryIsSentKeepsTheGuestHere) {
    send_all();
    server.hang_up();
    answer_until("query-status");
    expect_back("[Drive data]: the connection of the disks has ended");
}

TEST_F(MovingOutWithDisksTest, ATargetThatTakesNoDisksGetsNoGuest) {
    testing::SocketPair pair, way;
    target = testing::FakeQemu(std::move(pair.other));
    MoveRequest request{.connection = std::move(pair.one), .move = kTo};
    request.copies.push_back({"data", std::move(way.one)});
    moving->begin(std::move(request), [this](Result<> outcome) { result = outcome; });
    target.say_raw("ready\n");
    answer_until("query-status", R"("return":{"status":"running"})");
    answer_until("query-status", R"("return":{"status":"running"})");
    expect_back("it does not take the disks");
}

// While a cancelled migration has not ended, QEMU says no.
TEST_F(MovingOutWithDisksTest, QemuWaitsForNobodyElseOnceTheMoveHasFailed) {
    send_all();
    server.hang_up();
    answer_until("query-status");
    expect_back("the connection of the disks has ended");
    answer_until("migrate-set-capabilities",
                 R"("error":{"class":"GenericError","desc":"There's a migration process"})");
    EXPECT_TRUE(qemu.has_heard(R"([{"capability":"pause-before-switchover","state":false}])"));
    answer_until("migrate-set-capabilities");
    qemu.forget();
    loop.run_for(500ms);
    EXPECT_FALSE(qemu.has_heard("migrate-set-capabilities"));
}

TEST_F(MovingOutWithDisksTest, ADiskOfWhichNothingGetsThereKeepsTheGuestHere) {
    patience = kSecond;
    make_companion();
    place = 0;
    begin_with_disks();
    while (!result) {
        ASSERT_TRUE(loop.run_until(
            [this] { return result || qemu.heard().find('\n', place) != std::string::npos; }, 60s));
        if (!result)
            answer_next();
    }
    expect_back("nothing more of the disks gets there");
}

// Of a move without disks, a capability of an earlier one would have QEMU wait for ever.
TEST_F(MovingOutTest, WithoutDisksQemuDoesNotWait) {
    offer();
    EXPECT_TRUE(qemu.has_heard(R"({"capability":"pause-before-switchover","state":false})"));
}

TEST_F(MovingOutTest, RunIsSaidWhenItIsWrittenDown) {
    offer();
    loop.run_for(100ms);
    EXPECT_FALSE(target.has_heard("run"));
    EXPECT_FALSE(record.exists());
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    EXPECT_TRUE(record.exists());
    EXPECT_TRUE(moving->is_given());
    EXPECT_FALSE(result);
    target.say_raw("runs\n");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_TRUE(record.exists());
    EXPECT_TRUE(loop.run_until([this] { return qemu.has_heard("\"quit\""); }, 60s));
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

// The target is quicker than QEMU's own event here.
TEST_F(MovingOutTest, LoadedMayComeFirst) {
    begin();
    target.say_raw("ready\n");
    answer_until("migrate");
    target.say_raw("loaded\n");
    loop.run_for(100ms);
    EXPECT_FALSE(target.has_heard("run"));
    complete();
    EXPECT_TRUE(target_hears("run\n"));
}

TEST_F(MovingOutTest, WithoutLoadedTheGuestGoesOnHere) {
    offer();
    target.hang_up();
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont");
    expect_back("host2: the connection to it has ended");
}

// The target's QEMU may hold the images for a while longer.
TEST_F(MovingOutTest, TheGuestIsLetRunAsSoonAsThatWorks) {
    offer();
    target.say_raw("refused no room\n");
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont", R"("error":{"class":"GenericError","desc":"Failed to get lock"})");
    EXPECT_FALSE(result);
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont");
    expect_back("no room");
}

TEST_F(MovingOutTest, AGuestThatIsGivenAwayStaysSoUntilItIsKnownWhereItIs) {
    offer();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    target.hang_up();
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().code, EINPROGRESS);
    EXPECT_TRUE(record.exists());
    EXPECT_EQ(moving->state()["phase"], "given");
    EXPECT_FALSE(guest_run->let("cont", [](const QmpClient::Reply &) {}));
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_FALSE(moving->decide("ffffffffffffffffffffffffffffffff", false));
    EXPECT_TRUE(record.exists());
    EXPECT_TRUE(moving->decide(kTo.token, true));
    EXPECT_EQ(moving->state()["phase"], "moved");
    EXPECT_TRUE(record.exists());
}

TEST_F(MovingOutTest, AGuestThatHasNotRunThereComesBack) {
    offer();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    target.hang_up();
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_TRUE(moving->decide(kTo.token, false));
    EXPECT_FALSE(record.exists());  // before the guest runs
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont");
    ASSERT_TRUE(loop.run_until([this] { return is_back; }, 60s));
    EXPECT_EQ(moving->state()["phase"], "here");
}

TEST_F(MovingOutTest, TheNextCompanionKnowsWhatWasGivenAway) {
    offer();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    place = 0;
    make_companion();
    bool goes_on = false;
    moving->take_up([&] { goes_on = true; });
    EXPECT_FALSE(goes_on);
    EXPECT_TRUE(moving->is_given());
    EXPECT_FALSE(guest_run->let("cont", [](const QmpClient::Reply &) {}));
    EXPECT_EQ(moving->state()["token"], kTo.token);
}

TEST_F(MovingOutTest, TheNextCompanionBreaksOffWhatWasNotGivenAway) {
    offer();
    place = 0;
    make_companion();
    bool goes_on = false;
    moving->take_up([&] { goes_on = true; });
    answer_until("migrate_cancel");
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    EXPECT_FALSE(goes_on);
    answer_until("cont");
    EXPECT_TRUE(loop.run_until([&] { return goes_on; }, 60s));
    EXPECT_FALSE(record.exists());
}

TEST_F(MovingOutTest, ARecordThatCannotBeWrittenKeepsTheGuestHere) {
    offer();
    fs::remove(folder / "moved-away.new");
    target.say_raw("loaded\n");
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont");
    expect_back("cannot rename");
    EXPECT_FALSE(target.has_heard("run"));
}

TEST_F(MovingOutTest, SilenceEndsIt) {
    patience = kSecond / 5;
    make_companion();
    place = 0;
    offer();
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont");
    expect_back("it does not say that it has loaded the machine");
}

TEST_F(MovingOutTest, AGuestThatStandsStillIsNotMoved) {
    begin();
    answer_until("query-status", R"("return":{"status":"paused"})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    expect_back("a guest that stands still (paused) is not moved");
}

TEST_F(MovingOutTest, AGuestThatIsPausedMeanwhileIsNotLetRunThere) {
    begin();
    target.say_raw("ready\n");
    answer_until("migrate");
    qemu.say(R"({"event":"STOP","data":{}})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    expect_back("the guest has stopped meanwhile (paused)");
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

TEST_F(MovingOutTest, ABlockerOfQemuIsTold) {
    begin();
    target.say_raw("ready\n");
    answer_until("query-migrate", R"("return":{"blocked-reasons":["it is nailed down"]})");
    answer_until("query-status", R"("return":{"status":"running"})");
    expect_back("it is nailed down");
}

TEST_F(MovingOutTest, TheSecondOneIsRefused) {
    begin();
    testing::SocketPair pair;
    std::optional<Result<>> second;
    moving->begin({.connection = std::move(pair.one), .move = kTo},
                  [&](Result<> outcome) { second = outcome; });
    ASSERT_TRUE(second);
    EXPECT_EQ(second->error().message, "the VM is being moved to host2 already");
}

TEST_F(MovingOutTest, WhatWasGivenCannotBeReadAndIsGivenAllTheSame) {
    offer();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    folder.write("moved-away", "?");
    place = 0;
    make_companion();
    bool goes_on = false;
    moving->take_up([&] { goes_on = true; });
    EXPECT_FALSE(goes_on);
    EXPECT_TRUE(moving->is_given());
    EXPECT_EQ(moving->state()["token"], kTo.token);
    EXPECT_EQ(moving->state()["host"], "host2");
}

// Written down, and the companion killed: "run" may have been said, or not.
TEST_F(MovingOutTest, TheRecordAloneSaysThatItWasGiven) {
    offer();
    ASSERT_TRUE(record.commit());
    folder.write("moved-away", "?");
    place = 0;
    make_companion();
    moving->take_up([] {});
    EXPECT_TRUE(moving->is_given());
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

// The next companion has not even looked when QEMU ends.
TEST_F(MovingOutTest, WhatWasGivenStaysSoWhoeverEnds) {
    offer();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    place = 0;
    make_companion();
    qemu.hang_up();
    loop.run_for(100ms);
    EXPECT_TRUE(record.exists());
}

TEST_F(MovingOutTest, LoadedAgainIsAnsweredAgain) {
    offer();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    target.forget();
    target.say_raw("loaded\n");
    EXPECT_TRUE(target_hears("run\n"));
}

TEST_F(MovingOutTest, ReadyCountsOnce) {
    begin();
    target.say_raw("ready\nready\n");
    answer_until("migrate");
    loop.run_for(100ms);
    const std::string heard = qemu.heard();
    EXPECT_EQ(heard.find("\"getfd\""), heard.rfind("\"getfd\""));
}

TEST_F(MovingOutTest, WhatTheTargetSaysIsALine) {
    begin();
    target.say_raw("refused \x1b[2Jno\x07\n");
    answer_until("query-status", R"("return":{"status":"running"})");
    answer_until("query-status", R"("return":{"status":"running"})");
    expect_back("?[2Jno?");
}

// Less is left of the second one than was of the first.
TEST_F(MovingOutTest, TheSecondAttemptProgressesAsTheFirst) {
    patience = kSecond;
    make_companion();
    place = 0;
    for (int attempts = 0; attempts < 2; ++attempts) {
        result.reset();
        is_back = false;
        begin();
        target.say_raw("ready\n");
        answer_until("migrate");
        for (int left = 10; left > 0 && !result; --left)
            answer_until("query-migrate", R"("return":{"status":"active","ram":{"remaining":)" +
                                              std::to_string(left) + "}}");
        EXPECT_FALSE(result) << result->error().message;
        target.hang_up();
        answer_until("migrate_cancel");
        answer_until("query-status", R"("return":{"status":"running"})");
        expect_back("the connection to it has ended");
    }
}

TEST_F(MovingOutTest, AGuestThatAMonitorLetsRunIsStoppedAgain) {
    offer();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    qemu.say(R"({"event":"RESUME","data":{}})");
    EXPECT_TRUE(loop.run_until([this] { return qemu.has_heard("\"stop\""); }, 60s));
}

TEST_F(MovingOutTest, ASecondCopyIsKilled) {
    offer();
    target.say_raw("loaded\n");
    ASSERT_TRUE(target_hears("run\n"));
    target.say_raw("runs\n");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    qemu.say(R"({"event":"RESUME","data":{}})");
    int status = 0;
    ASSERT_TRUE(loop.run_until([&] { return waitpid(process, &status, WNOHANG) == process; }, 60s));
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(MovingOutTest, AVmThatIsToStopHasTheTimeToComeBack) {
    offer();
    bool stops = false;
    moving->break_off("the VM is to stop", [&] { stops = true; });
    EXPECT_TRUE(has_granted);
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont");
    EXPECT_TRUE(loop.run_until([&] { return stops; }, 60s));
}

class StuckGuestTest : public MovingOutTest {
  protected:
    StuckGuestTest() {
        patience = kSecond / 2;
        make_companion();
        place = 0;
        offer();
        target.say_raw("refused no room\n");
        while (!result) {
            refuse_once();
            loop.settle();
        }
        qemu.forget();
        place = 0;
    }
    void refuse_once() {
        answer_until("query-status", R"("return":{"status":"postmigrate"})");
        if (loop.run_until(
                [this] { return result || qemu.heard().find('\n', place) != std::string::npos; },
                60s) &&
            !result)
            answer_until("cont", R"("error":{"class":"GenericError","desc":"Failed to get lock"})");
    }
};

// Another guest may have the disks now, and may have changed them when they are free again.
TEST_F(StuckGuestTest, IsLeftToWhoKnowsWhatBecameOfItsDisks) {
    EXPECT_NE(result->error().message.find("the guest stands still here"), std::string::npos);
    EXPECT_EQ(moving->state()["phase"], "stuck");
    EXPECT_TRUE(moving->has_no_guest());
    loop.run_for(500ms);
    EXPECT_EQ(qemu.heard(), "");
    EXPECT_FALSE(is_back);
    EXPECT_FALSE(moving->decide(kTo.token, true));
    EXPECT_TRUE(moving->decide(kTo.token, false));
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont");
    EXPECT_TRUE(loop.run_until([this] { return is_back; }, 60s));
    EXPECT_FALSE(moving->has_no_guest());
}

TEST_F(StuckGuestTest, IsNotTriedByTheNextCompanion) {
    place = 0;
    make_companion();
    moving->take_up([] {});
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    EXPECT_TRUE(loop.run_until([this] { return moving->has_no_guest(); }, 60s));
    loop.run_for(200ms);
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_EQ(moving->state()["token"], kTo.token);
}

TEST_F(StuckGuestTest, IsBackWhenSomebodyLetsItRun) {
    qemu.say(R"({"event":"RESUME","data":{}})");
    EXPECT_TRUE(loop.run_until([this] { return is_back; }, 60s));
    EXPECT_EQ(moving->state()["phase"], "here");
    EXPECT_FALSE(handover.is_moving_out);
}

// To save it would be to let it run later.
TEST_F(MovingOutTest, AVmThatIsToStopEndsIfItsGuestCannotComeBack) {
    patience = kSecond / 2;
    make_companion();
    place = 0;
    offer();
    handover.stop_asked_usec = 1;
    bool stops = false;
    moving->break_off("the VM is to stop", [&] { stops = true; });
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_until("cont", R"("error":{"class":"GenericError","desc":"Failed to get lock"})");
    loop.run_for(900ms);
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    EXPECT_TRUE(loop.run_until([this] { return qemu.has_heard("\"quit\""); }, 60s));
    EXPECT_FALSE(stops);
}

}  // namespace
}  // namespace qemunit::helper
