// SPDX-License-Identifier: MIT
//
// [VM] and [Boot]: the machine, its processors, memory, clock and firmware.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "common/ascii.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/import/conversion.h"

namespace qemunit::ctl {

namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr unsigned kCpusMax = 1024;

struct BoardFacts {
    std::string_view architecture, type, cpu, card;
    unsigned cpus, megabytes;
};
// What QEMU 7.2 and later have without -cpu, -net nic, -smp and -m. Machines whose types begin so.
constexpr BoardFacts kBoards[] = {
    {"arm", "versatile", "arm926", "smc91c111", 1, 128},
    {"arm", "vexpress-a9", "cortex-a9", "lan9118", 1, 128},
    {"arm", "vexpress-a15", "cortex-a15", "lan9118", 1, 128},
    {"arm", "realview-eb-mpcore", "arm11mpcore", "smc91c111", 1, 128},
    {"arm", "realview-eb", "arm926", "smc91c111", 1, 128},
    {"arm", "realview-pb-a8", "cortex-a8", "lan9118", 1, 128},
    {"arm", "realview-pbx-a9", "cortex-a9", "lan9118", 1, 128},
    {"arm", "integratorcp", "arm926", "smc91c111", 1, 128},
    {"arm", "raspi0", "arm1176", "", 1, 512},
    {"arm", "raspi1ap", "arm1176", "", 1, 512},
    {"arm", "raspi2b", "cortex-a7", "", 4, 1024},
    {"arm", "raspi3ap", "cortex-a53", "", 4, 512},
    {"arm", "raspi3b", "cortex-a53", "", 4, 1024},
    {"arm", "raspi4b", "cortex-a72", "", 4, 2048},
    {"arm", "cubieboard", "cortex-a8", "allwinner-emac", 1, 1024},
    {"arm", "orangepi-pc", "cortex-a7", "allwinner-sun8i-emac", 4, 1024},
    {"arm", "bpim2u", "cortex-a7", "allwinner-sun8i-emac", 4, 1024},
    {"arm", "sabrelite", "cortex-a9", "imx.enet", 1, 128},
    {"arm", "mcimx6ul-evk", "cortex-a7", "imx.enet", 1, 128},
    {"arm", "mcimx7d-sabre", "cortex-a7", "imx.enet", 1, 128},
    {"arm", "imx25-pdk", "arm926", "imx.fec", 1, 128},
    {"arm", "smdkc210", "cortex-a9", "lan9118", 2, 128},
    {"arm", "nuri", "cortex-a9", "", 2, 128},
    {"arm", "xilinx-zynq-a9", "cortex-a9", "cadence_gem", 1, 128},
    {"arm", "highbank", "cortex-a9", "xgmac", 1, 128},
    {"arm", "midway", "cortex-a15", "xgmac", 1, 128},
    {"arm", "npcm750-evb", "cortex-a9", "npcm7xx-emc", 2, 512},
    {"arm", "ast2500-evb", "arm1176", "ftgmac100", 1, 512},
    {"arm", "ast2600-evb", "cortex-a7", "ftgmac100", 2, 1024},
    {"arm", "romulus-bmc", "arm1176", "ftgmac100", 1, 512},
    {"arm", "witherspoon-bmc", "arm1176", "ftgmac100", 1, 512},
    {"arm", "palmetto-bmc", "arm926", "ftgmac100", 1, 256},
    {"arm", "tacoma-bmc", "cortex-a7", "ftgmac100", 2, 1024},
    {"arm", "rainier-bmc", "cortex-a7", "ftgmac100", 2, 1024},
    {"arm", "fuji-bmc", "cortex-a7", "ftgmac100", 2, 2048},
    {"arm", "lm3s6965evb", "cortex-m3", "stellaris_enet", 1, 128},
    {"arm", "lm3s811evb", "cortex-m3", "", 1, 128},
    {"arm", "emcraft-sf2", "cortex-m3", "msf2-emac", 1, 128},
    {"arm", "mps2-an385", "cortex-m3", "lan9118", 1, 16},
    {"arm", "mps2-an386", "cortex-m4", "lan9118", 1, 16},
    {"arm", "mps2-an500", "cortex-m7", "lan9118", 1, 16},
    {"arm", "mps2-an505", "cortex-m33", "lan9118", 1, 16},
    {"arm", "mps2-an511", "cortex-m3", "lan9118", 1, 16},
    {"arm", "mps2-an521", "cortex-m33", "lan9118", 2, 16},
    {"arm", "mps3-an524", "cortex-m33", "lan9118", 2, 2048},
    {"arm", "mps3-an547", "cortex-m55", "lan9118", 1, 2048},
    {"arm", "musca", "cortex-m33", "", 2, 128},
    {"arm", "microbit", "cortex-m0", "", 1, 128},
    {"arm", "netduino2", "cortex-m3", "", 1, 128},
    {"arm", "netduinoplus2", "cortex-m4", "", 1, 128},
    {"arm", "stm32vldiscovery", "cortex-m3", "", 1, 128},
    {"arm", "olimex-stm32-h405", "cortex-m4", "", 1, 128},
    {"arm", "b-l475e-iot01a", "cortex-m4", "", 1, 128},
    {"arm", "musicpal", "arm926", "mv88w8618", 1, 32},
    {"arm", "akita", "pxa270-c0", "", 1, 128},
    {"arm", "spitz", "pxa270-c0", "", 1, 128},
    {"arm", "borzoi", "pxa270-c0", "", 1, 128},
    {"arm", "mainstone", "pxa270-c5", "smc91c111", 1, 128},
    {"arm", "n8", "arm1136-r2", "", 1, 128},
    {"arm", "collie", "sa1110", "", 1, 512},
    {"arm", "sbsa-ref", "cortex-a57", "e1000e", 4, 1024},
    {"arm", "xlnx-versal-virt", "cortex-a72", "cadence_gem", 4, 128},
    {"arm", "xlnx-zcu102", "cortex-a53", "cadence_gem", 4, 128},
    {"riscv64", "spike", "", "", 1, 128},
    {"riscv64", "sifive_u", "", "cadence_gem", 2, 128},
    {"riscv64", "sifive_e", "", "", 1, 128},
    {"riscv64", "shakti_c", "", "", 1, 128},
    {"riscv64", "microchip-icicle-kit", "", "cadence_gem", 5, 1537},
    {"ppc64", "pseries", "power9_v2.0", "spapr-vlan", 1, 512},
    {"ppc64", "powernv9", "power9_v2.0", "", 1, 1024},
    {"ppc", "g3beige", "750_v3.1", "ne2k_pci", 1, 128},
    {"ppc", "mac99", "7400_v2.9", "sungem", 1, 128},
    {"ppc", "ppce500", "e500v2_v30", "virtio-net-pci", 1, 128},
    {"ppc", "bamboo", "440epb", "e1000", 1, 128},
    {"s390x", "s390-ccw-virtio", "qemu", "virtio-net-ccw", 1, 128},
    {"m68k", "q800", "m68040", "dp83932", 1, 128},
    {"m68k", "virt", "m68040", "", 1, 128},
    {"m68k", "mcf5208evb", "m5208", "mcf_fec", 1, 128},
    {"mips", "malta", "24Kf", "pcnet", 1, 128},
    {"mipsel", "malta", "24Kf", "pcnet", 1, 128},
    {"mips64", "malta", "20Kc", "pcnet", 1, 128},
    {"mips64el", "malta", "20Kc", "pcnet", 1, 128},
    {"mips64el", "loongson3-virt", "Loongson-3A1000", "virtio-net-pci", 1, 512},
    {"loongarch64", "virt", "la464", "virtio-net-pci", 1, 1024},
    {"sparc", "SS-5", "Fujitsu MB86904", "lance", 1, 128},
    {"sparc64", "sun4u", "TI UltraSparc IIi", "sunhme", 1, 128},
    {"alpha", "clipper", "ev67", "e1000", 1, 128},
    {"hppa", "hppa", "hppa", "tulip", 1, 512},
    {"hppa", "B160L", "hppa", "tulip", 1, 512},
    {"or1k", "or1k-sim", "or1200", "", 1, 128},
    {"xtensa", "sim", "dc232b", "", 1, 128},
    {"sh4", "r2d", "sh7751r", "rtl8139", 1, 64},
    {"microblaze", "petalogix-s3adsp1800", "microblaze", "xlnx.xps-ethernetlite", 1, 128},
};

struct DefaultMachine {
    std::string_view architecture, type;
};
constexpr DefaultMachine kDefaultMachines[] = {
    {"x86_64", "pc"},
    {"i386", "pc"},
    {"riscv64", "spike"},
    {"ppc64", "pseries"},
    {"ppc", "g3beige"},
    {"s390x", "s390-ccw-virtio"},
    {"m68k", "mcf5208evb"},
    {"mips", "malta"},
    {"mipsel", "malta"},
    {"mips64", "malta"},
    {"mips64el", "malta"},
    {"sparc", "SS-5"},
    {"sparc64", "sun4u"},
    {"alpha", "clipper"},
    {"hppa", "hppa"},
    {"or1k", "or1k-sim"},
    {"xtensa", "sim"},
    {"loongarch64", "virt"},
    {"microblaze", "petalogix-s3adsp1800"},
};
constexpr std::string_view kKnownArchitectures[] = {"x86_64", "i386", "aarch64", "arm", "riscv64"};

// "2048", "2G", "1.5g", in units of `unit` without a suffix. nullopt: no size.
std::optional<uint64_t> size_in(std::string_view text, uint64_t unit) {
    constexpr std::string_view kSuffixes = "bkmgt";
    if (!text.empty() && (text.ends_with("iB") || text.ends_with("ib")))
        text.remove_suffix(2);
    if (text.empty())
        return std::nullopt;
    if (const std::size_t i = kSuffixes.find(to_lower(text.back())); i != kSuffixes.npos) {
        unit = uint64_t{1} << (10 * i);
        text.remove_suffix(1);
    }
    if (text.empty() || text.find_first_not_of("0123456789.") != text.npos)
        return std::nullopt;
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 ||
        number * static_cast<double>(unit) > 4e18)
        return std::nullopt;
    return static_cast<uint64_t>(std::llround(number * static_cast<double>(unit)));
}

