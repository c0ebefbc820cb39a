// SPDX-License-Identifier: MIT
//
// [Network NAME]: -netdev with -device, -nic, -net, and the card that QEMU has by itself.
#include <fmt/format.h>

#include <algorithm>

#include "common/host_forward.h"
#include "ctl/import/conversion.h"

namespace qemunit::ctl {

namespace {

constexpr std::string_view kKeyTypes[] = {"user", "tap", "bridge", "passt"};

class NetworkConversion {
  public:
    explicit NetworkConversion(Conversion &c) : c_(c), vm_(c.vm) {}

    void convert() {
        if (c_.machine.is_board)
            return convert_board();
        for (Conversion::Device &device : c_.devices)
            if (!device.is_done && device.properties.has("netdev"))
                convert_device(device);
        for (Properties &card : c_.cards)
            convert_card(card);
        convert_legacy();
        if (c_.has_default_network && !c_.machine.card.empty()) {
            const std::string section = open("net0");
            set_model(section, c_.machine.card);
            say_loopback();
        }
        for (const Conversion::Backend &backend : c_.netdevs)
            if (!backend.is_used)
                keep_backend(backend);
    }

  private:
    std::string open(const std::string &wanted) {
        const std::string section = "Network " + vm_.device_name(wanted, "net");
        vm_.open_section(section);
        return section;
    }

    static std::string name_in(const std::string &section) {
        return section.substr(section.find(' ') + 1);
    }

    void set_model(const std::string &section, std::string model) {
        if (model == "virtio" || model == "virtio-net")
            model = "virtio-net-pci";
        if (!c_.machine.is_microvm ? model != "virtio-net-pci" : model != "virtio-net-device")
            vm_.set(section, "Model", model);
    }

    Conversion::Backend *backend_of(const std::string &id) {
        const auto found = std::ranges::find(c_.netdevs, id, &Conversion::Backend::id);
        return found == c_.netdevs.end() ? nullptr : &*found;
    }

    void convert_device(Conversion::Device &device) {
        Properties properties = device.properties;
        const std::string id = properties.take("netdev");
        Conversion::Backend *backend = backend_of(id);
        if (device.driver().starts_with("usb-"))
            return;  // its controller comes behind what the sections say
        if (backend && std::ranges::find(kKeyTypes, backend->type) == std::end(kKeyTypes))
            return;  // both stay as they are
        const std::string section = open(id);
        set_model(section, properties.take("driver"));
        properties.take("id");
        set_device(section, properties);
        device.is_done = true;
        if (!backend)
            return vm_.set(section, "Type", "none");
        backend->is_used = true;
        set_backend(section, backend->type, backend->properties);
    }

    // What is said of the card.
    void set_device(const std::string &section, Properties &properties) {
        say_moved(vm_, section, properties);
        for (const std::string_view name :
             {"bus", "addr", "multifunction", "netdev", "name", "acpi-index"})
            properties.take(name);
        if (const std::string mac = properties.take("mac"); !mac.empty())
            vm_.set(section, "MAC", mac);
        if (const std::string mac = properties.take("macaddr"); !mac.empty())
            vm_.set(section, "MAC", mac);
        if (const std::string index = properties.take("bootindex"); !index.empty())
            vm_.set(section, "BootIndex", index);
        c_.set_rest("device", name_in(section), properties);
    }

    void set_backend(const std::string &section, const std::string &type, Properties properties) {
        if (type == "user" || type == "passt")
            set_user(section, type, properties);
        else
            set_tap(section, type, properties);
        for (const auto &[key, value] : properties.all())
            vm_.lost(fmt::format("{}={} of the network {}: no key says it", key, value,
                                 name_in(section)));
    }

    void set_user(const std::string &section, const std::string &type, Properties &properties) {
        if (type == "passt")
            vm_.set(section, "Type", "passt");
        for (const std::string_view name : {"hostfwd", "hostfwd.0", "hostfwd.0.str"})
            for (std::string rule : properties.take_all(name))
                add_forward(section, std::move(rule));
        for (unsigned i = 0; i < 64; ++i)  // of JSON
            for (const std::string_view form : {"hostfwd.{}", "hostfwd.{}.str"})
                for (std::string rule : properties.take_all(fmt::format(fmt::runtime(form), i)))
                    add_forward(section, std::move(rule));
        if (properties.take_bool("restrict") || properties.take_bool("restricted"))
            vm_.set(section, "Restrict", "yes");
        else if (type == "user")
            say_loopback();
        properties.take("vlan");
        if (properties.get("ipv4") == "on")
            properties.take("ipv4");
        if (properties.get("net") == "10.0.2.0/24")
            properties.take("net");
        if (properties.get("dhcpstart") == "10.0.2.15")
            properties.take("dhcpstart");
        if (properties.get("host") == "10.0.2.2")
            properties.take("host");
        if (properties.get("dns") == "10.0.2.3")
            properties.take("dns");
    }

