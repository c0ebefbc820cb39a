// SPDX-License-Identifier: MIT
#include "generator/qemu/command_line.h"

#include <algorithm>

#include "common/concat.h"
#include "common/shared_names.h"

namespace qemunit::generator {

std::string CommandLine::virtio(std::string_view device) const {
    return concat("virtio-", device, traits_.has_pci ? "-pci" : "-device");
}

std::string_view CommandLine::scsi() {
    return need("qemunit-scsi", virtio("scsi"));
}
std::string_view CommandLine::ahci() {
    return need("qemunit-ahci", "ahci");
}
std::string_view CommandLine::usb() {
    return need(kUsbControllerId, "qemu-xhci");
}
std::string_view CommandLine::virtio_serial() {
    return need("qemunit-virtio-serial", virtio("serial"));
}
void CommandLine::need_floppy_controller() {
    need("qemunit-floppy", "isa-fdc");
}

std::string_view CommandLine::need(std::string_view id, std::string_view model) {
    if (std::ranges::find(controllers_, id) == controllers_.end()) {
        controllers_.push_back(id);
        add_device(OptionValue(model).add("id", id));
    }
    return id;
}

}  // namespace qemunit::generator
