// SPDX-License-Identifier: MIT
#include "ctl/import/libvirt.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/host_device/address.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/import/conversion.h"
#include "ctl/import/xml.h"

namespace qemunit::ctl {

namespace {

bool is_enabled(const std::string &word) {
    return word == "yes" || word == "on";
}

uint64_t memory_bytes(const XmlElement &memory) {
    constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
        {"b", 1},          {"bytes", 1},          {"KB", 1000},      {"k", 1 << 10},
        {"KiB", 1 << 10},  {"", 1 << 10},         {"MB", 1'000'000}, {"M", 1 << 20},
        {"MiB", 1 << 20},  {"GB", 1'000'000'000}, {"G", 1 << 30},    {"GiB", 1 << 30},
        {"T", 1ull << 40}, {"TiB", 1ull << 40}};
    const auto number = whole_number(memory.text);
    for (const auto &[unit, bytes] : kUnits)
        if (number && unit == memory.attribute("unit") && *number < (1ull << 62) / bytes)
            return *number * bytes;
    return 0;
}

class LibvirtReader {
  public:
    LibvirtReader(const XmlElement &domain, const Surroundings &surroundings)
        : domain_(domain), devices_(domain.child("devices")), around_(surroundings) {}

    Result<ImportedVm> read() {
        const XmlElement &type = domain_.child("os").child("type");
        const std::string kind = domain_.attribute("type");
        if (kind != "kvm" && kind != "qemu")
            return fail(EINVAL,
                        fmt::format("the domain is of type '{}', and not a VM of QEMU", kind));
        architecture_ =
            type.attribute("arch").empty() ? around_.architecture : type.attribute("arch");
        if (architecture_ == "i686")
            architecture_ = "i386";
        if (architecture_ == "armv7l")
            architecture_ = "arm";
        machine_ = type.attribute("machine").empty() ? "pc" : type.attribute("machine");
        facts_ = machine_facts(architecture_, machine_);
        read_identity();
        read_machine(kind);
        read_cpu();
        read_boot();
        read_clock();
        read_screen();
        for (const XmlElement &device : devices_.children)
            read_device(device);
        read_rest();
        return std::move(vm_);
    }

  private:
    void read_identity() {
        const std::string name = domain_.child("name").text;
        const std::string title = domain_.child("title").text;
        if (is_vm_name(name))
            vm_.name = name;
        if (!title.empty() || !is_vm_name(name))
            vm_.set("VM", "Description", title.empty() ? name : title);
        vm_.set("VM", "UUID", domain_.child("uuid").text);
    }

    void read_machine(const std::string &kind) {
        if (architecture_ != around_.architecture)
            vm_.set("VM", "Architecture", architecture_);
        vm_.set("VM", "Machine", machine_);
        if (machine_.contains("rhel"))
            vm_.changed(
                fmt::format("the machine {} is one of Red Hat's QEMU; Debian's has "
                            "pc-q35-7.2 and the like",
                            machine_));
        vm_.set("VM", "Accelerator", kind == "kvm" ? "kvm" : "tcg");
        const std::string emulator = devices_.child("emulator").text;
        if (!emulator.empty() && !emulator.starts_with("/usr/bin/") &&
            !emulator.ends_with("qemu-kvm"))
            vm_.set("VM", "QEMU", emulator);
        const uint64_t bytes = memory_bytes(domain_.child("memory"));
        if (bytes == 0)
            vm_.lost("<memory>: not a size");
        else
            vm_.set("VM", "Memory", memory_text(bytes));
        if (const uint64_t now = memory_bytes(domain_.child("currentMemory"));
            now != 0 && now < bytes)
            vm_.changed("<currentMemory>: the guest begins with all of its memory");
        const XmlElement &features = domain_.child("features");
        const auto add = [&](const std::string &text) {
            vm_.add("VM", "MachineOption", text);
        };
        if (facts_.has_screen && domain_.has("features") && !features.has("acpi"))
            add("acpi=off");
        if (features.child("vmport").attribute("state") == "off")
            add("vmport=off");
        if (const std::string version = features.child("gic").attribute("version");
            !version.empty())
            add("gic-version=" + version);
    }

