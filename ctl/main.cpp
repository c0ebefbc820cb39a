// SPDX-License-Identifier: MIT
//
// qemunitctl: what a person does with VMs that systemctl, journalctl and busctl do not.
// Exit codes: 0, 1 for failure, 2 for wrong arguments; `ssh` and `expect` have more, as those whom
// they are like.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/paths.h"
#include "ctl/arguments.h"
#include "ctl/output/error_text.h"
#include "ctl/output/safe_output.h"
#include "ctl/password_agent.h"
#include "ctl/verbs.h"

namespace {

constexpr int kExitUsage = 2;

}  // namespace

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::ctl;
    make_output_safe();
    const auto invocation = parse_invocation({argv + 1, argv + argc});
    if (!invocation) {
        fmt::print(stderr, "qemunitctl: {}\n", invocation.error().message);
        return kExitUsage;
    }
    if (invocation->help) {
        fmt::print("{}", invocation->verb            ? help_text(*invocation->verb)
                         : invocation->group.empty() ? help_text()
                                                     : help_text(invocation->group));
        return EXIT_SUCCESS;
    }
    if (invocation->version) {
        fmt::print("qemunitctl {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    const Verb &verb = *invocation->verb;
    PasswordAgent agent;
    if (PasswordAgent::is_wanted(*invocation))
        agent = PasswordAgent::start();
    const auto exit_code = verb.run(*invocation);
    if (!exit_code) {
        std::fflush(stdout);
        const std::string vm = verb.of_vm && !invocation->arguments.empty()
                                   ? invocation->arguments.front() + ": "
                                   : "";
        std::string message = exit_code.error().message;
        if (invocation->bus == Invocation::Bus::user)
            message = for_own_manager(std::move(message));
        fmt::print(stderr, "qemunitctl: {}{}\n", vm, message);
        return EXIT_FAILURE;
    }
    if (std::fflush(stdout) != 0) {
        fmt::print(stderr, "qemunitctl: cannot write to standard output: {}\n",
                   std::strerror(errno));
        return EXIT_FAILURE;
    }
    return *exit_code;
}
