// SPDX-License-Identifier: MIT
#include "generator/options.h"

#include <fmt/format.h>

#include "common/options.h"

namespace qemunit::generator {

namespace {

using Mode = GeneratorOptions::Mode;

constexpr Option<GeneratorOptions> kGeneratorOptions[] = {
    {{.name = "--dry-run", .help = "Print what would be written, write nothing"},
     set_to<&GeneratorOptions::mode, Mode::dry_run>},
    {{.name = "--check", .help = "Say what is wrong with these ini files, write nothing"},
     set_to<&GeneratorOptions::mode, Mode::check>},
    {{.name = "--explain",
      .operands = "NAME",
      .help = "Say why the VM NAME has no unit (what qemu@.service runs)"},
     set_to<&GeneratorOptions::mode, Mode::explain>},
    {{.name = "--explain-failure",
      .operands = "NAME",
      .help = "Say what may be why its QEMU failed (likewise)"},
     set_to<&GeneratorOptions::mode, Mode::explain_failure>},
    {{.name = "--run",
      .operands = "NAME",
      .help = "Print the unit and the command of a VM that `qemunitctl run` has,\n"
              "with its ini file on standard input"},
     set_to<&GeneratorOptions::mode, Mode::print_run>},
    {{.name = "--user", .help = "The user's own VMs, of ~/.config/qemunit/*.ini"},
     set_to<&GeneratorOptions::user>},
    {{.name = "--root", .value = "DIR", .help = "Look for ini files below DIR instead of /"},
     set_text<&GeneratorOptions::root>},
    {kHelpOption, set_to<&GeneratorOptions::mode, Mode::help>, true},
    {kVersionOption, set_to<&GeneratorOptions::mode, Mode::version>, true},
};

}  // namespace

std::string generator_help() {
    return options_help(
        R"(qemunit-generator [--user] [--root=DIR] NORMAL-DIR [EARLY-DIR LATE-DIR]
qemunit-generator [--user] [--root=DIR] --dry-run
qemunit-generator [--user] --check FILE...

Turns the VMs of /etc/qemunit/*.ini into drop-ins for qemu@.service.

)",
        kGeneratorOptions, "\nSee qemunit-generator(8) and qemunit.ini(5).\n");
}

Result<GeneratorOptions> parse_generator_options(const std::vector<std::string> &arguments) {
    GeneratorOptions options;
    auto operands = take_options(kGeneratorOptions, arguments, Operands::anywhere, options);
    if (!operands)
        return std::unexpected(operands.error());
    std::vector<std::string> &rest = *operands;
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
        case Mode::print_run:
            if (rest.size() != 1)
                return fail(EINVAL, "--run needs the name of one VM");
            break;
        case Mode::version:
        case Mode::help:
            break;
    }
    options.arguments = std::move(rest);
    return options;
}

}  // namespace qemunit::generator
