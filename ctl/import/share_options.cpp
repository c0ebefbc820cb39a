// SPDX-License-Identifier: MIT
//
// [Share NAME]: -virtfs, -fsdev with virtio-9p, and what virtiofsd serves.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/ascii.h"
#include "common/vm_name.h"
#include "ctl/import/conversion.h"

namespace qemunit::ctl {

namespace {

class ShareConversion {
  public:
    explicit ShareConversion(Conversion &c) : c_(c), vm_(c.vm) {}

    void convert() {
        std::erase_if(c_.given, [&](const QemuCommand::Given &given) {
            if (given.option != "virtfs")
                return false;
            Properties properties = Properties::parse(given.value, "fsdriver");
            Properties device;
            device.add("mount_tag", properties.take("mount_tag"));
            if (properties.get("fsdriver") != "local")
                return false;
            convert_9p(properties, device);
            return true;
        });
        for (Conversion::Device &device : c_.devices) {
            if (is_virtio(device.driver(), "9p"))
                convert_9p_device(device);
            else if (device.driver().starts_with("vhost-user-fs"))
                convert_virtiofs(device);
        }
        for (const auto &[id, properties] : c_.fsdevs)
            if (!used_.contains(id))
                c_.keep("-fsdev", properties.text("fsdriver"));
    }

  private:
    void convert_9p_device(Conversion::Device &device) {
        const auto found = c_.fsdevs.find(device.properties.get("fsdev"));
        if (found == c_.fsdevs.end() || found->second.get("fsdriver") != "local")
            return;
        used_.insert(found->first);
        Properties folder = found->second, properties = device.properties;
        properties.take("fsdev");
        const std::string driver = device.driver();
        drop_places(properties);
        if (driver == (c_.machine.is_microvm ? "virtio-9p-pci" : "virtio-9p-device"))
            properties.add("driver", driver);
        convert_9p(folder, properties);
        device.is_done = true;
    }

    void convert_9p(Properties &folder, Properties &device) {
        const std::string tag = device.take("mount_tag");
        const std::string name = vm_.device_name(tag, "share"), section = "Share " + name;
        std::string path = c_.path(folder.take("path"));
        while (path.size() > 1 && path.ends_with('/'))
            path.pop_back();
        vm_.set(section, "Path", path);
        const bool is_tag = !tag.empty() && std::ranges::all_of(tag, [](char c) {
            return is_alphanumeric_or(c, "_.-+");
        }) && tag.size() <= kDeviceNameMax;
        if (tag != name && is_tag)
            vm_.set(section, "Tag", tag);
        else if (!is_tag)
            vm_.argument({"-set", fmt::format("device.{}.mount_tag={}", name, tag)});
        if (folder.take_bool("readonly"))
            vm_.set(section, "ReadOnly", "yes");
        const std::string model = folder.take("security_model");
        if (model != "none" && model != "passthrough" && !model.empty())
            vm_.argument({"-set", fmt::format("fsdev.{}.security_model={}", name, model)});
        if (model == "passthrough")
            vm_.changed(
                fmt::format("security_model=passthrough of {}: QEMU is not root, and what "
                            "the guest makes belongs to QEMU's user",
                            tag));
        folder.take("fsdriver");
        folder.take("id");
        c_.set_rest("fsdev", name, folder);
        c_.set_rest("device", name, device);
    }

    // Who serves the folder, and which one it is, is not on QEMU's command line.
    void convert_virtiofs(Conversion::Device &device) {
        const std::string tag = device.properties.get("tag");
        vm_.lost(
            fmt::format("the folder that virtiofsd serves as {0}: [Share NAME] with Path=, "
                        "Type=virtiofs and Tag={0}",
                        tag));
        device.is_done = true;
        // Its memory, which virtiofsd shares, is made by Type=virtiofs.
        std::erase_if(c_.given, [&](const QemuCommand::Given &given) {
            if (given.option == "numa") {
                const std::string id = Properties::parse(given.value, "type").get("memdev");
                if (id.empty() || given.value.contains("cpus"))
                    return false;
                c_.objects.erase(id);
                return true;
            }
            return false;
        });
        for (QemuCommand::Given &given : c_.given) {
            if (given.option != "machine")
                continue;
            Properties properties = Properties::parse(given.value);
            c_.objects.erase(properties.take("memory-backend"));
            given.value = properties.text();
        }
        std::erase_if(c_.given, [](const QemuCommand::Given &given) {
            return given.option == "machine" && given.value.empty();
        });
    }

    Conversion &c_;
    ImportedVm &vm_;
    std::set<std::string> used_;
};

}  // namespace

void convert_shares(Conversion &conversion) {
    ShareConversion(conversion).convert();
}

}  // namespace qemunit::ctl
