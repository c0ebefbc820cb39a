// SPDX-License-Identifier: MIT
#include "common/figures/figure_source.h"

#include <utility>

#include "common/figures/statistics_message.h"
#include "common/shared_names.h"
#include "common/vm_name.h"

namespace qemunit {

namespace {

constexpr char kSystemd[] = "org.freedesktop.systemd1";
constexpr char kBackupUnits[] = "qemu-backup@";
constexpr char kSnapshotUnits[] = "qemu-snapshot@";

// How much longer than the QEMUs systemd has.
constexpr uint64_t kSystemdTime = kSecond;

// The bus lets a client have 128 calls open (max_replies_per_connection of dbus-daemon).
constexpr std::size_t kOpenQuestionsMax = 64;

// What qemunitd would say, for when it does not.
std::string state_of(const std::string &active_state) {
    if (active_state == "active" || active_state == "reloading")
        return "running";
    if (active_state == "activating")
        return "starting";
    if (active_state == "deactivating")
        return "stopping";
    return active_state == "failed" ? "crashed" : "off";
}

bool is_up(const std::string &active_state) {
    return active_state == "active" || active_state == "reloading" ||
           active_state == "refreshing" || active_state == "activating" ||
           active_state == "deactivating";
}

// "qemu-backup@vm1.service" -> "vm1"
std::optional<std::string> instance_of(std::string_view unit, std::string_view prefix) {
    constexpr std::string_view kSuffix = ".service";
    if (!unit.starts_with(prefix) || !unit.ends_with(kSuffix))
        return std::nullopt;
    unit.remove_prefix(prefix.size());
    unit.remove_suffix(kSuffix.size());
    return is_vm_name(unit) ? std::optional<std::string>(unit) : std::nullopt;
}

}  // namespace

void FigureSource::ask(uint64_t timeout, const std::vector<std::string> &keys, Done done) {
    figures_ = {};
    units_.clear();
    runs_.clear();
    questions_.clear();
    open_questions_ = 0;
    has_units_ = false;
    done_ = std::move(done);
    parts_ = 1;
    if (auto timer = start_timer(event_, monotonic_now(event_) + timeout + kSystemdTime,
                                 [this] { finish(); }))
        deadline_ = std::move(*timer);
    ask_daemon(timeout, keys);
    ask_units();
    finish_part();
}

// An answer that comes after finish() is dropped with its slot.
void FigureSource::call(const Result<MessagePtr> &message, uint64_t timeout,
                        std::function<void(sd_bus_message *)> answered) {
    if (!message)
        return;
    const uint64_t id = next_call_++;
    auto slot = call_async(
        bus_, message->get(),
        [this, id, answered = std::move(answered)](sd_bus_message *reply) {
            const SlotPtr kept = std::move(calls_[id]);
            calls_.erase(id);
            answered(sd_bus_message_is_method_error(reply, nullptr) ? nullptr : reply);
            finish_part();
        },
        timeout);
    if (!slot)
        return;
    calls_[id] = std::move(*slot);
    ++parts_;
}

void FigureSource::ask_daemon(uint64_t timeout, const std::vector<std::string> &keys) {
    const auto message =
        new_method_call(bus_, kBusName, kManagerObject, kVmManagerInterface, "GetAllStatistics");
    if (!message || sd_bus_message_append(message->get(), "t", timeout) < 0 ||
        sd_bus_message_open_container(message->get(), 'a', "s") < 0)
        return;
    for (const std::string &key : keys)
        if (sd_bus_message_append(message->get(), "s", key.c_str()) < 0)
            return;
    if (sd_bus_message_close_container(message->get()) < 0)
        return;
    sd_bus_message_set_allow_interactive_authorization(message->get(), false);
    call(message, timeout + kSystemdTime, [this](sd_bus_message *reply) {
        if (!reply)
            return;
        if (auto vms = read_all_statistics(reply)) {
            figures_.daemon_answers = true;
            figures_.vms = std::move(*vms);
            ask_daemon_pid();
        }
    });
}

void FigureSource::ask_daemon_pid() {
    const auto message = new_method_call(bus_, kBusDaemon, "/org/freedesktop/DBus",
                                         "org.freedesktop.DBus", "GetConnectionUnixProcessID");
    if (!message || sd_bus_message_append(message->get(), "s", kBusName) < 0)
        return;
    call(message, 0, [this](sd_bus_message *reply) {
        uint32_t pid = 0;
        if (reply && sd_bus_message_read(reply, "u", &pid) > 0)
            figures_.daemon = read_process_figures(pid, {}, files_);
    });
}

void FigureSource::ask_units() {
    const auto message = new_method_call(bus_, kSystemd, "/org/freedesktop/systemd1",
                                         "org.freedesktop.systemd1.Manager", "ListUnitsByPatterns");
    if (!message || sd_bus_message_append(message->get(), "asas", 0, 3, "qemu@*.service",
                                          "qemu-backup@*.service", "qemu-snapshot@*.service") < 0)
        return;
    call(message, 0, [this](sd_bus_message *reply) {
        if (reply)
            take_units(reply);
    });
}

// What systemd knows of them is asked at once: qemunitd may take all of its time.
void FigureSource::take_units(sd_bus_message *reply) {
    int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    while (r > 0) {
        const char *unit = nullptr, *active_state = nullptr;
        r = sd_bus_message_read(reply, "(ssssssouso)", &unit, nullptr, nullptr, &active_state,
                                nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
        if (r > 0)
            take_unit(unit, active_state);
    }
    has_units_ = r == 0;
    std::erase_if(facts_, [this](const auto &known) { return !units_.contains(known.first); });
    send_next();
}

void FigureSource::take_unit(const std::string &unit, const std::string &active_state) {
    if (const auto vm = vm_of_service_unit(unit)) {
        units_[*vm].active_state = active_state;
        if (is_up(active_state))
            ask_property({unit, "Service", "MainPID", [this, vm = *vm](uint64_t pid) {
                              take_main_pid(vm, static_cast<uint32_t>(pid));
                          }});
    } else if (active_state == "inactive" || active_state == "failed") {
        take_run(unit, active_state == "failed");
    }
}

void FigureSource::take_run(const std::string &unit, bool has_failed) {
    const auto of_backup = instance_of(unit, kBackupUnits);
    const auto vm = of_backup ? of_backup : instance_of(unit, kSnapshotUnits);
    if (vm)
        ask_property(
            {unit, "Service", "ExecMainExitTimestamp",
             [this, vm = *vm, is_backup = of_backup.has_value(), has_failed](uint64_t when) {
                 if (when != 0)
                     (is_backup ? runs_[vm].backup : runs_[vm].snapshot) =
                         LastRun{when, !has_failed};
             }});
}

void FigureSource::take_main_pid(const std::string &vm, uint32_t main_pid) {
    Unit &unit = units_[vm];
    unit.main_pid = main_pid;
    const bool is_active = unit.active_state == "active";
    UnitFacts &facts = facts_[vm];
    if (main_pid != 0 && facts.main_pid == main_pid && facts.was_active && is_active &&
        facts.since && facts.restarts)
        return;
    facts = {main_pid, is_active, {}, {}};
    const std::string name = service_unit(vm);
    ask_property({name, "Unit", "ActiveEnterTimestamp", [this, vm, is_active](uint64_t when) {
                      if (when != 0 && is_active)
                          facts_[vm].since = when;
                  }});
    ask_property({name, "Service", "NRestarts", [this, vm](uint64_t restarts) {
                      facts_[vm].restarts = restarts;
                  }});
}

void FigureSource::ask_property(Question question) {
    questions_.push_back(std::move(question));
}

void FigureSource::send_next() {
    while (!questions_.empty() && open_questions_ < kOpenQuestionsMax) {
        const Question question = std::move(questions_.front());
        questions_.pop_front();
        send(question);
    }
}

void FigureSource::send(const Question &question) {
    char *raw = nullptr;
    if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", question.unit.c_str(), &raw) < 0)
        return;
    const CStringPtr path(raw);
    const auto message =
        new_method_call(bus_, kSystemd, path.get(), "org.freedesktop.DBus.Properties", "Get");
    if (!message ||
        sd_bus_message_append(message->get(), "ss",
                              (std::string(kSystemd) + "." + question.interface).c_str(),
                              question.property.c_str()) < 0)
        return;
    ++open_questions_;
    call(message, 0, [this, answered = question.answered](sd_bus_message *reply) {
        --open_questions_;
        const char *type = nullptr;
        uint64_t number = 0;
        uint32_t word = 0;
        if (reply && sd_bus_message_peek_type(reply, nullptr, &type) > 0) {
            const bool is_word = std::string_view(type) == "u";
            if (is_word ? sd_bus_message_read(reply, "v", "u", &word) > 0
                        : sd_bus_message_read(reply, "v", "t", &number) > 0)
                answered(is_word ? word : number);
        }
        send_next();
    });
}

void FigureSource::finish_part() {
    if (--parts_ == 0)
        finish();
}

void FigureSource::cancel() {
    deadline_.reset();
    calls_.clear();
    questions_.clear();
    done_ = nullptr;
}

// Also at the deadline, with what is known by then.
void FigureSource::finish() {
    const Done done = done_;
    cancel();
    if (!figures_.daemon_answers && !has_units_)
        return done(fail(ETIMEDOUT,
                         "neither qemunitd nor systemd answers on D-Bus; see: "
                         "systemctl status qemunitd dbus"));
    if (!figures_.daemon_answers)
        for (const auto &[name, unit] : units_) {
            figures_.vms[name].name = name;
            figures_.vms[name].state = state_of(unit.active_state);
        }
    for (auto &[name, vm] : figures_.vms) {
        if (const auto runs = runs_.find(name); runs != runs_.end()) {
            vm.backup = runs->second.backup;
            vm.snapshot = runs->second.snapshot;
        }
        const auto unit = units_.find(name);
        if (has_units_ && (unit == units_.end() || !is_up(unit->second.active_state)))
            continue;
        if (unit != units_.end() && unit->second.main_pid != 0)
            vm.main_pid = unit->second.main_pid;
        const UnitFacts &facts = facts_[name];
        vm.since = facts.since;
        vm.restarts = facts.restarts;
        vm.process = read_process_figures(vm.main_pid, vm.cpu_threads, files_);
    }
    done(std::move(figures_));
}

}  // namespace qemunit
