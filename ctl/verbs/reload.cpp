// SPDX-License-Identifier: MIT
#include "ctl/verbs/reload.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <set>

#include "common/files/disk_image.h"
#include "common/paths.h"
#include "common/qmp/qmp_client.h"
#include "common/usernet/options.h"
#include "common/vm_name.h"
#include "ctl/verbs/command_line.h"
#include "ctl/verbs/drive_attachment.h"
#include "ctl/verbs/media.h"
#include "ctl/verbs/reload_lock.h"
#include "ctl/verbs/reload_plan.h"
#include "ctl/verbs/user_network_words.h"
#include "ctl/vm/host_forwards.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

std::vector<std::string> command_line_of(uint32_t pid) {
    std::ifstream file(fmt::format("/proc/{}/cmdline", pid));
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');)
        words.push_back(word);
    return words;
}

// QEMU's command line begins as the generator writes it, "-name guest=vm1,debug-threads=on"; that
// of no other process of the unit does.
bool is_qemu_of(const std::string &vm, const std::vector<std::string> &words) {
    const auto name = std::ranges::find(words, "-name");
    return name != words.end() && name + 1 != words.end() &&
           (name + 1)->starts_with(fmt::format("guest={},", vm));
}

// Why the unit of the VM runs no QEMU: the errors of its ini file, with their lines, on standard
// error, by the program that the unit would run.
void explain(const std::string &vm, const Paths &paths) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const std::string program(kGeneratorPath);
        if (paths.is_of_user())
            execl(program.c_str(), program.c_str(), "--user", "--explain", vm.c_str(), nullptr);
        else
            execl(program.c_str(), program.c_str(), "--explain", vm.c_str(), nullptr);
        std::perror(program.c_str());
        _exit(EXIT_FAILURE);
    }
    while (child > 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

// As keys of the ini.
std::string limits_text(const ReloadPlan::Limits &limits) {
    constexpr std::pair<const char *, const char *> kKeys[] = {
        {"bps", "BandwidthMax"}, {"bps_rd", "ReadBandwidthMax"}, {"bps_wr", "WriteBandwidthMax"},
        {"iops", "IOPSMax"},     {"iops_rd", "ReadIOPSMax"},     {"iops_wr", "WriteIOPSMax"}};
    std::string text;
    for (const auto &[name, key] : kKeys)
        if (const auto limit = limits.arguments.value(name, uint64_t{0}); limit != 0)
            text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, limit);
    return text.empty() ? "no limits" : text;
}

class Reload {
  public:
    Reload(sd_bus *bus, const Invocation &invocation)
        : bus_(bus), invocation_(invocation), vm_(invocation.arguments.front()) {}

    Result<int> run() {
        const auto lock = invocation_.bus == Invocation::Bus::remote
                              ? Result<UniqueFd>(UniqueFd())
                              : lock_reload(paths_of(invocation_), vm_);
        if (!lock)
            return std::unexpected(lock.error());
        const auto planned = plan();
        if (!planned)
            return std::unexpected(planned.error());
        apply(*planned);
        return all_worked_ ? 0 : 1;
    }

    Result<ReloadPlan> plan() {
        const auto configured = exec_start_of(bus_, service_unit(vm_));
        if (!configured)
            return std::unexpected(configured.error());
        const auto running = find_qemu();
        if (!running)
            return std::unexpected(running.error());
        const std::vector<std::string> command = command_by_hand(*configured);
        if (command.empty()) {
            if (invocation_.bus != Invocation::Bus::remote)
                explain(vm_, paths_of(invocation_));
            return fail(ENOENT, fmt::format("its ini file gives no VM any more, so that there is "
                                            "nothing to change; it runs on as it was started; see: "
                                            "qemunitctl check {}",
                                            vm_));
        }
        const auto state = ask_state();
        if (!state)
            return std::unexpected(state.error());
        const auto started = [this](const std::string &card) {
            return running_usernet(usernet_unit(vm_, card));
        };
        const auto wanted = [this](const std::string &card) {
            return exec_start_of(bus_, usernet_unit(vm_, card)).value_or(Words());
        };
        return plan_reload(with_user_networks(*running, started),
                           with_user_networks(command, wanted), helpers_words(*configured), *state);
    }

