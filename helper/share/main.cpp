// SPDX-License-Identifier: MIT
//
// qemunit-share: ExecStart= of qemu-virtiofs@.service. Becomes virtiofsd, and never serves another
// folder than that of its options. Each way it can fail is one sentence on standard error, which is
// the journal.
#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdlib>

#include "common/paths.h"
#include "helper/share/share.h"

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::helper;
    const auto complain = [](int exit_code, const Error &error) {
        fmt::print(stderr, "<3>qemunit-share: {}\n", error.message);
        return exit_code;
    };
    const auto options = parse_share_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error());
    if (options->mode == ShareOptions::Mode::help) {
        fmt::print("{}", share_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == ShareOptions::Mode::version) {
        fmt::print("qemunit-share {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    if (auto in_place = put_in_place(*options); !in_place)
        return complain(EX_NOPERM, in_place.error());
    std::vector<std::string> command = virtiofsd_command(*options);
    std::vector<char *> words;
    for (std::string &word : command)
        words.push_back(word.data());
    words.push_back(nullptr);
    execv(words.front(), words.data());
    return complain(EX_UNAVAILABLE, fail_errno(errno, "cannot run " + command.front()).error());
}
