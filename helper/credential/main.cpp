// SPDX-License-Identifier: MIT
//
// qemunit-credential: ExecStart= of qemu-credential@.service. Without the file that it was to make,
// the VM does not start: systemd finds nothing to load.
#include <fmt/format.h>
#include <sysexits.h>

#include <cstdlib>

#include "common/paths.h"
#include "helper/credential/credential.h"

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::helper;
    const auto complain = [](int exit_code, const std::string &message) {
        fmt::print(stderr, "<3>qemunit-credential: {}\n", message);
        return exit_code;
    };
    const auto options = parse_credential_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error().message);
    if (options->mode == CredentialOptions::Mode::help) {
        fmt::print("{}", credential_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == CredentialOptions::Mode::version) {
        fmt::print("qemunit-credential {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    const char *folder = std::getenv("RUNTIME_DIRECTORY");
    if (folder == nullptr)
        return complain(EX_USAGE, "$RUNTIME_DIRECTORY is not set; see --help");
    if (auto taken = take_credential(*options, folder); !taken)
        return complain(EXIT_FAILURE, taken.error().message);
    return EXIT_SUCCESS;
}
