// SPDX-License-Identifier: MIT
//
// Saving a machine's state with the test as QEMU.
#include "helper/lifecycle/hibernation.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <optional>

#include "common/timer.h"
#include "helper/lifecycle/loading.h"
#include "helper/lifecycle/state_header.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using namespace std::chrono_literals;

constexpr std::uintmax_t kHeader = kStateHeaderSize;  // bytes; QEMU, the test, writes nothing

constexpr std::string_view kNewGreeting =
    R"({"QMP":{"version":{"qemu":{"micro":0,"minor":2,"major":8},"package":""},)"
    R"("capabilities":["oob"]}})";

// The test as QEMU, of the version in `greeting`.
class SavedByQemu : public ::testing::Test {
  protected:
    explicit SavedByQemu(std::string_view greeting) {
        testing::SocketPair pair;
        qemu = testing::FakeQemu(std::move(pair.other));
        auto created = QmpClient::create(
            loop.get(), std::move(pair.one),
            {.ready = [] {},
             .event = [this](const QmpEvent &event) { hibernation->on_event(event); },
             .closed =
                 [this](const std::string &) {
                     is_closed = true;
                 }});
        EXPECT_TRUE(created);
        client = std::move(*created);
        hibernation.emplace(loop.get(), *client, saved, getpid(), handover, patience,
                            [this] { ++progresses; });
        EXPECT_TRUE(qemu.greet(loop, greeting));
        EXPECT_TRUE(loop.run_until([this] { return client->is_ready(); }));
        qemu.forget();
    }
    void begin() {
        hibernation->begin([this](Result<> outcome) { result = outcome; });
    }
    void go_on() {
        hibernation->go_on([this](Result<> outcome) { result = outcome; });
    }
    void load(const std::optional<StateHeader> &header = std::nullopt) {
        folder.write("state", "RAM");
        if (header) {
            const UniqueFd file(open((folder / "state").c_str(), O_WRONLY | O_CLOEXEC));
            EXPECT_TRUE(write_state_header(file.get(), *header));
        }
        loading.emplace(loop.get(), *client, saved, images, [this] { is_given = true; });
        loading->begin([this](Result<> loaded) { result = loaded; });
    }
    void answer_hardware() {
        for (const char *command : {"query-block", "query-fdsets", "qom-list", "qom-list"})
            answer_until(command, R"("return":[])");
    }
    // Answers commands as they come until one is `last`, which gets `value`.
    void answer_until(const std::string &last, const std::string &value) {
        for (bool done = false; !done; qemu.forget()) {
            ASSERT_TRUE(loop.run_until([this] { return qemu.has_heard("\n"); }, 60s));
            done = qemu.has_heard("\"" + last + "\"");
            heard += qemu.heard();
            qemu.say(R"({)" + (done ? value : R"("return":{})") + R"(,"id":)" +
                     std::to_string(++answered) + "}");
        }
    }

    testing::TemporaryFolder folder;
    Handover handover;
    const SavedState saved{folder / "state"};
    ImageMarks images;  // as they are when a state is loaded
    uint64_t patience = 60 * kSecond;
    unsigned progresses = 0;
    bool is_given = false, is_closed = false;
    testing::EventLoop loop;
    testing::FakeQemu qemu;
    std::unique_ptr<QmpClient> client;
    std::optional<Hibernation> hibernation;
    std::optional<Loading> loading;
    std::optional<Result<>> result;
    std::string heard;
    unsigned answered = 0;
};

class HibernationTest : public SavedByQemu {
  protected:
    HibernationTest() : SavedByQemu(testing::FakeQemu::kGreeting) {}
};

class HibernationOfNewQemuTest : public SavedByQemu {
  protected:
    HibernationOfNewQemuTest() : SavedByQemu(kNewGreeting) {}
};

TEST_F(HibernationTest, TheStateHasItsNameWhenItIsWhole) {
    begin();
    answer_until("migrate", R"("return":{})");
    answer_hardware();
    EXPECT_FALSE(std::filesystem::exists(folder / "state"));
    qemu.say(R"({"event":"MIGRATION","data":{"status":"active"}})");
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_TRUE(std::filesystem::exists(folder / "state"));
    EXPECT_FALSE(std::filesystem::exists(folder / "state.new"));
    EXPECT_LT(heard.find("\"stop\""), heard.find("\"migrate\""));
    EXPECT_LT(heard.find("\"getfd\""), heard.find("\"fd:hibernation\""));
}

