// SPDX-License-Identifier: MIT
#include "ctl/monitor/human_monitor.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "common/qmp/hmp_text.h"
#include "common/timer.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

// A little less than qemunitd waits (MonitorSession::kTimeout), whose error does not name the line.
constexpr uint64_t kTimeout = 19 * kSecond;

Result<MessagePtr> ask_bus(sd_bus *bus, const std::string &vm, const char *member,
                           const std::string *text, bool may_ask) {
    auto message = new_vm_call(bus, vm, member);
    if (!message)
        return message;
    if (text)
        if (int r = sd_bus_message_append(message->get(), "s", text->c_str()); r < 0)
            return fail_errno(r, fmt::format("'{}' cannot be sent over D-Bus", *text));
    if (!may_ask)
        sd_bus_message_set_allow_interactive_authorization(message->get(), false);
    return call(bus, message->get(), vm);
}

Result<std::string> output_of(const std::string &line, const QmpClient::Reply &reply) {
    if (reply) {
        const auto *output = reply->get_ptr<const std::string *>();
        auto result = hmp_result(output ? *output : "");
        return result ? Result<std::string>(std::move(*result)) : fail(EIO, result.error());
    }
    switch (reply.error().kind) {
        case QmpError::Kind::monitor:
            return fail(EIO, reply.error().message);
        case QmpError::Kind::timeout:
            return fail(ETIMEDOUT,
                        fmt::format("QEMU did not answer '{}' within {} s; it may still do as told",
                                    line, kTimeout / kSecond));
        case QmpError::Kind::disconnected:
            break;
    }
    if (is_hmp_quit(line))
        return "";
    return fail(ECONNRESET,
                fmt::format("the VM, or qemunitd, has ended before it answered '{}'", line));
}

}  // namespace

Result<std::unique_ptr<HumanMonitor>> HumanMonitor::open(const Invocation &invocation,
                                                         sd_bus *bus) {
    std::unique_ptr<HumanMonitor> monitor(new HumanMonitor(invocation.arguments.front(), bus));
    if (invocation.bus == Invocation::Bus::remote) {
        if (auto status = monitor->run("info status"); !status)
            return std::unexpected(status.error());
        return monitor;
    }
    sd_event *event = nullptr;
    if (int r = sd_event_new(&event); r < 0)
        return fail_errno(r, "cannot create an event loop");
    monitor->event_.reset(event);
    if (auto session = monitor->have_session(true); !session)
        return std::unexpected(session.error());
    return monitor;
}

Result<std::string> HumanMonitor::run(const std::string &line) {
    return run(line, true);
}

Result<std::string> HumanMonitor::run_unasked(const std::string &line) {
    return run(line, false);
}

Result<std::string> HumanMonitor::run(const std::string &line, bool may_ask) {
    if (!is_hmp_text(line))
        return fail(EINVAL, "a command that is not text in UTF-8, which is not run");
    if (!event_)
        return run_remotely(line, may_ask);
    if (auto session = have_session(may_ask); !session)
        return std::unexpected(session.error());
    const auto reply = execute(line);
    if (!reply)
        return std::unexpected(reply.error());
    return output_of(line, *reply);
}

Result<std::string> HumanMonitor::run_remotely(const std::string &line, bool may_ask) {
    const auto reply = ask_bus(bus_, vm_, "MonitorCommand", &line, may_ask);
    if (!reply)
        return std::unexpected(reply.error());
    const char *text = nullptr;
    if (int r = sd_bus_message_read(reply->get(), "s", &text); r < 0)
        return fail_errno(r, "cannot read the answer to MonitorCommand");
    return text;
}

// While a person types a line, nobody reads the session: what has arrived meanwhile, also its end,
// is read now. If more has arrived than qemunitd keeps (org.qemunit1(5), SESSIONS), the session is
// lost.
Result<> HumanMonitor::have_session(bool may_ask) {
    while (session_) {
        const int r = sd_event_run(event_.get(), 0);
        if (r < 0)
            return fail_errno(r, "cannot run the event loop");
        if (r == 0)
            return {};
    }
    const auto reply = ask_bus(bus_, vm_, "OpenQMP", nullptr, may_ask);
    if (!reply)
        return std::unexpected(reply.error());
    int fd = -1;  // the message's
    if (int r = sd_bus_message_read(reply->get(), "h", &fd); r < 0)
        return fail_errno(r, "cannot read the answer to OpenQMP");
    UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!own)
        return fail_errno(errno, "cannot keep the monitor's socket");
    auto session =
        QmpClient::create(event_.get(), std::move(own),
                          {.ready = {}, .event = {}, .closed = [this](const std::string &) {
                               session_.reset();
                           }});
    if (!session)
        return std::unexpected(session.error());
    session_ = std::move(*session);
    return {};
}

Result<QmpClient::Reply> HumanMonitor::execute(const std::string &line) {
    std::optional<QmpClient::Reply> reply;
    session_->execute("human-monitor-command", {{"command-line", line}}, kTimeout,
                      [&reply](QmpClient::Reply answer) { reply = std::move(answer); });
    while (!reply)
        if (int r = sd_event_run(event_.get(), UINT64_MAX); r < 0)
            return fail_errno(r, "cannot run the event loop");
    return std::move(*reply);
}

}  // namespace qemunit::ctl
