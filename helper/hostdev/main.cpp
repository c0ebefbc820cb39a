// SPDX-License-Identifier: MIT
//
// qemunit-hostdev: what qemu-hostdev@.service runs, as root. Each way it can fail is one sentence
// on standard error, which is the journal.
#include <fmt/format.h>
#include <sysexits.h>

#include <cstdlib>

#include "common/paths.h"
#include "helper/hostdev/hostdev.h"

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::helper;
    const auto complain = [](int exit_code, const std::string &message) {
        fmt::print(stderr, "<3>qemunit-hostdev: {}\n", message);
        return exit_code;
    };
    const auto options = parse_hostdev_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error().message);
    using Mode = HostDeviceOptions::Mode;
    if (options->mode == Mode::help) {
        fmt::print("{}", hostdev_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == Mode::version) {
        fmt::print("qemunit-hostdev {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    const auto done =
        options->mode == Mode::take ? take_device(*options, "") : give_back_device(*options, "");
    if (!done)
        return complain(EX_UNAVAILABLE,
                        fmt::format("[HostDevice {}]: {}.", options->device, done.error().message));
    return EXIT_SUCCESS;
}