// With an fd it ends in "migration to a file is not supported" since QEMU 11.
TEST_F(HibernationOfNewQemuTest, TheFileIsGivenAsAFile) {
    begin();
    answer_until("migrate", R"("return":{})");
    answer_hardware();
    EXPECT_EQ(heard.find("getfd"), std::string::npos);
    EXPECT_NE(heard.find(R"("addr":{"filename":")" + folder / "state.new" +
                         R"(","offset":65536,"transport":"file"},"channel-type":"main")"),
              std::string::npos)
        << heard;
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_TRUE(std::filesystem::exists(folder / "state"));
}

// QEMU itself would save it, and the guest would have lost the device.
TEST_F(HibernationTest, AMachineWithADeviceOfTheHostIsLeftAlone) {
    for (const bool named : {true, false}) {
        begin();
        const char *device = R"("return":[{"name":"device[0]","type":"child<usb-host>"}])";
        answer_until("qom-list", named ? device : R"("return":[])");
        answer_until("qom-list", named ? R"("return":[])" : device);
        ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
        ASSERT_FALSE(*result);
        EXPECT_EQ(result->error().message,
                  "cannot save the machine's state: it has 'usb-host' of the host, of which nobody "
                  "can save what is in there");
        EXPECT_FALSE(hibernation->may_have_stopped_guest());
        EXPECT_FALSE(std::filesystem::exists(folder / "state.new"));
        EXPECT_EQ(heard.find("\"stop\""), std::string::npos);
        result.reset();
    }
}

TEST_F(HibernationTest, AGuestThatCannotBeSavedIsLeftStanding) {
    begin();
    answer_until("migrate", R"("error":{"class":"GenericError","desc":"not this device"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message, "cannot save the machine's state: migrate: not this device");
    EXPECT_FALSE(std::filesystem::exists(folder / "state.new"));
    loop.settle();
    EXPECT_FALSE(qemu.has_heard("cont"));            // whether it may run is for others
    EXPECT_FALSE(qemu.has_heard("migrate_cancel"));  // that migration is somebody else's
}

TEST_F(HibernationTest, WhatCanNeverBeSavedIsNotBegun) {
    begin();
    answer_until("query-migrate", R"("return":{"blocked":true,"blocked-reasons":["a 9p share"]})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message, "cannot save the machine's state: a 9p share");
    EXPECT_EQ(heard.find("\"stop\""), std::string::npos);
}

TEST_F(HibernationTest, WhatHasNoRoomIsNotBegun) {
    hibernation.emplace(loop.get(), *client, saved, -1, handover, patience,
                        [] {});  // of no known process
    begin();
    answer_until("query-memory-size-summary", R"("return":{"base-memory":4611686018427387904})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_TRUE(result->error().message.starts_with(
        "cannot save the machine's state: the machine's state may need "))
        << result->error().message;
    EXPECT_EQ(heard.find("\"stop\""), std::string::npos);
}

// In the moment before QEMU migrates, and refuses it.
TEST_F(HibernationTest, WhatIsPluggedInMeanwhileIsNotSavedEither) {
    const std::string started = hardware_text({.devices = {}, .media = {}});
    started.copy(handover.hardware, started.size());
    begin();
    answer_until("migrate", R"("return":{})");
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    answer_until("query-fdsets", R"("return":[])");
    answer_until("qom-list",
                 R"("return":[{"name":"qemunit-hot-data","type":"child<virtio-blk-pci>"}])");
    answer_until("qom-list", R"("return":[])");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message,
              "cannot save a state that the next start could go on with: the drive 'data' was "
              "plugged in since the VM was started");
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Which QEMU does not refuse.
TEST_F(HibernationTest, AMediumThatIsChangedMeanwhileIsKnown) {
    const auto drive = [](const std::string &file) {
        return R"("return":[{"qdev":"cd","removable":true,"inserted":{"file":")" + file + R"("}}])";
    };
    begin();
    answer_until("migrate", R"("return":{})");
    answer_until("query-block", drive("/srv/one.iso"));
    for (const char *command : {"query-fdsets", "qom-list", "qom-list"})
        answer_until(command, R"("return":[])");
    qemu.say(R"({"event":"DEVICE_TRAY_MOVED","data":{"device":"","id":"cd","tray-open":true}})");
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    answer_until("query-block", drive("/srv/two.iso"));
    for (const char *command : {"query-fdsets", "qom-list", "qom-list"})
        answer_until(command, R"("return":[])");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_TRUE(*result);
    const UniqueFd file(open((folder / "state").c_str(), O_RDONLY | O_CLOEXEC));
    const auto header = read_state_header(file.get());
    ASSERT_TRUE(header);
    EXPECT_EQ(header->hardware.media.at("cd").file, "/srv/two.iso");
}

TEST_F(HibernationTest, ABackupIsTheReasonIfThereIsOne) {
    handover.is_hibernating = true;
    begin();
    answer_until("query-named-block-nodes",
                 R"("return":[{"node-name":"qemunit-backup-0-filter"}])");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message,
              "cannot save the machine's state: a backup of the VM is under way");
    EXPECT_EQ(heard.find("\"stop\""), std::string::npos);
}

