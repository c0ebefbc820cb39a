// SPDX-License-Identifier: MIT
//
// What the guest's machine is made of: whether processors, memory, screen and sound go with the
// machine and with each other.
#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.h"
#include "common/concat.h"
#include "generator/check/sections.h"
#include "generator/vm/defaults.h"
#include "generator/vm/enumerations.h"

namespace qemunit::generator {

namespace {

class HardwareChecker {
  public:
    HardwareChecker(const Vm &vm, Architecture host, Findings &findings)
        : vm_(vm), host_(host), traits_(machine_traits(vm, host)), findings_(findings) {}

    void check() {
        check_machine();
        check_cpu_model();
        check_topology();
        check_memory();
        check_screen();
        for (const Sound &sound : vm_.sounds)
            check_sound(sound);
    }

  private:
    bool is_x86() const {
        const Architecture architecture = vm_.architecture.value_or(host_);
        return architecture == Architecture::x86_64 || architecture == Architecture::i386;
    }

    void check_machine() {
        if (vm_.guest_os == GuestOs::windows && !is_x86())
            error("VM", "GuestOS", "GuestOS=windows is for Architecture=x86_64 and i386.");
        for (const MachineOption &option : vm_.machine_options)
            if (option.name == "smm" && option.value != "on" &&
                vm_.firmware == Firmware::uefi_secure)
                error("VM", "MachineOption=smm=" + option.value,
                      fmt::format("MachineOption=smm={}: Firmware=uefi-secure needs smm=on, or the "
                                  "guest can change the keys of Secure Boot.",
                                  option.value));
        if (vm_.hot_plug_ports && vm_.hot_plug_ports->number > 0 && !traits_.has_pcie)
            error("VM", "HotPlugPorts",
                  fmt::format("HotPlugPorts={}: the machine '{}' has no PCI Express.",
                              vm_.hot_plug_ports->number, traits_.machine));
        if (vm_.starts_paused && !vm_.ready.is_default())
            error("VM", "StartPaused",
                  "StartPaused=yes and Ready= exclude each other: a guest that does not run gets "
                  "nowhere.");
        if (vm_.debugger)
            check_socket_path("VM", vm_.paths.state_dir(vm_.name) + "/gdb.sock", findings_);
        if (vm_.boot.bios && vm_.firmware != Firmware::bios)
            error("Boot", "BIOS",
                  fmt::format("BIOS= and Firmware={} exclude each other: the guest boots with one "
                              "firmware.",
                              name_of(vm_.firmware)));
        if (vm_.boot.device_tree && !vm_.boot.kernel)
            error("Boot", "DeviceTree",
                  "DeviceTree= needs Kernel=: only QEMU's own loader hands it over.");
    }

    void check_cpu_model() {
        constexpr std::size_t kShorter = 3;  // than "486", which is a model
        if (!vm_.cpu.empty() && vm_.cpu.size() < kShorter && std::ranges::all_of(vm_.cpu, is_digit))
            error(
                "VM", "CPU",
                fmt::format("CPU={0}: a processor's model is wanted, as in CPU=max; how many there "
                            "are is said by CPUs={0}.",
                            vm_.cpu));
    }

    // QEMU's own rule (machine_parse_smp_config() in its hw/core/machine-smp.c).
    void check_topology() {
        const Topology &topology = vm_.topology;
        if (!topology.is_given())
            return;
        // In 64 bits: four keys of up to kCpusMax each.
        const uint64_t cpus = cpu_count(vm_),
                       maximum = topology.maximum ? topology.maximum->count : cpus;
        if (cpus > kCpusMax)
            return error("CPU", "Sockets",
                         fmt::format("[CPU] makes {} processors, and a guest has at most {}.", cpus,
                                     kCpusMax));
        if (cpus > maximum)
            return error("CPU", "Maximum",
                         fmt::format("Maximum={}: the guest starts with {} processors already.",
                                     maximum, cpus));
        uint64_t product = 1;
        std::string given, last;
        for (const auto &[key, part] :
             {std::pair("Sockets", &topology.sockets), std::pair("Dies", &topology.dies),
              std::pair("Cores", &topology.cores), std::pair("Threads", &topology.threads)})
            if (*part) {
                product *= (*part)->count;
                given += fmt::format("{}{}={}", given.empty() ? "" : ", ", key, (*part)->count);
                last = key;
            }
        // QEMU makes what is missing of the rest: cores first, then sockets.
        const bool is_whole = topology.sockets && topology.cores;
        const uint64_t threads = topology.threads ? 1 : maximum / product;
        if (!last.empty() && (maximum % product != 0 || (is_whole && product * threads != maximum)))
            error("CPU", last,
                  fmt::format("{} do not make {} processors, which {} says.", given, maximum,
                              topology.maximum ? "Maximum=" : "CPUs="));
    }