    void read_cpu() {
        const XmlElement &cpu = domain_.child("cpu");
        const std::string mode = cpu.attribute("mode"), model = cpu.child("model").text;
        std::string text = mode == "host-passthrough" || mode == "host-model" ? "host"
                           : mode == "maximum"                                ? "max"
                           : model.empty()                                    ? facts_.cpu
                                                                              : model;
        if (mode == "host-model")
            vm_.changed("the processor host-model -> host");
        for (const XmlElement *feature : cpu.all("feature")) {
            const std::string policy = feature->attribute("policy");
            if (policy == "disable" || policy == "forbid")
                text += fmt::format(",{}=off", feature->attribute("name"));
            else if (policy != "optional")
                text += fmt::format(",{}=on", feature->attribute("name"));
        }
        text += hyperv() +
                (domain_.child("features").child("kvm").child("hidden").attribute("state") == "on"
                     ? ",kvm=off"
                     : "");
        vm_.set("VM", "CPU", text);
        const XmlElement &vcpu = domain_.child("vcpu");
        const std::string most = vcpu.text.empty() ? "1" : vcpu.text;
        const std::string now =
            vcpu.attribute("current").empty() ? most : vcpu.attribute("current");
        const XmlElement &topology = cpu.child("topology");
        if (now != "1" || most != "1")
            vm_.set("VM", "CPUs", now);
        for (const auto &[part, key] :
             {std::pair("sockets", "Sockets"), std::pair("dies", "Dies"),
              std::pair("cores", "Cores"), std::pair("threads", "Threads")})
            if (const std::string count = topology.attribute(part);
                !count.empty() && !(std::string_view(part) == "dies" && count == "1"))
                vm_.set("CPU", key, count);
        if (now != most)
            vm_.set("CPU", "Maximum", most);
        if (const std::string set = vcpu.attribute("cpuset"); !set.empty())
            vm_.set("Service", "CPUAffinity", set);
        if (cpu.has("numa"))
            vm_.lost("<numa>: the guest's memory is of one node");
    }

    std::string hyperv() const {
        std::string text;
        for (const XmlElement &one : domain_.child("features").child("hyperv").children) {
            if (!is_enabled(one.attribute("state")))
                continue;
            if (one.name == "spinlocks")
                text += ",hv-spinlocks=" + one.attribute("retries");
            else if (one.name == "vendor_id")
                text += ",hv-vendor-id=" + one.attribute("value");
            else
                text += ",hv-" + one.name;
        }
        for (const XmlElement *timer : domain_.child("clock").all("timer"))
            if (timer->attribute("name") == "hypervclock" && timer->attribute("present") != "no")
                text += ",hv-time";
        return text;
    }

    void read_boot() {
        const XmlElement &os = domain_.child("os");
        const XmlElement &loader = os.child("loader");
        bool is_secure = is_enabled(loader.attribute("secure"));
        for (const XmlElement *feature : os.child("firmware").all("feature"))
            if (feature->attribute("name") == "secure-boot")
                is_secure = is_enabled(feature->attribute("enabled"));
        const bool is_uefi =
            os.attribute("firmware") == "efi" || loader.attribute("type") == "pflash";
        if (is_uefi) {
            vm_.set("VM", "Firmware", is_secure ? "uefi-secure" : "uefi");
            vm_.uefi_variables = os.child("nvram").text;
            if (vm_.uefi_variables.empty())
                vm_.uefi_variables = fmt::format("/var/lib/libvirt/qemu/nvram/{}_VARS.fd",
                                                 domain_.child("name").text);
        } else if (!loader.text.empty()) {
            vm_.set("Boot", "BIOS", loader.text);
        }
        vm_.set("Boot", "Kernel", os.child("kernel").text);
        vm_.set("Boot", "Initrd", os.child("initrd").text);
        if (os.has("kernel"))
            vm_.set("Boot", "Append", os.child("cmdline").text);
        if (const std::string tree = os.child("dtb").text; !tree.empty()) {
            vm_.set("Boot", "DeviceTree", tree);
        }
        constexpr std::pair<std::string_view, char> kLetters[] = {
            {"hd", 'c'}, {"cdrom", 'd'}, {"network", 'n'}, {"fd", 'a'}};
        std::string order;
        for (const XmlElement *boot : os.all("boot"))
            for (const auto &[word, letter] : kLetters)
                if (boot->attribute("dev") == word)
                    order += letter;
        if (!order.empty() && order != "c")
            vm_.set("Boot", "Order", order);
        if (is_enabled(os.child("bootmenu").attribute("enable")))
            vm_.set("Boot", "Menu", "yes");
        if (domain_.child("on_reboot").text == "destroy")
            vm_.set("VM", "OnReboot", "poweroff");
    }