// Takes all options of this name; the last one's value.
std::vector<std::string> take_values(Conversion &c, std::string_view name) {
    std::vector<std::string> values;
    std::erase_if(c.given, [&](const QemuCommand::Given &given) {
        if (given.option != name)
            return false;
        values.push_back(given.value);
        return true;
    });
    return values;
}

std::string take_last(Conversion &c, std::string_view name) {
    const auto values = take_values(c, name);
    return values.empty() ? "" : values.back();
}

void set_accelerators(Conversion &c, std::vector<std::string> wanted) {
    const bool is_own = c.architecture == c.surroundings.architecture ||
                        (c.architecture == "i386" && c.surroundings.architecture == "x86_64");
    bool is_kvm = false, is_tcg = false;
    for (const std::string &text : wanted) {
        Properties properties = Properties::parse(text, "accel");
        const std::string names = properties.take("accel");
        for (std::string_view rest = names; !rest.empty();) {
            const std::size_t colon = std::min(rest.find(':'), rest.size());
            const std::string_view name = rest.substr(0, colon);
            if (name == "kvm")
                is_kvm = true;
            else if (name == "tcg")
                is_tcg = true;
            else
                c.vm.lost(fmt::format("the accelerator {}: there are kvm and tcg", name));
            rest.remove_prefix(std::min(colon + 1, rest.size()));
        }
        properties.take("thread");  // multi is QEMU's choice where it is right
        for (const auto &[key, value] : properties.all())
            c.vm.lost(fmt::format("-accel {},{}={}: no key says it", names, key, value));
    }
    if (is_kvm && is_tcg)
        return;  // auto
    if (is_kvm)
        c.vm.set("VM", "Accelerator", "kvm");
    else if (is_own && (is_tcg || wanted.empty()))
        c.vm.set("VM", "Accelerator", "tcg");
}

