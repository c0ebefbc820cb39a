// SPDX-License-Identifier: MIT
#include "bus/service/manager_object.h"

#include <string>

#include "bus/methods/all_statistics.h"
#include "bus/service/vm_object.h"
#include "common/bus_errors.h"
#include "common/paths.h"
#include "common/shared_names.h"

namespace qemunit::bus {

namespace {

int method_list_vms(sd_bus_message *message, void *userdata, sd_bus_error *) {
    const auto *registry = static_cast<VmRegistry *>(userdata);
    sd_bus_message *raw = nullptr;
    int r = sd_bus_message_new_method_return(message, &raw);
    if (r < 0)
        return r;
    const MessagePtr reply = own_message(raw);
    if (r = sd_bus_message_open_container(raw, 'a', "(ssso)"); r < 0)
        return r;
    for (const auto &[name, vm] : registry->vms()) {
        vm->look_at_files();
        r = sd_bus_message_append(raw, "(ssso)", name.c_str(), vm->state().c_str(),
                                  vm->unit().c_str(), vm_object_path(name).c_str());
        if (r < 0)
            return r;
    }
    if (r = sd_bus_message_close_container(raw); r < 0)
        return r;
    return sd_bus_send(nullptr, raw, nullptr);
}

int method_get_vm(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    const auto *registry = static_cast<VmRegistry *>(userdata);
    const char *name = nullptr;
    if (int r = sd_bus_message_read(message, "s", &name); r < 0)
        return r;
    const Vm *vm = registry->find(name);
    if (!vm)
        return sd_bus_error_setf(error, bus_error::kNoSuchVm, "No VM '%s' is configured", name);
    return sd_bus_reply_method_return(message, "o", vm_object_path(vm->name()).c_str());
}

int get_version(sd_bus *, const char *, const char *, const char *, sd_bus_message *reply, void *,
                sd_bus_error *) {
    return sd_bus_message_append(reply, "s", std::string(kVersion).c_str());
}

const sd_bus_vtable kManagerVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("ListVMs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssso)", vms),
                            method_list_vms, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("GetVM", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", vm), method_get_vm,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("GetAllStatistics", SD_BUS_ARGS("t", timeout, "as", keys),
                            SD_BUS_RESULT("a{sa{sv}}", statistics), method_get_all_statistics,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_VTABLE_END,
};

}  // namespace

Result<> add_manager_object(sd_bus *bus, VmRegistry &registry) {
    int r = sd_bus_add_object_manager(bus, nullptr, kManagerObject);
    if (r >= 0)
        r = sd_bus_add_object_vtable(bus, nullptr, kManagerObject, kVmManagerInterface,
                                     kManagerVtable, &registry);
    if (r < 0)
        return fail_errno(r, std::string("cannot add the object ") + kManagerObject);
    return {};
}

}  // namespace qemunit::bus
