// SPDX-License-Identifier: MIT
#include "helper/seed/cloud_config.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "common/guest_credentials.h"

namespace qemunit::helper {

namespace {

// A scalar of YAML. Our values have no control characters.
std::string yaml_text(std::string_view text) {
    std::string word = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            word += '\\';
        word += c;
    }
    return word + '"';
}

// cloud-init's `user` is the image's own user, as sudo and groups go, under another name
// (cloudinit/distros/ug_util.py), while an entry of `users` would have nothing but what it says.
std::string made_user_data(const CloudConfig &config) {
    std::string text = "#cloud-config\n";
    if (!config.user.empty() || !config.password.empty()) {
        text += "user:\n";
        if (!config.user.empty())
            text += fmt::format("  name: {}\n", yaml_text(config.user));
        if (!config.password.empty())
            text += fmt::format("  lock_passwd: false\n  hashed_passwd: {}\n",
                                yaml_text(config.password));
    }
    if (config.user == "root")
        text += "disable_root: false\n";
    // sudo asks for the address of its own host, which no name server of a guest knows.
    if (!config.hostname.empty())
        text += "manage_etc_hosts: localhost\n";
    if (!config.ssh_keys.empty())
        text += "ssh_authorized_keys:\n";
    for (const std::string &key : config.ssh_keys)
        text += fmt::format("  - {}\n", yaml_text(key));
    return text;
}

std::string user_data(const CloudConfig &config) {
    return config.user_data ? *config.user_data : made_user_data(config);
}

// FNV-1a: whoever writes the seed gains nothing by two that have the same.
std::uint64_t hash_of(std::initializer_list<std::string_view> texts) {
    std::uint64_t hash = 14695981039346656037u;
    const auto add = [&](char c) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    };
    for (const std::string_view text : texts) {
        for (const char c : text)
            add(c);
        add('\0');
    }
    return hash;
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto part = bytes.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i)
            text += i <= part.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

}  // namespace

std::string instance_id(const CloudConfig &config) {
    return fmt::format(
        "{}-{:016x}", config.instance,
        hash_of({user_data(config), config.network_config.value_or(""), config.hostname}));
}

std::map<std::string, std::string> seed_files(const CloudConfig &config) {
    std::map<std::string, std::string> files;
    files["user-data"] = user_data(config);
    if (config.meta_data) {
        files["meta-data"] = *config.meta_data;
    } else {
        files["meta-data"] = fmt::format("instance-id: {}\n", yaml_text(instance_id(config)));
        if (!config.hostname.empty())
            files["meta-data"] += fmt::format("local-hostname: {}\n", yaml_text(config.hostname));
    }
    if (config.network_config)
        files["network-config"] = *config.network_config;
    return files;
}

std::map<std::string, std::string> guest_credentials(const CloudConfig &config) {
    std::map<std::string, std::string> credentials;
    const auto add = [&](std::string name, const std::string &text) {
        const bool fits = name.size() <= kFwCfgRoom;
        credentials[name] =
            fits ? text : fmt::format("io.systemd.credential.binary:{}={}", name, base64(text));
    };
    if (!config.hostname.empty())
        add(std::string(kHostnameCredential), config.hostname);
    if (!config.ssh_keys.empty()) {
        std::string keys;
        for (const std::string &key : config.ssh_keys)
            keys += key + '\n';
        add(std::string(kRootKeysCredential), keys);
        add(std::string(kAllKeysCredential), keys);
    }
    if (!config.password.empty())
        add(fmt::format("{}{}", kPasswordCredential, config.user.empty() ? "root" : config.user),
            config.password);
    return credentials;
}

}  // namespace qemunit::helper
