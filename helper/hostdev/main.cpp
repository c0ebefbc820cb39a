// SPDX-License-Identifier: MIT
//
// qemunit-hostdev: what qemu-hostdev@.service, qemunit-plugged@.service and
// qemu-hostdev-attach@.service run, as root. Each way it can fail is one sentence
// on standard error, which is the journal.
#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/paths.h"
#include "helper/hostdev/attach.h"
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
    const auto fail_with = [&](const Error &error) {
        return complain(EX_UNAVAILABLE,
                        options->device.empty()
                            ? fmt::format("{}.", error.message)
                            : fmt::format("[HostDevice {}]: {}.", options->device, error.message));
    };
    if (options->mode == Mode::give_back || options->mode == Mode::attach) {
        const auto done = options->mode == Mode::attach
                              ? attach_usb_device(options->vm, options->device)
                              : give_back_device(*options, {});
        return done ? EXIT_SUCCESS : fail_with(done.error());
    }
    const auto said = options->mode == Mode::plugged ? take_plugged_device(*options, {})
                                                     : take_device(*options, {});
    if (!said)
        return fail_with(said.error());
    if (options->mode == Mode::take && !said->empty())
        fmt::print(stderr, "<5>qemunit-hostdev: [HostDevice {}]: {}.\n", options->device, *said);
    // The unit waits for a VM that is just starting.
    if (options->mode == Mode::plugged && !said->empty()) {
        const std::string unit = fmt::format("qemu-hostdev-attach@{}.service", *said);
        execl("/usr/bin/systemctl", "systemctl", "restart", "--no-block", unit.c_str(), nullptr);
        return complain(EX_OSERR, fmt::format("cannot run systemctl: {}", std::strerror(errno)));
    }
    return EXIT_SUCCESS;
}