    void read_clock() {
        const XmlElement &clock = domain_.child("clock");
        const std::string offset = clock.attribute("offset");
        if (offset == "localtime" ||
            (offset == "variable" && clock.attribute("basis") == "localtime"))
            vm_.set("VM", "Clock", "localtime");
        else if (offset == "timezone")
            vm_.lost(fmt::format("<clock offset=\"timezone\">: {}", clock.attribute("timezone")));
        for (const XmlElement *timer : clock.all("timer")) {
            const std::string name = timer->attribute("name");
            if (name == "hpet" && timer->attribute("present") == "no")
                vm_.add("VM", "MachineOption", "hpet=off");
            else if (name == "rtc" && timer->attribute("tickpolicy") == "catchup")
                vm_.argument({"-rtc", "driftfix=slew"});
            else if (name == "pit" && timer->attribute("tickpolicy") == "delay")
                vm_.add("VM", "DeviceProperty", "kvm-pit.lost_tick_policy=delay");
        }
        for (const auto &[name, bit] : {std::pair("suspend-to-mem", "disable_s3"),
                                        std::pair("suspend-to-disk", "disable_s4")})
            if (domain_.child("pm").child(name).attribute("enabled") == "no" && facts_.has_screen)
                vm_.add("VM", "DeviceProperty",
                        fmt::format("{}.{}=1", facts_.is_q35 ? "ICH9-LPC" : "PIIX4_PM", bit));
    }

    void read_screen() {
        const bool has_screen = devices_.has("graphics");
        const auto shown = devices_.all("graphics");
        const bool is_spice = std::ranges::any_of(shown, [](const XmlElement *graphics) {
            return graphics->attribute("type") == "spice";
        });
        for (const XmlElement *graphics : devices_.all("graphics")) {
            const std::string type = graphics->attribute("type"),
                              port = graphics->attribute("port");
            if (is_spice && type == "spice")
                vm_.changed("SPICE -> spice.sock");
            else if (is_spice)
                vm_.lost(fmt::format("{} beside SPICE", type));
            else if (type == "vnc")
                vm_.changed("VNC" + (port.empty() || port == "-1" ? "" : " at the port " + port) +
                            " -> vnc.sock");
            else
                vm_.changed(fmt::format("{} -> VNC, vnc.sock", type));
            if (!graphics->attribute("passwd").empty())
                vm_.lost("the password of the screen");
            vm_.set("VM", "Keyboard", graphics->attribute("keymap"));
        }
        if (!has_screen)
            return;
        vm_.set("VM", "Display", is_spice ? "spice" : "vnc");
        const auto channels = devices_.all("channel");
        if (is_spice && std::ranges::none_of(channels, [](const XmlElement *channel) {
                return channel->attribute("type") == "spicevmc";
            }))
            vm_.set("Screen", "Agent", "no");
        const auto redirections =
            std::ranges::count(devices_.all("redirdev"), "spicevmc",
                               [](const XmlElement *device) { return device->attribute("type"); });
        if (is_spice && redirections > 0)
            vm_.set("Screen", "USBRedirection", fmt::to_string(redirections));
        const std::string model = devices_.child("video").child("model").attribute("type");
        constexpr std::pair<std::string_view, std::string_view> kCards[] = {
            {"vga", "std"},       {"qxl", "qxl"},     {"cirrus", "cirrus"}, {"vmvga", "vmware"},
            {"virtio", "virtio"}, {"bochs", "bochs"}, {"ramfb", "ramfb"}};
        if (!facts_.has_screen)
            return;
        for (const auto &[word, card] : kCards)
            if (model == word && card != (is_spice ? "qxl" : "std"))
                vm_.set("Screen", "Card", std::string(card));
    }

    void read_device(const XmlElement &device) {
        if (device.name == "disk")
            read_disk(device);
        else if (device.name == "interface")
            read_interface(device);
        else if (device.name == "serial" || device.name == "console")
            read_port(device);
        else if (device.name == "channel")
            read_channel(device);
        else if (device.name == "filesystem")
            read_filesystem(device);
        else
            read_small(device);
    }