void convert_machine_type(Conversion &c) {
    Properties properties;
    for (const std::string_view option : {"M", "machine"})
        for (const std::string &text : take_values(c, option))
            for (const auto &[key, value] : c.parse(text, "type").all())
                properties.set(key, value);
    std::vector<std::string> accelerators = take_values(c, "accel");
    if (properties.has("accel"))
        accelerators.push_back("accel=" + properties.take("accel"));
    if (!take_values(c, "enable-kvm").empty())
        accelerators.push_back("kvm");
    take_values(c, "no-kvm");
    std::string type = properties.take("type");
    if (type.empty()) {
        const auto known =
            std::ranges::find(kDefaultMachines, c.architecture, &DefaultMachine::architecture);
        type = known == std::end(kDefaultMachines) ? "" : known->type;
    }
    c.machine = machine_facts(c.architecture, type);
    c.vm.set("VM", "Machine", type);
    set_accelerators(c, std::move(accelerators));
    // What is so in any case.
    for (const auto &[key, value] : {std::pair("usb", "off"), std::pair("vmport", "auto")})
        if (properties.get(key) == value)
            properties.take(key);
    if (properties.take_bool("usb"))
        c.given.push_back({"usb", ""});
    // What -m makes by itself.
    if (const auto memory = c.objects.find(properties.get("memory-backend"));
        memory != c.objects.end() && memory->second.get("qom-type") == "memory-backend-ram" &&
        memory->second.all().size() == 3 && memory->second.has("size")) {
        properties.take("memory-backend");
        c.objects.erase(memory);
    }
    if (!properties.empty())
        c.given.push_back({"machine", properties.text()});
}