    void say_loopback() {
        vm_.changed(
            "10.0.2.2 leads the guest no longer to this host's 127.0.0.1; HostLoopback=yes "
            "in [Network NAME] lets it");
    }

    void add_forward(const std::string &section, std::string rule) {
        if (rule.starts_with(':'))
            rule.insert(0, "tcp");
        const auto forward = parse_host_forward(rule);
        if (forward)
            vm_.add(section, "HostForward", rule);
        else
            vm_.lost(fmt::format("hostfwd={}: {}", rule, forward.error()));
    }

    void set_tap(const std::string &section, const std::string &type, Properties &properties) {
        const std::string interface = properties.take("ifname"), helper = properties.take("helper");
        std::string bridge = properties.take("br");
        if (const std::size_t at = helper.find("--br="); at != helper.npos)
            bridge = helper.substr(at + 5, helper.find_first_of(" ,", at) - at - 5);
        if (bridge.empty() && (type == "bridge" || !helper.empty()))
            bridge = "br0";
        vm_.set(section, "Type", bridge.empty() ? "tap" : "bridge");
        vm_.set(section, "Bridge", bridge);
        if (!interface.empty())
            vm_.set(section, "Interface", interface);
        else if (properties.has("fd") || properties.has("fds"))
            vm_.lost(
                fmt::format("the interface of the network {}: it was open before QEMU started; "
                            "name it with Interface=, or its bridge with Type=bridge and "
                            "Bridge=",
                            name_in(section)));
        for (const std::string_view name : {"fd", "fds", "vhostfd", "vhostfds"})
            properties.take(name);
        for (const std::string_view script : {"script", "downscript"}) {
            const bool is_given = properties.has(script);
            const std::string path = properties.take(script);
            if (!is_given && script == "script" && type == "tap" && helper.empty() &&
                !interface.empty())
                vm_.changed("/etc/qemu-ifup is not run");
            else if (is_given && path != "no" && !path.empty())
                vm_.lost(fmt::format(
                    "{}={}: no program runs for a card; Type=bridge joins a bridge", script, path));
        }
        if (properties.get("vhost") == "off")
            properties.take("vhost");
        if (properties.has("vhost")) {
            properties.take("vhost");
            vm_.changed(fmt::format("vhost=on of the network {}: QEMU itself moves the packets",
                                    name_in(section)));
        }
    }

    void convert_card(Properties &card) {
        const std::string type = card.take("type"), id = card.take("id");
        if (std::ranges::find(kKeyTypes, type) == std::end(kKeyTypes)) {
            Properties whole = card;
            whole.set("type", type);
            vm_.need_network();
            return vm_.argument({"-nic", whole.text("type")});
        }
        const std::string section = open(id.empty() ? fmt::format("net{}", count_++) : id);
        const std::string model = card.take("model");
        set_model(section, model.empty() ? c_.machine.card : model);
        Properties device;
        for (const std::string_view name : {"mac", "macaddr", "addr", "name", "vectors"})
            if (card.has(name))
                device.add(std::string(name), card.take(name));
        set_device(section, device);
        set_backend(section, type, card);
    }

