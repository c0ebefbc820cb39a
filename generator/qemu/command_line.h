// SPDX-License-Identifier: MIT
//
// QEMU's argv while it is built: the words so far, and what the devices share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "generator/qemu/option_value.h"
#include "generator/vm/machine.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

class CommandLine {
  public:
    CommandLine(const Vm &vm, Architecture host)
        : vm_(vm), host_(host), traits_(machine_traits(vm, host)) {
        words_.reserve(kUsualWords);
    }

    const Vm &vm() const { return vm_; }
    Architecture host() const { return host_; }
    const MachineTraits &traits() const { return traits_; }
    std::vector<std::string> take() { return std::move(words_); }

    void add(std::string word) { words_.push_back(std::move(word)); }
    void add(std::string option, std::string value) {
        add(std::move(option));
        add(std::move(value));
    }
    void add(std::string option, OptionValue value) {
        add(std::move(option), std::move(value).take());
    }
    void add_device(OptionValue device) { add("-device", std::move(device)); }

    // "virtio-blk-pci", or "virtio-blk-device" where there is no PCI bus.
    std::string virtio(std::string_view device) const;

    // The id of a controller, which QEMU gets once, when the first device needs it. No
    // section can have such a name.
    std::string_view scsi();
    std::string_view ahci();
    std::string_view usb();
    std::string_view virtio_serial();
    void need_floppy_controller();

    // The next free place on the machine's own disk controller, on the additional AHCI one;
    // the next cable that leads nowhere.
    unsigned next_ide_drive() { return ide_drives_++; }
    unsigned next_ahci_drive() { return ahci_drives_++; }
    unsigned next_hub() { return hubs_++; }
    // The next root port for a device of the host.
    unsigned next_host_port() { return host_ports_++; }
    unsigned next_usb_device() { return usb_devices_++; }

  private:
    static constexpr std::size_t kUsualWords = 48;

    std::string_view need(std::string_view id, std::string_view model);

    const Vm &vm_;
    const Architecture host_;
    const MachineTraits traits_;
    std::vector<std::string> words_;
    std::vector<std::string_view> controllers_;
    unsigned ide_drives_ = 0;
    unsigned ahci_drives_ = 0;
    unsigned hubs_ = 0;
    unsigned host_ports_ = 0;
    unsigned usb_devices_ = 0;  // of the host
};

}  // namespace qemunit::generator