    void set_boot_order(const std::string &section, const XmlElement &device) {
        vm_.set(section, "BootIndex", device.child("boot").attribute("order"));
    }

    void read_disk(const XmlElement &disk) {
        const std::string kind = disk.attribute("device"),
                          bus = disk.child("target").attribute("bus"),
                          target = disk.child("target").attribute("dev");
        const XmlElement &source = disk.child("source"), &driver = disk.child("driver");
        std::string file = source.attribute("file");
        if (file.empty())
            file = source.attribute("dev");
        if (disk.attribute("type") == "volume" || disk.attribute("type") == "network") {
            vm_.lost(
                fmt::format("the disk {}: {}; `virsh domblklist` says where it is", target,
                            disk.attribute("type") == "volume"
                                ? fmt::format("the volume {} of the pool {}",
                                              source.attribute("volume"), source.attribute("pool"))
                                : fmt::format("{} {}", source.attribute("protocol"),
                                              source.attribute("name"))));
            return;
        }
        const bool is_cdrom = kind == "cdrom";
        if (file.empty() && !is_cdrom)
            return;
        const std::string name = vm_.device_name(target, "disk"), section = "Drive " + name;
        vm_.open_section(section);
        const std::string format = driver.attribute("type");
        if (!file.empty()) {
            set_image(vm_, around_, section, file, format);
            if (!format.empty() && format != "raw")
                vm_.set(section, "Format", format);
        }
        if (is_cdrom)
            vm_.set(section, "Media", "cdrom");
        constexpr std::pair<std::string_view, std::string_view> kBuses[] = {
            {"virtio", ""}, {"scsi", "scsi"},  {"sata", "sata"}, {"ide", "ide"},
            {"usb", "usb"}, {"fdc", "floppy"}, {"nvme", "nvme"}};
        const auto known =
            std::ranges::find(kBuses, bus, &std::pair<std::string_view, std::string_view>::first);
        if (known == std::end(kBuses) && !bus.empty())
            vm_.lost(fmt::format("the disk {}: no Interface= is {}", target, bus));
        else if (known != std::end(kBuses))
            vm_.set(section, "Interface", std::string(known->second));
        if (disk.has("readonly") && !is_cdrom)
            vm_.set(section, "ReadOnly", "yes");
        if (disk.has("transient"))
            vm_.set(section, "Ephemeral", "yes");
        if (const std::string cache = driver.attribute("cache");
            cache != "default" && cache != "writeback")
            vm_.set(section, "Cache", cache);
        if (const std::string io = driver.attribute("io"); io != "threads")
            vm_.set(section, "AIO", io);
        if (driver.attribute("discard") == "unmap")
            vm_.set(section, "Discard", "yes");
        vm_.set(section, "Serial", disk.child("serial").text);
        set_boot_order(section, disk);
        for (const auto &[key, option] : {std::pair("detect_zeroes", "detect-zeroes")})
            if (const std::string value = driver.attribute(key); !value.empty() && value != "off")
                vm_.argument({"-set", fmt::format("drive.{}.{}={}", name, option, value)});
        for (const char *part : {"iotune", "encryption", "shareable", "auth"})
            if (disk.has(part))
                vm_.lost(fmt::format("<{}> of the disk {}: no key says it", part, target));
    }

    void read_interface(const XmlElement &interface) {
        const std::string name = vm_.device_name(fmt::format("net{}", networks_++), "net"),
                          section = "Network " + name, type = interface.attribute("type");
        const XmlElement &source = interface.child("source");
        vm_.open_section(section);
        const std::string target = interface.child("target").attribute("dev");
        if (type == "network") {
            vm_.set(section, "Type", "bridge");
            vm_.set(section, "Bridge", bridge_of(source.attribute("network"), name));
        } else if (type == "bridge") {
            vm_.set(section, "Type", "bridge");
            vm_.set(section, "Bridge", source.attribute("bridge"));
        } else if (type == "ethernet") {
            vm_.set(section, "Type", "tap");
            vm_.set(section, "Interface", target);
        } else if (type == "user") {
            read_user_network(interface, section);
        } else {
            vm_.set(section, "Type", "none");
            vm_.lost(
                fmt::format("the network {}: <interface type=\"{}\">; no key says it", name, type));
        }
        std::string model = interface.child("model").attribute("type");
        if (model.empty() && facts_.has_screen)
            model = "rtl8139";
        if (!model.empty() && model != "virtio")
            vm_.set(section, "Model", model);
        vm_.set(section, "MAC", interface.child("mac").attribute("address"));
        if (interface.child("link").attribute("state") == "down")
            vm_.set(section, "Link", "no");
        set_boot_order(section, interface);
        for (const char *part :
             {"filterref", "vlan", "bandwidth", "mtu", "virtualport", "ip", "route"})
            if (interface.has(part))
                vm_.lost(fmt::format("<{}> of the network {}: no key says it", part, name));
    }