    // -net: all cards and back ends were on one hub.
    void convert_legacy() {
        for (std::size_t i = 0; i < c_.legacy_nics.size(); ++i) {
            Properties &nic = c_.legacy_nics[i];
            if (Conversion::Backend *backend = backend_of(nic.get("netdev"))) {
                Properties card = nic;
                card.take("netdev");
                const std::string section = open(backend->id);
                const std::string model = card.take("model");
                set_model(section, model.empty() ? c_.machine.card : model);
                set_device(section, card);
                backend->is_used = true;
                set_backend(section, backend->type, backend->properties);
                continue;
            }
            const std::string section = open(fmt::format("net{}", count_++));
            const std::string model = nic.take("model");
            nic.take("vlan");
            nic.take("netdev");
            set_model(section, model.empty() ? c_.machine.card : model);
            set_device(section, nic);
            if (c_.legacy_backends.empty()) {
                vm_.set(section, "Type", "none");
                continue;
            }
            Conversion::Backend &backend =
                c_.legacy_backends[std::min(i, c_.legacy_backends.size() - 1)];
            Properties properties = backend.properties;
            properties.take("vlan");
            properties.take("name");
            if (backend.is_used) {
                vm_.changed("several cards were on one cable; each has one of its own");
                properties.take("hostfwd");
            }
            backend.is_used = true;
            if (std::ranges::find(kKeyTypes, backend.type) == std::end(kKeyTypes)) {
                vm_.lost(
                    fmt::format("-net {},{}: no key says it", backend.type, properties.text()));
                vm_.set(section, "Type", "none");
                continue;
            }
            set_backend(section, backend.type, properties);
        }
        for (const Conversion::Backend &backend : c_.legacy_backends)
            if (!backend.is_used)
                vm_.changed(fmt::format("-net {}: no card is on it", backend.type));
    }

    void keep_backend(const Conversion::Backend &backend) {
        Properties whole;
        whole.add("type", backend.type);
        whole.add("id", backend.id);
        for (const auto &[key, value] : backend.properties.all())
            whole.add(key, value);
        const bool is_key = std::ranges::find(kKeyTypes, backend.type) != std::end(kKeyTypes);
        if (is_key && !is_wanted(backend.id))
            return vm_.changed(fmt::format("-netdev {}: no card is on it", whole.text("type")));
        if (backend.type != "hubport" && backend.properties.get("addr.type") != "unix")
            vm_.need_network();
        if (const std::string path = backend.properties.get("addr.path"); !path.empty())
            vm_.open_path(c_.path(path), true);
        vm_.argument({"-netdev", whole.text("type")});
    }

    // By a device that stays as it is.
    bool is_wanted(const std::string &id) const {
        return std::ranges::any_of(c_.devices, [&](const Conversion::Device &device) {
            return !device.is_done && device.properties.get("netdev") == id;
        });
    }

    // The card is on the board: only -nic reaches it.
    void convert_board() {
        std::vector<std::string> cards;
        for (const Properties &card : c_.cards)
            cards.push_back(card.text("type"));
        for (std::size_t i = 0; i < c_.legacy_nics.size(); ++i) {
            Properties nic = c_.legacy_nics[i], whole;
            whole.add("type",
                      c_.legacy_backends.empty()
                          ? "user"
                          : c_.legacy_backends[std::min(i, c_.legacy_backends.size() - 1)].type);
            if (!c_.legacy_backends.empty())
                for (const auto &[key, value] :
                     c_.legacy_backends[std::min(i, c_.legacy_backends.size() - 1)]
                         .properties.all())
                    if (key != "vlan" && key != "name")
                        whole.add(key, value);
            if (nic.has("model"))
                whole.add("model", nic.get("model"));
            if (nic.has("macaddr"))
                whole.add("mac", nic.get("macaddr"));
            if (const Conversion::Backend *backend = backend_of(nic.get("netdev"));
                backend && !nic.get("netdev").empty()) {
                vm_.argument({"-net", "nic," + nic.text()});
                continue;
            }
            cards.push_back(whole.text("type"));
        }
        for (const Conversion::Backend &backend : c_.netdevs)
            keep_backend_as_is(backend);
        if (c_.has_default_network && !c_.machine.card.empty() &&
            !c_.machine.cpu.starts_with("cortex-m"))
            cards.emplace_back("user");
        for (const std::string &card : cards) {
            vm_.argument({"-nic", card});
            vm_.need_network();
        }
        if (!cards.empty() || !c_.netdevs.empty())
            vm_.changed(
                "the card of this machine has no key; it is in Arguments=, and [Service] "
                "opens the network of this host for QEMU");
    }

    void keep_backend_as_is(const Conversion::Backend &backend) {
        Properties whole;
        whole.add("type", backend.type);
        whole.add("id", backend.id);
        for (const auto &[key, value] : backend.properties.all())
            whole.add(key, value);
        vm_.argument({"-netdev", whole.text("type")});
        vm_.need_network();
    }

    Conversion &c_;
    ImportedVm &vm_;
    unsigned count_ = 0;
};

}  // namespace

void convert_networks(Conversion &conversion) {
    NetworkConversion(conversion).convert();
}

}  // namespace qemunit::ctl
