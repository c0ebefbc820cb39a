// SPDX-License-Identifier: MIT
#include "helper/start/host_devices.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "common/concat.h"

namespace qemunit::helper {

// "-device usb-host,hostdevice=/dev/bus/usb/stick,bus=qemunit-usb.0,id=stick". No name has a comma.
void leave_out_missing_devices(std::vector<std::string> &qemu, const std::string &folder) {
    constexpr std::string_view kBegin = "usb-host,hostdevice=";
    const std::string begin = concat(kBegin, folder, "/");
    for (auto option = qemu.begin(); option != qemu.end() && std::next(option) != qemu.end();) {
        const std::string &value = *std::next(option);
        const std::size_t end = std::min(value.find(',', kBegin.size()), value.size());
        if (*option == "-device" && value.starts_with(begin) &&
            access(value.substr(kBegin.size(), end - kBegin.size()).c_str(), F_OK) != 0)
            option = qemu.erase(option, option + 2);
        else
            ++option;
    }
}

}  // namespace qemunit::helper
