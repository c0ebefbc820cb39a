// SPDX-License-Identifier: MIT
//
// qemunit-metrics: figures of all VMs for Prometheus. Asks the bus as anybody may, and has no
// rights: what it shows is what everybody on this host can see. No VM notices it.
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "common/bus_ptr.h"
#include "common/event_ptr.h"
#include "common/paths.h"
#include "common/signals.h"
#include "metrics/options.h"
#include "metrics/recent_figures.h"
#include "metrics/server.h"
#include "metrics/textfile.h"

namespace qemunit::metrics {
namespace {

constexpr int kExitUsage = 2;

// FileDescriptorName= of qemunit-metrics-varlink.socket
constexpr std::string_view kVarlinkSocket = "varlink";

void log_error(std::string_view text) {
    fmt::print(stderr, "{}qemunit-metrics: {}\n",
               isatty(STDERR_FILENO) ? std::string_view() : SD_ERR, text);
}

class Program {
  public:
    explicit Program(MetricsOptions options) : options_(std::move(options)) {}
    Result<> start();
    int run() { return sd_event_loop(event_.get()); }

  private:
    Result<> connect();
    Result<> serve();
    void print();
    void write_file();
    void end(int status) { sd_event_exit(event_.get(), status); }

    MetricsOptions options_;
    EventPtr event_;
    BusPtr bus_;
    std::unique_ptr<RecentFigures> figures_;
    Timer next_file_;
    std::unique_ptr<Server> server_;
};

Result<> Program::connect() {
    sd_event *event = nullptr;
    if (int r = sd_event_default(&event); r < 0)
        return fail_errno(r, "cannot create the event loop");
    event_.reset(event);
    if (auto watched = watch_signals(event, {SIGTERM, SIGINT}, [this] { end(EXIT_SUCCESS); });
        !watched)
        return watched;
    sd_bus *bus = nullptr;
    if (int r = options_.user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus); r < 0)
        return fail_errno(r, options_.user ? "cannot connect to the user's session bus"
                                           : "cannot connect to the system bus");
    bus_.reset(bus);
    if (int r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL); r < 0)
        return fail_errno(r, "cannot attach the bus to the event loop");
    sd_bus_set_exit_on_disconnect(bus, true);
    figures_ = std::make_unique<RecentFigures>(event, bus, options_.timeout_usec);
    return {};
}

Result<> Program::start() {
    if (auto connected = connect(); !connected)
        return connected;
    if (options_.mode == MetricsOptions::Mode::print) {
        print();
        return {};
    }
    if (options_.textfile.empty())
        return serve();
    auto timer = Timer::create(event_.get(), [this] { write_file(); });
    if (!timer)
        return std::unexpected(timer.error());
    next_file_ = std::move(*timer);
    write_file();
    return {};
}

void Program::print() {
    const Format format = options_.openmetrics ? Format::openmetrics : Format::prometheus;
    figures_->get(format, [this](const Result<RecentFigures::Text> &text) {
        if (text)
            fmt::print("{}", **text);
        else
            log_error(text.error().message);
        end(text ? EXIT_SUCCESS : EXIT_FAILURE);
    });
}

// The file of before stays if nobody answers: its time tells how old it is
// (node_textfile_mtime_seconds).
void Program::write_file() {
    figures_->get(Format::prometheus, [this](const Result<RecentFigures::Text> &text) {
        const auto written = text ? write_textfile(options_.textfile, **text)
                                  : Result<>(std::unexpected(text.error()));
        if (!written)
            log_error(written.error().message);
        sd_notify(0, "READY=1");
        next_file_.start(options_.every_usec);
    });
}

Result<> Program::serve() {
    char **names = nullptr;
    const int count = sd_listen_fds_with_names(true, &names);
    std::vector<Listener> listeners;
    for (int i = 0; i < count; ++i) {
        const bool is_varlink = std::string_view(names[i]) == kVarlinkSocket;
        listeners.emplace_back(UniqueFd(SD_LISTEN_FDS_START + i),
                               is_varlink ? Protocol::varlink : Protocol::http);
        free(names[i]);
    }
    free(names);
    if (listeners.empty())
        return fail(ENOTCONN,
                    "no sockets were handed over; to have Prometheus ask: systemctl "
                    "enable --now qemunit-metrics.socket; to look: --print");
    for (const Listener &listener : listeners)
        if (sd_is_socket(listener.fd.get(), AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            return fail(EINVAL, "a socket that was handed over does not listen for streams");
    auto server = Server::create(event_.get(), std::move(listeners), *figures_, options_.idle_usec,
                                 [this] { end(EXIT_SUCCESS); });
    if (!server)
        return std::unexpected(server.error());
    server_ = std::move(*server);
    return {};
}

int run(const std::vector<std::string> &arguments) {
    const auto options = parse_metrics_options(arguments);
    if (!options) {
        log_error(options.error().message);
        return kExitUsage;
    }
    if (options->mode == MetricsOptions::Mode::help) {
        fmt::print("{}", metrics_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == MetricsOptions::Mode::version) {
        fmt::print("qemunit-metrics {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    Program program(*options);
    if (auto started = program.start(); !started) {
        log_error(started.error().message);
        return EXIT_FAILURE;
    }
    return program.run() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace qemunit::metrics

int main(int argc, char *argv[]) {
    return qemunit::metrics::run({argv + 1, argv + argc});
}
