// SPDX-License-Identifier: MIT
#include "ctl/import/proxmox.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "common/ascii.h"
#include "common/host_device/address.h"
#include "common/qemu_options/properties.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/import/conversion.h"
#include "ctl/import/shell.h"

namespace qemunit::ctl {

namespace {

struct Line {
    std::string key, value;
};

std::string without_spaces(const std::string &text) {
    const std::size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
    return begin == text.npos ? "" : text.substr(begin, end - begin + 1);
}

// "scsi0" of the kind "scsi": 0.
std::optional<unsigned> number_of(const std::string &key, std::string_view kind) {
    if (!key.starts_with(kind))
        return std::nullopt;
    return whole_number<unsigned>(std::string_view(key).substr(kind.size()));
}

std::string decoded(const std::string &text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto high = i + 2 < text.size() ? digit_value(text[i + 1]) : std::nullopt,
                   low = i + 2 < text.size() ? digit_value(text[i + 2]) : std::nullopt;
        if (text[i] == '%' && high && low) {
            result += static_cast<char>(*high * 16 + *low);
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

class ProxmoxReader {
  public:
    ProxmoxReader(const std::string &text, const Surroundings &around) : around_(around) {
        std::istringstream stream(text);
        for (std::string line; std::getline(stream, line);) {
            line = without_spaces(line);
            if (line.starts_with('['))
                break;  // snapshots
            const std::size_t colon = line.find(':');
            if (line.empty() || line.starts_with('#') || colon == line.npos)
                continue;
            lines_.push_back({line.substr(0, colon), without_spaces(line.substr(colon + 1))});
        }
    }

    Result<ImportedVm> read() {
        if (lines_.empty())
            return fail(EINVAL, "it has no line as in a .conf of Proxmox VE, \"memory: 2048\"");
        read_machine();
        read_firmware();
        for (const Line &line : lines_)
            read_device(line);
        read_boot();
        read_cloud_init();
        for (const Line &line : lines_)
            read_rest(line);
        return std::move(vm_);
    }

  private:
    // In processors, with a fraction; 0: no limit.
    void take_cpu_limit(const std::string &text) {
        const std::size_t dot = std::min(text.find('.'), text.size());
        std::string hundredths = text.substr(std::min(dot + 1, text.size())) + "00";
        hundredths.resize(2);
        const auto whole = whole_number<unsigned>(text.substr(0, dot), {.most = 1 << 16});
        const auto part = whole_number<unsigned>(hundredths);
        if (!whole || !part)
            vm_.lost("cpulimit: " + text);
        else if (const unsigned percent = *whole * 100 + *part; percent > 0)
            vm_.set("Service", "CPUQuota", fmt::format("{}%", percent));
    }

    std::string value(std::string_view key) const {
        const auto found = std::ranges::find(lines_, key, &Line::key);
        return found == lines_.end() ? "" : found->value;
    }

    void read_machine() {
        const std::string name = value("name");
        if (is_vm_name(name))
            vm_.name = name;
        else
            vm_.set("VM", "Description", name);
        const std::string architecture =
            value("arch").empty() ? around_.architecture : value("arch");
        if (architecture != around_.architecture)
            vm_.set("VM", "Architecture", architecture);
        Properties machine = Properties::parse(value("machine"), "type");
        std::string type = machine.take("type");
        type = type.substr(0, type.find('+'));  // "+pve0"
        if (type.empty() || type == "i440fx")
            type = "pc";
        if (architecture == "aarch64" && type == "pc")
            type = "virt";
        is_q35_ = type.starts_with("pc-q35") || type == "q35";
        vm_.set("VM", "Machine", type);
        for (const auto &[key, text] : machine.all())
            vm_.lost(fmt::format("machine: {}={}", key, text));
        vm_.set("VM", "Accelerator", value("kvm") == "0" ? "tcg" : "kvm");
        read_processor();
        const std::string memory = Properties::parse(value("memory"), "current").get("current");
        const auto megabytes = whole_number(memory.empty() ? "512" : memory);
        if (megabytes && *megabytes > 0 && *megabytes < (1 << 24))
            vm_.set("VM", "Memory", memory_text(*megabytes << 20));
        else
            vm_.lost("memory: " + memory);
        if (value("balloon") != "0")
            vm_.set("VM", "Balloon", "yes");
        const std::string os = value("ostype"), local = value("localtime");
        if (local == "1" || (local.empty() && os.starts_with('w')))
            vm_.set("VM", "Clock", "localtime");
        if (is_on_one(Properties::parse(value("agent"), "enabled").get("enabled")))
            vm_.set("VM", "GuestAgent", "yes");
        const std::string uuid = Properties::parse(value("smbios1")).get("uuid");
        vm_.set("VM", "UUID", uuid);
        Properties vga = Properties::parse(value("vga"), "type");
        const std::string screen = vga.get("type");
        if (!screen.starts_with("serial") && screen != "none") {
            vm_.set("VM", "Display", "vnc");
            for (const std::string_view card : {"qxl", "cirrus", "vmware", "virtio"})
                if (screen == card)
                    vm_.set("Screen", "Card", screen);
            vm_.set("VM", "Keyboard", value("keyboard"));
        }
    }

    static bool is_on_one(const std::string &word) { return word == "1" || is_on(word); }

    void read_processor() {
        Properties cpu = Properties::parse(value("cpu"), "cputype");
        std::string model = cpu.take("cputype");
        if (model.empty())
            model = "kvm64";
        else if (model.starts_with("x86-64-v")) {
            vm_.changed(fmt::format("the processor {}, of Proxmox's QEMU -> max", model));
            model = "max";
        }
        const std::string flags = cpu.take("flags");
        for (std::size_t begin = 0; begin < flags.size();) {
            const std::size_t end = std::min(flags.find(';', begin), flags.size());
            const std::string flag = flags.substr(begin, end - begin);
            if (flag.size() > 1)
                model += fmt::format(",{}={}", flag.substr(1), flag.front() == '-' ? "off" : "on");
            begin = end + 1;
        }
        if (is_on_one(cpu.take("hidden")))
            model += ",kvm=off";
        vm_.set("VM", "CPU", model);
        const auto sockets = whole_number<unsigned>(value("sockets")).value_or(1),
                   cores = whole_number<unsigned>(value("cores")).value_or(1);
        const std::string count =
            value("vcpus").empty() ? fmt::to_string(uint64_t{sockets} * cores) : value("vcpus");
        if (count != "1" || uint64_t{sockets} * cores != 1)
            vm_.set("VM", "CPUs", count);
        if (sockets > 1 || count != fmt::to_string(uint64_t{sockets} * cores)) {
            vm_.set("CPU", "Sockets", fmt::to_string(sockets));
            vm_.set("CPU", "Cores", fmt::to_string(cores));
            if (const std::string most = fmt::to_string(uint64_t{sockets} * cores); most != count)
                vm_.set("CPU", "Maximum", most);
        }
    }

    void read_firmware() {
        if (value("bios") != "ovmf")
            return;
        const Properties disk = Properties::parse(value("efidisk0"), "file");
        const bool is_secure = is_on_one(disk.get("pre-enrolled-keys"));
        if (is_secure && !is_q35_)
            vm_.changed("Secure Boot, which needs the machine q35 -> Firmware=uefi");
        vm_.set("VM", "Firmware", is_secure && is_q35_ ? "uefi-secure" : "uefi");
        if (const std::string file = disk.get("file"); !file.empty()) {
            vm_.uefi_variables = path_of(file);
            if (vm_.uefi_variables.empty())
                vm_.lost(
                    fmt::format("the UEFI variables, among them what to boot: `pvesm path {}` "
                                "says where they are",
                                file));
        }
    }

    // A volume's path, by the file that Proxmox has for its storages; "" if nobody knows it.
    std::string path_of(const std::string &volume) const {
        if (volume.starts_with('/'))
            return volume;
        const std::size_t colon = volume.find(':');
        if (colon == volume.npos || !around_.read)
            return "";
        const std::string storage = volume.substr(0, colon), name = volume.substr(colon + 1);
        std::istringstream stream(around_.read("/etc/pve/storage.cfg"));
        std::string kind;
        for (std::string line; std::getline(stream, line);) {
            if (!line.empty() && line.front() != ' ' && line.front() != '\t') {
                const std::size_t end = line.find(':');
                kind = end != line.npos && without_spaces(line.substr(end + 1)) == storage
                           ? line.substr(0, end)
                           : "";
                continue;
            }
            std::istringstream words(line);
            std::string key, text;
            words >> key >> text;
            if ((kind == "dir" || kind == "nfs" || kind == "cifs" || kind == "btrfs") &&
                key == "path")
                return name.starts_with("iso/") ? text + "/template/" + name
                                                : text + "/images/" + name;
            if ((kind == "lvm" || kind == "lvmthin") && key == "vgname")
                return "/dev/" + text + "/" + name;
            if (kind == "zfspool" && key == "pool")
                return "/dev/zvol/" + text + "/" + name;
        }
        return "";
    }

    void read_device(const Line &line) {
        for (const std::string_view kind : {"scsi", "virtio", "ide", "sata"})
            if (number_of(line.key, kind))
                return read_drive(line, kind);
        if (number_of(line.key, "net"))
            return read_network(line);
        if (const auto number = number_of(line.key, "serial")) {
            if (*number > 0)
                vm_.set("Serial " + vm_.device_name(line.key, "port"), "Type", "isa");
            if (line.value != "socket")
                vm_.changed(
                    fmt::format("{}: {} -> a socket and the journal", line.key, line.value));
        }
    }

    void read_drive(const Line &line, std::string_view kind) {
        Properties disk = Properties::parse(line.value, "file");
        std::string file = disk.take("file");
        if (file.empty())
            file = disk.take("volume");
        const bool is_cdrom = disk.take("media") == "cdrom";
        if (file.ends_with("-cloudinit") || file.contains("-cloudinit."))
            return;  // [CloudInit] makes that
        if (file == "cdrom")
            file = "/dev/cdrom";
        const std::string name = vm_.device_name(line.key, "drive"), section = "Drive " + name;
        vm_.open_section(section);
        const std::string format = disk.take("format");
        if (file != "none")
            set_file(section, line.key, file, format);
        else if (!is_cdrom)
            vm_.lost(fmt::format("{}: {}", line.key, line.value));
        if (is_cdrom)
            vm_.set(section, "Media", "cdrom");
        if (kind != "virtio")
            vm_.set(section, "Interface", std::string(kind));
        if (is_on_one(disk.take("ro")) && !is_cdrom)
            vm_.set(section, "ReadOnly", "yes");
        if (is_on_one(disk.take("snapshot")))
            vm_.set(section, "Ephemeral", "yes");
        const std::string cache = disk.take("cache");
        if (!is_cdrom)  // Proxmox's own default is cache=none with io_uring
            vm_.set(section, "Cache", cache.empty() ? "none" : cache == "writeback" ? "" : cache);
        vm_.set(section, "AIO", disk.take("aio"));
        const std::string discard = disk.take("discard");
        if (discard == "on" || discard == "1")
            vm_.set(section, "Discard", "yes");
        vm_.set(section, "Serial", decoded(disk.take("serial")));
        if (is_on_one(disk.take("ssd")) && kind != "virtio")
            vm_.argument({"-set", fmt::format("device.{}.rotation_rate=1", name)});
        for (const char *without_part : {"size", "backup", "replicate", "iothread", "shared",
                                         "import-from", "queues", "detect_zeroes"})
            disk.take(without_part);
        for (const auto &[key, text] : disk.all())
            vm_.lost(fmt::format("{}: {}={}", line.key, key, text));
    }

    void set_file(const std::string &section, const std::string &key, const std::string &volume,
                  const std::string &format) {
        if (const std::string path = path_of(volume); !path.empty())
            return set_image(vm_, around_, section, path, format);
        std::string file = volume.substr(volume.find(':') + 1);
        file = file.substr(file.rfind('/') + 1);
        const bool is_iso = file.ends_with(".iso");
        vm_.set(section, "File", is_iso || file.contains('.') ? file : file + ".raw");
        vm_.lost(fmt::format(
            "the disk {0}: the path of {1} is known on its own host only: `pvesm "
            "path {1}` prints it there; copy that file to {2}{3}, or write its "
            "path as File= in [{4}]",
            key, volume, around_.state + kNamePlace, vm_.get(section, "File"), section));
    }

    void read_network(const Line &line) {
        Properties card = Properties::parse(line.value, "model");
        const std::string name = vm_.device_name(line.key, "net"), section = "Network " + name;
        vm_.open_section(section);
        std::string model = card.take("model"), mac = card.take("macaddr");
        for (const char *known :
             {"virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "ne2k_pci", "pcnet",
              "e1000-82540em", "e1000-82544gc", "e1000-82545em", "i82551", "i82557b", "i82559er"})
            if (card.has(known)) {
                model = known;
                mac = card.take(known);
            }
        if (model != "virtio")
            vm_.set(section, "Model", model);
        vm_.set(section, "MAC", mac);
        if (const std::string bridge = card.take("bridge"); !bridge.empty()) {
            vm_.set(section, "Type", "bridge");
            vm_.set(section, "Bridge", bridge);
        }
        if (is_on_one(card.take("link_down")))
            vm_.set(section, "Link", "no");
        if (card.get("firewall") == "0")
            card.take("firewall");
        for (const auto &[key, text] : card.all())
            vm_.lost(fmt::format("{}: {}={}: no key says it", line.key, key, text));
    }

    void read_boot() {
        Properties boot = Properties::parse(value("boot"), "legacy");
        const std::string order = boot.get("order"), letters = boot.get("legacy");
        std::string names;
        for (std::size_t begin = 0; begin < order.size();) {
            const std::size_t end = std::min(order.find(';', begin), order.size());
            const std::string name = order.substr(begin, end - begin);
            if (vm_.has_section("Drive " + name) || vm_.has_section("Network " + name))
                names += (names.empty() ? "" : " ") + name;
            begin = end + 1;
        }
        vm_.set("Boot", "Order", !names.empty() ? names : letters);
        if (value("onboot") == "1")
            vm_.set("Install", "WantedBy", "machines.target");
    }

    void read_cloud_init() {
        vm_.set("CloudInit", "User", value("ciuser"));
        std::istringstream keys(decoded(value("sshkeys")));
        for (std::string key; std::getline(keys, key);)
            if (!without_spaces(key).empty())
                vm_.add("CloudInit", "SSHKey", without_spaces(key));
        if (const std::string password = value("cipassword"); password.starts_with('$'))
            vm_.set("CloudInit", "Password", password);
    }

    void read_rest(const Line &line) {
        const auto &[key, text] = line;
        if (key == "args") {
            for (const ShellCommand &command : shell_commands(text, "~"))
                vm_.argument(command.words);
        } else if (key == "rng0") {
            vm_.set("VM", "RNG", "yes");
        } else if (key == "tpmstate0") {
            vm_.set("VM", "TPM", "yes");
            vm_.lost(fmt::format("the state of the TPM, {}", text.substr(0, text.find(','))));
        } else if (key == "watchdog") {
            const Properties watchdog = Properties::parse(text, "model");
            if (watchdog.get("model") == "i6300esb")
                vm_.set("VM", "Watchdog",
                        watchdog.get("action").empty() ? "reset" : watchdog.get("action"));
            else
                vm_.lost("watchdog: " + text);
        } else if (key == "vmgenid") {
            vm_.argument({"-device", "vmgenid,guid=" + text});
        } else if (key == "cpulimit") {
            take_cpu_limit(text);
        } else if (key == "affinity") {
            vm_.set("Service", "CPUAffinity", text);
        } else if (key.starts_with("ipconfig") && text != "ip=dhcp") {
            vm_.lost(fmt::format("{}: {}; NetworkConfig= in [CloudInit] names a file", key, text));
        } else if (key == "scsihw") {
            constexpr std::pair<std::string_view, std::string_view> kModels[] = {
                {"lsi", "lsi53c895a"},
                {"lsi53c810", "lsi53c810"},
                {"megasas", "megasas"},
                {"pvscsi", "pvscsi"}};
            for (const auto &[word, driver] : kModels)
                if (text == word)
                    vm_.argument({"-set", fmt::format("device.qemunit-scsi.driver={}", driver)});
        } else if ((key.starts_with("usb") || key.starts_with("hostpci")) &&
                   take_host_device(key, text)) {
            // It has a section.
        } else if (key == "audio0" || key.starts_with("usb") || key.starts_with("hostpci") ||
                   key.starts_with("parallel") || key == "hookscript" || key == "hugepages" ||
                   key == "ivshmem" || key.starts_with("virtiofs") || key.starts_with("numa") ||
                   key == "startup" || key == "cicustom" || key == "nameserver" ||
                   key == "searchdomain" || key == "spice_enhancements") {
            if (key != "numa")
                vm_.lost(fmt::format("{}: {}: no key says it", key, text));
        }
    }

    // "hostpci0: 0000:03:00.0,pcie=1,x-vga=1", "usb0: host=046d:c52b,usb3=1". Without a function,
    // it is all functions of a card, and only that host knows which it has.
    bool take_host_device(const std::string &key, const std::string &text) {
        Properties properties = Properties::parse(text, "host");
        const std::string host = properties.take("host");
        const bool is_pci = key.starts_with("hostpci");
        std::string address;
        if (is_pci)
            address = parse_pci_address(host).value_or("");
        else if (const auto usb = parse_usb_address(host))
            address = usb->text;
        if (address.empty())
            return false;
        const std::string section = "HostDevice " + vm_.device_name(key, "device");
        vm_.open_section(section);
        vm_.set(section, is_pci ? "PCI" : "USB", address);
        if (is_pci && properties.get("x-vga") == "1")
            vm_.argument(
                {"-set", fmt::format("device.{}.x-vga=on", section.substr(section.find(' ') + 1))});
        for (const char *known : {"pcie", "x-vga", "usb3"})
            properties.take(known);
        for (const auto &[name, value] : properties.all())
            vm_.lost(fmt::format("{}={} of {}", name, value, key));
        return true;
    }

    const Surroundings &around_;
    std::vector<Line> lines_;
    ImportedVm vm_;
    bool is_q35_ = false;
};

}  // namespace

Result<ImportedVm> import_proxmox(const std::string &text, const Surroundings &surroundings) {
    return ProxmoxReader(text, surroundings).read();
}

}  // namespace qemunit::ctl
