// SPDX-License-Identifier: MIT
#include "helper/credential/credential.h"

#include <fmt/format.h>

#include "common/options.h"
#include "helper/credential/named_text.h"

namespace qemunit::helper {

namespace {

constexpr Option<CredentialOptions> kCredentialOptions[] = {
    {{.name = "--owner",
      .value = "USER",
      .help = "With whose rights it is opened, where others than root can\n"
              "put it there"},
     set_text<&CredentialOptions::owner>},
    {kHelpOption, set_to<&CredentialOptions::mode, CredentialOptions::Mode::help>, true},
    {kVersionOption, set_to<&CredentialOptions::mode, CredentialOptions::Mode::version>, true},
};

}  // namespace

std::string credential_help() {
    return options_help(
        R"(qemunit-credential [--owner=USER] NAME PATH

Copies the file PATH to NAME in $RUNTIME_DIRECTORY, from where systemd gives it to the VM. Run by
qemu-credential@VM.service, for File= in a [Credential] section.

)",
        kCredentialOptions, "\nSee qemunit.ini(5).\n");
}

Result<CredentialOptions> parse_credential_options(const std::vector<std::string> &arguments) {
    CredentialOptions options;
    const auto parsed =
        take_options(kCredentialOptions, arguments, Operands::behind_options, options);
    if (!parsed)
        return std::unexpected(parsed.error());
    if (options.mode != CredentialOptions::Mode::take)
        return options;
    const std::vector<std::string> &words = *parsed;
    if (words.size() != 2 || words[0].empty() || words[0].contains('/') ||
        !words[1].starts_with('/'))
        return fail(EINVAL,
                    "the credential's name and a file's absolute path are needed; see --help");
    options.name = words[0];
    options.path = words[1];
    return options;
}

Result<> take_credential(const CredentialOptions &options, const std::string &folder) {
    const auto failed = [&](const Error &why) {
        return fail(why.code,
                    fmt::format("cannot take credential '{}': {}", options.name, why.message));
    };
    const auto text = read_named_text(options.owner, options.path);
    if (!text)
        return failed(text.error());
    auto written = write_new_text(folder, options.name, *text);
    return written ? written : failed(written.error());
}

}  // namespace qemunit::helper
