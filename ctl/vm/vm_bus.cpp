// SPDX-License-Identifier: MIT
#include "ctl/vm/vm_bus.h"

#include <fmt/format.h>

#include <system_error>

#include "common/did_you_mean.h"
#include "common/shared_names.h"
#include "common/vm_name.h"
#include "ctl/output/error_text.h"

namespace qemunit::ctl {

namespace {

constexpr char kSystemdUnitPath[] = "/org/freedesktop/systemd1/unit";

struct ErrorText {
    ~ErrorText() { sd_bus_error_free(&error); }
    sd_bus_error error = SD_BUS_ERROR_NULL;
};

Result<std::string> encode(const char *prefix, const std::string &name) {
    char *raw = nullptr;
    if (int r = sd_bus_path_encode(prefix, name.c_str(), &raw); r < 0)
        return fail_errno(r, "cannot make an object path of " + name);
    return CStringPtr(raw).get();
}

std::unexpected<Error> no_such_vm(sd_bus *bus, const std::string &vm) {
    std::vector<std::string_view> names;
    const auto vms = list_vms(bus);
    if (vms)
        for (const ListedVm &known : *vms)
            names.push_back(known.name);
    const std::string meant = did_you_mean(vm, names);
    return fail(ENOENT, "no such VM is configured." +
                            (meant.empty() ? " See: qemunitctl list; qemunitctl check" : meant));
}

std::unexpected<Error> fail_call(sd_bus *bus, const sd_bus_error &error, int r, const char *member,
                                 const std::string &vm) {
    if (!sd_bus_error_is_set(&error))
        return fail_errno(r, fmt::format("cannot call {}", member));
    if (!vm.empty() && sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT))
        return no_such_vm(bus, vm);
    return fail(sd_bus_error_get_errno(&error),
                error_text(error.name, error.message ? error.message : "", member, vm));
}

Result<MessagePtr> property_of(sd_bus *bus, const char *name, const std::string &path,
                               const std::string &interface, const char *property, const char *type,
                               const std::string &vm) {
    ErrorText text;
    sd_bus_message *reply = nullptr;
    const int r = sd_bus_get_property(bus, name, path.c_str(), interface.c_str(), property,
                                      &text.error, &reply, type);
    if (r < 0)
        return fail_call(bus, text.error, r, property, vm);
    return own_message(reply);
}

}  // namespace

Result<BusPtr> open_bus(const Invocation &invocation) {
    sd_bus *bus = nullptr;
    int r = 0;
    std::string which = "the system bus";
    switch (invocation.bus) {
        case Invocation::Bus::system:
            r = sd_bus_open_system(&bus);
            break;
        case Invocation::Bus::user:
            which = "the user's bus";
            r = sd_bus_open_user(&bus);
            break;
        case Invocation::Bus::remote:
            which = "the system bus of " + invocation.host + " over ssh";
            r = sd_bus_open_system_remote(&bus, invocation.host.c_str());
            break;
    }
    BusPtr owned(r < 0 ? nullptr : bus);
    if (invocation.bus == Invocation::Bus::remote) {
        // ssh(1) has said why, on our standard error; here, the connection just ends.
        const char *unique_name = nullptr;
        if (r < 0 || sd_bus_get_unique_name(bus, &unique_name) < 0)
            return fail(ENOTCONN, "cannot connect to " + which + "; does `ssh " + invocation.host +
                                      " systemd-stdio-bridge` work?");
    }
    if (r < 0 && invocation.bus == Invocation::Bus::user)
        return fail(-r, fmt::format("cannot connect to {}: {}; is your systemd running? It does "
                                    "after a login, or always after: loginctl enable-linger",
                                    which, std::generic_category().message(-r)));
    if (r < 0)
        return fail_errno(r, "cannot connect to " + which);
    // Unless --no-ask-password is given, polkit may ask for a password, as for systemctl(1).
    sd_bus_set_allow_interactive_authorization(bus, !invocation.no_ask_password);
    return owned;
}

Result<MessagePtr> new_vm_call(sd_bus *bus, const std::string &vm, const char *member) {
    const auto path = encode(kVmObjects, vm);
    if (!path)
        return std::unexpected(path.error());
    sd_bus_message *message = nullptr;
    if (int r = sd_bus_message_new_method_call(bus, &message, kBusName, path->c_str(), kVmInterface,
                                               member);
        r < 0)
        return fail_errno(r, fmt::format("cannot make a call of {}", member));
    return own_message(message);
}

