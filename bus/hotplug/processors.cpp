// SPDX-License-Identifier: MIT
//
// SetCPUs of org.qemunit1.VM: processors that come and go while the guest runs.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "bus/hotplug/processor_slots.h"
#include "bus/hotplug/unplugging.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"
#include "common/concat.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

using ChangePtr = std::shared_ptr<ProcessorChange>;

std::string processor_text(const ProcessorSlot &slot) {
    return fmt::format("the processor '{}'", slot.id);
}

// QEMU 7.2 with TCG sends DEVICE_DELETED for what belongs to the processor, "…/lapic", and none for
// the processor itself. It goes in the same step.
EventWaits::Matcher is_processor_gone(const std::string &id) {
    return [id](const QmpEvent &event) {
        const std::string path = concat("/machine/peripheral/", id);
        const std::string deleted = string_at(event.data, "path");
        return event.name == "DEVICE_DELETED" &&
               (deleted == path || deleted.starts_with(path + "/"));
    };
}

// One after the other, the last one first: the guest counts without a gap.
void unplug_next(const CallPtr &call, const ChangePtr &change) {
    if (change->unplugged.empty())
        return reply_done(*call);
    const ProcessorSlot slot = change->unplugged.front();
    change->unplugged.erase(change->unplugged.begin());
    unplug(call, slot.id, is_processor_gone(slot.id),
           [call, change, slot](const VmMonitor::Reply &gone) {
               if (gone)
                   return unplug_next(call, change);
               if (gone.error().kind != QmpError::Kind::timeout)
                   return reply_error(*call, gone.error());
               reply_not_let_go(call, processor_text(slot));
           });
}

void plug_next(const CallPtr &call, const ChangePtr &change) {
    if (change->plugged.empty())
        return unplug_next(call, change);
    const ProcessorSlot slot = change->plugged.front();
    change->plugged.erase(change->plugged.begin());
    ask(call, "device_add", processor_arguments(slot),
        [call, change](const json &) { plug_next(call, change); });
}

void set_processors(const CallPtr &call) {
    uint32_t wanted = 0;
    if (!read_arguments(*call, "u", &wanted))
        return;
    if (wanted == 0)
        return reply_invalid(*call, "A guest cannot do without a processor");
    if (!claim(call, std::string(kHotProcessorIds), "the processors"))
        return;
    execute(call, "query-hotpluggable-cpus", nullptr, [call, wanted](const VmMonitor::Reply &list) {
        if (!list && list.error().kind == QmpError::Kind::monitor)
            return reply_error(
                *call, bus_error::kMonitor,
                fmt::format("The machine of VM '{}' takes no processors while it runs: {}",
                            call->vm_name, list.error().message));
        if (!list)
            return reply_error(*call, list.error());
        auto change = processor_change(processor_slots(*list), wanted, call->vm_name);
        if (!change)
            return reply_invalid(*call, change.error());
        plug_next(call, std::make_shared<ProcessorChange>(std::move(*change)));
    });
}

int method_set_cpus(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "device_add"}, error, set_processors);
}

}  // namespace

const sd_bus_vtable kProcessorMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("SetCPUs", SD_BUS_ARGS("u", cpus), SD_BUS_NO_RESULT, method_set_cpus,
                            kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