  private:
    // Looks among all processes of the unit: while the guest ends with an exit status, the unit's
    // main process is not QEMU but the supervisor (helper/companion/companion.cpp).
    Result<std::vector<std::string>> find_qemu() {
        sd_bus_message *call_of_systemd = nullptr;
        int r = sd_bus_message_new_method_call(bus_, &call_of_systemd, kSystemdName,
                                               unit_object_path(vm_).c_str(),
                                               "org.freedesktop.systemd1.Service", "GetProcesses");
        const MessagePtr owned = own_message(call_of_systemd);
        if (r < 0)
            return fail_errno(r, "cannot make a D-Bus message");
        auto reply = call(bus_, call_of_systemd, vm_);
        if (!reply)
            return std::unexpected(reply.error());
        sd_bus_message *processes = reply->get();
        bool has_processes = false;
        r = sd_bus_message_enter_container(processes, 'a', "(sus)");
        for (uint32_t pid = 0;
             r >= 0 && (r = sd_bus_message_read(processes, "(sus)", nullptr, &pid, nullptr)) > 0;) {
            has_processes = true;
            if (auto words = command_line_of(pid); is_qemu_of(vm_, words))
                return words;
        }
        if (r < 0)
            return fail_errno(r, "cannot read the processes of its unit");
        if (!has_processes)
            return fail(ESRCH, "is not running; start it with: systemctl start qemu@" + vm_);
        return fail(ESRCH, fmt::format("its unit has no process that is its QEMU; see: systemctl "
                                       "status qemu@{}",
                                       vm_));
    }

    // As the process was started; its unit may have another command by now.
    Words running_usernet(const std::string &unit) {
        auto pid = service_property(bus_, unit, "MainPID", "u");
        uint32_t number = 0;
        if (!pid || sd_bus_message_read(pid->get(), "u", &number) < 0 || number == 0)
            return {};
        return command_line_of(number);
    }

    // QEMU's answer; null if it does not know the command.
    Result<json> ask_qmp(const char *command, const char *arguments = "") {
        const auto reply = ask_vm(bus_, vm_, "Execute", {command, arguments});
        if (!reply)
            return std::unexpected(reply.error());
        return parse_json(*reply);
    }

    Result<QemuState> ask_state() {
        const auto forwards = host_forwards(bus_, vm_);
        if (!forwards)
            return std::unexpected(forwards.error());
        // Without an answer, a drive that came by a reload would look as if it were not there.
        auto fd_sets = ask_qmp("query-fdsets"), block = ask_qmp("query-block");
        for (const auto *answer : {&fd_sets, &block})
            if (!*answer)
                return std::unexpected(answer->error());
        auto nodes = ask_qmp("query-named-block-nodes", R"({"flat": true})");
        if (!nodes)
            return std::unexpected(nodes.error());
        // An error: there is none.
        return QemuState{*forwards,
                         std::move(*fd_sets),
                         std::move(*block),
                         ask_qmp("query-balloon").value_or(json()),
                         std::move(*nodes),
                         ask_qmp("query-memory-size-summary").value_or(json()),
                         ask_qmp("query-hotpluggable-cpus").value_or(json())};
    }

    void apply(const ReloadPlan &plan) {
        // Removed first: such a forward may hold the port that a new one wants.
        for (const Forward &forward : plan.removed)
            change_forward("RemoveHostForward", forward, "removed");
        for (const Forward &forward : plan.added)
            change_forward("AddHostForward", forward, "added");
        for (const ReloadPlan::Medium &medium : plan.media)
            report(change_medium(bus_, invocation_, vm_, medium.drive, medium.file),
                   medium.file.empty() ? fmt::format("drive {}: ejected", medium.drive)
                                       : fmt::format("drive {}: {}", medium.drive, medium.file));
        for (const std::string &card : plan.plugged)
            if (const auto done = set_link(card, true); !done)
                report(done, fmt::format("network {}: cable in", card));
        for (const std::string &card : plan.unplugged)
            report(set_link(card, false), fmt::format("network {}: cable out", card));
        if (plan.memory)
            report(call_with("SetMemory", "t", *plan.memory),
                   fmt::format("memory of the guest: {} MiB", *plan.memory >> 20));
        // Before what may take long: systemd ends a reload that takes more than a minute.
        for (const ReloadPlan::Size &size : plan.sizes)
            report(resize(size),
                   fmt::format("drive {}: {}", size.drive, disk_size_text(size.bytes)));
        std::set<std::string> coming;
        for (const HotDrive &drive : plan.attached)
            coming.insert(drive.name);
        for (const ReloadPlan::Limits &limits : plan.limits)
            if (!coming.contains(limits.drive))
                set_limits(limits);
        // What a guest does not let go of takes the time of a call.
        if (plan.processors)
            report(call_with("SetCPUs", "u", static_cast<uint32_t>(*plan.processors)),
                   fmt::format("processors: {}", *plan.processors));
        const auto detached = detach_drives(bus_, vm_, plan.detached);
        for (std::size_t i = 0; i < detached.size(); ++i)
            report(detached[i], fmt::format("drive {}: detached", plan.detached[i]));
        for (const HotDrive &drive : plan.attached)
            attach(plan, drive);
        for (const std::string &what : plan.kept)
            fmt::print("Stays as it is: {}\n", what);
        for (const std::string &change : plan.later)
            fmt::print("Not before the VM is started anew: {}\n", change);
        if (plan.empty())
            fmt::print("Nothing to change.\n");
    }

