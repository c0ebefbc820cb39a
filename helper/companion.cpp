// SPDX-License-Identifier: MIT
#include "helper/companion.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "common/event_ptr.h"
#include "common/qmp_client.h"
#include "helper/journal.h"
#include "helper/serial_port.h"
#include "helper/status_text.h"

namespace qemunit {

namespace {

constexpr std::size_t kQmpMessageMax = 1 << 20;  // bytes; events are small

void warn(std::string_view message) {
    fmt::print(stderr, "<4>qemunit-helper: {}\n", message);
}

class Companion {
  public:
    Result<> start(const std::string &vm, CompanionSide side) {
        sd_event *event = nullptr;
        if (int r = sd_event_new(&event); r < 0)
            return fail_errno(r, "cannot create an event loop");
        event_.reset(event);
        auto journal = Journal::open(event, [this] { on_room(); });
        if (journal)
            journal_ = std::move(*journal);
        else
            warn(fmt::format("{}; the serial ports are not logged", journal.error().message));
        for (PortEnd &end : side.ports) {
            auto port = SerialPort::create(event, vm, std::move(end), journal_.get(),
                                           [this] { leave_if_done(); });
            if (!port)
                return std::unexpected(port.error());
            ports_.push_back(std::move(*port));
        }
        auto qmp = QmpClient::create(event, std::move(side.qmp),
                                     {.ready = [this] { on_ready(); },
                                      .event = [this](const QmpEvent &e) { on_event(e); },
                                      .closed =
                                          [this](const std::string &) {
                                              on_closed();
                                          }},
                                     kQmpMessageMax);
        if (!qmp)
            return std::unexpected(qmp.error());
        qmp_ = std::move(*qmp);
        return {};
    }

    int run() { return sd_event_loop(event_.get()); }

  private:
    void on_ready() { sd_notifyf(0, "READY=1\nSTATUS=Running, QEMU %s", qmp_->version().c_str()); }

    void on_event(const QmpEvent &event) {
        if (const std::string status = status_text(event); !status.empty())
            sd_notifyf(0, "STATUS=%s", status.c_str());
    }

    void on_closed() {
        qmp_closed_ = true;
        leave_if_done();
    }

    void on_room() {
        for (const auto &port : ports_)
            port->resume();
        leave_if_done();
    }

    void leave_if_done() {
        const bool ports_ended =
            std::ranges::all_of(ports_, [](const auto &port) { return port->has_ended(); });
        if (!qmp_closed_ || !ports_ended || (journal_ && !journal_->is_empty()))
            return;
        const auto leave = [this] {
            sd_event_exit(event_.get(), EXIT_SUCCESS);
        };
        if (journal_)
            journal_->wait_until_filed(leave);
        else
            leave();
    }

    EventPtr event_;
    std::unique_ptr<Journal> journal_;
    std::vector<std::unique_ptr<SerialPort>> ports_;
    std::unique_ptr<QmpClient> qmp_;
    bool qmp_closed_ = false;
};

}  // namespace

int run_companion(const std::string &vm, CompanionSide side) {
    // systemd signals the whole service; this process ends when QEMU has, and has no other
    // reason to.
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE})
        std::signal(number, SIG_IGN);
    Companion companion;
    if (auto started = companion.start(vm, std::move(side)); !started) {
        warn(started.error().message);
        return EXIT_FAILURE;
    }
    return companion.run() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace qemunit
