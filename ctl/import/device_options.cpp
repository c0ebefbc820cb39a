// SPDX-License-Identifier: MIT
//
// The small devices that have keys in [VM], and what of -device has none and stays in Arguments=,
// with the back ends that it needs.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/host_device/address.h"
#include "common/qemu_options/table.h"
#include "common/whole_number.h"
#include "ctl/import/conversion.h"

namespace qemunit::ctl {

bool is_virtio(const std::string &driver, std::string_view kind) {
    return driver.starts_with(std::string("virtio-") + std::string(kind)) &&
           (driver.size() == 7 + kind.size() || driver[7 + kind.size()] == '-');
}

void drop_places(Properties &properties) {
    for (const std::string_view name :
         {"driver", "id", "bus", "addr", "multifunction", "nr", "port"})
        properties.take(name);
}

void say_moved(ImportedVm &vm, const std::string &what, const Properties &properties) {
    std::string place;
    for (const std::string name : {"addr", "scsi-id", "lun"})
        if (const std::string value = properties.get(name); !value.empty() && value != "0")
            place += (place.empty() ? "" : ", ") + name + "=" + value;
    if (!place.empty())
        vm.changed(fmt::format("{}: QEMU chooses the place, not {}; the guest may know the device "
                               "by another name",
                               what, place));
}

namespace {

class DeviceConversion {
  public:
    explicit DeviceConversion(Conversion &c) : c_(c), vm_(c.vm) {}

    void convert() {
        if (!c_.machine.is_board)
            for (Conversion::Device &device : c_.devices)
                if (!device.is_done)
                    device.is_done = convert_device(device);
        convert_watchdog();
        drop_controllers();
        convert_sound();
        for (Conversion::Device &device : c_.devices)
            if (!device.is_done)
                keep(device);
        keep_back_ends();
    }

  private:
    bool is_x86() const { return c_.machine.is_pc || c_.machine.is_q35; }

    // "virtio-rng", "virtio-rng-pci"; "virtio-rng-device" where there is no PCI bus.
    bool is_ours(const std::string &driver) const {
        return driver.ends_with(c_.machine.is_microvm ? "-device" : "-pci") ||
               std::ranges::count(driver, '-') == 1;
    }

    bool convert_device(Conversion::Device &device) {
        const std::string driver = device.driver();
        Properties properties = device.properties;
        drop_places(properties);
        if (is_virtio(driver, "rng") && is_ours(driver)) {
            const std::string id = properties.take("rng");
            if (properties.has("max-bytes") && properties.get("max-bytes") == "1024" &&
                properties.get("period") == "1000")
                properties.take("max-bytes"), properties.take("period");
            if (!properties.empty() || vm_.has("VM", "RNG"))
                return false;
            c_.objects.erase(id);
            vm_.set("VM", "RNG", "yes");
            return true;
        }
        if (is_virtio(driver, "balloon") && is_ours(driver)) {
            properties.take("free-page-reporting");
            if (!properties.empty() || vm_.has("VM", "Balloon"))
                return false;
            vm_.set("VM", "Balloon", "yes");
            return true;
        }
        if (driver.starts_with("vhost-vsock-")) {
            vm_.set("VM", "VSockCID", properties.take("guest-cid"));
            return true;
        }
        if (driver.starts_with("tpm-")) {
            const auto found = c_.tpmdevs.find(properties.take("tpmdev"));
            if (found == c_.tpmdevs.end())
                return false;
            const std::string type = found->second.get("type");
            c_.chardevs.erase(found->second.get("chardev"));
            c_.tpmdevs.erase(found);
            if (type != "emulator") {
                vm_.lost(
                    fmt::format("-tpmdev {}: the TPM of this host; TPM=yes is one of the VM's "
                                "own",
                                type));
                return true;
            }
            vm_.set("VM", "TPM", "yes");
            if (is_x86() && driver != "tpm-crb")
                vm_.changed(fmt::format("the TPM {} -> tpm-crb", driver));
            vm_.lost("the state of the TPM, which swtpm has");
            return true;
        }
        if (driver == "pvpanic-pci" && properties.empty()) {
            vm_.set("VM", "OnPanic", "pause");
            take_action("panic");
            return true;
        }
        return false;
    }

    // The word of -action for it, which is taken out; "" if there is none.
    std::string take_action(std::string_view name) {
        std::string word;
        for (QemuCommand::Given &given : c_.given) {
            if (given.option == "watchdog-action" && name == "watchdog") {
                word = std::exchange(given.value, "");
            } else if (given.option == "action") {
                Properties properties = Properties::parse(given.value);
                if (properties.has(name))
                    word = properties.take(name);
                given.value = properties.text();
            }
        }
        std::erase_if(c_.given, [](const QemuCommand::Given &given) {
            return (given.option == "action" || given.option == "watchdog-action") &&
                   given.value.empty();
        });
        return word;
    }

