// SPDX-License-Identifier: MIT
#include "ctl/console/expect.h"

#include <fmt/format.h>

#include "common/shared_names.h"
#include "ctl/console/console.h"
#include "ctl/console/expect_session.h"
#include "ctl/console/typed_text.h"
#include "ctl/vm/timeout.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

constexpr int kWrongArguments = 2;
constexpr int kTimedOut = 124;  // as of timeout(1)

Result<RegularExpression> expression_of(const std::string &text, std::string_view what) {
    if (const std::string fault = expression_fault(text); !fault.empty())
        return fail(EINVAL, fmt::format("{}: {}", what, fault));
    return RegularExpression::compile(text);
}

Result<Expectation> expectation_of(const Invocation &invocation) {
    const std::string &vm = invocation.arguments[0], &text = invocation.arguments[1];
    const std::string port = invocation.value("--port", kFirstSerialPort);
    if (auto checked = check_serial_port(vm, port); !checked)
        return std::unexpected(checked.error());
    auto wanted = expression_of(text, text);
    if (!wanted)
        return std::unexpected(wanted.error());
    Expectation expectation{.target = {vm, port, console_path(invocation, port)},
                            .text = text,
                            .wanted = std::move(*wanted)};
    if (invocation.has("--fail")) {
        auto unwanted = expression_of(invocation.value("--fail"), "--fail");
        if (!unwanted)
            return std::unexpected(unwanted.error());
        expectation.unwanted = std::move(*unwanted);
    }
    const auto typed = typed_text(invocation.value("--send"));
    if (!typed)
        return fail(EINVAL, "--send: " + typed.error().message);
    const auto timeout = parse_timeout(invocation.value("--timeout", "60"));
    if (!timeout)
        return std::unexpected(timeout.error());
    expectation.typed = *typed;
    expectation.only_new = invocation.has("--new") || !typed->empty();
    expectation.seconds = *timeout;
    return expectation;
}

}  // namespace

Result<int> run_expect(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    const auto say = [&vm](const Error &error) {
        std::fflush(stdout);
        fmt::print(stderr, "qemunitctl: {}: {}\n", vm, error.message);
    };
    auto expectation = expectation_of(invocation);
    if (!expectation) {
        say(expectation.error());
        return kWrongArguments;
    }
    const ConsoleTarget target = expectation->target;
    auto bus = open_bus(invocation);
    // As the console, this does without D-Bus, but for what waits for the VM.
    const Result<std::string> state = bus ? vm_text(bus->get(), vm, "State") : fail(ENOTCONN, "");
    if (!state && state.error().code == ENOENT)
        return std::unexpected(state.error());
    const bool waits = invocation.has("--wait");
    if (waits && !bus)
        return std::unexpected(bus.error());
    auto session = ExpectSession::open(std::move(*expectation), waits ? bus->get() : nullptr);
    if (!session)
        return std::unexpected(connection_error(session.error(), state, vm, target.port));
    const auto line = (*session)->run();
    if (!line && line.error().code == ETIMEDOUT) {
        say(line.error());
        return kTimedOut;
    }
    if (!line)
        return std::unexpected(line.error());
    fmt::print("{}\n", *line);
    return EXIT_SUCCESS;
}

}  // namespace qemunit::ctl