TEST_F(HibernationTest, WhatTheNextStartWouldNotHaveIsNotSaved) {
    const std::string started = hardware_text({.devices = {"root"}, .media = {}});
    started.copy(handover.hardware, started.size());
    begin();
    answer_until("query-fdsets", R"("return":[])");
    answer_until("qom-list", R"("return":[{"name":"root","type":"child<virtio-blk-pci>"},)"
                             R"({"name":"qemunit-hot-data","type":"child<virtio-blk-pci>"}])");
    answer_until("qom-list", R"("return":[])");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message,
              "cannot save a state that the next start could go on with: the drive 'data' was "
              "plugged in since the VM was started");
    EXPECT_EQ(heard.find("\"stop\""), std::string::npos);
}

// A state that the guest has left behind must not be found by the next start.
TEST_F(HibernationTest, AnOlderStateIsGoneBeforeAnythingIsSaved) {
    folder.write("state", "old");
    begin();
    answer_until("migrate", R"("return":{})");
    EXPECT_FALSE(saved.exists());
}

TEST_F(HibernationTest, ADiskThatTakesNothingIsGivenUp) {
    patience = 300 * kMillisecond;
    hibernation.emplace(loop.get(), *client, saved, getpid(), handover, patience,
                        [this] { ++progresses; });
    begin();
    answer_until("migrate", R"("return":{})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message,
              "cannot save the machine's state: nothing has moved for 0.3 s");
    EXPECT_TRUE(loop.run_until([this] { return qemu.has_heard("\"migrate_cancel\""); }, 60s));
    // It comes too late.
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    loop.settle();
    EXPECT_FALSE(saved.exists());
}

