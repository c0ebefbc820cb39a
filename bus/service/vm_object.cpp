// SPDX-License-Identifier: MIT
#include "bus/service/vm_object.h"

#include <cstdlib>
#include <string>

#include "bus/methods/methods.h"
#include "common/shared_names.h"

namespace qemunit::bus {

namespace {

const Vm &vm_of(void *userdata) {
    return *static_cast<const Vm *>(userdata);
}

// The getter of a property of type "s".
template <auto Member>
int get_string(sd_bus *, const char *, const char *, const char *, sd_bus_message *reply,
               void *userdata, sd_bus_error *) {
    const std::string &value = (vm_of(userdata).*Member)();
    return sd_bus_message_append(reply, "s", value.c_str());
}

int get_errors(sd_bus *, const char *, const char *, const char *, sd_bus_message *reply,
               void *userdata, sd_bus_error *) {
    int r = sd_bus_message_open_container(reply, 'a', "s");
    for (const std::string &error : vm_of(userdata).errors())
        if (r >= 0)
            r = sd_bus_message_append(reply, "s", error.c_str());
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

int get_main_pid(sd_bus *, const char *, const char *, const char *, sd_bus_message *reply,
                 void *userdata, sd_bus_error *) {
    return sd_bus_message_append(reply, "u", vm_of(userdata).main_pid());
}

int get_sockets(sd_bus *, const char *, const char *, const char *, sd_bus_message *reply,
                void *userdata, sd_bus_error *) {
    int r = sd_bus_message_open_container(reply, 'a', "{ss}");
    for (const auto &[name, path] : vm_of(userdata).sockets())
        if (r >= 0)
            r = sd_bus_message_append(reply, "{ss}", name.c_str(), path.c_str());
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

constexpr auto kConst = SD_BUS_VTABLE_PROPERTY_CONST;
constexpr auto kEmitsChange = SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;

// All of them in one table, with the signal: sd-bus emits PropertiesChanged of a property by name,
// and looks for it in one table of the interface.
const sd_bus_vtable kProperties[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Name", "s", get_string<&Vm::name>, 0, kConst),
    SD_BUS_PROPERTY("State", "s", get_string<&Vm::state>, 0, kEmitsChange),
    SD_BUS_PROPERTY("Unit", "s", get_string<&Vm::unit>, 0, kConst),
    SD_BUS_PROPERTY("SourcePath", "s", get_string<&Vm::source_path>, 0, kEmitsChange),
    SD_BUS_PROPERTY("Errors", "as", get_errors, 0, kEmitsChange),
    SD_BUS_PROPERTY("MainPID", "u", get_main_pid, 0, kEmitsChange),
    SD_BUS_PROPERTY("QEMUVersion", "s", get_string<&Vm::qemu_version>, 0, kEmitsChange),
    SD_BUS_PROPERTY("Sockets", "a{ss}", get_sockets, 0, 0),
    SD_BUS_SIGNAL_WITH_ARGS("Event", SD_BUS_ARGS("s", name, "t", time, "s", data), 0),
    SD_BUS_VTABLE_END,
};

// Registered one after another on kVmInterface; introspection shows them as one.
constexpr const sd_bus_vtable *kVmTables[] = {
    kCommandMethods,    kSessionMethods, kSerialMethods,     kSnapshotMethods,   kForwardMethods,
    kMediumMethods,     kDriveMethods,   kDriveSizeMethods,  kMemoryMethods,     kMigrationMethods,
    kAgentMethods,      kInputMethods,   kScreenshotMethods, kStatisticsMethods, kBackupMethods,
    kMemorySizeMethods, kNetworkMethods, kProcessorMethods,  kProperties,
};

int find_vm(sd_bus *, const char *path, const char *, void *userdata, void **found,
            sd_bus_error *) {
    *found = static_cast<VmObjects *>(userdata)->at(path);
    return *found ? 1 : 0;
}

int list_paths(sd_bus *, const char *, void *userdata, char ***paths, sd_bus_error *) {
    const VmRegistry *registry = &static_cast<VmObjects *>(userdata)->registry();
    // A list from malloc(), as sd-bus frees it, entries included.
    auto **list = static_cast<char **>(std::calloc(registry->vms().size() + 1, sizeof(char *)));
    if (!list)
        return -ENOMEM;
    std::size_t n = 0;
    for (const auto &[name, vm] : registry->vms())
        if (sd_bus_path_encode(kVmObjects, name.c_str(), &list[n]) >= 0)
            ++n;
    *paths = list;
    return 0;
}

}  // namespace

std::string vm_object_path(std::string_view vm) {
    char *raw = nullptr;
    if (sd_bus_path_encode(kVmObjects, std::string(vm).c_str(), &raw) < 0)
        return {};
    return CStringPtr(raw).get();
}

Vm *vm_at(const VmRegistry &registry, const char *object_path) {
    char *raw = nullptr;
    if (sd_bus_path_decode(object_path, kVmObjects, &raw) <= 0)
        return nullptr;
    const CStringPtr name(raw);
    Vm *vm = registry.find(name.get());
    // One VM, one path: no "_76m1".
    return vm && vm_object_path(vm->name()) == object_path ? vm : nullptr;
}

Vm *VmObjects::at(const char *object_path) {
    if (last_path_ == object_path)
        return registry_.find(last_name_);
    Vm *vm = vm_at(registry_, object_path);
    if (vm) {
        last_path_ = object_path;
        last_name_ = vm->name();
    }
    return vm;
}

Result<> VmObjects::add_to(sd_bus *bus) {
    int r = 0;
    for (const sd_bus_vtable *table : kVmTables)
        if (r >= 0)
            r = sd_bus_add_fallback_vtable(bus, nullptr, kVmObjects, kVmInterface, table, find_vm,
                                           this);
    if (r >= 0)
        r = sd_bus_add_node_enumerator(bus, nullptr, kVmObjects, list_paths, this);
    if (r < 0)
        return fail_errno(r, std::string("cannot add the objects below ") + kVmObjects);
    return {};
}

void emit_vm_added(sd_bus *bus, const Vm &vm) {
    sd_bus_emit_object_added(bus, vm_object_path(vm.name()).c_str());
}

void emit_vm_removed(sd_bus *bus, const Vm &vm) {
    sd_bus_emit_object_removed(bus, vm_object_path(vm.name()).c_str());
}

void emit_vm_changed(sd_bus *bus, const Vm &vm, const char *property) {
    sd_bus_emit_properties_changed(bus, vm_object_path(vm.name()).c_str(), kVmInterface, property,
                                   nullptr);
}

void emit_vm_event(sd_bus *bus, const Vm &vm, const QmpEvent &event, const std::string &data) {
    sd_bus_emit_signal(bus, vm_object_path(vm.name()).c_str(), kVmInterface, "Event", "sts",
                       event.name.c_str(), event.usec, data.c_str());
}

}  // namespace qemunit::bus