    void convert_watchdog() {
        if (c_.machine.is_board)
            return;
        for (Conversion::Device &device : c_.devices) {
            Properties properties = device.properties;
            if (device.is_done || device.driver() != "i6300esb")
                continue;
            const std::string action = take_action("watchdog");
            vm_.set(
                "VM", "Watchdog",
                action == "debug" || action.empty() ? (action.empty() ? "reset" : "none") : action);
            device.is_done = true;
            return;
        }
    }

    bool is_referred_to(const std::string &id) const {
        return !id.empty() &&
               std::ranges::any_of(c_.devices, [&](const Conversion::Device &device) {
                   const std::string bus = device.properties.get("bus");
                   return !device.is_done && (bus == id || bus.starts_with(id + "."));
               });
    }

    // Controllers come with what is on them.
    void drop_controllers() {
        if (c_.machine.is_board)
            return;
        const auto drives = vm_.sections("Drive");
        const auto has_drive = [&](std::string_view interface) {
            return std::ranges::any_of(drives, [&](const std::string &name) {
                return vm_.get("Drive " + name, "Interface") == interface;
            });
        };
        const bool has_scsi_left = std::ranges::any_of(c_.devices, [](const auto &device) {
            return !device.is_done && device.driver().starts_with("scsi-") &&
                   !device.properties.has("bus");
        });
        bool is_first = true;
        for (Conversion::Device &device : c_.devices) {
            const std::string driver = device.driver();
            if (device.is_done || is_referred_to(device.id()))
                continue;
            if (is_scsi_controller(driver) && has_drive("scsi") && !has_scsi_left && is_first) {
                Properties rest = device.properties;
                drop_places(rest);
                if (driver != "virtio-scsi-pci" && driver != "virtio-scsi")
                    rest.add("driver", driver);
                c_.set_rest("device", "qemunit-scsi", rest);
                is_first = false;
                device.is_done = true;
            } else if ((driver == "ahci" || driver == "ich9-ahci") && has_drive("sata")) {
                device.is_done = true;
            } else if (driver == "isa-fdc" && has_drive("floppy")) {
                device.is_done = true;
            } else if (is_usb_controller(driver) && has_drive("usb") && !has_usb_left()) {
                Properties rest = device.properties;
                drop_places(rest);
                if (driver != "qemu-xhci")
                    rest.add("driver", driver);
                c_.set_rest("device", "qemunit-usb", rest);
                device.is_done = true;
            }
        }
    }

    static bool is_usb_controller(std::string_view driver) {
        return driver.ends_with("-xhci") || driver.ends_with("usb-ehci") ||
               driver.contains("usb-uhci") || driver == "pci-ohci" || driver.contains("usb-ehci");
    }

    bool has_usb_left() const {
        return std::ranges::any_of(c_.devices, [](const auto &device) {
            return !device.is_done && device.driver().starts_with("usb-") &&
                   !is_usb_controller(device.driver()) && device.driver() != "usb-tablet" &&
                   device.driver() != "usb-kbd" && device.driver() != "usb-mouse";
        });
    }

    static bool is_sound(std::string_view driver) {
        for (const std::string_view card : {"AC97", "ES1370", "hda-", "sb16", "adlib", "gus",
                                            "cs4231a", "virtio-sound", "usb-audio"})
            if (driver.starts_with(card))
                return true;
        return false;
    }

    void add_sound(std::string_view card) {
        constexpr std::pair<std::string_view, std::string_view> kCards[] = {
            {"ac97", "AC97"},
            {"es1370", "ES1370"},
            {"hda", "hda-duplex"},
            {"virtio", "virtio-sound-pci"}};
        std::string driver(card);
        for (const auto &[word, name] : kCards)
            if (card == word)
                driver = name;
        for (const std::string_view one : {std::string_view("intel-hda"), std::string_view(driver)})
            if (one != "intel-hda" || card == "hda") {
                Properties properties;
                properties.add("driver", std::string(one));
                c_.devices.push_back({std::move(properties), false});
            }
    }

    // "AC97" is Model=ac97; nullptr if no key says it.
    static const char *sound_model(std::string_view driver) {
        constexpr std::pair<std::string_view, const char *> kModels[] = {
            {"AC97", "ac97"},      {"ac97", "ac97"},     {"ES1370", "es1370"},
            {"es1370", "es1370"},  {"sb16", "sb16"},     {"usb-audio", "usb"},
            {"hda-duplex", "hda"}, {"hda-micro", "hda"}, {"hda-output", "hda"}};
        for (const auto &[name, model] : kModels)
            if (driver == name)
                return model;
        return nullptr;
    }

