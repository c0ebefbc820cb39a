// SPDX-License-Identifier: MIT
#include "helper/seed/seed.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "common/cloud/seed_options.h"
#include "common/cloud/ssh_key.h"
#include "common/options.h"
#include "common/unique_fd.h"
#include "helper/credential/named_text.h"
#include "helper/seed/cloud_config.h"
#include "helper/seed/fat_volume.h"

namespace qemunit::helper {

namespace {

// systemd takes 1 MiB of credentials for a unit, all together (systemd.exec(5)).
constexpr std::size_t kLargestVolume = 960 << 10;

constexpr Option<SeedOptions> kSeedOptions[] = {
    {{.name = seed_option::kInstance,
      .value = "UUID",
      .help = "What the instance's ID begins with: the VM's UUID, or its name"},
     set_text<&SeedOptions::instance>},
    {{.name = seed_option::kOwner,
      .value = "USER",
      .help = "With whose rights files are opened, where others than root can\n"
              "put them there"},
     set_text<&SeedOptions::owner>},
    {{.name = seed_option::kUserData, .value = "PATH", .help = "A file with user data"},
     set_text<&SeedOptions::user_data>},
    {{.name = seed_option::kMetaData, .value = "PATH", .help = "A file with meta data"},
     set_text<&SeedOptions::meta_data>},
    {{.name = seed_option::kNetworkConfig, .value = "PATH", .help = "A file with the network"},
     set_text<&SeedOptions::network_config>},
    {{.name = seed_option::kHostname, .value = "NAME", .help = "The guest's host name"},
     set_text<&SeedOptions::hostname>},
    {{.name = seed_option::kUser, .value = "USER", .help = "The guest's user"},
     set_text<&SeedOptions::user>},
    {{.name = seed_option::kSshKey, .value = "KEY", .help = "A public key that may log in"},
     add_text<&SeedOptions::ssh_keys>},
    {{.name = seed_option::kSshKeyFile, .value = "PATH", .help = "A file with such keys"},
     add_text<&SeedOptions::ssh_key_files>},
    {{.name = seed_option::kPasswordFile,
      .value = "PATH",
      .help = "A file of root's with the hash of the user's password"},
     set_text<&SeedOptions::password_file>},
    {kHelpOption, set_to<&SeedOptions::mode, SeedOptions::Mode::help>, true},
    {kVersionOption, set_to<&SeedOptions::mode, SeedOptions::Mode::version>, true},
};

Result<std::string> read_password(const std::string &path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd)
        return fail_errno(errno, "cannot open " + path);
    char hash[1024];
    const ssize_t n = read(fd.get(), hash, sizeof hash);
    if (n < 0)
        return fail_errno(errno, "cannot read " + path);
    return std::string(hash, static_cast<std::size_t>(n));
}

Result<CloudConfig> read_config(const SeedOptions &options) {
    CloudConfig config{.instance = options.instance,
                       .hostname = options.hostname,
                       .user = options.user,
                       .ssh_keys = options.ssh_keys,
                       .password = {},
                       .user_data = {},
                       .meta_data = {},
                       .network_config = {}};
    for (const auto &[path, text] : {std::pair(&options.user_data, &config.user_data),
                                     std::pair(&options.meta_data, &config.meta_data),
                                     std::pair(&options.network_config, &config.network_config)}) {
        if (path->empty())
            continue;
        auto read = read_named_text(options.owner, *path);
        if (!read)
            return std::unexpected(read.error());
        *text = std::move(*read);
    }
    for (const std::string &path : options.ssh_key_files) {
        const auto text = read_named_text(options.owner, path);
        if (!text)
            return std::unexpected(text.error());
        auto keys = ssh_keys_in(path, *text);
        if (!keys)
            return std::unexpected(keys.error());
        std::ranges::move(*keys, std::back_inserter(config.ssh_keys));
    }
    if (!options.password_file.empty()) {
        auto password = read_password(options.password_file);
        if (!password)
            return std::unexpected(password.error());
        config.password = std::move(*password);
    }
    return config;
}

Result<std::string> seed_volume(const CloudConfig &config) {
    const auto contents = seed_files(config);
    std::vector<FatFile> files;
    for (const auto &[name, short_name] :
         {std::pair("meta-data", "META-D~1"), std::pair("network-config", "NETWOR~1"),
          std::pair("user-data", "USER-D~1")})
        if (const auto it = contents.find(name); it != contents.end())
            files.push_back({name, short_name, it->second});
    auto volume = fat_volume("cidata", files);
    if (volume && volume->size() > kLargestVolume)
        return fail(EFBIG, fmt::format("its files are larger than the {} KiB that systemd takes",
                                       kLargestVolume >> 10));
    return volume;
}

}  // namespace

std::string seed_help() {
    return options_help(
        R"(qemunit-seed --instance=UUID [OPTION…]

Makes a seed for cloud-init, and credentials for systemd in the guest, in $RUNTIME_DIRECTORY, from
where systemd gives them to the VM. Run by qemu-credential@VM.service, for the section [CloudInit].

)",
        kSeedOptions, "\nSee qemunit.ini(5).\n");
}

Result<SeedOptions> parse_seed_options(const std::vector<std::string> &arguments) {
    SeedOptions options;
    const auto words = take_options(kSeedOptions, arguments, Operands::behind_options, options);
    if (!words)
        return std::unexpected(words.error());
    if (options.mode == SeedOptions::Mode::make && (!words->empty() || options.instance.empty()))
        return fail(EINVAL, "--instance= is needed, and no other words; see --help");
    return options;
}

Result<> make_seed(const SeedOptions &options, const std::string &folder) {
    const auto failed = [](const Error &why) {
        return fail(why.code, "cannot make the seed for cloud-init: " + why.message);
    };
    const auto config = read_config(options);
    if (!config)
        return failed(config.error());
    auto files = guest_credentials(*config);
    auto volume = seed_volume(*config);
    if (!volume)
        return failed(volume.error());
    files.emplace(kSeedVolume, std::move(*volume));
    for (const auto &[name, text] : files) {
        // A [Credential] of the ini's own says another thing.
        if (auto written = write_new_text(folder, name, text);
            !written && written.error().code != EEXIST)
            return failed(written.error());
    }
    return {};
}

}  // namespace qemunit::helper