    void read_user_network(const XmlElement &interface, const std::string &section) {
        if (interface.child("backend").attribute("type") == "passt")
            vm_.set(section, "Type", "passt");
        for (const XmlElement *forward : interface.all("portForward"))
            for (const XmlElement *range : forward->all("range")) {
                const std::string port = range->attribute("start"), to = range->attribute("to");
                vm_.add(section, "HostForward",
                        fmt::format("{}:{}:{}-:{}", forward->attribute("proto"),
                                    forward->attribute("address"), port, to.empty() ? port : to));
                if (!range->attribute("end").empty() && range->attribute("end") != port)
                    vm_.lost(fmt::format("the ports from {} to {}: one line each", port,
                                         range->attribute("end")));
            }
    }

    // A network of libvirt has the bridge that its own XML names.
    std::string bridge_of(const std::string &network, const std::string &name) {
        const std::string path = "/etc/libvirt/qemu/networks/" + network + ".xml";
        if (network.find('/') == network.npos && around_.read) {
            const auto xml = parse_xml(around_.read(path));
            const std::string bridge = xml ? xml->child("bridge").attribute("name") : "";
            if (!bridge.empty())
                return bridge;
        }
        if (network == "default") {
            vm_.changed(
                "the network default of libvirt -> its bridge, which virsh net-dumpxml "
                "default names, and virsh net-start default makes");
            return "virbr0";
        }
        vm_.lost(
            fmt::format("the network {} of libvirt: write its bridge, which `virsh net-dumpxml "
                        "{}` names, as Bridge= in [Network {}]",
                        network, network, name));
        return network;
    }

    void read_port(const XmlElement &port) {
        const std::string type = port.attribute("type"),
                          kind = port.child("target").attribute("type");
        if (port.name == "console" && kind != "virtio")
            return;  // the first serial port once more
        if (kind == "virtio") {
            vm_.set("Serial " + vm_.device_name("console", "console"), "Type", "virtio");
        } else if (++serials_ > 1) {
            vm_.set("Serial " + vm_.device_name(fmt::format("serial{}", serials_ - 1), "port"),
                    "Type", "isa");
        }
        if (type != "pty" && type != "null")
            vm_.changed(fmt::format("the serial port's {} {} -> its socket and the journal", type,
                                    port.child("source").attribute("path")));
    }

    void read_channel(const XmlElement &channel) {
        const std::string name = channel.child("target").attribute("name"),
                          type = channel.attribute("type");
        if (name == "org.qemu.guest_agent.0")
            return vm_.set("VM", "GuestAgent", "yes");
        if (type == "spicevmc" && vm_.get("VM", "Display") == "spice")
            return;
        if (type == "spicevmc" || type == "spiceport" || type == "qemu-vdagent")
            return vm_.lost(fmt::format("the channel {} of SPICE", name));
        if (!is_device_name(name))
            return vm_.lost(
                fmt::format("the channel {}: [Channel NAME] can have no such name", name));
        vm_.open_section("Channel " + vm_.device_name(name, "channel"));
        vm_.changed(fmt::format("the channel {}: {} -> {}.sock", name,
                                channel.child("source").attribute("path"), name));
    }