    void add_sound_section(Conversion::Device &device, const char *model) {
        const std::string section = "Sound " + vm_.device_name("", "sound");
        vm_.open_section(section);
        if (std::string_view(model) != "hda")
            vm_.set(section, "Model", model);
        if (device.driver() == "hda-micro" || device.driver() == "hda-output")
            vm_.changed(fmt::format("the sound card {} -> hda-duplex", device.driver()));
        device.is_done = true;
    }

    // A card has a section, and is heard by who watches the screen: a VM has no way to a
    // loudspeaker.
    void convert_sound() {
        constexpr std::string_view kNobody = "nobody";
        std::map<std::string, bool> back_ends;  // whether a card is left that needs it
        std::erase_if(c_.given, [&](const QemuCommand::Given &given) {
            if (given.option == "soundhw") {
                for (const Properties words = Properties::parse(given.value, "first");
                     const auto &[name, value] : words.all())
                    if (const std::string &card = name == "first" ? value : name; card != "pcspk")
                        add_sound(card);
            } else if (given.option == "audio") {
                add_sound(Properties::parse(given.value, "driver").get("model"));
            } else if (given.option == "audiodev") {
                back_ends.emplace(c_.parse(given.value, "driver").get("id"), false);
            } else {
                return false;
            }
            return true;
        });
        bool has_sound = false, needs_nobody = false;
        for (Conversion::Device &device : c_.devices) {
            if (device.is_done || !is_sound(device.driver()))
                continue;
            has_sound = true;
            if (const char *model = sound_model(device.driver());
                model && !c_.machine.is_board && !c_.machine.is_microvm) {
                add_sound_section(device, model);
            } else if (device.properties.has("audiodev")) {
                back_ends[device.properties.get("audiodev")] = true;
            } else {
                device.properties.add("audiodev", std::string(kNobody));
                needs_nobody = true;
            }
        }
        // The controller comes with the card.
        for (Conversion::Device &device : c_.devices)
            if (!device.is_done && !is_referred_to(device.id()) &&
                (device.driver() == "intel-hda" || device.driver() == "ich9-intel-hda")) {
                const std::string_view ours = c_.machine.is_q35 ? "ich9-intel-hda" : "intel-hda";
                if (device.driver() != ours)
                    vm_.changed(
                        fmt::format("the sound controller {} -> {}", device.driver(), ours));
                device.is_done = true;
            }
        for (const QemuCommand::Given &given : c_.given)
            if (given.option == "machine")
                for (const auto &[name, value] : Properties::parse(given.value).all())
                    if (name.ends_with("-audiodev"))
                        back_ends[value] = true;
        for (const auto &[id, is_needed] : back_ends)
            if (is_needed && !id.empty())
                vm_.argument({"-audiodev", "none,id=" + id});
        if (needs_nobody)
            vm_.argument({"-audiodev", fmt::format("none,id={}", kNobody)});
        if (has_sound && !vm_.has("VM", "Display"))
            vm_.lost("sound: what the guest plays, nobody hears without Display=");
        else if (has_sound)
            vm_.changed("sound goes to who watches the screen");
    }

    // [HostDevice …]. What else is said of a PCI device is said of ours; of a USB device, what is
    // left is how it is found.
    bool convert_host_device(const std::string &driver, Properties properties) {
        properties.take("driver");
        const std::string wanted = properties.take("id");
        drop_places(properties);
        const bool is_pci = driver == "vfio-pci";
        const std::string address =
            is_pci ? host_pci_address(properties) : host_usb_address(properties);
        if (address.empty() || driver == "vfio-ccw")
            return false;
        const std::string name = vm_.device_name(wanted, is_pci ? "card" : "usb");
        const std::string section = "HostDevice " + name;
        vm_.open_section(section);
        vm_.set(section, is_pci ? "PCI" : "USB", address);
        if (const std::string file = properties.get("romfile"); file.contains('/')) {
            properties.set("romfile", c_.path(file));
            vm_.open_path(c_.path(file), false);
        }
        c_.set_rest("device", name, properties);
        return true;
    }

    static std::string host_pci_address(Properties &properties) {
        std::string host = properties.take("host");
        if (const std::string folder = properties.take("sysfsdev"); host.empty())
            host = folder.substr(folder.rfind('/') + 1);
        return parse_pci_address(host).value_or("");
    }

