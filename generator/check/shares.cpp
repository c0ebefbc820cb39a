// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/guest_credentials.h"
#include "generator/check/sections.h"
#include "generator/vm/defaults.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

void check_share(const Vm &vm, const Share &share, Takers &tags, Findings &findings) {
    const std::string section = "Share " + share.name;
    if (!share.path)
        findings.error(section, "",
                       fmt::format("Section [{}] has no Path=: which folder is it?", section));
    const bool is_vfat = share.type == ShareType::vfat;
    if (is_vfat && share.tag)
        findings.error(section, "Tag",
                       "Tag= is not for Type=vfat, which the guest sees as a disk.");
    if (is_vfat && share.root)
        findings.error(section, "Root", "Root= needs Type=9p or Type=virtiofs.");
    if (share.special_files && share.type != ShareType::virtiofs)
        findings.error(section, "SpecialFiles",
                       "SpecialFiles= needs Type=virtiofs: with the others, QEMU's user owns all.");
    if (share.special_files && share.read_only)
        findings.error(section, "SpecialFiles",
                       "SpecialFiles=yes and ReadOnly=yes contradict each other.");
    if (!is_vfat) {
        // virtio-9p's MAX_TAG_LEN, virtio_fs_config's tag.
        const std::size_t room = share.type == ShareType::ninep ? 31 : 36;
        const std::string tag(effective_tag(share));
        if (tag.size() > room)
            findings.error(section, "Tag",
                           fmt::format("Tag={}: longer than {} characters.", shorten(tag), room));
        tags.take(tag, section, "Tag", "The tag", findings);
    }
    if (share.type == ShareType::virtiofs)
        check_socket_path(section, vm.paths.virtiofs_socket(vm.name, share.name), findings);
    if (share.root && !vm.boot.kernel)
        findings.error(section, "Root",
                       "Root= needs Kernel= in [Boot]: firmware cannot boot from a folder.");
}

void check_credential(const Vm &vm, const Credential &credential, Findings &findings) {
    const std::string section = "Credential " + credential.name;
    if (credential.name.size() > kFwCfgRoom)
        findings.error(section, "",
                       fmt::format("The name '{}' is longer than {} characters, which is all that "
                                   "QEMU's fw_cfg has room for.",
                                   credential.name, kFwCfgRoom));
    if (credential.file && continues_line(credential.file->text))
        findings.error(section, "File", "The credential's file must not end with a backslash.");
    if (credential.file && !credential.text.empty())
        findings.error(section, "Text",
                       "File= and Text= both say what the credential is; use one.");
    const auto loads_it = [&](const UnitLine &line) {
        const bool is_setting = line.key == "LoadCredential" ||
                                line.key == "LoadCredentialEncrypted" ||
                                line.key == "SetCredential" || line.key == "SetCredentialEncrypted";
        return is_setting && line.value.substr(0, line.value.find(':')) == credential.name;
    };
    if (!credential.file && credential.text.empty() &&
        std::ranges::none_of(vm.service_lines, loads_it))
        findings.error(section, "",
                       fmt::format("Section [{}] has no File= and no Text=, and [Service] has no "
                                   "LoadCredential={}.",
                                   section, credential.name));
}

}  // namespace

void check_shares(const Vm &vm, Findings &findings) {
    Takers tags;
    bool has_root = false;
    for (const Share &share : vm.shares) {
        check_share(vm, share, tags, findings);
        if (share.root && std::exchange(has_root, true))
            findings.error("Share " + share.name, "Root",
                           "A guest has one root file system; another share has Root=yes.");
    }
}

void check_credentials(const Vm &vm, Findings &findings) {
    for (const Credential &credential : vm.credentials)
        check_credential(vm, credential, findings);
}

}  // namespace qemunit::generator
