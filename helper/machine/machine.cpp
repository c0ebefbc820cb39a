// SPDX-License-Identifier: MIT
#include "helper/machine/machine.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/bus_call.h"
#include "common/bus_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "common/timer.h"
#include "common/unique_fd.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "helper/machine/varlink.h"

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

struct Machine {
    std::string name;
    std::vector<uint8_t> id;
    uint32_t leader = 0;
    uint32_t cid = 0;
    // For ssh(1): by our own ssh_config, which knows the guest's user and its keys, and every way
    // to it. There is no SSHPrivateKeyPath: the guest lets in the keys of people, who have them.
    std::string ssh_address;
    std::string control;  // where machinectl finds io.systemd.MachineInstance
};

// What machined made of it.
struct Outcome {
    enum class Kind {
        done,
        exists,
        unknown,  // this machined does not know the way that was tried
        invalid,  // by what it says, this can be no machine
        failed,
    };
    Kind kind = Kind::failed;
    int code = EIO;
    std::string text;  // why not
};

Outcome outcome_of(int r, const BusError &error) {
    using Kind = Outcome::Kind;
    if (r >= 0)
        return {Kind::done, 0, ""};
    const std::string text = error.text(r);
    Kind kind = Kind::failed;
    if (error.is(kExists))
        kind = Kind::exists;
    else if (error.is(SD_BUS_ERROR_UNKNOWN_METHOD) || text.starts_with("Unknown property"))
        kind = Kind::unknown;
    else if (error.is(SD_BUS_ERROR_INVALID_ARGS))
        kind = Kind::invalid;
    return {kind, -r, text};
}

class Registration {
  public:
    Registration(const std::string &vm, const Paths &paths)
        : vm_(vm), unit_(service_unit(vm)), paths_(paths) {}

    Result<std::string> run() {
        sd_bus *bus = nullptr;
        const bool is_of_user = paths_.is_of_user();
        if (int r = is_of_user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus); r < 0)
            return fail_errno(
                r, fmt::format("cannot connect to the {} bus", is_of_user ? "user's" : "system"));
        bus_.reset(bus);
        sd_bus_set_method_call_timeout(bus, kTimeout);
        auto processes = processes_of_unit();
        if (!processes)
            return std::unexpected(processes.error());
        const uint32_t qemu = main_pid();
        Machine machine{.name = vm_,
                        .id = {},
                        .leader = leader_among(*processes, qemu),
                        .ssh_address = (is_of_user ? "qemu-user/" : "qemu/") + vm_,
                        .control = paths_.machine_control(vm_)};
        if (qemu == 0 || machine.leader == 0)
            return "nothing to register: the VM does not run";
        for (const UnitProcess &process : *processes)
            if (process.pid == qemu) {
                machine.id = uuid_in(process.command);
                machine.cid = cid_in(process.command);
            }

