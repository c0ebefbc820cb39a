// SPDX-License-Identifier: MIT
#include "generator/options.h"

#include <fmt/format.h>

namespace qemunit::generator {

const char *const kGeneratorHelp =
    R"(qemunit-generator [--user] [--root=DIR] NORMAL-DIR [EARLY-DIR LATE-DIR]
qemunit-generator [--user] [--root=DIR] --dry-run
qemunit-generator [--user] --check FILE...

Turns the VMs of /etc/qemunit/*.ini into drop-ins for qemu@.service.

     --dry-run       Print what would be written, write nothing
     --check         Say what is wrong with these ini files, write nothing
     --explain NAME  Say why the VM NAME has no unit (what qemu@.service runs)
     --explain-failure NAME
                     Say what may be why its QEMU failed (likewise)
     --user          The user's own VMs, of ~/.config/qemunit/*.ini
     --root=DIR      Look for ini files below DIR instead of /
  -h --help          Show this help
     --version       Show the version

See qemunit-generator(8) and qemunit.ini(5).
)";

Result<GeneratorOptions> parse_generator_options(const std::vector<std::string> &arguments) {
    using Mode = GeneratorOptions::Mode;
    GeneratorOptions options;
    std::vector<std::string> rest;
    bool options_end = false;
    for (const std::string &argument : arguments) {
        constexpr std::string_view kRoot = "--root=";
        if (options_end || !argument.starts_with('-'))
            rest.push_back(argument);
        else if (argument == "--")
            options_end = true;
        else if (argument == "--dry-run")
            options.mode = Mode::dry_run;
        else if (argument == "--user")
            options.user = true;
        else if (argument == "--check")
            options.mode = Mode::check;
        else if (argument == "--explain")
            options.mode = Mode::explain;
        else if (argument == "--explain-failure")
            options.mode = Mode::explain_failure;
        else if (argument == "--version")
            options.mode = Mode::version;
        else if (argument == "--help" || argument == "-h")
            options.mode = Mode::help;
        else if (argument.starts_with(kRoot))
            options.root = argument.substr(kRoot.size());
        else
            return fail(EINVAL, fmt::format("unknown option '{}'; see --help", argument));
    }
    while (options.root.ends_with('/'))
        options.root.pop_back();

    switch (options.mode) {
        case Mode::generate:
            if (rest.size() != 1 && rest.size() != 3)
                return fail(
                    EINVAL,
                    fmt::format("takes one or three directories, not {}; see --help", rest.size()));
            options.output = rest.front();
            break;
        case Mode::dry_run:
            if (!rest.empty())
                return fail(EINVAL, "--dry-run takes no directory: it writes to standard output");
            break;
        case Mode::check:
            if (rest.empty())
                return fail(EINVAL, "--check needs the ini files to check");
            break;
        case Mode::explain:
            if (rest.size() != 1)
                return fail(EINVAL, "--explain needs the name of one VM");
            break;
        case Mode::explain_failure:
            if (rest.size() != 1)
                return fail(EINVAL, "--explain-failure needs the name of one VM");
            break;
        case Mode::version:
        case Mode::help:
            break;
    }
    options.arguments = std::move(rest);
    return options;
}

}  // namespace qemunit::generator
