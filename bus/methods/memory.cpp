// SPDX-License-Identifier: MIT
//
// SetBalloon and DumpMemory of org.qemunit1.VM.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bus/methods/balloon.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/monitor/statistics.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// The RAM of the guest goes to a disk, or wherever the caller's pipe leads.
constexpr uint64_t kDumpTimeout = 600 * kSecond;

// QEMU lets the guest run again a moment after it has said that the dump is done.
constexpr uint64_t kResumeTimeout = 30 * kSecond;

constexpr char kDumpFile[] = "qemunit-dump";  // as getfd names it

struct Dump {
    UniqueFd file;
    bool is_started = false;   // QEMU has accepted the command
    std::optional<json> last;  // data of DUMP_COMPLETED, of this dump or of one before
    uint64_t wait = 0;
    uint64_t wait_for_resume = 0;
    bool is_answered = false;
};
using DumpPtr = std::shared_ptr<Dump>;

// DUMP_COMPLETED of qapi/dump.json of QEMU: "error" is there if it failed.
void answer_dump(const CallPtr &call, const DumpPtr &dump) {
    if (std::exchange(dump->is_answered, true))
        return;
    if (const auto vm = call->vm.lock()) {
        vm->waits().cancel(dump->wait);
        vm->waits().cancel(dump->wait_for_resume);
    }
    if (const std::string why = string_at(*dump->last, "error"); !why.empty())
        return reply_error(*call, bus_error::kMonitor,
                           "The memory was not dumped as a whole: " + why);
    reply_with_state(call);
}

// The guest stands in the state "save-vm" meanwhile, if it did run (dump_init() of QEMU).
void answer_once_it_runs(const CallPtr &call, const DumpPtr &dump) {
    if (const auto vm = call->vm.lock()) {
        vm->waits().cancel(dump->wait_for_resume);
        dump->wait_for_resume =
            vm->waits().wait([](const QmpEvent &event) { return event.name == "RESUME"; },
                             std::min(call->deadline, now_of(*call) + kResumeTimeout),
                             [call, dump](const VmMonitor::Reply &) { answer_dump(call, dump); });
    }
    execute(call, "query-status", nullptr, [call, dump](const VmMonitor::Reply &status) {
        if (!status || string_at(*status, "status") != "save-vm")
            answer_dump(call, dump);
    });
}

// The event may be that of another dump, which ended just before this one began.
void ask_whether_done(const CallPtr &call, const DumpPtr &dump) {
    if (dump->is_started && dump->last)
        execute(call, "query-dump", nullptr, [call, dump](const VmMonitor::Reply &status) {
            if (!status || string_at(*status, "status") != "active")
                answer_once_it_runs(call, dump);
        });
}

void watch(const CallPtr &call, const DumpPtr &dump) {
    if (const auto vm = call->vm.lock())
        dump->wait = vm->waits().wait(
            [](const QmpEvent &event) { return event.name == "DUMP_COMPLETED"; }, call->deadline,
            [call, dump](const VmMonitor::Reply &completed) {
                if (!completed) {
                    if (!std::exchange(dump->is_answered, true))
                        reply_error(*call, completed.error());
                    return;
                }
                dump->last = *completed;
                watch(call, dump);
                ask_whether_done(call, dump);
            });
}

// Sends all commands at once: a new file of that name replaces the old one in QEMU, which closes a
// file that it did not use. The guest stands still until the dump is done; QEMU's monitors do not.
void dump_memory(const CallPtr &call, const DumpPtr &dump) {
    watch(call, dump);
    execute(
        call, "getfd", {{"fdname", kDumpFile}}, [](const VmMonitor::Reply &) {},
        std::move(dump->file));
    execute(call, "dump-guest-memory",
            {{"paging", false},
             {"protocol", fmt::format("fd:{}", kDumpFile)},
             {"detach", true},
             {"format", "elf"}},
            [call, dump](const VmMonitor::Reply &started) {
                dump->is_started = started.has_value();
                if (started)
                    return ask_whether_done(call, dump);
                if (const auto vm = call->vm.lock())
                    vm->waits().cancel(dump->wait);
                if (!std::exchange(dump->is_answered, true))
                    reply_error(*call, started.error());
            });
    execute(call, "closefd", {{"fdname", kDumpFile}}, [](const VmMonitor::Reply &) {});
}

int method_set_balloon(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(
        message, userdata, {Action::control, "balloon"}, error, [](const CallPtr &call) {
            uint64_t bytes = 0;
            if (!read_arguments(*call, "t", &bytes))
                return;
            if (bytes == 0)
                return reply_invalid(*call, "A guest cannot do without memory");
            ask(call, "query-memory-size-summary", nullptr,
                [call, bytes](const json &size) { set_balloon(call, bytes, memory_bytes(size)); });
        });
}

int method_dump_memory(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "dump-guest-memory", kDumpTimeout},
                      error, [](const CallPtr &call) {
                          int fd = -1;  // owned by the message
                          if (!read_arguments(*call, "h", &fd))
                              return;
                          if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
                              return reply_invalid(
                                  *call, "The file for the memory is not open for writing");
                          const auto dump = std::make_shared<Dump>();
                          dump->file = UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
                          if (is_read(*call, dump->file ? 0 : -errno))
                              dump_memory(call, dump);
                      });
}

}  // namespace

const sd_bus_vtable kMemoryMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("SetBalloon", SD_BUS_ARGS("t", bytes), SD_BUS_NO_RESULT,
                            method_set_balloon, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("DumpMemory", SD_BUS_ARGS("h", file), SD_BUS_NO_RESULT,
                            method_dump_memory, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
