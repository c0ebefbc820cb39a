// SPDX-License-Identifier: MIT
#include "bus/vms/systemd_units.h"

#include <string_view>

#include "common/vm_name.h"

namespace qemunit::bus {

namespace {

constexpr char kSystemd[] = "org.freedesktop.systemd1";
constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
constexpr char kUnitPath[] = "/org/freedesktop/systemd1/unit";
constexpr char kManagerInterface[] = "org.freedesktop.systemd1.Manager";
constexpr char kServiceInterface[] = "org.freedesktop.systemd1.Service";
constexpr char kPropertiesInterface[] = "org.freedesktop.DBus.Properties";

std::optional<std::string> vm_of_unit_path(const char *path) {
    char *raw = nullptr;
    if (sd_bus_path_decode(path, kUnitPath, &raw) <= 0)
        return std::nullopt;
    CStringPtr unit(raw);
    return vm_of_service_unit(unit.get());
}

Error error_of(sd_bus_message *reply) {
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    return {sd_bus_error_get_errno(error), error->message ? error->message : error->name};
}

Result<std::vector<SystemdUnits::Unit>> read_units(sd_bus_message *reply) {
    if (sd_bus_message_is_method_error(reply, nullptr))
        return std::unexpected(error_of(reply));
    std::vector<SystemdUnits::Unit> units;
    int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    while (r >= 0) {
        const char *unit = nullptr;
        const char *active_state = nullptr;
        r = sd_bus_message_read(reply, "(ssssssouso)", &unit, nullptr, nullptr, &active_state,
                                nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
        if (r == 0)
            return units;
        if (r < 0)
            break;
        if (auto vm = vm_of_service_unit(unit))
            units.push_back({std::move(*vm), active_state});
    }
    return fail_errno(r, "cannot read systemd's list of units");
}

// The a{sv} of PropertiesChanged, of which two are of interest.
int read_changes(sd_bus_message *message, SystemdUnits::Change &change) {
    int r = sd_bus_message_enter_container(message, 'a', "{sv}");
    while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        const char *property = nullptr;
        if (r = sd_bus_message_read(message, "s", &property); r < 0)
            return r;
        if (property == std::string_view("ActiveState")) {
            const char *value = nullptr;
            if (r = sd_bus_message_read(message, "v", "s", &value); r < 0)
                return r;
            change.active_state = value;
        } else if (property == std::string_view("MainPID")) {
            uint32_t value = 0;
            if (r = sd_bus_message_read(message, "v", "u", &value); r < 0)
                return r;
            change.main_pid = value;
        } else if (r = sd_bus_message_skip(message, "v"); r < 0) {
            return r;
        }
        r = sd_bus_message_exit_container(message);
    }
    return r;
}

}  // namespace

Result<std::unique_ptr<SystemdUnits>> SystemdUnits::watch(sd_bus *bus, Callbacks callbacks) {
    std::unique_ptr<SystemdUnits> units(new SystemdUnits(bus, std::move(callbacks)));
    if (auto added = units->add_matches(); !added)
        return std::unexpected(added.error());
    units->subscribe();
    return units;
}

SystemdUnits::SystemdUnits(sd_bus *bus, Callbacks callbacks)
    : bus_(bus), callbacks_(std::move(callbacks)) {}

Result<> SystemdUnits::add_matches() {
    static constexpr const char *kUnitChanged[] = {
        "type='signal',sender='org.freedesktop.systemd1',"
        "path_namespace='/org/freedesktop/systemd1/unit',"
        "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
        "arg0='org.freedesktop.systemd1.Unit'",
        "type='signal',sender='org.freedesktop.systemd1',"
        "path_namespace='/org/freedesktop/systemd1/unit',"
        "interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
        "arg0='org.freedesktop.systemd1.Service'"};
    for (const char *rule : kUnitChanged)
        if (auto added = match(rule, on_properties_changed); !added)
            return added;
    if (auto added = match("type='signal',sender='org.freedesktop.systemd1',"
                           "path='/org/freedesktop/systemd1',"
                           "interface='org.freedesktop.systemd1.Manager',member='Reloading'",
                           on_reloading);
        !added)
        return added;
    return match(
        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
        "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
        "arg0='org.freedesktop.systemd1'",
        on_name_owner_changed);
}

Result<> SystemdUnits::match(const char *rule, sd_bus_message_handler_t handler) {
    sd_bus_slot *slot = nullptr;
    if (int r = sd_bus_add_match_async(bus_, &slot, rule, handler, nullptr, this); r < 0)
        return fail_errno(r, "cannot watch systemd's units");
    matches_.emplace_back(slot);
    return {};
}

// systemd sends signals only while somebody has subscribed. An error of this call shows in list()
// too, which asks the same systemd.
void SystemdUnits::subscribe() {
    auto call = new_method_call(bus_, kSystemd, kManagerPath, kManagerInterface, "Subscribe");
    if (!call)
        return;
    if (auto slot = call_async(bus_, call->get(), [](sd_bus_message *) {}))
        subscribe_call_ = std::move(*slot);
}

void SystemdUnits::list(const std::function<void(Result<std::vector<Unit>>)> &listed) {
    auto call =
        new_method_call(bus_, kSystemd, kManagerPath, kManagerInterface, "ListUnitsByPatterns");
    if (!call)
        return listed(std::unexpected(call.error()));
    if (int r = sd_bus_message_append(call->get(), "asas", 0, 1, "qemu@*.service"); r < 0)
        return listed(fail_errno(r, "cannot ask systemd for its units"));
    auto slot = call_async(bus_, call->get(), [this, listed](sd_bus_message *reply) {
        list_call_.reset();
        auto units = read_units(reply);
        if (const char *sender = sd_bus_message_get_sender(reply); units && sender)
            systemd_ = sender;
        listed(std::move(units));
    });
    if (!slot)
        return listed(std::unexpected(slot.error()));
    list_call_ = std::move(*slot);
}

void SystemdUnits::get_main_pid(const std::string &vm,
                                const std::function<void(uint32_t)> &answered) {
    char *raw = nullptr;
    if (sd_bus_path_encode(kUnitPath, service_unit(vm).c_str(), &raw) < 0)
        return answered(0);
    CStringPtr path(raw);
    auto call = new_method_call(bus_, kSystemd, path.get(), kPropertiesInterface, "Get");
    if (!call || sd_bus_message_append(call->get(), "ss", kServiceInterface, "MainPID") < 0)
        return answered(0);
    auto slot = call_async(bus_, call->get(), [this, vm, answered](sd_bus_message *reply) {
        pid_calls_.erase(vm);
        uint32_t pid = 0;
        if (sd_bus_message_is_method_error(reply, nullptr) ||
            sd_bus_message_read(reply, "v", "u", &pid) < 0)
            pid = 0;
        answered(pid);
    });
    if (!slot)
        return answered(0);
    pid_calls_[vm] = std::move(*slot);
}

// The bus daemon checks the sender in a match, but anybody may send a signal straight to
// us, which then no match of the bus daemon has seen. A forged "active" must not make us
// connect to the socket of a VM that is off.
bool SystemdUnits::is_from_systemd(sd_bus_message *message) const {
    const char *sender = sd_bus_message_get_sender(message);
    return sender && !systemd_.empty() && sender == systemd_;
}

int SystemdUnits::on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *) {
    auto *units = static_cast<SystemdUnits *>(userdata);
    auto vm = vm_of_unit_path(sd_bus_message_get_path(message));
    if (!vm || !units->is_from_systemd(message))
        return 0;
    Change change{.vm = std::move(*vm)};
    if (sd_bus_message_skip(message, "s") < 0 || read_changes(message, change) < 0)
        return 0;
    if (change.active_state || change.main_pid)
        units->callbacks_.changed(change);
    return 0;
}

int SystemdUnits::on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *) {
    auto *units = static_cast<SystemdUnits *>(userdata);
    int begins = 0;
    if (units->is_from_systemd(message) && sd_bus_message_read(message, "b", &begins) >= 0 &&
        !begins)
        units->callbacks_.reloaded();
    return 0;
}

// systemd has re-executed itself: a new connection, which nobody has subscribed to.
int SystemdUnits::on_name_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *) {
    auto *units = static_cast<SystemdUnits *>(userdata);
    const char *sender = sd_bus_message_get_sender(message);
    const char *owner = nullptr;
    if (!sender || sender != std::string_view(kBusDaemon) ||
        sd_bus_message_read(message, "sss", nullptr, nullptr, &owner) < 0 || !*owner)
        return 0;
    units->subscribe();
    units->callbacks_.reloaded();
    return 0;
}

}  // namespace qemunit::bus
