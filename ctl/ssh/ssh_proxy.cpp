// SPDX-License-Identifier: MIT
#include "ctl/ssh/ssh_proxy.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files/descriptor_message.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/ssh/guest_addresses.h"
#include "ctl/ssh/guest_connection.h"
#include "ctl/ssh/known_hosts.h"
#include "ctl/ssh/local_links.h"
#include "ctl/ssh/relay.h"
#include "ctl/ssh/ssh.h"
#include "ctl/ssh/ssh_facts.h"
#include "ctl/vm/timeout.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

constexpr unsigned kSshPort = 22;

// The ways to one guest. What may change while the guest boots is asked for again.
class Ways {
  public:
    Ways(sd_bus *bus, std::string vm, unsigned port) : bus_(bus), vm_(std::move(vm)), port_(port) {}

    Result<std::vector<Way>> now() {
        if (round_++ % kRoundsBetween != 0)
            return known_;
        if (auto runs = check_that_it_runs(bus_, vm_); !runs)
            return std::unexpected(runs.error());
        const auto facts = facts_of(bus_, vm_);
        if (!facts)
            return std::unexpected(facts.error());
        known_.clear();
        if (facts->cid)
            known_.push_back(vsock_way(*facts->cid, port_));
        for (const HostForward &forward : facts->forwards)
            if (forward.protocol == "tcp" && forward.guest_port == port_)
                add(forward.is_for_all_addresses() ? "127.0.0.1" : forward.host_address,
                    forward.host_port);
        elsewhere_.clear();
        for (const CardAddress &address : addresses_by_host(facts->cards))
            add_if_local(address);
        if (facts->has_agent)
            for (const CardAddress &address : by_agent(*facts))
                add_if_local(address);
        if (known_.empty())
            return fail(ENOENT,
                        fmt::format("there is no way into the guest: it has no VSockCID=, no "
                                    "HostForward= to port {}, and no card with Type=tap or "
                                    "Type=bridge; try: qemunitctl forward add {} "
                                    "tcp:127.0.0.1:10022-:{}",
                                    port_, vm_, port_));
        return known_;
    }

    // With what was not tried.
    Error explained(Error why) const {
        if (why.code == ETIMEDOUT)
            why.message += elsewhere_;
        return why;
    }

  private:
    static constexpr unsigned kRoundsBetween = 8;  // two seconds

    void add(const std::string &address, unsigned port) {
        if (auto way = tcp_way(address, port))
            known_.push_back(std::move(*way));
    }

    // Whoever is elsewhere is not this guest, or the guest lies.
    void add_if_local(const CardAddress &found) {
        if (is_on_link(found.interface, found.address))
            add(found.address, port_);
        else
            elsewhere_ += fmt::format("; not tried: {}, which is not on the network of {}",
                                      found.address, found.interface);
    }

    // The agent is a program of the guest, which may not run yet; and not everybody may ask it.
    std::vector<CardAddress> by_agent(const SshFacts &facts) {
        auto message = new_vm_call(bus_, vm_, "AgentExecute");
        if (!message)
            return {};
        sd_bus_message_set_allow_interactive_authorization(message->get(), false);
        sd_bus_message_append(message->get(), "ss", "guest-network-get-interfaces", "");
        const auto reply = call(bus_, message->get(), vm_, 2 * kSecond);
        const char *json = nullptr;
        if (!reply || sd_bus_message_read(reply->get(), "s", &json) < 0)
            return {};
        return addresses_by_agent(json, facts.cards);
    }

    sd_bus *bus_;
    const std::string vm_;
    const unsigned port_;
    unsigned round_ = 0;
    std::vector<Way> known_;
    std::string elsewhere_;
};

// As ProxyUseFdpass=yes of ssh_config(5) wants it: one byte, with the descriptor.
Result<> pass(int to, int fd) {
    if (send_with_descriptors(to, std::string_view("", 1), {&fd, 1}) < 0)
        return fail_errno(errno, "cannot give the connection to ssh");
    return {};
}

