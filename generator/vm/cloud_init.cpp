// SPDX-License-Identifier: MIT
#include "generator/vm/cloud_init.h"

#include <algorithm>

#include "common/cloud/seed_options.h"
#include "common/concat.h"
#include "common/guest_credentials.h"
#include "common/paths.h"
#include "generator/vm/defaults.h"
#include "generator/vm/values.h"

namespace qemunit::generator {

std::string guest_hostname(const Vm &vm) {
    const CloudInit &cloud = vm.cloud_init;
    if (cloud.hostname)
        return cloud.hostname->text;
    return !cloud.meta_data && is_host_name(vm.name) ? vm.name : "";
}

std::vector<std::string> cloud_init_credentials(const Vm &vm, Architecture host) {
    const CloudInit &cloud = vm.cloud_init;
    std::vector<std::string> names;
    // QEMU has SMBIOS for PCs and ARM (qemu-options.hx).
    const bool has_smbios = vm.architecture.value_or(host) != Architecture::riscv64;
    const auto add = [&](std::string name) {
        if ((name.size() <= kFwCfgRoom || has_smbios) &&
            std::ranges::find(vm.credentials, name, &Credential::name) == vm.credentials.end())
            names.push_back(std::move(name));
    };
    if (!guest_hostname(vm).empty())
        add(std::string(kHostnameCredential));
    if (!cloud.ssh_keys.empty()) {
        add(std::string(kRootKeysCredential));
        add(std::string(kAllKeysCredential));
    }
    if (cloud.password)
        add(concat(kPasswordCredential, cloud.user ? cloud.user->text : "root"));
    return names;
}

std::vector<std::string> cloud_init_paths(const Vm &vm) {
    const CloudInit &cloud = vm.cloud_init;
    std::vector<std::string> paths;
    for (const auto *file : {&cloud.user_data, &cloud.meta_data, &cloud.network_config})
        if (*file)
            paths.push_back(absolute_path(vm, **file));
    for (const SshKey &key : cloud.ssh_keys)
        if (key.is_file)
            paths.push_back(absolute_path(vm, FilePath{key.text}));
    return paths;
}

std::vector<std::string> seed_command(const Vm &vm) {
    using namespace seed_option;
    const CloudInit &cloud = vm.cloud_init;
    std::vector<std::string> words = {std::string(kSeedToolPath)};
    const auto add = [&](std::string_view option, std::string_view value) {
        words.push_back(concat(option, "=", value));
    };
    const auto add_file = [&](std::string_view option, const std::optional<FilePath> &file) {
        if (file)
            add(option, absolute_path(vm, *file));
    };
    add(kInstance, vm.uuid ? vm.uuid->text : vm.name);
    if (vm.user && !vm.paths.is_of_user())
        add(kOwner, vm.user->text);
    add_file(kUserData, cloud.user_data);
    add_file(kMetaData, cloud.meta_data);
    add_file(kNetworkConfig, cloud.network_config);
    if (const std::string name = guest_hostname(vm); !name.empty())
        add(kHostname, name);
    if (cloud.user)
        add(kUser, cloud.user->text);
    for (const SshKey &key : cloud.ssh_keys)
        if (key.is_file)
            add(kSshKeyFile, absolute_path(vm, FilePath{key.text}));
        else
            add(kSshKey, key.text);
    if (cloud.password)
        add(kPasswordFile, vm.paths.password_path(vm.name));
    return words;
}

}  // namespace qemunit::generator