void convert_processors(Conversion &c) {
    const std::vector<std::string> models = take_values(c, "cpu");
    const std::string cpu = models.empty() ? c.machine.cpu : models.back();
    if (!cpu.empty())
        c.vm.set("VM", "CPU", cpu);
    else if (c.architecture != "riscv64")
        c.vm.lost(
            fmt::format("the processor: which one the machine {} has without -cpu is not "
                        "known here; say it with CPU=",
                        c.machine.type));
    const std::string text = take_last(c, "smp");
    if (text.empty()) {
        if (c.machine.cpus != 1)
            c.vm.set("VM", "CPUs", fmt::to_string(c.machine.cpus));
        return;
    }
    Properties properties = Properties::parse(text, "cpus");
    unsigned product = 1;
    for (const std::string_view part : {"sockets", "dies", "clusters", "cores", "threads"})
        if (const auto number = whole_number<unsigned>(properties.get(part));
            number && *number <= kCpusMax)
            product = std::min(product * std::max(*number, 1u), kCpusMax);
    const std::string cpus = properties.has("cpus")                      ? properties.get("cpus")
                             : properties.has("maxcpus") && product == 1 ? properties.get("maxcpus")
                                                                         : fmt::to_string(product);
    const auto count = whole_number<unsigned>(cpus);
    if (!count || *count == 0 || *count > kCpusMax)
        return c.vm.lost(fmt::format("-smp {}: no number of processors", text));
    if (*count != 1 || product != 1)
        c.vm.set("VM", "CPUs", fmt::to_string(*count));
    properties.take("cpus");
    for (const auto &[name, key] :
         {std::pair("sockets", "Sockets"), std::pair("dies", "Dies"), std::pair("cores", "Cores"),
          std::pair("threads", "Threads"), std::pair("maxcpus", "Maximum")})
        if (const auto number = whole_number<unsigned>(properties.get(name)); number && *number > 0)
            c.vm.set("CPU", key, properties.take(name));
    if (!properties.empty())
        c.given.push_back({"smp", fmt::format("{},{}", *count, properties.text())});
}

void convert_memory(Conversion &c) {
    Properties properties = Properties::parse(take_last(c, "m"), "size");
    const bool is_given = properties.has("size");
    const std::string text = is_given ? properties.take("size") : "128M";
    auto size = size_in(text, kMiB);
    if (!size || *size < kMiB) {
        c.vm.lost(fmt::format("-m {}: not a size", text));
        size = 128 * kMiB;
    }
    if (!is_given)
        size = c.machine.memory;
    c.vm.set("VM", "Memory", memory_text(*size));
    if (!properties.empty())
        c.given.push_back({"m", fmt::format("{}M,{}", *size / kMiB, properties.text())});
}

void convert_identity(Conversion &c) {
    if (const std::string uuid = take_last(c, "uuid"); !uuid.empty())
        c.vm.set("VM", "UUID", uuid);
    Properties name = Properties::parse(take_last(c, "name"), "guest");
    const std::string guest = name.get("guest");
    if (is_vm_name(guest))
        c.vm.name = guest;
    else if (!guest.empty())
        c.vm.set("VM", "Description", guest);
}

void convert_clock(Conversion &c) {
    Properties rtc = Properties::parse(take_last(c, "rtc"));
    if (!take_values(c, "localtime").empty())
        rtc.set("base", "localtime");
    if (const std::string date = take_last(c, "startdate"); !date.empty())
        rtc.set("base", date);
    const std::string base = rtc.take("base");
    if (!base.empty() && base != "utc" && base != "now")
        c.vm.set("VM", "Clock", base);
    if (rtc.get("clock") == "host")
        rtc.take("clock");
    if (rtc.get("driftfix") == "none")
        rtc.take("driftfix");
    if (!rtc.empty())
        c.given.push_back({"rtc", rtc.text()});
}

