// SPDX-License-Identifier: MIT
#include "helper/machine/machine.h"

#include <fmt/format.h>
#include <systemd/sd-id128.h>

#include "common/bus_call.h"
#include "common/bus_ptr.h"
#include "common/shared_names.h"
#include "common/timer.h"
#include "common/vm_name.h"

namespace qemunit::helper {

namespace {

constexpr uint64_t kTimeout = 10 * kSecond;
constexpr std::size_t kUuidLength = 36;

struct Service {
    const char *name, *path, *interface;
};
constexpr Service kSystemd{"org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                           "org.freedesktop.systemd1.Manager"};
constexpr Service kMachined{"org.freedesktop.machine1", "/org/freedesktop/machine1",
                            "org.freedesktop.machine1.Manager"};

constexpr char kExists[] = "org.freedesktop.machine1.MachineExists";

class BusError {
  public:
    BusError() = default;
    BusError(const BusError &) = delete;
    BusError &operator=(const BusError &) = delete;
    ~BusError() { sd_bus_error_free(&error_); }
    sd_bus_error *get() { return &error_; }
    bool is(const char *name) const { return sd_bus_error_has_name(&error_, name) > 0; }
    std::string text(int r) const { return error_.message ? error_.message : strerror(-r); }

  private:
    sd_bus_error error_ = SD_BUS_ERROR_NULL;
};

class Registration {
  public:
    explicit Registration(const std::string &vm) : vm_(vm), unit_(service_unit(vm)) {}

    Result<std::string> run() {
        sd_bus *bus = nullptr;
        if (int r = sd_bus_open_system(&bus); r < 0)
            return fail_errno(r, "cannot connect to the system bus");
        bus_.reset(bus);
        sd_bus_set_method_call_timeout(bus, kTimeout);
        auto processes = processes_of_unit();
        if (!processes)
            return std::unexpected(processes.error());
        const uint32_t qemu = main_pid();
        const uint32_t leader = leader_among(*processes, qemu);
        if (qemu == 0 || leader == 0)
            return "nothing to register: the VM does not run";
        std::vector<uint8_t> uuid;
        for (const UnitProcess &process : *processes)
            if (process.pid == qemu)
                uuid = uuid_in(process.command);

        BusError error;
        int r = register_with(leader, uuid, error);
        if (error.is(kExists) && is_ours() && unregister()) {
            // The VM was restarted before machined has seen its end: machined still has the old
            // leader.
            BusError again;
            r = register_with(leader, uuid, again);
            return outcome(r, again);
        }
        return outcome(r, error);
    }

  private:
    Result<std::string> outcome(int r, const BusError &error) const {
        if (r >= 0)
            return "registered with systemd-machined";
        const std::string text =
            fmt::format("cannot register VM '{}' with systemd-machined: {}", vm_, error.text(r));
        // A name that is no host name, or a host without machined, for which the bus and systemd
        // have many errors: neither is a trouble of this VM's.
        if (error.is(SD_BUS_ERROR_INVALID_ARGS) || !machined_is_there())
            return text + "; machinectl does not list it";
        return fail(-r, text);
    }

    bool machined_is_there() const {
        return sd_bus_get_name_creds(bus_.get(), kMachined.name, 0, nullptr) >= 0;
    }

    std::string unit_path() const {
        char *raw = nullptr;
        if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit_.c_str(), &raw) < 0)
            return {};
        return CStringPtr(raw).get();
    }

    uint32_t main_pid() const {
        uint32_t pid = 0;
        const int r = sd_bus_get_property_trivial(bus_.get(), kSystemd.name, unit_path().c_str(),
                                                  "org.freedesktop.systemd1.Service", "MainPID",
                                                  nullptr, 'u', &pid);
        return r < 0 ? 0 : pid;
    }

    Result<std::vector<UnitProcess>> processes_of_unit() const {
        BusError error;
        sd_bus_message *raw = nullptr;
        int r = sd_bus_call_method(bus_.get(), kSystemd.name, kSystemd.path, kSystemd.interface,
                                   "GetUnitProcesses", error.get(), &raw, "s", unit_.c_str());
        const MessagePtr reply = own_message(raw);
        if (r < 0)
            return fail(-r, fmt::format("cannot ask systemd for the processes of {}: {}", unit_,
                                        error.text(r)));
        std::vector<UnitProcess> processes;
        const char *command = nullptr;
        uint32_t pid = 0;
        r = sd_bus_message_enter_container(raw, 'a', "(sus)");
        while (r >= 0 && (r = sd_bus_message_read(raw, "(sus)", nullptr, &pid, &command)) > 0)
            processes.push_back({pid, command});
        if (r < 0)
            return fail_errno(r, "cannot read systemd's list of processes");
        return processes;
    }

    // RegisterMachine() takes the unit from the leader: the VM's own.
    int register_with(uint32_t leader, const std::vector<uint8_t> &uuid, BusError &error) const {
        auto call = new_method_call(bus_.get(), kMachined.name, kMachined.path, kMachined.interface,
                                    "RegisterMachine");
        if (!call)
            return -call.error().code;
        int r = sd_bus_message_append(call->get(), "s", vm_.c_str());
        if (r >= 0)
            r = sd_bus_message_append_array(call->get(), 'y', uuid.data(), uuid.size());
        if (r >= 0)
            r = sd_bus_message_append(call->get(), "ssus", "qemunit", "vm", leader, "");
        return r < 0 ? r : sd_bus_call(bus_.get(), call->get(), kTimeout, error.get(), nullptr);
    }

    bool is_ours() const {
        sd_bus_message *raw = nullptr;
        const int r =
            sd_bus_call_method(bus_.get(), kMachined.name, kMachined.path, kMachined.interface,
                               "GetMachine", nullptr, &raw, "s", vm_.c_str());
        const MessagePtr reply = own_message(raw);
        const char *path = nullptr;
        char *unit = nullptr;
        if (r < 0 || sd_bus_message_read(raw, "o", &path) < 0 ||
            sd_bus_get_property_string(bus_.get(), kMachined.name, path,
                                       "org.freedesktop.machine1.Machine", "Unit", nullptr,
                                       &unit) < 0)
            return false;
        return CStringPtr(unit).get() == unit_;
    }

    bool unregister() const {
        return sd_bus_call_method(bus_.get(), kMachined.name, kMachined.path, kMachined.interface,
                                  "UnregisterMachine", nullptr, nullptr, "s", vm_.c_str()) >= 0;
    }

    const std::string vm_, unit_;
    BusPtr bus_;
};

}  // namespace

uint32_t leader_among(const std::vector<UnitProcess> &processes, uint32_t qemu) {
    for (const UnitProcess &process : processes)
        if (process.pid != qemu && process.command.contains(kSupervisorTitle))
            return process.pid;
    return 0;
}

std::vector<uint8_t> uuid_in(std::string_view command) {
    constexpr std::string_view kOption = " -uuid ";
    const std::size_t option = command.find(kOption);
    if (option == std::string_view::npos)
        return {};
    const std::string text(command.substr(option + kOption.size(), kUuidLength));
    sd_id128_t id;
    if (sd_id128_from_string(text.c_str(), &id) < 0)
        return {};
    return {std::begin(id.bytes), std::end(id.bytes)};
}

Result<std::string> register_machine(const std::string &vm) {
    return Registration(vm).run();
}

}  // namespace qemunit::helper