// Also where no event comes: whoever heard it may have been killed.
TEST_F(HibernationTest, WhatMovesIsNotGivenUp) {
    patience = 2 * kSecond;
    hibernation.emplace(loop.get(), *client, saved, getpid(), handover, patience,
                        [this] { ++progresses; });
    begin();
    answer_until("migrate", R"("return":{})");
    answer_hardware();
    for (int left = 12; left > 0; --left)  // three seconds
        answer_until("query-migrate", R"("return":{"status":"active","ram":{"remaining":)" +
                                          std::to_string(left) + "}}");
    EXPECT_FALSE(result.has_value());
    EXPECT_GE(progresses, 12u);
    answer_until("query-migrate", R"("return":{"status":"completed"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
}

TEST_F(HibernationTest, AGuestThatHasPoweredOffIsNotSaved) {
    begin();
    answer_until("migrate", R"("return":{})");
    qemu.say(R"({"event":"SHUTDOWN","data":{"guest":true,"reason":"guest-shutdown"}})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_FALSE(*result);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// By a monitor, in the last moment: the disks go on.
TEST_F(HibernationTest, AGuestThatRunsAgainIsNotSaved) {
    begin();
    answer_until("migrate", R"("return":{})");
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    qemu.say(R"({"event":"RESUME"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_FALSE(*result);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// The state is complete, and the guest has stood still since.
TEST_F(HibernationTest, WhoeverKillsQemuThenLosesNothing) {
    begin();
    answer_until("migrate", R"("return":{})");
    answer_hardware();
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    qemu.say(R"({"event":"SHUTDOWN","data":{"guest":false,"reason":"host-signal"}})");
    qemu.hang_up();
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_TRUE(saved.exists());
}

TEST_F(HibernationTest, AFullDiskIsNoLossEither) {
    begin();
    answer_until("migrate", R"("return":{})");
    answer_hardware();
    qemu.forget();
    qemu.say(R"({"event":"MIGRATION","data":{"status":"failed"}})");
    answer_until("query-migrate", R"("return":{"status":"failed","error-desc":"No space left"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message, "cannot save the machine's state: No space left");
    EXPECT_FALSE(std::filesystem::exists(folder / "state"));
}

TEST_F(HibernationTest, WhatAnotherHasBegunIsWaitedFor) {
    folder.write("state.new", "half of the RAM");
    go_on();
    answer_until("query-migrate", R"("return":{"status":"active"})");
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    answer_hardware();
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_EQ(heard.find("\"migrate\""), std::string::npos);
    EXPECT_EQ(std::filesystem::file_size(folder / "state"), kHeader);
    EXPECT_FALSE(std::filesystem::exists(folder / "state.new"));
}

TEST_F(HibernationTest, WhatAnotherHasWrittenGetsItsName) {
    folder.write("state.new", "all of the RAM");
    go_on();
    answer_until("query-migrate", R"("return":{"status":"completed"})");
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    answer_hardware();
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_EQ(std::filesystem::file_size(folder / "state"), kHeader);
    result.reset();
    // And once more, by the next.
    go_on();
    answer_until("query-migrate", R"("return":{"status":"completed"})");
    answer_until("query-status", R"("return":{"status":"postmigrate"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_EQ(std::filesystem::file_size(folder / "state"), kHeader);
}

// Its migration was the one on its way in.
TEST_F(HibernationTest, AGuestThatWasResumedIsNotTakenForSaved) {
    folder.write("state.new", "rubbish");
    go_on();
    answer_until("query-migrate", R"("return":{"status":"completed"})");
    answer_until("query-status", R"("return":{"status":"running"})");
    answer_until("migrate", R"("return":{})");
    answer_hardware();
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_EQ(std::filesystem::file_size(folder / "state"), kHeader);
}

TEST_F(HibernationTest, WhatAnotherHasNotBegunIsBegun) {
    go_on();
    answer_until("query-migrate", R"("return":{})");
    answer_until("migrate", R"("return":{})");
    EXPECT_LT(heard.find("\"stop\""), heard.find("\"migrate\""));
}

TEST_F(HibernationTest, AStateIsLoadedFromAnFd) {
    load();
    answer_until("query-status", R"("return":{"status":"inmigrate"})");
    answer_until("query-migrate", R"("return":{})");
    answer_until("migrate-incoming", R"("return":{})");
    EXPECT_LT(heard.find("\"getfd\""), heard.find("\"fd:hibernation\""));
    answer_until("query-status", R"("return":{"status":"inmigrate"})");
    EXPECT_FALSE(result.has_value());
    EXPECT_TRUE(is_given);
    answer_until("query-status", R"("return":{"status":"paused"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
}

TEST_F(HibernationOfNewQemuTest, AStateIsLoadedFromAFile) {
    load();
    answer_until("query-status", R"("return":{"status":"inmigrate"})");
    answer_until("query-migrate", R"("return":{})");
    answer_until("migrate-incoming", R"("return":{})");
    EXPECT_EQ(heard.find("getfd"), std::string::npos);
    EXPECT_NE(heard.find(R"("addr":{"filename":")" + folder / "state" +
                         R"(","offset":0,"transport":"file"},"channel-type":"main")"),
              std::string::npos)
        << heard;
    answer_until("query-status", R"("return":{"status":"paused"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
}

// By a companion that was killed.
TEST_F(HibernationTest, AStateThatAnotherLoadsIsWaitedFor) {
    load();
    answer_until("query-status", R"("return":{"status":"inmigrate"})");
    answer_until("query-migrate", R"("return":{"status":"active"})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_EQ(heard.find("migrate-incoming"), std::string::npos);
}

// Each question fails at once then, and is no reason for another one.
TEST_F(HibernationTest, AQemuThatIsGoneIsAskedOnce) {
    qemu.hang_up();
    ASSERT_TRUE(loop.run_until([this] { return is_closed; }));
    load();
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }));
    ASSERT_FALSE(*result);
    EXPECT_TRUE(
        result->error().message.starts_with("cannot load the machine's state: query-status: "))
        << result->error().message;
    EXPECT_FALSE(is_given);
}

// While it reads a file it answers all at once; that is not to be asked without end.
TEST_F(HibernationTest, AStateThatIsBeingLoadedIsLookedAtNowAndThen) {
    load();
    answer_until("query-status", R"("return":{"status":"inmigrate"})");
    answer_until("query-migrate", R"("return":{"status":"active"})");
    const auto begin = std::chrono::steady_clock::now();
    for (int look = 0; look < 5; ++look)
        answer_until("query-status", R"("return":{"status":"inmigrate"})");
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 4 * 20ms);
    answer_until("query-status", R"("return":{"status":"paused"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }));
    EXPECT_TRUE(*result);
}

TEST_F(HibernationOfNewQemuTest, AStateThatQemuCannotOpenIsAnError) {
    load();
    answer_until("query-status", R"("return":{"status":"inmigrate"})");
    answer_until("query-migrate", R"("return":{})");
    answer_until("migrate-incoming", R"("error":{"class":"GenericError","desc":"no such file"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message,
              "cannot load the machine's state: migrate-incoming: no such file");
}

// With a CD in the drive of the machine that is started, as its ini file has it.
class LoadingOfHardwareTest : public HibernationTest {
  protected:
    void load_with(const std::string &saved_medium, const ImageMarks &marks = {}) {
        load(StateHeader{.paused = true,
                         .hardware = {.media = {{"cd", {saved_medium, true}}}},
                         .images = marks});
        answer_until("query-status", R"("return":{"status":"inmigrate"})");
        answer_until("query-migrate", R"("return":{})");
        answer_until("query-block", R"("return":[{"device":"","qdev":"cd","removable":true,)"
                                    R"("inserted":{"file":"/srv/one.iso"}}])");
        for (const char *command : {"query-fdsets", "qom-list", "qom-list"})
            answer_until(command, R"("return":[])");
    }
};

TEST_F(LoadingOfHardwareTest, WhatWasTakenOutIsTakenOutAgain) {
    load_with("");
    answer_until("eject", R"("return":{})");
    answer_until("getfd", R"("return":{})");
    EXPECT_TRUE(loading->header() && loading->header()->paused);
    answer_until("migrate-incoming", R"("return":{})");
    answer_until("query-status", R"("return":{"status":"paused"})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
}

TEST_F(LoadingOfHardwareTest, AStateIsNotLoadedBesideAnotherImage) {
    load_with("/srv/two.iso");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message,
              "cannot load the machine's state: compare: the drive 'cd' was changed from "
              "/srv/two.iso to /srv/one.iso since the state was saved");
    EXPECT_FALSE(is_given);
    EXPECT_EQ(loading->fault(), Loading::Fault::refused);  // the helper sets it aside
    EXPECT_EQ(heard.find("migrate-incoming"), std::string::npos);
}

TEST_F(LoadingOfHardwareTest, AStateIsNotLoadedOverADiskThatWasChanged) {
    images = {{"/srv/a.raw", {.size = 2, .written = {}}}};
    load_with("/srv/one.iso", {{"/srv/a.raw", {.size = 1, .written = {}}}});
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(
        result->error().message,
        "cannot load the machine's state: compare: /srv/a.raw was changed since the state was "
        "saved: it has 2 bytes, and had 1");
    EXPECT_FALSE(is_given);
    EXPECT_EQ(loading->fault(), Loading::Fault::unfit);
}

// A load of a snapshot, by a monitor.
TEST_F(HibernationTest, AMachineThatIsResetMeanwhileIsNotSaved) {
    begin();
    answer_until("migrate", R"("return":{})");
    qemu.say(R"({"event":"RESET","data":{"guest":false,"reason":"host-qmp-system-reset"}})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message,
              "cannot save the machine's state: somebody has reset the machine meanwhile");
    EXPECT_FALSE(std::filesystem::exists(folder / "state"));
}

TEST_F(HibernationTest, TheStateKnowsItsImages) {
    const ImageMarks marks{{"/srv/a.raw", {.size = 1, .written = ImageMark::Time{2, 3}}}};
    hibernation->look_at_images_by([&] { return marks; });
    begin();
    answer_until("migrate", R"("return":{})");
    answer_hardware();
    qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_TRUE(*result);
    const UniqueFd file(open((folder / "state").c_str(), O_RDONLY | O_CLOEXEC));
    const auto header = read_state_header(file.get());
    ASSERT_TRUE(header);
    EXPECT_EQ(header->images, marks);
}

}  // namespace
}  // namespace qemunit::helper