void convert_boot(Conversion &c) {
    const std::string kernel = take_last(c, "kernel"), initrd = take_last(c, "initrd"),
                      shim = take_last(c, "shim");
    const std::vector<std::string> append = take_values(c, "append");
    if (!kernel.empty()) {
        c.vm.set("Boot", "Kernel", c.path(kernel));
        if (initrd.contains(','))
            c.vm.lost(
                fmt::format("-initrd {}: several modules, of which Initrd= names one", initrd));
        else if (!initrd.empty())
            c.vm.set("Boot", "Initrd", c.path(initrd));
        if (!shim.empty())
            c.vm.set("Boot", "Shim", c.path(shim));
        if (!append.empty() && !append.back().empty())
            c.vm.set("Boot", "Append", append.back());
        else if (!c.machine.is_board)
            c.vm.changed(
                "the kernel's command line names the serial port as the console; it was "
                "empty");
    } else if (!append.empty() || !initrd.empty()) {
        c.vm.lost("-append, -initrd: there is no -kernel for them");
    }
    Properties boot;
    for (const std::string &text : take_values(c, "boot"))
        for (const auto &[key, value] : Properties::parse(text, "order").all())
            boot.set(key, value);
    const std::string order = boot.take("order");
    if (!order.empty() && order.find_first_not_of("abcdnop") == order.npos) {
        c.vm.set("Boot", "Order", order);
        c.boot_order = order;
    } else if (!order.empty()) {
        c.vm.lost(fmt::format("-boot {}: not letters of drives", order));
    }
    if (boot.take_bool("menu"))
        c.vm.set("Boot", "Menu", "yes");
    if (boot.get("strict") == "off")
        boot.take("strict");
    if (const std::string splash = boot.get("splash"); !splash.empty()) {
        boot.set("splash", c.path(splash));
        c.vm.open_path(c.path(splash), false);
    }
    if (!boot.empty())
        c.given.push_back({"boot", boot.text()});
    if (const std::string tag = take_last(c, "loadvm"); !tag.empty())
        c.vm.set("VM", "LoadSnapshot", tag);
}

// -s and -gdb: a socket, since QEMU has no network.
void convert_debugger(Conversion &c) {
    const bool is_short = !take_values(c, "s").empty();
    const std::vector<std::string> places = take_values(c, "gdb");
    if (!is_short && places.empty())
        return;
    if (!places.empty() && places.back() == "none")
        return;
    c.vm.set("VM", "Debugger", "yes");
    c.vm.changed(fmt::format("{} -> a socket: target remote {}",
                             is_short ? "-s" : "-gdb " + places.back(), c.gdb_socket()));
}

void convert_log(Conversion &c) {
    const std::string file = take_last(c, "D");
    if (!file.empty())
        c.vm.changed(fmt::format("-D {} -> the journal of the VM's unit", file));
}

}  // namespace

MachineFacts machine_facts(std::string_view architecture, std::string_view type) {
    MachineFacts facts;
    facts.type = type;
    const auto is = [&](std::string_view name, std::string_view versioned) {
        return type == name || type.starts_with(versioned);
    };
    if (architecture == "x86_64" || architecture == "i386") {
        facts.is_pc = is("pc", "pc-i440fx");
        facts.is_q35 = is("q35", "pc-q35");
        facts.is_microvm = type == "microvm";
        facts.is_board = !facts.is_pc && !facts.is_q35 && !facts.is_microvm;
        facts.cpu = architecture == "i386" ? "qemu32" : "qemu64";
        facts.drive_interface = facts.is_microvm ? "none" : "ide";
        facts.card = facts.is_q35 ? "e1000e" : facts.is_microvm ? "" : "e1000";
        facts.has_screen = !facts.is_microvm;
        return facts;
    }
    if (is("virt", "virt-") &&
        (architecture == "arm" || architecture == "aarch64" || architecture == "riscv64")) {
        const bool is_riscv = architecture == "riscv64";
        facts.drive_interface = is_riscv ? "none" : "virtio";
        facts.card = is_riscv ? "" : "virtio-net-pci";
        facts.cpu = is_riscv ? "" : "cortex-a15";
        return facts;
    }
    facts.is_board = true;
    const std::string_view family = architecture == "aarch64"   ? "arm"
                                    : architecture == "riscv32" ? "riscv64"
                                                                : architecture;
    for (const BoardFacts &board : kBoards)
        if (board.architecture == family && type.starts_with(board.type)) {
            facts.cpu = board.cpu;
            facts.card = board.card;
            facts.cpus = board.cpus;
            facts.memory = board.megabytes * kMiB;
            break;
        }
    return facts;
}

