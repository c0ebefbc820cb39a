// SPDX-License-Identifier: MIT
//
// Asks for the figures of all VMs: qemunitd what their QEMUs know, systemd what it knows of their
// units, the kernel what it counts. All at once, with one deadline, and no VM that hangs holds up
// the others: its figures are then those that do not come from its QEMU. Never starts a VM.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/bus_call.h"
#include "common/figures/process_files.h"
#include "common/figures/vm_figures.h"
#include "common/timer.h"

namespace qemunit {

class FigureSource {
  public:
    using Done = std::function<void(Result<Figures>)>;

    // `bus` is attached to `event`, and outlives the source.
    FigureSource(sd_event *event, sd_bus *bus, ProcessFiles files = {})
        : event_(event), bus_(bus), files_(std::move(files)) {}
    FigureSource(const FigureSource &) = delete;
    FigureSource &operator=(const FigureSource &) = delete;

    // `keys`: of GetAllStatistics; none: all. `timeout`: µs, for the QEMUs; systemd has a second
    // more. Not while is_asking(). An error: nobody knows which VMs there are.
    void ask(uint64_t timeout, const std::vector<std::string> &keys, Done done);
    bool is_asking() const { return done_ != nullptr; }
    // `done` is not called any more.
    void cancel();

  private:
    // Of a VM's service, as it is now.
    struct Unit {
        std::string active_state;
        uint32_t main_pid = 0;
    };
    // What systemd knows of it besides, which is the same until there is another main process.
    struct UnitFacts {
        uint32_t main_pid = 0;
        bool was_active = false;
        std::optional<uint64_t> since, restarts;
    };
    // Of the other units of a VM.
    struct Runs {
        std::optional<LastRun> backup, snapshot;
    };
    struct Question {
        std::string unit, interface, property;
        std::function<void(uint64_t)> answered;
    };

    void ask_daemon(uint64_t timeout, const std::vector<std::string> &keys);
    void ask_daemon_pid();
    void ask_units();
    void take_units(sd_bus_message *reply);
    void take_unit(const std::string &unit, const std::string &active_state);
    void take_run(const std::string &unit, bool has_failed);
    void take_main_pid(const std::string &vm, uint32_t main_pid);
    void ask_property(Question question);
    void send_next();
    void send(const Question &question);
    void call(const Result<MessagePtr> &message, uint64_t timeout,
              std::function<void(sd_bus_message *)> answered);
    void finish_part();
    void finish();

    sd_event *event_;
    sd_bus *bus_;
    ProcessFiles files_;
    Done done_;
    Figures figures_;
    std::map<std::string, Unit> units_;       // by VM, as all of these
    std::map<std::string, UnitFacts> facts_;  // what was asked last
    std::map<std::string, Runs> runs_;
    bool has_units_ = false;
    std::size_t parts_ = 0;  // that are not answered
    std::deque<Question> questions_;
    std::size_t open_questions_ = 0;
    EventSourcePtr deadline_;
    std::map<uint64_t, SlotPtr> calls_;
    uint64_t next_call_ = 1;
};

}  // namespace qemunit
