// SPDX-License-Identifier: MIT
//
// Random sequences of what befalls a VM, at random moments: starts, stops of every kind, killed and
// stopped processes, a full disk, snapshots, other CDs. Whatever happens, the guest's disk holds
// what its RAM knows of it. QEMUNIT_SEQUENCES= is how many; each has a seed of its own, and
// QEMUNIT_SEED= begins with that one.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "tests/e2e/battered_vm.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/slowed.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

unsigned number_from(const char *variable, unsigned otherwise) {
    const char *text = getenv(variable);
    return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

class Dice {
  public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    // Not by a distribution of the standard library: it may be another one elsewhere.
    unsigned below(unsigned limit) { return static_cast<unsigned>(engine_() % limit); }
    bool one_in(unsigned chances) { return below(chances) == 0; }

  private:
    std::mt19937 engine_;
};

class Sequence {
  public:
    Sequence(BatteredVm &vm, unsigned seed)
        : vm_(vm), seed_(seed), dice_(seed), begun_(std::chrono::steady_clock::now()) {}

    void run() {
        vm_.begin_anew();
        vm_.set_stop("hibernate");
        tell(fmt::format("a new {} disk", vm_.format()));
        const unsigned lives = 1 + dice_.below(3);
        for (unsigned life = 0; life < lives && !testing::Test::HasFailure(); ++life)
            live();
        if (!testing::Test::HasFailure())
            live_in_peace();
        if (testing::Test::HasFailure())
            std::cout << fmt::format("QEMUNIT_SEED={} QEMUNIT_SEQUENCES=1 repeats this:\n{}\n",
                                     seed_, fmt::join(story_, "\n"))
                      << journalctl(vm_.vm().unit());
    }

  private:
    void tell(std::string what) {
        const auto now = std::chrono::steady_clock::now() - begun_;
        story_.push_back(fmt::format("{:6} ms  {}", now / 1ms, what));
    }

    // The moment at which something happens is what is random here; nothing is waited for.
    void let_pass(unsigned milliseconds) {
        std::this_thread::sleep_for(std::chrono::milliseconds(dice_.below(milliseconds)));
    }

    void live() {
        if (dice_.one_in(5)) {
            static constexpr const char *kWays[] = {"hibernate", "hibernate", "poweroff", "quit"};
            vm_.set_stop(kWays[dice_.below(4)]);
            tell("from now on, Stop=" + vm_.stop());
        }
        if (dice_.one_in(2))
            fill_up();
        begin_start();
        for (unsigned blows = dice_.below(3); blows > 0; --blows) {
            befall();
            let_pass(200);
        }
        if (!dice_.one_in(5)) {
            vm_.begin_stop();
            tell("stop, Stop=" + vm_.stop());
            let_pass(300);
            for (unsigned blows = dice_.below(3); blows > 0; --blows) {
                befall();
                let_pass(200);
            }
        }
        end();
    }

    // What it does when it begins is soon over. On a slow machine it is not.
    void begin_start() {
        vm_.begin_start();
        tell("start");
        const pid_t qemu = vm_.wait_for_qemu();
        if (qemu > 0 && dice_.one_in(2)) {
            slowed_ = std::make_unique<Slowed>(qemu, 5ms, 30ms);
            tell("QEMU is slow");
        }
        let_pass(600);
    }

    void end() {
        slowed_.reset();
        vm_.end();
        calls_.clear();
        tell(fs::exists(vm_.state_file()) ? "off, with a saved state" : "off");
        EXPECT_EQ(vm_.complaint(), "");
        const uint32_t number = read_counting_disk(vm_.disk_bytes()).number;
        // qcow2 keeps what it knows of a new cluster to itself until the guest flushes its disk,
        // and a killed QEMU takes it along; and snapshots go back.
        if (vm_.format() == "raw" && number < number_)
            ADD_FAILURE() << "the disk went back from " << number_ << " to " << number;
        number_ = number;
    }

    void befall() {
        switch (dice_.below(vm_.format() == "qcow2" ? 12 : 10)) {
            case 0:
                return blow(Victim::qemu, SIGKILL, "QEMU is killed");
            case 1:
            case 2:
                return blow(Victim::companion, SIGKILL, "the companion is killed");
            case 3:
                return blow(Victim::supervisor, SIGKILL, "the supervisor is killed");
            case 4:
                return dice_.one_in(4) ? blow(Victim::both, SIGKILL, "both are killed") : fill_up();
            case 5:
                return stall();
            case 6:
                return fill_up();
            case 7:
                vm_.make_room();
                return tell("room again");
            case 8:
                return call(dice_.one_in(2) ? "Pause" : "Resume");
            case 9:
                return change_cd();
            case 10:
                return call("SaveSnapshot", fmt::format("s{}", snapshots_++));
            default:
                return call("LoadSnapshot", fmt::format("s{}", dice_.below(snapshots_ + 1)));
        }
    }

    void blow(Victim victim, int number, const char *what) {
        vm_.signal(victim, number);
        tell(what);
    }

    // QEMU does not answer for some time: now and then longer than anybody waits for an answer.
    void stall() {
        vm_.signal(Victim::qemu, SIGSTOP);
        tell("QEMU stands still");
        if (dice_.one_in(10))
            std::this_thread::sleep_for(5500ms);
        else
            let_pass(400);
        vm_.signal(Victim::qemu, SIGCONT);
        tell("QEMU goes on");
    }

    void fill_up() {
        const unsigned left = dice_.below(200) << 10;
        vm_.fill_up(left);
        tell(fmt::format("the disk is full, but for {} KiB", left >> 10));
    }

    // Nobody waits for the answer.
    void call(const char *member, std::optional<std::string> argument = std::nullopt) {
        tell(fmt::format("{} {}", member, argument.value_or("")));
        calls_.push_back(
            std::make_unique<PendingCall>(vm_.vm().name(), member, std::move(argument)));
    }

    void change_cd() {
        tell("another CD");
        e2e::run({"qemunitctl", "medium", "change", vm_.vm().name(), "cd",
                  kGuestDir + (dice_.one_in(2) ? "/console.img" : "/fill.img")});
    }

    // After all that, the VM works, and is there again after a stop.
    void live_in_peace() {
        vm_.make_room();
        vm_.set_stop("hibernate", "2min");
        for (int times = 0; times < 2; ++times) {
            const bool was_saved = fs::exists(vm_.state_file());
            const Finished started = vm_.vm().start();
            tell("start, in peace");
            ASSERT_TRUE(started.ok()) << started;
            // Who was paused and hibernated is paused.
            const BusReply resumed = call_vm(vm_.vm().name(), "Resume");
            ASSERT_EQ(resumed.error, "") << resumed;
            const auto number = vm_.wait_for_number();
            ASSERT_TRUE(number) << number.error().message;
            if (was_saved && times > 0) {
                EXPECT_EQ(unit_property(vm_.vm().unit(), "StatusText").substr(0, 17),
                          "Running, resumed,");
            }
            ASSERT_TRUE(vm_.vm().stop().ok());
            tell("stop, in peace");
            EXPECT_TRUE(fs::exists(vm_.state_file()));
            end();
            if (testing::Test::HasFailure() || !dice_.one_in(4))
                return;
        }
    }

    BatteredVm &vm_;
    const unsigned seed_;
    Dice dice_;
    const std::chrono::steady_clock::time_point begun_;
    std::vector<std::string> story_;
    std::vector<std::unique_ptr<PendingCall>> calls_;
    std::unique_ptr<Slowed> slowed_;
    unsigned snapshots_ = 0;
    uint32_t number_ = 0;
};

TEST(Chaos, DiskAndRamNeverDisagree) {
    const unsigned seed = number_from("QEMUNIT_SEED", std::random_device{}());
    const unsigned sequences = number_from("QEMUNIT_SEQUENCES", 12);
    std::cout << "QEMUNIT_SEED=" << seed << std::endl;
    BatteredVm raw("chaosraw", "raw"), qcow2("chaosqcow", "qcow2");
    unsigned done = 0;
    for (; done < sequences && !HasFailure(); ++done) {
        BatteredVm &vm = Dice(seed + done).one_in(3) ? qcow2 : raw;
        Sequence(vm, seed + done).run();
        if (done % 50 == 49)
            std::cout << done + 1 << " sequences" << std::endl;
    }
    std::cout << done << " sequences" << std::endl;
}

}  // namespace
}  // namespace qemunit::e2e