// ssh waits for a descriptor on a socket, and else has pipes, or a socket without this option,
// where it would not read what it gets as bytes.
bool wants_descriptor(const Invocation &invocation) {
    struct stat status {};
    return !invocation.has("--relay") && fstat(STDOUT_FILENO, &status) == 0 &&
           S_ISSOCK(status.st_mode);
}

}  // namespace

std::optional<SshTarget> parse_ssh_target(std::string_view text) {
    SshTarget target;
    for (const auto &[name, bus] : {std::pair("qemu", Invocation::Bus::system),
                                    std::pair("qemu-user", Invocation::Bus::user)}) {
        const std::string prefix = fmt::format("{}/", name), suffix = fmt::format(".{}", name);
        if (text.starts_with(prefix))
            target = {std::string(text.substr(prefix.size())), bus};
        else if (text.ends_with(suffix))
            target = {std::string(text.substr(0, text.size() - suffix.size())), bus};
    }
    if (!target.bus)
        target.vm = text;
    return is_vm_name(target.vm) ? std::optional(target) : std::nullopt;
}

Result<> check_that_it_runs(sd_bus *bus, const std::string &vm) {
    const auto state = vm_text(bus, vm, "State");
    if (!state)
        return std::unexpected(state.error());
    if (*state == "broken")
        return fail(ENOTCONN, "its ini file has errors; see: qemunitctl check " + vm);
    if (*state == "off" || *state == "hibernated" || *state == "crashed")
        return fail(ENOTCONN, fmt::format("{} {}; start it with: systemctl start qemu@{}",
                                          *state == "crashed" ? "has" : "is", *state, vm));
    if (*state == "paused")
        return fail(ENOTCONN, fmt::format("is paused; let it go on with: busctl call org.qemunit1 "
                                          "/org/qemunit1/vm/{} org.qemunit1.VM Resume",
                                          vm));
    return {};
}

Result<int> run_ssh_proxy(const Invocation &given) {
    const std::string &text = given.arguments.front();
    const auto target = parse_ssh_target(text);
    if (!target)
        return fail(EINVAL, fmt::format("'{}' is no name of a VM", text));
    Invocation invocation = given;
    if (target->bus)
        invocation.bus = *target->bus;
    const auto failed = [&](const Error &why) {
        return fail(why.code, target->vm + ": " + why.message);
    };
    const auto timeout = parse_timeout(invocation.value("--timeout", "60"));
    if (!timeout)
        return failed(timeout.error());
    const auto port = whole_number(invocation.value("--port", std::to_string(kSshPort)));
    if (!port || *port == 0 || *port > UINT16_MAX)
        return fail(EINVAL, "--port=" + invocation.value("--port") + ": not a port");
    auto bus = open_bus(invocation);
    if (!bus)
        return failed(bus.error());
    sd_bus_set_allow_interactive_authorization(bus->get(), false);
    Ways ways(bus->get(), target->vm, static_cast<unsigned>(*port));
    auto connection = connect_to_guest([&] { return ways.now(); }, *timeout * kSecond);
    if (!connection)
        return failed(ways.explained(connection.error()));
    if (target->bus) {
        // ssh reads the guest's known keys when it has the connection.
        const auto folder = known_hosts_folder();
        const auto facts = facts_of(bus->get(), target->vm);
        if (!folder || !facts)
            return failed(folder ? facts.error() : folder.error());
        const auto file = known_hosts_file(
            *folder, facts->uuid, invocation.bus == Invocation::Bus::user ? "user" : "system",
            target->vm);
        if (!file)
            return failed(file.error());
        if (auto linked = link_known_hosts(*folder, text, *file); !linked)
            return failed(linked.error());
    }
    const auto done = wants_descriptor(invocation)
                          ? pass(STDOUT_FILENO, connection->get())
                          : relay(connection->get(), STDIN_FILENO, STDOUT_FILENO);
    if (!done)
        return failed(done.error());
    return 0;
}

}  // namespace qemunit::ctl
