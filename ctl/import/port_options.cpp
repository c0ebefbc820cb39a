// SPDX-License-Identifier: MIT
//
// [Serial NAME], [Channel NAME] and GuestAgent=: -serial, and the devices of virtio-serial.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/vm_name.h"
#include "ctl/import/conversion.h"

namespace qemunit::ctl {

namespace {

// What somebody saw, or typed into, on the other side of a character device.
std::string backend_text(const Properties &chardev) {
    Properties rest = chardev;
    const std::string backend = rest.take("backend");
    rest.take("id");
    const std::string place = rest.has("path")   ? rest.get("path")
                              : rest.has("port") ? rest.get("host") + ":" + rest.get("port")
                                                 : "";
    return place.empty() ? backend : backend + " " + place;
}

// "stdio" and the like are where the console of a VM is looked for; a file and a socket are not.
bool is_place(std::string_view backend) {
    for (const std::string_view kind :
         {"file", "unix", "tcp", "udp", "telnet", "pipe", "websocket", "/dev/", "socket"})
        if (backend.starts_with(kind))
            return true;
    return false;
}

class PortConversion {
  public:
    explicit PortConversion(Conversion &c) : c_(c), vm_(c.vm) {}

    void convert() {
        convert_serials();
        for (Conversion::Device &device : c_.devices) {
            const std::string driver = device.driver();
            if (driver == "isa-serial")
                convert_isa(device);
            else if (driver == "virtconsole")
                convert_console(device);
            else if (driver == "virtserialport")
                convert_channel(device);
        }
        // The controller comes with the ports.
        bool is_first_done = false;
        const bool is_needed = std::ranges::any_of(c_.devices, [](const auto &device) {
            return !device.is_done &&
                   (device.driver() == "virtserialport" || device.driver() == "virtconsole");
        });
        for (Conversion::Device &device : c_.devices)
            if (is_virtio(device.driver(), "serial") && !is_needed && has_ports_) {
                Properties rest = device.properties;
                drop_places(rest);
                if (device.driver() ==
                    (c_.machine.is_microvm ? "virtio-serial-pci" : "virtio-serial-device"))
                    rest.add("driver", device.driver());
                if (!is_first_done)
                    c_.set_rest("device", "qemunit-virtio-serial", rest);
                is_first_done = device.is_done = true;
            }
        if (has_no_isa_ && !has_first_)
            vm_.changed("the first serial port, which every VM has");
    }

  private:
    void convert_serials() {
        std::erase_if(c_.given, [&](const QemuCommand::Given &given) {
            if (given.option != "parallel")
                return false;
            if (given.value != "none" && given.value != "null")
                vm_.lost("-parallel " + given.value + ": no key says it");
            return true;
        });
        unsigned count = 0;
        for (const std::string &value : c_.serials) {
            if (value == "none")
                continue;
            say_place("-serial " + value, value,
                      count == 0 ? "serial" : fmt::format("serial{}", count));
            if (count++ > 0)
                vm_.set("Serial " + vm_.device_name(fmt::format("serial{}", count - 1), "port"),
                        "Type", "isa");
        }
        const bool is_off = std::ranges::any_of(c_.given, [](const QemuCommand::Given &given) {
            return given.option == "machine" &&
                   Properties::parse(given.value).get("isa-serial") == "off";
        });
        has_no_isa_ = is_off || (count == 0 && (c_.has_nodefaults || !c_.serials.empty()));
        has_first_ = !has_no_isa_;
    }

    void say_place(const std::string &option, std::string value, const std::string &port) {
        if (value.starts_with("chardev:")) {
            const auto found = c_.chardevs.find(value.substr(8));
            if (found == c_.chardevs.end())
                return;
            used_.insert(found->first);
            value = backend_text(found->second);
        }
        if (value.starts_with("mon:"))
            value.erase(0, 4);
        if (is_place(value))
            vm_.changed(fmt::format("{} -> {}.sock and the journal", option, port));
    }

    void convert_isa(Conversion::Device &device) {
        std::string name = "serial";
        if (has_first_) {
            name = vm_.device_name(device.id(), "port");
            vm_.set("Serial " + name, "Type", "isa");
        }
        has_first_ = true;
        say_place("-device isa-serial", "chardev:" + device.properties.get("chardev"), name);
        device.is_done = true;
    }

    void convert_console(Conversion::Device &device) {
        std::string name = "serial";
        if (has_first_)
            name = vm_.device_name(device.id(), "console");
        has_first_ = true;
        vm_.set("Serial " + name, "Type", "virtio");
        say_place("-device virtconsole", "chardev:" + device.properties.get("chardev"), name);
        device.is_done = has_ports_ = true;
    }

    void convert_channel(Conversion::Device &device) {
        const std::string name = device.properties.get("name"),
                          chardev = device.properties.get("chardev");
        const auto found = c_.chardevs.find(chardev);
        const std::string place = found == c_.chardevs.end() ? "" : backend_text(found->second);
        device.is_done = has_ports_ = true;
        used_.insert(chardev);
        if (name == "org.qemu.guest_agent.0") {
            vm_.set("VM", "GuestAgent", "yes");
            if (is_place(place))
                vm_.changed(fmt::format("the guest agent's {} -> agent.sock", place));
        } else if (name == "com.redhat.spice.0" && is_shown_by_spice(c_)) {
            c_.has_spice_agent = true;
        } else if (name.starts_with("com.redhat.spice") || name.starts_with("org.spice-space")) {
            vm_.lost(fmt::format("the channel {} of SPICE", name));
        } else if (is_device_name(name)) {
            vm_.open_section("Channel " + vm_.device_name(name, "channel"));
            if (is_place(place))
                vm_.changed(fmt::format("the channel {}: {} -> {}.sock", name, place, name));
        } else {
            vm_.lost(fmt::format("the channel {}: [Channel NAME] can have no such name",
                                 name.empty() ? device.id() : name));
        }
    }

    Conversion &c_;
    ImportedVm &vm_;
    std::set<std::string> used_;
    bool has_no_isa_ = false, has_first_ = true, has_ports_ = false;
};

}  // namespace

void convert_ports(Conversion &conversion) {
    PortConversion(conversion).convert();
}

}  // namespace qemunit::ctl
