// SPDX-License-Identifier: MIT
//
// qemunit-open: ExecStartPre= of qemu@.service with "+", in VMs that name images outside of their
// state directory, or have a tap. Without what it was to open, the VM does not start.
#include <fmt/format.h>
#include <sysexits.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/files/mount_namespace.h"
#include "common/paths.h"
#include "helper/open/open.h"

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::helper;
    const auto complain = [](int exit_code, const std::string &message) {
        fmt::print(stderr, "<3>qemunit-open: {}\n", message);
        return exit_code;
    };
    const auto options = parse_open_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error().message);
    if (options->mode == OpenOptions::Mode::help) {
        fmt::print("{}", open_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == OpenOptions::Mode::version) {
        fmt::print("qemunit-open {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    // The unit's file systems, made for QEMU, have none of the images, and its network no
    // interface.
    if ((!options->taps.empty() && !join_network_of_manager()) || !join_mounts_of_manager())
        return complain(EX_OSERR, fmt::format("cannot leave the namespaces of qemu@{}.service: {}",
                                              options->vm, std::strerror(errno)));
    if (auto opened = open_and_store(*options); !opened)
        return complain(EX_NOINPUT, opened.error().message);
    return EXIT_SUCCESS;
}