    void check_memory() {
        const MemorySettings &memory = vm_.memory_settings;
        const uint64_t size = vm_.memory ? vm_.memory->bytes : uint64_t{1} << 30;
        if (memory.maximum && memory.maximum->bytes <= size)
            error("Memory", "Maximum", "Maximum= must be more than Memory= in [VM].");
        if (memory.huge_pages.bytes > 0 && size % memory.huge_pages.bytes != 0)
            error("Memory", "HugePages",
                  "HugePages=: Memory= in [VM] is not a whole number of such pages.");
    }

    void check_screen() {
        const Screen &screen = vm_.screen;
        if (vm_.display == Display::none) {
            if (screen.is_given())
                error("Screen", "", "Section [Screen] needs Display=vnc or Display=spice in [VM].");
            return;
        }
        if (vm_.display == Display::spice)
            check_socket_path("VM", vm_.paths.state_dir(vm_.name) + "/spice.sock", findings_);
        const VideoCard card = video_card(vm_, host_);
        const auto refuse = [&](std::string_view key) {
            error("Screen", key, fmt::format("{}= is not for Card={}.", key, name_of(card)));
        };
        const bool is_virtio = card == VideoCard::virtio;
        if (!traits_.has_pci && !is_virtio && card != VideoCard::ramfb)
            error("Screen", "Card",
                  fmt::format("Card={}: the machine '{}' has no PCI bus for it.", name_of(card),
                              traits_.machine));
        if (screen.memory && (is_virtio || card == VideoCard::ramfb))
            refuse("Memory");
        if (screen.resolution &&
            (card == VideoCard::cirrus || card == VideoCard::vmware || card == VideoCard::ramfb))
            refuse("Resolution");
        if (screen.outputs && !is_virtio && card != VideoCard::qxl)
            refuse("Outputs");
        if (vm_.display == Display::spice && screen.usb_redirection && !traits_.has_pci)
            error("Screen", "USBRedirection",
                  fmt::format("USBRedirection=: the machine '{}' has no PCI bus for a USB "
                              "controller.",
                              traits_.machine));
        if (vm_.display == Display::spice)
            return;
        if (screen.usb_redirection)
            error("Screen", "USBRedirection", "USBRedirection= needs Display=spice.");
        if (!screen.agent)
            error("Screen", "Agent", "Agent= needs Display=spice.");
    }

    void check_sound(const Sound &sound) {
        const std::string section = "Sound " + sound.name;
        if (sound.model == SoundModel::sb16 ? !traits_.has_isa : !traits_.has_pci)
            error(section, "Model",
                  fmt::format("Model={}: the machine '{}' has no {} bus for it.",
                              name_of(sound.model), traits_.machine,
                              sound.model == SoundModel::sb16 ? "ISA" : "PCI"));
    }

    void error(std::string_view section, std::string_view key, std::string message) {
        findings_.error(section, key, std::move(message));
    }

    const Vm &vm_;
    const Architecture host_;
    const MachineTraits traits_;
    Findings &findings_;
};

}  // namespace

void check_hardware(const Vm &vm, Architecture host, Findings &findings) {
    HardwareChecker(vm, host, findings).check();
}

}  // namespace qemunit::generator
