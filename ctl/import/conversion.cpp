// SPDX-License-Identifier: MIT
#include "ctl/import/conversion.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "common/qemu_options/table.h"
#include "common/vm_name.h"

namespace qemunit::ctl {

namespace {

using Json = nlohmann::json;

constexpr unsigned kJsonDepthMax = 32;

std::string scalar_text(const Json &value) {
    if (value.is_string())
        return value.get<std::string>();
    if (value.is_boolean())
        return value.get<bool>() ? "on" : "off";
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// {"driver": "qcow2", "file": {"filename": "a"}} is driver=qcow2,file.filename=a.
void flatten(const Json &value, const std::string &prefix, unsigned depth, Properties &properties) {
    if (depth > kJsonDepthMax)
        return;
    const auto visit = [&](const std::string &name, const Json &inner) {
        const std::string full = prefix.empty() ? name : prefix + "." + name;
        if (inner.is_structured())
            flatten(inner, full, depth + 1, properties);
        else
            properties.add(full, scalar_text(inner));
    };
    if (value.is_object())
        for (const auto &[name, inner] : value.items())
            visit(name, inner);
    else
        for (std::size_t i = 0; i < value.size(); ++i)
            visit(fmt::to_string(i), value[i]);
}

void add_drive(Conversion &conversion, std::string option, std::string file, unsigned index,
               std::string interface, bool is_cdrom) {
    Properties properties;
    properties.add("file", std::move(file));
    properties.add("index", fmt::to_string(index));
    if (!interface.empty())
        properties.add("if", std::move(interface));
    if (is_cdrom)
        properties.add("media", "cdrom");
    conversion.drives.push_back({std::move(properties), is_cdrom, std::move(option), "", 0, ""});
}

bool take_drive(Conversion &c, const QemuCommand::Given &given) {
    const std::string &name = given.option;
    if (name.empty())
        add_drive(c, given.value, given.value, 0, "", false);
    else if (name.size() == 3 && name.starts_with("hd"))
        add_drive(c, "-" + name, given.value, static_cast<unsigned>(name[2] - 'a'), "", false);
    else if (name.size() == 3 && name.starts_with("fd"))
        add_drive(c, "-" + name, given.value, static_cast<unsigned>(name[2] - 'a'), "floppy",
                  false);
    else if (name == "cdrom")
        add_drive(c, "-cdrom", given.value, 2, "", true);
    else if (name == "pflash")
        add_drive(c, "-pflash", given.value, static_cast<unsigned>(c.drives.size()), "pflash",
                  false);
    else if (name == "drive")
        c.drives.push_back({Properties::parse(given.value), false, "-drive", "", 0, ""});
    else if (name == "blockdev") {
        Properties node = c.parse(given.value, "driver");
        const std::string id = node.get("node-name");
        c.node_order.push_back(id);
        c.nodes[id] = std::move(node);
    } else {
        return false;
    }
    return true;
}

bool take_network(Conversion &c, const QemuCommand::Given &given) {
    if (given.option == "netdev") {
        Properties properties = c.parse(given.value, "type");
        std::string type = properties.take("type"), id = properties.take("id");
        c.netdevs.push_back({std::move(type), std::move(id), std::move(properties)});
    } else if (given.option == "nic") {
        Properties properties = c.parse(given.value, "type");
        if (properties.get("type") != "none")
            c.cards.push_back(std::move(properties));
    } else if (given.option == "net") {
        Properties properties = Properties::parse(given.value, "type");
        std::string type = properties.take("type");
        if (type == "nic")
            c.legacy_nics.push_back(std::move(properties));
        else if (type != "none")
            c.legacy_backends.push_back(
                {std::move(type), "", std::move(properties), false, "-net"});
    } else {
        return false;
    }
    c.has_default_network = false;
    return true;
}

bool take_back_end(Conversion &c, const QemuCommand::Given &given) {
    if (given.option == "chardev") {
        Properties properties = c.parse(given.value, "backend");
        c.chardev_order.push_back(properties.get("id"));
        c.chardevs[properties.get("id")] = std::move(properties);
    } else if (given.option == "object") {
        Properties properties = c.parse(given.value, "qom-type");
        c.object_order.push_back(properties.get("id"));
        c.objects[properties.get("id")] = std::move(properties);
    } else if (given.option == "fsdev") {
        Properties properties = Properties::parse(given.value, "fsdriver");
        c.fsdevs[properties.get("id")] = std::move(properties);
    } else if (given.option == "tpmdev") {
        Properties properties = Properties::parse(given.value, "type");
        c.tpmdevs[properties.get("id")] = std::move(properties);
    } else if (given.option == "device") {
        c.devices.push_back({c.parse(given.value, "driver"), false});
    } else if (given.option == "balloon") {
        Properties properties = Properties::parse(given.value, "type");
        if (properties.take("type") != "virtio")
            return true;
        properties.add("driver", "virtio-balloon-pci");
        c.devices.push_back({std::move(properties), false});
    } else if (given.option == "watchdog") {
        Properties properties;
        properties.add("driver", given.value);
        c.devices.push_back({std::move(properties), false});
    } else if (given.option == "usbdevice") {
        Properties properties;
        properties.add("driver", "usb-" + given.value);
        c.devices.push_back({std::move(properties), false});
    } else if (given.option == "serial") {
        c.serials.push_back(given.value);
    } else {
        return false;
    }
    return true;
}

bool take_screen(Conversion &c, const QemuCommand::Given &given) {
    const std::string &name = given.option;
    const std::string word = "-" + name + (given.value.empty() ? "" : " " + given.value);
    if (name == "nographic") {
        c.has_nographic = true;
    } else if (name == "display") {
        c.has_display = true;
        c.display = given.value;
        if (!given.value.starts_with("none"))
            c.screens.push_back(word);
    } else if (name == "vnc" || name == "spice" || name == "sdl" || name == "curses") {
        if (given.value == "none")
            return true;
        c.has_display = true;
        if (c.display.empty() || c.display == "none")
            c.display = name;
        c.screens.push_back(word);
    } else if (name == "vga") {
        c.has_vga = true;
        c.vga = given.value;
    } else if (name == "k") {
        c.keyboard = given.value;
    } else {
        return false;
    }
    return true;
}

}  // namespace

Properties Conversion::parse(const std::string &value, std::string_view implied) {
    if (!value.starts_with('{'))
        return Properties::parse(value, implied);
    const Json json = Json::parse(value, nullptr, /*allow_exceptions=*/false);
    Properties properties;
    if (json.is_discarded())
        vm.lost(fmt::format("{}: this is no JSON", value));
    else
        flatten(json, "", 0, properties);
    return properties;
}

void Conversion::keep(std::string option, std::string value) {
    const QemuOption *row = find_qemu_option(option);
    if (row && !row->file.empty() && !value.empty()) {
        if (row->file == "*") {
            // A name without a slash may be one of QEMU's own, in its folder of firmware.
            const bool may_be_own =
                row->name == "bios" || row->name == "option-rom" || row->name == "L";
            if (!may_be_own || value.contains('/') ||
                (surroundings.exists && surroundings.exists(path(value)))) {
                value = path(value);
                vm.open_path(value, row->writes);
            }
        } else {
            Properties properties = Properties::parse(value, option == "-object" ? "qom-type" : "");
            if (const std::string file = properties.get(row->file);
                !file.empty() && !(option == "-object" && file.starts_with("/dev/"))) {
                vm.open_path(path(file), row->writes);
                if (path(file) != file) {
                    properties.set(row->file, path(file));
                    value = properties.text(option == "-object" ? "qom-type" : "");
                }
            }
        }
    }
    if (value.empty())
        vm.argument({std::move(option)});
    else
        vm.argument({std::move(option), std::move(value)});
}

void Conversion::set_rest(std::string_view group, const std::string &id, const Properties &rest) {
    for (const auto &[name, value] : rest.all())
        vm.argument({"-set", fmt::format("{}.{}.{}={}", group, id, name, value)});
}

void collect(Conversion &c, const QemuCommand &command) {
    for (const QemuCommand::Given &given : command.options) {
        if (take_drive(c, given) || take_network(c, given) || take_back_end(c, given) ||
            take_screen(c, given))
            continue;
        if (given.option == "nodefaults")
            c.has_nodefaults = true;
        else if (given.option == "snapshot")
            c.is_snapshot = true;
        else
            c.given.push_back(given);
    }
    // libvirt's: it lets the VM go on itself, and decides what happens when it is off.
    if (c.objects.contains("masterKey0"))
        std::erase_if(c.given, [](const QemuCommand::Given &given) {
            return given.option == "S" || given.option == "no-shutdown";
        });
    if (c.has_nodefaults)
        c.has_default_network = false;
}

void keep_rest(Conversion &c) {
    for (const QemuCommand::Given &given : c.given) {
        const QemuOption *option = find_qemu_option("-" + given.option);
        const std::string word = "-" + given.option;
        const std::string whole = word + (given.value.empty() ? "" : " " + given.value);
        if (!option) {
            c.vm.lost(fmt::format("{}: no option of QEMU that is known here", whole));
            continue;
        }
        switch (option->fate) {
            case Fate::key:  // what no step has taken
            case Fate::arguments:
                c.keep(word, given.value);
                break;
            case Fate::dropped:
                break;
            case Fate::lost:
            case Fate::refused:
                c.vm.lost(fmt::format("{}: {}", whole, option->why));
                break;
        }
    }
    c.given.clear();
}

Result<ImportedVm> import_command(const std::vector<std::string> &words,
                                  const Surroundings &surroundings) {
    const auto command = parse_command(words);
    if (!command)
        return std::unexpected(command.error());
    for (const QemuCommand::Given &given : command->options)
        if (const QemuOption *option = find_qemu_option("-" + given.option);
            option && option->fate == Fate::refused)
            return fail(EINVAL,
                        fmt::format("-{}{}{}: {}", given.option, given.value.empty() ? "" : " ",
                                    given.value, option->why));
    Conversion conversion(surroundings);
    ImportedVm &vm = conversion.vm;
    for (const std::string &lost : command->lost)
        vm.lost(lost);
    const bool is_own = command->architecture.empty();
    conversion.architecture = is_own ? surroundings.architecture : command->architecture;
    if (command->program.contains('/') && !command->program.starts_with("/usr/bin/"))
        vm.set("VM", "QEMU", absolute_path(surroundings, command->program));
    collect(conversion, *command);
    if (command->is_kvm)
        conversion.given.insert(conversion.given.begin(), {"enable-kvm", ""});
    convert_machine(conversion);
    if (conversion.machine.type.empty())
        return fail(EINVAL, fmt::format("qemu-system-{} starts no machine without -machine",
                                        conversion.architecture));
    convert_firmware(conversion);
    convert_drives(conversion);
    convert_networks(conversion);
    convert_ports(conversion);
    convert_shares(conversion);
    convert_display(conversion);
    convert_devices(conversion);
    convert_hardware(conversion);
    keep_rest(conversion);
    for (const auto &[key, value] : command->service)
        vm.add("Service", key, value);
    return std::move(conversion.vm);
}

}  // namespace qemunit::ctl