Result<MessagePtr> call(sd_bus *bus, sd_bus_message *message, const std::string &vm,
                        uint64_t timeout) {
    ErrorText text;
    sd_bus_message *reply = nullptr;
    const int r = sd_bus_call(bus, message, timeout, &text.error, &reply);
    if (r < 0)
        return fail_call(bus, text.error, r, sd_bus_message_get_member(message), vm);
    return own_message(reply);
}

Result<MessagePtr> call_vm(sd_bus *bus, const std::string &vm, const char *member,
                           const std::vector<std::string> &texts, uint64_t timeout) {
    auto message = new_vm_call(bus, vm, member);
    if (!message)
        return message;
    for (const std::string &text : texts)
        if (int r = sd_bus_message_append(message->get(), "s", text.c_str()); r < 0)
            return fail_errno(r, fmt::format("'{}' cannot be sent over D-Bus", text));
    return call(bus, message->get(), vm, timeout);
}

Result<std::string> ask_vm(sd_bus *bus, const std::string &vm, const char *member,
                           const std::vector<std::string> &texts) {
    auto reply = call_vm(bus, vm, member, texts);
    if (!reply)
        return std::unexpected(reply.error());
    const char *text = nullptr;
    if (int r = sd_bus_message_read(reply->get(), "s", &text); r < 0)
        return fail_errno(r, fmt::format("cannot read the answer to {}", member));
    return text;
}

Result<MessagePtr> vm_property(sd_bus *bus, const std::string &vm, const char *property,
                               const char *type) {
    const auto path = encode(kVmObjects, vm);
    if (!path)
        return std::unexpected(path.error());
    return property_of(bus, kBusName, *path, kVmInterface, property, type, vm);
}

Result<std::string> vm_text(sd_bus *bus, const std::string &vm, const char *property) {
    auto message = vm_property(bus, vm, property, "s");
    if (!message)
        return std::unexpected(message.error());
    const char *text = nullptr;
    if (int r = sd_bus_message_read(message->get(), "s", &text); r < 0)
        return fail_errno(r, fmt::format("cannot read {}", property));
    return text;
}

Result<MessagePtr> unit_property(sd_bus *bus, const std::string &vm, const std::string &interface,
                                 const char *property, const char *type) {
    return property_of(bus, kSystemdName, unit_object_path(vm),
                       std::string(kSystemdName) + "." + interface, property, type, "");
}

Result<uint64_t> last_start(sd_bus *bus, const std::string &vm) {
    auto message = unit_property(bus, vm, "Unit", "InactiveExitTimestampMonotonic", "t");
    if (!message)
        return std::unexpected(message.error());
    uint64_t usec = 0;
    if (int r = sd_bus_message_read(message->get(), "t", &usec); r < 0)
        return fail_errno(r, "cannot read when it was started");
    return usec;
}

Result<> hold_unit(sd_bus *bus, const std::string &vm) {
    ErrorText text;
    const int r =
        sd_bus_call_method(bus, kSystemdName, unit_object_path(vm).c_str(),
                           "org.freedesktop.systemd1.Unit", "Ref", &text.error, nullptr, "");
    return r < 0 ? Result<>(fail_call(bus, text.error, r, "Ref", "")) : Result<>();
}

Result<MessagePtr> service_property(sd_bus *bus, const std::string &unit, const char *property,
                                    const char *type) {
    return property_of(bus, kSystemdName, encode(kSystemdUnitPath, unit).value_or(""),
                       std::string(kSystemdName) + ".Service", property, type, "");
}

Result<std::vector<ListedVm>> list_vms(sd_bus *bus) {
    ErrorText text;
    sd_bus_message *raw = nullptr;
    int r = sd_bus_call_method(bus, kBusName, kManagerObject, kVmManagerInterface, "ListVMs",
                               &text.error, &raw, "");
    if (r < 0)
        return fail_call(bus, text.error, r, "ListVMs", "");
    const MessagePtr reply = own_message(raw);
    std::vector<ListedVm> vms;
    r = sd_bus_message_enter_container(raw, 'a', "(ssso)");
    while (r >= 0) {
        const char *name = nullptr, *state = nullptr, *unit = nullptr, *path = nullptr;
        r = sd_bus_message_read(raw, "(ssso)", &name, &state, &unit, &path);
        if (r == 0)
            return vms;
        if (r > 0)
            vms.push_back({name, state, unit});
    }
    return fail_errno(r, "cannot read the list of VMs");
}

std::string unit_object_path(const std::string &vm) {
    return encode(kSystemdUnitPath, service_unit(vm)).value_or("");
}

}  // namespace qemunit::ctl
