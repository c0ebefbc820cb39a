// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "generator/check/sections.h"
#include "generator/vm/defaults.h"
#include "generator/vm/mac_address.h"

namespace qemunit::generator {

namespace {

constexpr unsigned kFirstUnprivilegedPort = 1024;

class NetworkChecker {
  public:
    NetworkChecker(const Vm &vm, Findings &findings) : vm_(vm), findings_(findings) {}

    void check(const Network &network) {
        const std::string section = "Network " + network.name;
        const bool is_user = network.type == NetworkType::user;
        const bool is_passt = network.type == NetworkType::passt;
        const bool is_tap = network.type == NetworkType::tap || network.type == NetworkType::bridge;
        if (!is_user && !is_passt && !network.host_forwards.empty())
            findings_.error(section, "HostForward", "HostForward= needs Type=user or Type=passt.");
        if (!is_user && network.restricted)
            findings_.error(section, "Restrict", "Restrict= needs Type=user.");
        if (!is_user && network.host_loopback)
            findings_.error(section, "HostLoopback", "HostLoopback= needs Type=user.");
        if (is_user && network.restricted && network.host_loopback)
            findings_.error(section, "HostLoopback",
                            "HostLoopback=yes and Restrict=yes exclude each other: a restricted "
                            "guest reaches nothing.");
        if (!is_tap && network.interface)
            findings_.error(section, "Interface", "Interface= needs Type=tap or Type=bridge.");
        if (network.type == NetworkType::bridge && !network.bridge)
            findings_.error(section, "Type",
                            "Type=bridge needs Bridge=: which bridge of the host is it?");
        if (network.type != NetworkType::bridge && network.bridge)
            findings_.error(section, "Bridge", "Bridge= needs Type=bridge.");
        if (network.model && network.model->text == kOnboardModel && network.boot_index)
            findings_.error(section, "BootIndex",
                            "BootIndex= is not for Model=onboard; the board decides.");
        if (is_tap)
            interfaces_.take(tap_name(vm_, network), section, "Interface", "The interface",
                             findings_);
        if (is_user)
            check_socket_path(section, vm_.paths.usernet_socket(vm_.name, network.name), findings_);
        if (is_passt)
            check_socket_path(section, vm_.paths.passt_socket(vm_.name, network.name), findings_);
        if (vm_.networks.size() > 1)
            addresses_.take(mac_address(vm_, network), section, "MAC", "The address", findings_);
        for (const HostForward &forward : network.host_forwards) {
            const std::string assignment = "HostForward=" + forward.text;
            check_forward(section, forward);
            if (is_passt && !forward.guest_address.empty())
                findings_.error(section, assignment,
                                fmt::format("{}: with Type=passt, a forward has no guest address.",
                                            assignment));
        }
        for (const HostForward &forward : network.host_forwards)
            if (forward.host_port < kFirstUnprivilegedPort &&
                !(is_user && names_port_privilege(vm_)))
                findings_.warn(
                    section, "HostForward=" + forward.text,
                    fmt::format("HostForward={}: {} runs unprivileged and may not open port {} of "
                                "the host, unless net.ipv4.ip_unprivileged_port_start allows it.",
                                forward.text, is_passt ? "passt" : "the user network",
                                forward.host_port));
    }

  private:
    // An address that is empty or 0.0.0.0 stands for all addresses of the host.
    void check_forward(const std::string &section, const HostForward &forward) {
        for (const HostForward *other : forwards_)
            if (other->protocol == forward.protocol && other->host_port == forward.host_port &&
                (other->host_address == forward.host_address || other->is_for_all_addresses() ||
                 forward.is_for_all_addresses()))
                findings_.error(
                    section, "HostForward=" + forward.text,
                    fmt::format("HostForward={}: HostForward={} has that port of the host already.",
                                forward.text, other->text));
        forwards_.push_back(&forward);
    }

    const Vm &vm_;
    Findings &findings_;
    std::vector<const HostForward *> forwards_;
    Takers addresses_, interfaces_;
};

}  // namespace

void check_networks(const Vm &vm, Findings &findings) {
    NetworkChecker checker(vm, findings);
    for (const Network &network : vm.networks)
        checker.check(network);
}

}  // namespace qemunit::generator
