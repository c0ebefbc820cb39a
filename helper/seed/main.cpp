// SPDX-License-Identifier: MIT
//
// qemunit-seed: ExecStart= of qemu-credential@.service. Without the files that it was to make, the
// VM does not start: systemd finds nothing to load.
#include <fmt/format.h>
#include <sysexits.h>

#include <cstdlib>

#include "common/paths.h"
#include "helper/seed/seed.h"

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::helper;
    const auto complain = [](int exit_code, const std::string &message) {
        fmt::print(stderr, "<3>qemunit-seed: {}\n", message);
        return exit_code;
    };
    const auto options = parse_seed_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error().message);
    if (options->mode == SeedOptions::Mode::help) {
        fmt::print("{}", seed_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == SeedOptions::Mode::version) {
        fmt::print("qemunit-seed {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    const char *folder = std::getenv("RUNTIME_DIRECTORY");
    if (folder == nullptr)
        return complain(EX_USAGE, "$RUNTIME_DIRECTORY is not set; see --help");
    if (auto made = make_seed(*options, folder); !made)
        return complain(EXIT_FAILURE, made.error().message);
    return EXIT_SUCCESS;
}