    // By bus and address, which is another one after each time that it is plugged in, nobody could
    // find it again.
    static std::string host_usb_address(Properties &properties) {
        const auto number = [&](const char *key) {
            const std::string text = properties.take(key);
            const bool is_hex = text.starts_with("0x");
            return whole_number<unsigned>(is_hex ? text.substr(2) : text,
                                          {.base = is_hex ? 16 : 10})
                .value_or(0);
        };
        const unsigned vendor = number("vendorid"), product = number("productid"),
                       bus = number("hostbus");
        const std::string port = properties.take("hostport");
        std::string address;
        if (bus > 0 && !port.empty())
            address = fmt::format("{}-{}", bus, port);
        else if (vendor > 0 && product > 0 && bus == 0 && port.empty())
            address = fmt::format("{:04x}:{:04x}", vendor, product);
        const auto parsed = properties.has("hostaddr") || properties.has("hostdevice")
                                ? std::nullopt
                                : parse_usb_address(address);
        return parsed ? parsed->text : "";
    }

    void keep(Conversion::Device &device) {
        const std::string driver = device.driver();
        Properties properties = device.properties;
        if (driver == "vfio-pci" || driver == "usb-host" || driver == "vfio-ccw") {
            if (!convert_host_device(driver, properties))
                vm_.lost(
                    fmt::format("-device {}: a device of this host", properties.text("driver")));
            return;
        }
        if (driver == "usb-redir" || driver == "ccid-card-passthru" || driver == "smartcard") {
            vm_.lost(fmt::format("-device {}: it comes by SPICE", properties.text("driver")));
            return;
        }
        for (const std::string_view key : {"file", "romfile"})
            if (const std::string file = properties.get(key);
                file.contains('/') || (key == "file" && !file.empty())) {
                properties.set(key, c_.path(file));
                vm_.open_path(c_.path(file), false);
            }
        if (driver == "ivshmem-plain" || driver == "ivshmem-doorbell")
            vm_.changed(fmt::format("-device {}: other VMs do not see the same memory", driver));
        // A controller that was dropped is ours now.
        const std::string bus = properties.get("bus");
        for (const Conversion::Device &other : c_.devices)
            if (other.is_done && !other.id().empty() && bus.starts_with(other.id() + "."))
                properties.take("bus");
        kept_.push_back(properties.text("driver"));
        vm_.argument({"-device", kept_.back()});
    }

    bool is_wanted(const std::string &id) const {
        const auto names = [&](const std::string &text) {
            const Properties properties = Properties::parse(text);
            return std::ranges::any_of(properties.all(),
                                       [&](const auto &one) { return one.second == id; });
        };
        const auto &words = vm_.arguments();
        for (const std::string &word : words) {
            if (names(word) || word.ends_with("=" + id) || word == "chardev:" + id)
                return true;
        }
        return std::ranges::any_of(c_.given, [&](const QemuCommand::Given &given) {
            const QemuOption *option = find_qemu_option(given.option);
            return option && (option->fate == Fate::key || option->fate == Fate::arguments) &&
                   names(given.value);
        });
    }

    void keep_back_ends() {
        for (const std::string &id : c_.object_order) {
            const auto found = c_.objects.find(id);
            if (found == c_.objects.end())
                continue;
            const std::string type = found->second.get("qom-type");
            if (type == "rng-random" || type == "rng-builtin" || type == "rng-egd") {
                if (is_wanted(id))
                    c_.keep("-object", found->second.text("qom-type"));
            } else if (type.starts_with("secret") || type.starts_with("tls-") ||
                       type == "authz-list") {
                if (is_wanted(id))
                    vm_.lost(fmt::format("-object {}: a secret is not for an ini file",
                                         found->second.text("qom-type")));
            } else {
                Properties properties = found->second;
                if (const std::string path = properties.get("mem-path"); !path.empty()) {
                    properties.set("mem-path", c_.path(path));
                    vm_.open_path(c_.path(path), true);
                }
                c_.keep("-object", properties.text("qom-type"));
            }
        }
        for (const std::string &id : c_.chardev_order) {
            const auto found = c_.chardevs.find(id);
            if (found == c_.chardevs.end() || !is_wanted(id))
                continue;
            Properties properties = found->second;
            const std::string path = properties.get("path");
            if (properties.has("port")) {
                vm_.need_network();
            } else if (!path.empty() && is_on(properties.get("server"))) {
                const std::string moved =
                    c_.surroundings.state + kNamePlace + path.substr(path.rfind('/') + 1);
                properties.set("path", moved);
                vm_.changed(fmt::format("the socket {} -> {}", path, moved));
            } else if (!path.empty()) {
                properties.set("path", c_.path(path));
                vm_.open_path(c_.path(path), true);
            }
            vm_.argument({"-chardev", properties.text("backend")});
        }
        for (const auto &[id, properties] : c_.tpmdevs)
            vm_.lost(fmt::format("-tpmdev {}: no device has it", properties.text("type")));
    }

    Conversion &c_;
    ImportedVm &vm_;
    std::vector<std::string> kept_;
};

}  // namespace

void convert_devices(Conversion &conversion) {
    DeviceConversion(conversion).convert();
}

}  // namespace qemunit::ctl