    void read_filesystem(const XmlElement &share) {
        const std::string folder = share.child("source").attribute("dir"),
                          tag = share.child("target").attribute("dir");
        if (folder.empty())
            return vm_.lost(fmt::format("the file system {}: it is no folder", tag));
        const std::string name = vm_.device_name(tag, "share"), section = "Share " + name;
        vm_.set(section, "Path", folder);
        if (share.child("driver").attribute("type") == "virtiofs")
            vm_.set(section, "Type", "virtiofs");
        if (tag != name && is_share_tag(tag))
            vm_.set(section, "Tag", tag);
        else if (tag != name)
            vm_.argument(
                {"-set", fmt::format("device.{}.{}={}", name,
                                     vm_.has(section, "Type") ? "tag" : "mount_tag", tag)});
        if (share.has("readonly"))
            vm_.set(section, "ReadOnly", "yes");
        if (share.attribute("accessmode") == "mapped")
            vm_.argument({"-set", fmt::format("fsdev.{}.security_model=mapped-xattr", name)});
    }

    static bool is_share_tag(const std::string &tag) {
        return !tag.empty() && tag.size() <= kDeviceNameMax &&
               tag.find_first_not_of(
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
                   ".-+") == tag.npos;
    }

    void read_small(const XmlElement &device) {
        const std::string &name = device.name;
        const std::string model = device.attribute("model");
        if (name == "memballoon") {
            if (model.starts_with("virtio"))
                vm_.set("VM", "Balloon", "yes");
        } else if (name == "rng") {
            vm_.set("VM", "RNG", "yes");
        } else if (name == "tpm") {
            read_tpm(device);
        } else if (name == "watchdog") {
            const std::string action = device.attribute("action");
            if (model == "i6300esb")
                vm_.set("VM", "Watchdog", action.empty() ? "reset" : action);
            else if (model != "itco")
                vm_.lost(fmt::format("the watchdog {}", model));
        } else if (name == "vsock") {
            const std::string cid = device.child("cid").attribute("address");
            if (cid.empty())
                vm_.lost("the number of <vsock>, which libvirt chooses at each start: VSockCID=");
            vm_.set("VM", "VSockCID", cid);
        } else if (name == "panic") {
            if (model == "pvpanic")
                vm_.set("VM", "OnPanic", "pause");
            else
                vm_.argument({"-device", "pvpanic"});
        } else if (name == "input") {
            read_input(device);
        } else if (name == "sound") {
            read_sound(model);
        } else if (name == "redirdev" && device.attribute("type") == "spicevmc" &&
                   vm_.get("VM", "Display") == "spice") {
            // USBRedirection= has counted it.
        } else if (name == "hostdev" && read_host_device(device)) {
            // It has a section.
        } else if (name == "hostdev" || name == "redirdev" || name == "smartcard" ||
                   name == "shmem" || name == "memory" || name == "parallel" || name == "iommu" ||
                   name == "lease" || name == "nvram" || name == "crypto") {
            vm_.lost(fmt::format("<{}{}>: no key says it", name,
                                 device.attribute("type").empty()
                                     ? ""
                                     : " type=\"" + device.attribute("type") + "\""));
        } else if (name == "controller") {
            read_controller(device);
        }
    }

    // By bus and device, a number of each time that it is plugged in, nobody could find a USB
    // device again.
    bool read_host_device(const XmlElement &device) {
        const XmlElement &source = device.child("source"), &place = source.child("address");
        const auto hex = [](const XmlElement &element, const char *attribute, std::size_t digits) {
            std::string text = element.attribute(attribute);
            if (text.starts_with("0x"))
                text.erase(0, 2);
            return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
        };
        const bool is_pci = device.attribute("type") == "pci";
        std::string address;
        if (is_pci) {
            const auto parsed = parse_pci_address(
                fmt::format("{}:{}:{}.{}", hex(place, "domain", 4), hex(place, "bus", 2),
                            hex(place, "slot", 2), hex(place, "function", 1)));
            address = parsed && !place.attributes.empty() ? *parsed : "";
        } else if (device.attribute("type") == "usb" && source.has("vendor")) {
            const auto parsed =
                parse_usb_address(fmt::format("{}:{}", hex(source.child("vendor"), "id", 4),
                                              hex(source.child("product"), "id", 4)));
            address = parsed ? parsed->text : "";
        }
        if (address.empty())
            return false;
        const std::string section = "HostDevice " + vm_.device_name("", is_pci ? "card" : "usb");
        vm_.open_section(section);
        vm_.set(section, is_pci ? "PCI" : "USB", address);
        for (const std::string_view part : {"rom", "boot", "driver", "teaming"})
            if (device.has(part))
                vm_.lost(fmt::format("<{}> of the device {} of this host", part, address));
        return true;
    }

