// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "common/paths.h"
#include "generator/qemu/devices.h"
#include "generator/vm/defaults.h"
#include "generator/vm/mac_address.h"

namespace qemunit::generator {

namespace {

OptionValue network_back_end(CommandLine &line, const Network &network) {
    const auto of_type = [&](std::string_view type) {
        return OptionValue(type).add("id", network.name);
    };
    const auto served_at = [&](const std::string &socket) {
        return of_type("stream")
            .add("server", "off")
            .add("addr.type", "unix")
            .add("addr.path", socket);
    };
    switch (network.type) {
        case NetworkType::tap:
        case NetworkType::bridge:
            return of_type("tap")
                .add("ifname", tap_name(line.vm(), network))
                .add("script", "no")
                .add("downscript", "no");
        case NetworkType::user:
            return served_at(line.vm().paths.usernet_socket(line.vm().name, network.name));
        case NetworkType::passt:
            return served_at(line.vm().paths.passt_socket(line.vm().name, network.name));
        case NetworkType::none:
            break;
    }
    return of_type("hubport").add("hubid", fmt::to_string(line.next_hub()));
}

}  // namespace

void add_network(CommandLine &line, const Network &network) {
    line.add("-netdev", network_back_end(line, network));
    const std::string model = network.model ? network.model->text : "virtio";
    if (model == kOnboardModel) {  // which is not a -device
        line.add("-net", OptionValue("nic")
                             .add("netdev", network.name)
                             .add("macaddr", mac_address(line.vm(), network)));
        return;
    }
    OptionValue device(model == "virtio" ? line.virtio("net") : model);
    device.add("netdev", network.name)
        .add("id", network.name)
        .add("mac", mac_address(line.vm(), network));
    if (const auto index = boot_index(line.vm(), network.name, network.boot_index))
        device.add("bootindex", fmt::to_string(*index));
    line.add_device(std::move(device));
}

}  // namespace qemunit::generator
