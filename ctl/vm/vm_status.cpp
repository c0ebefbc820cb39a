// SPDX-License-Identifier: MIT
#include "ctl/vm/vm_status.h"

#include <ctime>
#include <map>
#include <string_view>

#include "common/bus_call.h"
#include "ctl/vm/host_forwards.h"
#include "ctl/vm/qemu_process.h"

namespace qemunit::ctl {

namespace {

// Short, since a person waits for the list; a QEMU that hangs must not hold it up.
constexpr uint64_t kPatience = 3 * kSecond;

uint64_t now_usec(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

class Questions {
  public:
    explicit Questions(sd_bus *bus) : bus_(bus) {}

    // `property` of the VM's service, a number.
    Result<> ask_unit(const std::string &vm, const std::string &interface, const char *property,
                      std::function<void(uint64_t)> answered) {
        return ask_property(vm, interface, property,
                            [answered = std::move(answered)](sd_bus_message *reply) {
                                uint64_t value = 0;
                                if (sd_bus_message_read(reply, "v", "t", &value) > 0)
                                    answered(value);
                            });
    }

    Result<> ask_main_pid(const std::string &vm, std::function<void(uint32_t)> answered) {
        return ask_property(vm, "Service", "MainPID",
                            [answered = std::move(answered)](sd_bus_message *reply) {
                                uint32_t pid = 0;
                                if (sd_bus_message_read(reply, "v", "u", &pid) > 0)
                                    answered(pid);
                            });
    }

    // The same, a word.
    Result<> ask_unit_word(const std::string &vm, const std::string &interface,
                           const char *property, std::function<void(std::string)> answered) {
        return ask_property(vm, interface, property,
                            [answered = std::move(answered)](sd_bus_message *reply) {
                                const char *word = nullptr;
                                if (sd_bus_message_read(reply, "v", "s", &word) > 0)
                                    answered(word);
                            });
    }

    Result<> ask_forwards(const std::string &vm,
                          std::function<void(std::vector<Forward>)> answered) {
        auto message = new_vm_call(bus_, vm, kGetForwards);
        if (!message)
            return std::unexpected(message.error());
        // polkit shall not ask for a password for the sake of a column.
        sd_bus_message_set_allow_interactive_authorization(message->get(), false);
        return ask(message->get(), [answered = std::move(answered)](sd_bus_message *reply) {
            if (auto forwards = read_forwards(reply))
                answered(std::move(*forwards));
        });
    }

    // Until all are answered, or patience ends.
    Result<> wait() {
        const uint64_t deadline = now_usec(CLOCK_MONOTONIC) + kPatience;
        while (open_ > 0) {
            int r = sd_bus_process(bus_, nullptr);
            const uint64_t now = now_usec(CLOCK_MONOTONIC);
            if (r == 0 && now >= deadline)
                break;
            if (r == 0)
                r = sd_bus_wait(bus_, deadline - now);
            if (r < 0 && r != -EINTR)
                return fail_errno(r, "the connection to D-Bus is lost");
        }
        slots_.clear();
        return {};
    }

  private:
    Result<> ask_property(const std::string &vm, const std::string &interface, const char *property,
                          std::function<void(sd_bus_message *)> answered) {
        auto message = new_method_call(bus_, kSystemdName, unit_object_path(vm).c_str(),
                                       "org.freedesktop.DBus.Properties", "Get");
        if (!message)
            return std::unexpected(message.error());
        sd_bus_message_append(message->get(), "ss",
                              (std::string(kSystemdName) + "." + interface).c_str(), property);
        return ask(message->get(), std::move(answered));
    }

    Result<> ask(sd_bus_message *message, std::function<void(sd_bus_message *)> answered) {
        auto slot = call_async(bus_, message,
                               [this, answered = std::move(answered)](sd_bus_message *reply) {
                                   --open_;
                                   if (!sd_bus_message_is_method_error(reply, nullptr))
                                       answered(reply);
                               });
        if (!slot)
            return std::unexpected(slot.error());
        slots_.push_back(std::move(*slot));
        ++open_;
        return {};
    }

    sd_bus *bus_;
    std::vector<SlotPtr> slots_;
    std::size_t open_ = 0;
};

// A VM in such a state has no process, and systemd may not even have its unit in memory.
bool is_at_rest(std::string_view state) {
    return state == "off" || state == "hibernated" || state == "broken";
}

// No process crashed: systemd has given up, by a limit or for want of something.
bool is_no_crash(std::string_view result) {
    return result == "timeout" || result == "resources" || result == "start-limit-hit";
}

// "crashed" is said of a unit that has failed, and of a guest whose QEMU still is there.
Result<> ask_about_crash(Questions &questions, VmStatus &status, bool &has_failed) {
    auto asked = questions.ask_unit_word(
        status.vm.name, "Unit", "ActiveState",
        [&has_failed](const std::string &state) { has_failed = state == "failed"; });
    if (asked)
        asked = questions.ask_unit_word(
            status.vm.name, "Service", "Result",
            [&status](const std::string &result) { status.result = result; });
    return asked;
}

Result<> ask_about(Questions &questions, VmStatus &status) {
    const std::string &vm = status.vm.name;
    auto asked = questions.ask_unit(vm, "Unit", "ActiveEnterTimestamp", [&status](uint64_t since) {
        const uint64_t now = now_usec(CLOCK_REALTIME);
        if (since > 0 && status.vm.state != "starting")
            status.up_usec = now > since ? now - since : 0;
    });
    if (asked)
        asked = questions.ask_unit(vm, "Service", "MemoryCurrent", [&status](uint64_t bytes) {
            if (bytes != UINT64_MAX)  // the kernel does not count
                status.memory = bytes;
        });
    if (asked)
        asked = questions.ask_main_pid(vm, [&status](uint32_t pid) { status.pid = pid; });
    if (asked)
        asked = questions.ask_forwards(vm, [&status](std::vector<Forward> forwards) {
            status.forwards = std::move(forwards);
        });
    return asked;
}

}  // namespace

bool has_old_qemu(const VmStatus &status, const Invocation &invocation) {
    return invocation.bus != Invocation::Bus::remote && status.pid != 0 &&
           is_program_replaced(status.pid);
}

Result<std::vector<VmStatus>> query_status(sd_bus *bus, std::vector<ListedVm> vms) {
    std::vector<VmStatus> all;
    for (ListedVm &vm : vms)
        all.push_back({.vm = std::move(vm),
                       .up_usec = {},
                       .memory = {},
                       .forwards = {},
                       .result = {},
                       .pid = 0});
    Questions questions(bus);
    std::map<std::string, bool> has_failed;
    for (VmStatus &status : all) {
        if (is_at_rest(status.vm.state))
            continue;
        auto asked = ask_about(questions, status);
        if (asked && status.vm.state == "crashed")
            asked = ask_about_crash(questions, status, has_failed[status.vm.name]);
        if (!asked)
            return std::unexpected(asked.error());
    }
    if (auto answered = questions.wait(); !answered)
        return std::unexpected(answered.error());
    for (VmStatus &status : all) {
        const auto failed = has_failed.find(status.vm.name);
        if (failed == has_failed.end() || !failed->second) {
            status.result.clear();
            continue;
        }
        status.up_usec.reset();  // systemd's timestamp is that of a start which is over
        if (is_no_crash(status.result))
            status.vm.state = "failed";
    }
    return all;
}

}  // namespace qemunit::ctl