void convert_machine(Conversion &c) {
    if (std::ranges::find(kKnownArchitectures, c.architecture) == std::end(kKnownArchitectures)) {
        if (!c.vm.has("VM", "QEMU"))
            c.vm.set("VM", "QEMU", "/usr/bin/qemu-system-" + c.architecture);
    } else if (c.architecture != c.surroundings.architecture) {
        c.vm.set("VM", "Architecture", c.architecture);
    }
    convert_machine_type(c);
    convert_processors(c);
    convert_memory(c);
    convert_identity(c);
    convert_clock(c);
    convert_boot(c);
    convert_debugger(c);
    convert_log(c);
}

namespace {

bool names_firmware(std::string_view path) {
    const std::string name = to_lower(path.substr(path.rfind('/') + 1));
    return name.contains("ovmf") || name.contains("edk2") || name.contains("aavmf") ||
           name.contains("qemu_efi") || name.contains("qemu-efi") || name.contains("uefi");
}

bool is_variables(std::string_view path) {
    return to_lower(path.substr(path.rfind('/') + 1)).contains("vars");
}

}  // namespace

void convert_firmware(Conversion &c) {
    bool is_uefi = false, is_secure = false;
    std::string variables;
    unsigned flash = 0;
    // libvirt's way: -blockdev, and a property of the machine.
    for (QemuCommand::Given &given : c.given) {
        if (given.option != "machine")
            continue;
        Properties properties = Properties::parse(given.value);
        for (const std::string_view name : {"pflash0", "pflash1"})
            if (properties.has(name)) {
                const std::string node = properties.take(name);
                const auto found = c.nodes.find(node);
                std::string file = found == c.nodes.end() ? "" : found->second.get("filename");
                if (found != c.nodes.end() && file.empty())
                    file = found->second.get("file.filename");
                if (found != c.nodes.end() && file.empty())
                    if (const auto below = c.nodes.find(found->second.get("file"));
                        below != c.nodes.end())
                        file = below->second.get("filename");
                Properties drive;
                drive.add("if", "pflash");
                drive.add("file", file);
                c.drives.push_back({std::move(drive), false, "-machine", "", 0, ""});
            }
        given.value = properties.text();
    }
    std::erase_if(c.given, [](const QemuCommand::Given &given) {
        return given.option == "machine" && given.value.empty();
    });
    std::erase_if(c.drives, [&](const Conversion::Drive &drive) {
        if (drive.properties.get("if") != "pflash")
            return false;
        const std::string file = drive.properties.get("file");
        const unsigned number = flash++;
        if (!names_firmware(file) && !is_variables(file) && !(number == 1 && is_uefi)) {
            Properties kept = drive.properties;
            if (!file.empty()) {
                kept.set("file", c.path(file));
                c.vm.open_path(c.path(file), !is_on(kept.get("readonly")));
            }
            if (kept.get("index") == "0" && drive.option == "-pflash")
                kept.take("index");
            c.vm.argument({"-drive", kept.text()});
            return true;
        }
        if (number == 0 && !is_variables(file)) {
            is_uefi = true;
            const std::string name = to_lower(file);
            is_secure = name.contains("secboot") || name.contains("secure") ||
                        name.contains(".ms.") || name.contains("snakeoil");
            if (!name.contains("vars") && name.contains("ovmf.fd"))
                variables = c.path(file);
        } else {
            variables = c.path(file);
            is_uefi = true;
            const std::string name = to_lower(file);
            is_secure = is_secure || name.contains(".ms.");
        }
        return true;
    });
    for (const std::string &bios : take_values(c, "bios")) {
        if (names_firmware(bios)) {
            is_uefi = true;
            c.vm.changed(
                fmt::format("-bios {} -> Firmware=uefi, which keeps variables as well", bios));
        } else {
            c.given.push_back({"bios", bios});
        }
    }
    if (!is_uefi)
        return;
    if (c.machine.is_pc && is_secure) {
        c.vm.lost("Secure Boot, which needs the machine q35");
        is_secure = false;
    }
    c.vm.set("VM", "Firmware", is_secure ? "uefi-secure" : "uefi");
    c.vm.uefi_variables = variables;
    if (!is_secure)
        return;
    // The generator says these with Firmware=uefi-secure.
    std::erase_if(c.given, [](QemuCommand::Given &given) {
        if (given.option == "global")
            return given.value.contains("cfi.pflash01") && given.value.contains("secure");
        if (given.option != "machine")
            return false;
        Properties properties = Properties::parse(given.value);
        properties.take("smm");
        given.value = properties.text();
        return given.value.empty();
    });
}

}  // namespace qemunit::ctl
