// SPDX-License-Identifier: MIT
//
// SetMemory of org.qemunit1.VM: more than the guest has is plugged in, less than that its balloon
// takes.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bus/hotplug/machine_place.h"
#include "bus/hotplug/plugged_memory.h"
#include "bus/hotplug/unplugging.h"
#include "bus/methods/balloon.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/monitor/hot_drive.h"
#include "bus/monitor/statistics.h"
#include "common/bus_errors.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

struct MoreMemory {
    uint64_t now = 0, wanted = 0;
    std::string id;
    json main = {{"qom-type", "memory-backend-ram"}};  // what the other memory is
    std::vector<std::string> properties;               // of it, that are still to be asked for
};
using MoreMemoryPtr = std::shared_ptr<MoreMemory>;

// What a backend is told by the ini; of memory-backend-memfd, others map it, or its pages are huge.
const std::vector<std::string> kPropertiesOfRam = {"share", "prealloc"};
const std::vector<std::string> kPropertiesOfMemfd = {"share", "hugetlb", "hugetlbsize", "prealloc"};

// What the balloon had of it comes back, if there is one.
void empty_balloon(const CallPtr &call, uint64_t bytes) {
    execute(call, "balloon", {{"value", bytes}}, [call](const VmMonitor::Reply &reply) {
        if (!reply && reply.error().kind != QmpError::Kind::monitor)
            return reply_error(*call, reply.error());
        reply_done(*call);
    });
}

void refuse_memory(const CallPtr &call, const QmpError &error) {
    if (error.kind != QmpError::Kind::monitor)
        return reply_error(*call, error);
    const bool has_no_room = error.message.find("hotplug is not enabled") != std::string::npos ||
                             error.message.find("'slots' option") != std::string::npos;
    reply_error(
        *call, bus_error::kMonitor,
        has_no_room
            ? fmt::format("VM '{}' has no room for more memory; Maximum= in [Memory] of its "
                          "ini gives it some at the next start",
                          call->vm_name)
            : fmt::format("VM '{}' gets no more memory: {}", call->vm_name, error.message));
}

void plug_memory(const CallPtr &call, const MoreMemoryPtr &growth) {
    const std::string id = growth->id;
    execute(call, "object-add",
            memory_arguments(id, growth->wanted - growth->now, std::move(growth->main)),
            [call, growth, id](const VmMonitor::Reply &added) {
                if (!added)
                    return refuse_memory(call, added.error());
                execute(call, "device_add", {{"driver", "pc-dimm"}, {"id", id}, {"memdev", id}},
                        [call, growth, id](const VmMonitor::Reply &plugged) {
                            if (plugged)
                                return empty_balloon(call, growth->wanted);
                            execute(call, "object-del", {{"id", id}},
                                    [call, why = plugged.error()](const VmMonitor::Reply &) {
                                        refuse_memory(call, why);
                                    });
                        });
            });
}

void ask_properties(const CallPtr &call, const MoreMemoryPtr &growth) {
    if (growth->properties.empty())
        return plug_memory(call, growth);
    const std::string property = growth->properties.back();
    growth->properties.pop_back();
    ask(call, "qom-get", {{"path", concat("/objects/", kMemoryId)}, {"property", property}},
        [call, growth, property](const json &value) {
            // "0" is the size that this QEMU has for itself.
            if (property != "hugetlbsize" || value != 0)
                growth->main[property] = value;
            ask_properties(call, growth);
        });
}

// Memory of a call that has ended between the two commands: QEMU keeps it, and no guest has it.
void remove_strays(const CallPtr &call, const std::map<std::string, std::string> &objects,
                   const std::map<std::string, std::string> &devices) {
    for (const auto &[id, type] : objects)
        if (id.starts_with(kHotMemoryIds) && !devices.contains(id))
            execute(call, "object-del", {{"id", id}}, [](const VmMonitor::Reply &) {});
}

void look_at_memory(const CallPtr &call, const MoreMemoryPtr &growth) {
    ask(call, "qom-list", {{"path", kPeripheral}}, [call, growth](const json &devices) {
        ask(call, "qom-list", {{"path", "/objects"}}, [call, growth, devices](const json &objects) {
            growth->id = next_memory_id(objects);
            const auto present = qom_children(objects);
            remove_strays(call, present, qom_children(devices));
            const auto main = present.find(std::string(kMemoryId));
            if (main != present.end()) {
                growth->main["qom-type"] = main->second;
                growth->properties =
                    main->second == "memory-backend-memfd" ? kPropertiesOfMemfd : kPropertiesOfRam;
            }
            ask_properties(call, growth);
        });
    });
}

void grow_memory(const CallPtr &call, const MoreMemoryPtr &growth) {
    execute(call, "qom-get", {{"path", "/machine"}, {"property", "memory"}},
            [call, growth](const VmMonitor::Reply &memory) {
                if (!memory && memory.error().kind != QmpError::Kind::monitor)
                    return reply_error(*call, memory.error());
                const auto most = memory ? most_memory(*memory) : std::nullopt;
                if (const std::string fault =
                        growth_fault(growth->now, growth->wanted, most, call->vm_name);
                    !fault.empty())
                    return reply_invalid(*call, fault);
                look_at_memory(call, growth);
            });
}

void set_memory_size(const CallPtr &call) {
    uint64_t bytes = 0;
    if (!read_arguments(*call, "t", &bytes))
        return;
    if (bytes == 0)
        return reply_invalid(*call, "A guest cannot do without memory");
    if (!claim(call, std::string(kHotMemoryIds), "the memory"))
        return;
    ask(call, "query-memory-size-summary", nullptr, [call, bytes](const json &size) {
        const uint64_t now = memory_bytes(size);
        if (bytes > now)
            grow_memory(call,
                        std::make_shared<MoreMemory>(MoreMemory{.now = now, .wanted = bytes}));
        else if (bytes == now)
            empty_balloon(call, bytes);
        else
            set_balloon(call, bytes, now);
    });
}

int method_set_memory(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "device_add"}, error, set_memory_size);
}

}  // namespace

const sd_bus_vtable kMemorySizeMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("SetMemory", SD_BUS_ARGS("t", bytes), SD_BUS_NO_RESULT,
                            method_set_memory, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
