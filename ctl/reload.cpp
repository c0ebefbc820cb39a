// SPDX-License-Identifier: MIT
#include "ctl/reload.h"

#include <fmt/format.h>

#include <fstream>

#include "common/qmp_client.h"
#include "ctl/command_line.h"
#include "ctl/live_changes.h"
#include "ctl/media.h"
#include "ctl/vm_bus.h"

namespace qemunit {

namespace {

using nlohmann::json;

Result<std::vector<std::string>> command_line_of(uint32_t pid) {
    const std::string path = fmt::format("/proc/{}/cmdline", pid);
    std::ifstream file(path);
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');)
        words.push_back(word);
    if (words.empty())
        return fail(ESRCH, fmt::format("cannot read {}, the command line of its QEMU", path));
    return words;
}

class Reload {
  public:
    Reload(sd_bus *bus, const Invocation &invocation)
        : bus_(bus), invocation_(invocation), vm_(invocation.arguments.front()) {}

    Result<int> run() {
        const auto configured = exec_start_of(bus_, vm_);
        if (!configured)
            return std::unexpected(configured.error());
        const std::vector<std::string> command = command_by_hand(*configured);
        if (command.empty())
            return fail(ENOENT, "its unit runs no QEMU; see: systemctl cat qemu@" + vm_);
        auto pid = vm_property(bus_, vm_, "MainPID", "u");
        uint32_t number = 0;
        if (!pid)
            return std::unexpected(pid.error());
        if (sd_bus_message_read(pid->get(), "u", &number) < 0 || number == 0)
            return fail(ESRCH, "is not running; start it with: systemctl start qemu@" + vm_);
        const auto running = command_line_of(number);
        if (!running)
            return std::unexpected(running.error());
        const auto state = ask_state();
        if (!state)
            return std::unexpected(state.error());
        apply(find_live_changes(*running, command, unplugged_cards(*configured), *state));
        return all_worked_ ? 0 : 1;
    }

  private:
    // QEMU's answer; null if it does not know the command.
    json ask_qmp(const char *command) {
        const auto reply = ask_vm(bus_, vm_, "Execute", {command, ""});
        return reply ? parse_json(*reply) : json();
    }

    Result<LiveState> ask_state() {
        const auto usernet = ask_vm(bus_, vm_, "MonitorCommand", {kForwardsCommand});
        if (!usernet)
            return std::unexpected(usernet.error());
        return LiveState{parse_forwards(*usernet), ask_qmp("query-fdsets"), ask_qmp("query-block"),
                         ask_qmp("query-balloon")};
    }

    void apply(const LiveChanges &changes) {
        // What goes first may hold the port that another one wants.
        for (const Forward &forward : changes.removed)
            change_forward("RemoveHostForward", forward, "removed");
        for (const Forward &forward : changes.added)
            change_forward("AddHostForward", forward, "added");
        for (const LiveChanges::Medium &medium : changes.media)
            report(change_medium(bus_, invocation_, vm_, medium.drive, medium.file),
                   medium.file.empty() ? fmt::format("drive {}: ejected", medium.drive)
                                       : fmt::format("drive {}: {}", medium.drive, medium.file));
        for (const std::string &card : changes.plugged)
            if (const auto done = set_link(card, true); !done)
                report(done, fmt::format("network {}: cable in", card));
        for (const std::string &card : changes.unplugged)
            report(set_link(card, false), fmt::format("network {}: cable out", card));
        if (changes.balloon)
            report(ask_vm(bus_, vm_, "Execute",
                          {"balloon", fmt::format(R"({{"value": {}}})", *changes.balloon)}),
                   fmt::format("memory of the guest: {} MiB", *changes.balloon >> 20));
        for (const std::string &change : changes.later)
            fmt::print("Not before the VM is started anew: {}\n", change);
        if (changes.empty())
            fmt::print("Nothing to change.\n");
    }

    Result<std::string> set_link(const std::string &card, bool up) {
        return ask_vm(bus_, vm_, "Execute", {"set_link", json{{"name", card}, {"up", up}}.dump()});
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

Result<int> run_reload(const Invocation &invocation) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    return Reload(bus->get(), invocation).run();
}

}  // namespace qemunit