    void set_limits(const ReloadPlan::Limits &limits) {
        report(ask_vm(bus_, vm_, "Execute", {"block_set_io_throttle", limits.arguments.dump()}),
               fmt::format("drive {}: {}", limits.drive, limits_text(limits)));
    }

    // With its limits before the guest has found it, and as large as it is to be.
    void attach(const ReloadPlan &plan, const HotDrive &drive) {
        const auto attached = attach_drive(bus_, invocation_, vm_, drive);
        report(attached, fmt::format("drive {}: {} attached", drive.name, drive.path));
        if (!attached)
            return;
        for (const ReloadPlan::Limits &limits : plan.limits)
            if (limits.drive == drive.name)
                set_limits(limits);
        if (!drive.size || drive.read_only)
            return;
        const auto blocks = ask_qmp("query-block");
        const auto size = blocks ? size_of_attached(*blocks, drive.name) : std::nullopt;
        if (size && *size < *drive.size)
            report(resize({drive.name, *drive.size}),
                   fmt::format("drive {}: {}", drive.name, disk_size_text(*drive.size)));
        else if (size && *size > *drive.size)
            fmt::print(
                "Stays as it is: drive {} has {}, while its Size= is {}: a drive only "
                "grows\n",
                drive.name, disk_size_text(*size), disk_size_text(*drive.size));
    }

    Result<std::string> set_link(const std::string &card, bool up) {
        return ask_vm(bus_, vm_, "Execute", {"set_link", json{{"name", card}, {"up", up}}.dump()});
    }

    Result<> resize(const ReloadPlan::Size &size) {
        return call_with("ResizeDrive", "st", size.drive.c_str(), size.bytes);
    }

    template <typename... Values>
    Result<> call_with(const char *method, const char *types, Values... values) {
        auto message = new_vm_call(bus_, vm_, method);
        if (!message)
            return std::unexpected(message.error());
        if (const int r = sd_bus_message_append(message->get(), types, values...); r < 0)
            return fail_errno(r, "cannot make a D-Bus message");
        const auto done = call(bus_, message->get(), vm_);
        return done ? Result<>() : std::unexpected(done.error());
    }

    void change_forward(const char *member, const Forward &forward, const char *done) {
        report(call_vm(bus_, vm_, member, {forward.network + " " + forward.rule}),
               fmt::format("forward {} of network {}: {}", forward.rule, forward.network, done));
    }

    template <typename T>
    void report(const Result<T> &result, const std::string &what) {
        if (result)
            fmt::print("{}\n", what);
        else
            fmt::print(stderr, "qemunitctl: {}: {}: {}\n", vm_, what, result.error().message);
        all_worked_ = all_worked_ && result.has_value();
    }

    sd_bus *bus_;
    const Invocation &invocation_;
    const std::string &vm_;
    bool all_worked_ = true;
};

}  // namespace

Result<ReloadPlan> reload_plan_of(sd_bus *bus, const Invocation &invocation) {
    return Reload(bus, invocation).plan();
}

Result<int> run_reload(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    return Reload(bus->get(), invocation).run();
}

}  // namespace qemunit::ctl
