// SPDX-License-Identifier: MIT
//
// What is left of the options, where a key says it: properties of the machine and of devices,
// firmware, what becomes of a reboot.
#include <fmt/format.h>

#include <algorithm>

#include "common/whole_number.h"
#include "ctl/import/conversion.h"

namespace qemunit::ctl {

namespace {

class HardwareConversion {
  public:
    explicit HardwareConversion(Conversion &c) : c_(c), vm_(c.vm) {}

    void convert() {
        std::vector<QemuCommand::Given> left;
        for (QemuCommand::Given given : c_.given)
            if (!take(given))
                left.push_back(std::move(given));
        c_.given = std::move(left);
    }

  private:
    // Whether nothing is left of it.
    bool take(QemuCommand::Given &given) {
        const std::string &option = given.option, &value = given.value;
        if (option == "machine")
            return take_machine(given);
        if (option == "no-hpet") {
            vm_.add("VM", "MachineOption", "hpet=off");
            return true;
        }
        if (option == "global")
            return take_global(value);
        if (option == "no-reboot") {
            vm_.set("VM", "OnReboot", "poweroff");
            return true;
        }
        if (option == "action")
            return take_reboot(given);
        if (option == "S") {
            vm_.set("VM", "StartPaused", "yes");
            return true;
        }
        if (option == "overcommit")
            return take_lock(given);
        // The keys make an object of the memory, beside which there is no other.
        if (option == "mem-path" && value.starts_with("/dev/hugepages") && !has_memory_object()) {
            vm_.set("Memory", "HugePages", "yes");
            return true;
        }
        if (option == "mem-prealloc" && !has_memory_object() && !has_other_memory_file()) {
            vm_.set("Memory", "Preallocated", "yes");
            return true;
        }
        if (option == "smbios")
            return take_smbios(value);
        if (option == "fw_cfg")
            return take_firmware_file(value);
        if (option == "dtb" && vm_.has("Boot", "Kernel")) {
            vm_.set("Boot", "DeviceTree", c_.path(value));
            return true;
        }
        if (option == "bios")
            return take_bios(value);
        if (option == "sd") {
            const std::string section = "Drive " + vm_.device_name("sd", "card");
            set_image(vm_, c_.surroundings, section, c_.path(value), "");
            vm_.set(section, "Interface", "sd");
            return true;
        }
        return false;
    }

    bool has_memory_object() const {
        return std::ranges::any_of(c_.given, [](const QemuCommand::Given &given) {
            return given.option == "machine" && given.value.contains("memory-backend=");
        });
    }

    bool has_other_memory_file() const {
        return std::ranges::any_of(c_.given, [](const QemuCommand::Given &given) {
            return given.option == "mem-path" && !given.value.starts_with("/dev/hugepages");
        });
    }

    // What names an object or a device of Arguments= stays beside that.
    bool take_machine(QemuCommand::Given &given) {
        Properties rest;
        for (const auto &[name, value] : Properties::parse(given.value).all())
            if (name == "memory-backend" || name.ends_with("-audiodev") || name.contains("[") ||
                name.starts_with("pflash") || name == "confidential-guest-support" ||
                value.empty() || !is_ini_value(value))
                rest.add(name, value);
            else
                vm_.add("VM", "MachineOption", fmt::format("{}={}", name, value));
        given.value = rest.text();
        return rest.empty();
    }

    // "DRIVER.PROPERTY=VALUE", or the three by name.
    bool take_global(const std::string &text) {
        std::string driver, property, value;
        if (text.starts_with("driver=")) {
            const Properties properties = Properties::parse(text);
            driver = properties.get("driver");
            property = properties.get("property");
            value = properties.get("value");
        } else if (const std::size_t dot = text.find('.'), equals = text.find('=');
                   dot < equals && equals != text.npos) {
            driver = text.substr(0, dot);
            property = text.substr(dot + 1, equals - dot - 1);
            value = text.substr(equals + 1);
        }
        if (driver.empty() || property.empty() || value.empty() || property.contains('.'))
            return false;
        vm_.add("VM", "DeviceProperty", fmt::format("{}.{}={}", driver, property, value));
        return true;
    }

    bool take_reboot(QemuCommand::Given &given) {
        Properties properties = Properties::parse(given.value);
        if (properties.get("reboot") == "shutdown")
            vm_.set("VM", "OnReboot", "poweroff");
        properties.take("reboot");
        given.value = properties.text();
        return properties.empty();
    }

    bool take_lock(QemuCommand::Given &given) {
        Properties properties = Properties::parse(given.value);
        if (properties.take_bool("mem-lock"))
            vm_.set("Memory", "Locked", "yes");
        given.value = properties.text();
        return properties.empty();
    }

    bool take_smbios(const std::string &value) {
        const Properties properties = Properties::parse(value);
        if (!value.starts_with("type=") || properties.has("file") || properties.has("path") ||
            !whole_number(properties.get("type")))
            return false;
        vm_.add("Boot", "SMBIOS", value);
        return true;
    }

    bool take_firmware_file(const std::string &value) {
        const Properties properties = Properties::parse(value, "name");
        const std::string name = properties.get("name"), file = properties.get("file");
        if (!name.starts_with("opt/") || file.empty() || properties.all().size() != 2)
            return false;
        vm_.add("Boot", "FirmwareFile", fmt::format("{}:{}", name, c_.path(file)));
        return true;
    }

    // A name without a slash may be one of QEMU's own firmwares.
    bool take_bios(const std::string &value) {
        const bool is_file = value.contains('/') ||
                             (c_.surroundings.exists && c_.surroundings.exists(c_.path(value)));
        if (!is_file || vm_.has("VM", "Firmware"))
            return false;
        vm_.set("Boot", "BIOS", c_.path(value));
        return true;
    }

    Conversion &c_;
    ImportedVm &vm_;
};

}  // namespace

void convert_hardware(Conversion &conversion) {
    HardwareConversion(conversion).convert();
}

}  // namespace qemunit::ctl