    void read_sound(const std::string &model) {
        constexpr std::pair<std::string_view, std::string_view> kModels[] = {
            {"ich9", "hda"},  {"ich6", "hda"},      {"ac97", "ac97"},
            {"sb16", "sb16"}, {"es1370", "es1370"}, {"usb", "usb"}};
        const auto *known =
            std::ranges::find(kModels, model, [](const auto &one) { return one.first; });
        if (known == std::end(kModels))
            return vm_.lost(fmt::format("sound: the card {}", model));
        const std::string section = "Sound " + vm_.device_name("", "sound");
        vm_.open_section(section);
        if (known->second != "hda")
            vm_.set(section, "Model", std::string(known->second));
        if (model.starts_with("ich") && facts_.is_q35 != (model == "ich9"))
            vm_.changed(fmt::format("the sound controller {} -> {}", model,
                                    facts_.is_q35 ? "ich9" : "ich6"));
    }

    void read_input(const XmlElement &input) {
        const std::string type = input.attribute("type"), bus = input.attribute("bus");
        if (bus == "virtio")
            vm_.argument({"-device", fmt::format("virtio-{}-pci", type)});
        else if (bus == "usb" && !devices_.has("graphics"))
            vm_.lost(fmt::format("the USB {}, without a screen", type));
    }

    void read_controller(const XmlElement &controller) {
        const std::string model = controller.attribute("model");
        constexpr std::pair<std::string_view, std::string_view> kModels[] = {
            {"lsilogic", "lsi53c895a"},
            {"lsisas1068", "mptsas1068"},
            {"lsisas1078", "megasas"},
            {"vmpvscsi", "pvscsi"}};
        if (controller.attribute("type") == "scsi")
            for (const auto &[word, driver] : kModels)
                if (model == word)
                    vm_.argument({"-set", fmt::format("device.qemunit-scsi.driver={}", driver)});
    }

    void read_tpm(const XmlElement &tpm) {
        const XmlElement &backend = tpm.child("backend");
        if (backend.attribute("type") != "emulator" || backend.attribute("version") == "1.2")
            return vm_.lost(fmt::format("the TPM: {} {}", backend.attribute("type"),
                                        backend.attribute("version")));
        vm_.set("VM", "TPM", "yes");
        if (tpm.attribute("model") == "tpm-tis" && facts_.has_screen)
            vm_.changed("the TPM tpm-tis -> tpm-crb");
        vm_.tpm_state = fmt::format("/var/lib/libvirt/swtpm/{}/tpm2", domain_.child("uuid").text);
    }

    void read_rest() {
        for (const char *part : {"cputune", "numatune", "blkiotune", "memtune", "iothreads",
                                 "sysinfo", "idmap", "launchSecurity", "keywrap"})
            if (domain_.has(part))
                vm_.lost(
                    fmt::format("<{}>: no key says it; [Service] has some of systemd's", part));
        const XmlElement &memory = domain_.child("memoryBacking");
        for (const char *part : {"hugepages", "locked", "nosharepages"})
            if (memory.has(part))
                vm_.lost(fmt::format("<{}> of <memoryBacking>: no key says it", part));
        std::vector<std::string> words;
        for (const XmlElement *argument : domain_.child("qemu:commandline").all("qemu:arg"))
            words.push_back(argument->attribute("value"));
        if (!words.empty())
            vm_.argument(words);
        if (domain_.child("qemu:commandline").has("qemu:env"))
            vm_.lost("<qemu:env>: Environment= in [Service] may say it");
    }

    const XmlElement &domain_, &devices_;
    const Surroundings &around_;
    ImportedVm vm_;
    std::string architecture_, machine_;
    MachineFacts facts_;
    unsigned networks_ = 0, serials_ = 0;
};

}  // namespace

Result<ImportedVm> import_libvirt(const std::string &text, const Surroundings &surroundings) {
    const auto root = parse_xml(text);
    if (!root)
        return std::unexpected(root.error());
    const XmlElement &domain = root->name == "domain" ? *root : root->child("domain");
    if (domain.name.empty())
        return fail(EINVAL, fmt::format("the XML is a <{}>; `virsh dumpxml --inactive NAME` prints "
                                        "a <domain>",
                                        root->name));
    return LibvirtReader(domain, surroundings).read();
}

}  // namespace qemunit::ctl