        Outcome outcome = register_by_any_way(machine);
        // The VM was restarted before machined has seen its end: machined still has the old leader.
        if (outcome.kind == Outcome::Kind::exists && is_ours() && unregister())
            outcome = register_by_any_way(machine);
        return sentence(outcome);
    }

  private:
    Result<std::string> sentence(const Outcome &outcome) const {
        if (outcome.kind == Outcome::Kind::done)
            return "registered with systemd-machined";
        const std::string text =
            fmt::format("cannot register VM '{}' with systemd-machined: {}", vm_, outcome.text);
        // A name that is no host name, or a host without machined, for which the bus and systemd
        // have many errors: neither is a trouble of this VM's.
        if (outcome.kind == Outcome::Kind::invalid || !machined_is_there())
            return text + "; machinectl does not list it";
        return fail(outcome.code, text);
    }

    // By Varlink since systemd 261, which alone takes `control`; by RegisterMachineEx() since 259.
    Outcome register_by_any_way(const Machine &machine) const {
        Outcome outcome = register_by_varlink(machine);
        if (outcome.kind == Outcome::Kind::unknown)
            outcome = register_extended(machine);
        if (outcome.kind == Outcome::Kind::unknown)
            outcome = register_plainly(machine);
        return outcome;
    }

    Outcome register_by_varlink(const Machine &machine) const {
        using Kind = Outcome::Kind;
        auto machined = Varlink::connect(paths_.runtime + "/systemd/machine/io.systemd.Machine");
        if (!machined)
            return {Kind::unknown, machined.error().code, machined.error().message};
        nlohmann::json parameters = {{"name", machine.name},
                                     {"service", "qemunit"},
                                     {"class", "vm"},
                                     {"leader", machine.leader},
                                     {"sshAddress", machine.ssh_address},
                                     {"controlAddress", machine.control}};
        if (!machine.id.empty()) {
            sd_id128_t id{};
            std::copy(machine.id.begin(), machine.id.end(), std::begin(id.bytes));
            char text[SD_ID128_STRING_MAX];
            parameters["id"] = sd_id128_to_string(id, text);
        }
        if (machine.cid != 0)
            parameters["vSockCid"] = machine.cid;
        const auto sent = machined->send(
            {{"method", "io.systemd.Machine.Register"}, {"parameters", std::move(parameters)}});
        if (!sent)
            return {Kind::unknown, sent.error().code, sent.error().message};
        const auto answer = machined->receive(kTimeout);
        // A machined that does not start hangs up, and D-Bus says why.
        if (!answer || !*answer)
            return {Kind::unknown, EPIPE, answer ? "machined hung up" : answer.error().message};
        const std::string error = string_at(**answer, "error");
        if (error.empty())
            return {Kind::done, 0, ""};
        const auto details = (*answer)->find("parameters");
        const std::string parameter =
            details != (*answer)->end() ? string_at(*details, "parameter") : "";
        if (error == "io.systemd.Machine.MachineExists")
            return {Kind::exists, EEXIST, "a machine of that name exists"};
        if (error == "org.varlink.service.InvalidParameter" && parameter == "name")
            return {Kind::invalid, EINVAL, "Invalid machine name"};
        if (error == "org.varlink.service.InvalidParameter" ||
            error == "org.varlink.service.MethodNotFound" ||
            error == "org.varlink.service.InterfaceNotFound")
            return {Kind::unknown, EOPNOTSUPP, error + " " + parameter};
        return {Kind::failed, EIO, error};
    }

    Outcome register_extended(const Machine &machine) const {
        const UniqueFd leader(
            static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(machine.leader), 0)));
        auto call = new_method_call(bus_.get(), kMachined.name, kMachined.path, kMachined.interface,
                                    "RegisterMachineEx");
        if (!leader || !call)
            return {Outcome::Kind::unknown, EIO, "no descriptor of the leader"};
        sd_bus_message *m = call->get();
        int r = sd_bus_message_append(m, "s", machine.name.c_str());
        if (r >= 0)
            r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
            r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "Service", "s", "qemunit", "Class",
                                      "s", "vm", "LeaderPIDFD", "h", leader.get(), "SSHAddress",
                                      "s", machine.ssh_address.c_str());
        if (r >= 0 && machine.cid != 0)
            r = sd_bus_message_append(m, "(sv)", "VSockCID", "u", machine.cid);
        if (r >= 0 && machine.id.size() == 16)
            r = append_id(m, machine.id);
        if (r >= 0)
            r = sd_bus_message_close_container(m);
        return sent(m, r);
    }

    static int append_id(sd_bus_message *m, const std::vector<uint8_t> &id) {
        int r = sd_bus_message_open_container(m, 'r', "sv");
        if (r >= 0)
            r = sd_bus_message_append(m, "s", "Id");
        if (r >= 0)
            r = sd_bus_message_open_container(m, 'v', "ay");
        if (r >= 0)
            r = sd_bus_message_append_array(m, 'y', id.data(), id.size());
        if (r >= 0)
            r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
    }

    Outcome register_plainly(const Machine &machine) const {
        auto call = new_method_call(bus_.get(), kMachined.name, kMachined.path, kMachined.interface,
                                    "RegisterMachine");
        if (!call)
            return {Outcome::Kind::failed, call.error().code, call.error().message};
        sd_bus_message *m = call->get();
        int r = sd_bus_message_append(m, "s", machine.name.c_str());
        if (r >= 0)
            r = sd_bus_message_append_array(m, 'y', machine.id.data(), machine.id.size());
        if (r >= 0)
            r = sd_bus_message_append(m, "ssus", "qemunit", "vm", machine.leader, "");
        return sent(m, r);
    }

    // Each of these takes the unit from the leader: the VM's own.
    Outcome sent(sd_bus_message *call, int r) const {
        BusError error;
        if (r >= 0)
            r = sd_bus_call(bus_.get(), call, kTimeout, error.get(), nullptr);
        return outcome_of(r, error);
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
    const Paths &paths_;
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

uint32_t cid_in(std::string_view command) {
    constexpr std::string_view kDevice = "vhost-vsock-", kKey = "guest-cid=";
    const std::size_t device = command.find(kDevice);
    const std::size_t key = device == command.npos ? device : command.find(kKey, device);
    if (key == std::string_view::npos)
        return 0;
    const std::string_view rest = command.substr(key + kKey.size());
    const auto cid = whole_number(rest.substr(0, rest.find_first_not_of("0123456789")));
    // 0, 1 and 2 are no guests, and the last number is any of them (vsock(7)).
    return cid && *cid > 2 && *cid < UINT32_MAX ? static_cast<uint32_t>(*cid) : 0;
}

Result<std::string> register_machine(const std::string &vm, const Paths &paths) {
    return Registration(vm, paths).run();
}

}  // namespace qemunit::helper
