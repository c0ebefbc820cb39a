// SPDX-License-Identifier: MIT
#include "generator/qemu/devices.h"

#include "common/cloud/seed_options.h"
#include "common/concat.h"
#include "common/guest_credentials.h"
#include "common/paths.h"
#include "common/shared_names.h"
#include "generator/vm/cloud_init.h"
#include "generator/vm/defaults.h"

namespace qemunit::generator {

namespace {

void add_port(CommandLine &line, std::string_view chardev, std::string_view guest_name,
              std::string_view id) {
    line.add_device(OptionValue("virtserialport")
                        .add("bus", concat(line.virtio_serial(), ".0"))
                        .add("chardev", chardev)
                        .add("name", guest_name)
                        .add("id", id));
}

}  // namespace

void add_serial(CommandLine &line, const Serial &serial) {
    if (effective_type(line.vm(), serial, line.host()) == SerialType::isa) {
        line.add("-serial", "chardev:" + serial.name);
        return;
    }
    line.add_device(OptionValue("virtconsole")
                        .add("bus", concat(line.virtio_serial(), ".0"))
                        .add("chardev", serial.name)
                        .add("id", serial.name));
}

void add_channel(CommandLine &line, const Channel &channel) {
    add_port(line, channel.name, channel.name, channel.name);
}

void add_guest_agent(CommandLine &line) {
    add_port(line, kGuestAgentSocket, "org.qemu.guest_agent.0", kGuestAgentDevice);
}

void add_share(CommandLine &line, const Share &share) {
    const std::string &path = share.path->text;
    const std::string bus = line.traits().has_pci ? "pci" : "device";
    switch (share.type) {
        case ShareType::ninep: {
            OptionValue folder("local");
            // A guest whose root this is needs owners and modes to be as it has set them; QEMU
            // keeps them in attributes of the files then.
            folder.add("id", share.name)
                .add("path", path)
                .add("security_model", share.root && !share.read_only ? "mapped-xattr" : "none");
            if (share.read_only)
                folder.add("readonly", "on");
            line.add("-fsdev", std::move(folder));
            line.add_device(OptionValue("virtio-9p-" + bus)
                                .add("fsdev", share.name)
                                .add("mount_tag", effective_tag(share))
                                .add("id", share.name));
            break;
        }
        case ShareType::virtiofs: {
            // The helper's chardevs have names of their own, "monitor" and so on.
            const std::string chardev = concat(kShareIds, share.name);
            line.add("-chardev",
                     OptionValue("socket")
                         .add("id", chardev)
                         .add("path", line.vm().paths.virtiofs_socket(line.vm().name, share.name)));
            line.add_device(OptionValue("vhost-user-fs-" + bus)
                                .add("chardev", chardev)
                                .add("tag", effective_tag(share))
                                .add("id", share.name));
            break;
        }
        case ShareType::vfat:
            line.add("-drive", OptionValue()
                                   .add("if", "none")
                                   .add("id", share.name)
                                   .add("driver", "vvfat")
                                   .add("dir", path)
                                   .add("readonly", "on"));
            line.add_device(
                OptionValue(line.virtio("blk")).add("drive", share.name).add("id", share.name));
            break;
    }
}

// QEMU reads the credential from a file, so that no secret stands on the command line.
void add_credential(CommandLine &line, const Credential &credential) {
    line.add("-fw_cfg",
             OptionValue()
                 .add("name", std::string(kGuestCredentials) + credential.name)
                 .add("file", line.vm().paths.credential_path(line.vm().name, credential.name)));
}

// A drive of its own kind of name, behind those of the ini, whose places in the guest stay as they
// are.
void add_cloud_init(CommandLine &line) {
    const Vm &vm = line.vm();
    const auto path = [&](std::string_view credential) {
        return vm.paths.credential_path(vm.name, credential);
    };
    if (!vm.cloud_init.is_given())
        return;
    line.add("-drive", OptionValue()
                           .add("if", "none")
                           .add("id", kSeedId)
                           .add("file", path(kSeedVolume))
                           .add("format", "raw")
                           .add("readonly", "on"));
    line.add_device(OptionValue(line.virtio("blk")).add("drive", kSeedId).add("id", kSeedId));
    for (const std::string &name : cloud_init_credentials(vm, line.host()))
        if (name.size() <= kFwCfgRoom)
            line.add("-fw_cfg", OptionValue()
                                    .add("name", std::string(kGuestCredentials) + name)
                                    .add("file", path(name)));
        else
            line.add("-smbios", OptionValue().add("type", "11").add("path", path(name)));
}

void add_tpm(CommandLine &line) {
    line.add("-chardev", OptionValue("socket")
                             .add("id", kTpmId)
                             .add("path", line.vm().paths.tpm_socket(line.vm().name)));
    line.add("-tpmdev", OptionValue("emulator").add("id", kTpmId).add("chardev", kTpmId));
    line.add_device(OptionValue(line.traits().tpm).add("tpmdev", kTpmId));
}

}  // namespace qemunit::generator
