// SPDX-License-Identifier: MIT
#include "helper/serial_port.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace qemunit {

namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kClientsMax = 32;
constexpr std::size_t kClientQueueMax = 256 * 1024;  // bytes that wait for one client
constexpr std::size_t kProgramQueueMax = 4 * 1024 * 1024;
constexpr std::size_t kTypedMax = 4 * 1024;    // bytes that wait for the guest
constexpr std::size_t kHistoryMax = 8 * 1024;  // bytes
constexpr int kScreenLines = 24;
constexpr uint64_t kPartialUsec = 1'000'000;  // a prompt is logged after this long a silence
// QEMU writes each byte of a UART by itself. Who is woken for each takes more time from the
// guest than all else; nobody sees so short a wait, and QEMU's socket holds what comes meanwhile.
constexpr uint64_t kGatherUsec = 300;

Result<EventSourcePtr> watch_fd(sd_event *event, int fd, uint32_t events,
                                sd_event_io_handler_t handler, void *userdata) {
    sd_event_source *source = nullptr;
    if (int r = sd_event_add_io(event, &source, fd, events, handler, userdata); r < 0)
        return fail_errno(r, "cannot watch a serial port");
    return EventSourcePtr(source);
}

// Not running yet.
EventSourcePtr new_timer(sd_event *event, uint64_t accuracy, sd_event_time_handler_t handler,
                         void *userdata) {
    sd_event_source *source = nullptr;
    if (sd_event_add_time(event, &source, CLOCK_MONOTONIC, UINT64_MAX, accuracy, handler,
                          userdata) < 0)
        return nullptr;
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return EventSourcePtr(source);
}

void run_timer(const EventSourcePtr &timer, uint64_t usec) {
    sd_event_source_set_time_relative(timer.get(), usec);
    sd_event_source_set_enabled(timer.get(), SD_EVENT_ONESHOT);
}

Result<> set_nonblocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(errno, "cannot make a serial port non-blocking");
    return {};
}

}  // namespace

// One connection to the port's socket.
struct SerialPort::Client {
    Client(SerialPort &its_port, UniqueFd its_fd) : port(its_port), fd(std::move(its_fd)) {}

    void send(std::string_view bytes) {
        // Half a message is none.
        if (!port.is_console_ && queue.size() + bytes.size() > kProgramQueueMax) {
            closed = true;
            return;
        }
        if (port.is_console_ && queue.size() + bytes.size() > kClientQueueMax) {
            skipped += bytes.size();
            return;
        }
        if (skipped > 0 && queue.empty()) {
            queue = fmt::format("\r\n[qemunit: {} bytes skipped, read faster]\r\n", skipped);
            skipped = 0;
        } else if (skipped > 0) {
            // In the middle of a gap: what comes now would look as if nothing was missing.
            skipped += bytes.size();
            return;
        }
        queue += bytes;
        flush();
    }

    void flush() {
        while (!queue.empty()) {
            const ssize_t n =
                ::send(fd.get(), queue.data(), queue.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0) {
                if (errno != EAGAIN)
                    queue.clear();  // it has left, or listens no more; what it typed counts
                break;
            }
            queue.erase(0, static_cast<std::size_t>(n));
        }
        update_events();
    }

    void update_events() {
        const bool reads = !input_ended && port.typed_.size() < kTypedMax;
        sd_event_source_set_io_events(source.get(), (reads ? uint32_t{EPOLLIN} : 0u) |
                                                        (queue.empty() ? 0u : uint32_t{EPOLLOUT}));
    }

    SerialPort &port;
    UniqueFd fd;
    EventSourcePtr source;
    std::string queue;
    std::size_t skipped = 0;   // bytes that it lost since it last read everything
    bool input_ended = false;  // it shut down its writing side, and may still read
    bool closed = false;
};

Result<std::unique_ptr<SerialPort>> SerialPort::create(sd_event *event, const std::string &vm,
                                                       PortEnd end, Journal *journal,
                                                       std::function<void()> on_end) {
    std::unique_ptr<SerialPort> port(
        new SerialPort(event, vm, std::move(end), journal, std::move(on_end)));
    if (auto watching = port->watch(); !watching)
        return std::unexpected(watching.error());
    return port;
}

SerialPort::SerialPort(sd_event *event, const std::string &vm, PortEnd end, Journal *journal,
                       std::function<void()> on_end)
    : event_(event),
      vm_(vm),
      name_(end.name),
      identifier_(end.name == "serial" ? vm : vm + "/" + end.name),
      direct_(end.direct),
      is_console_(end.is_console),
      guest_(std::move(end.guest)),
      listener_(std::move(end.listener)),
      journal_(end.log ? journal : nullptr),
      on_end_(std::move(on_end)),
      lines_([this](const std::string &line) { take_line(line); }) {}

SerialPort::~SerialPort() = default;

Result<> SerialPort::watch() {
    if (auto set = set_nonblocking(guest_.get()); !set)
        return set;
    auto source = watch_fd(
        event_, guest_.get(), EPOLLIN,
        [](sd_event_source *, int, uint32_t revents, void *userdata) {
            auto *port = static_cast<SerialPort *>(userdata);
            if (revents & EPOLLOUT)
                port->write_guest();
            if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                port->read_guest();
            return 0;
        },
        this);
    if (!source)
        return std::unexpected(source.error());
    guest_source_ = std::move(*source);
    if (!listener_)
        return {};
    if (auto set = set_nonblocking(listener_.get()); !set)
        return set;
    source = watch_fd(
        event_, listener_.get(), EPOLLIN,
        [](sd_event_source *, int, uint32_t, void *userdata) {
            static_cast<SerialPort *>(userdata)->accept_client();
            return 0;
        },
        this);
    if (!source)
        return std::unexpected(source.error());
    listener_source_ = std::move(*source);
    return {};
}

void SerialPort::read_guest() {
    if (!guest_)
        return;
    if (journal_ != nullptr && journal_->is_full()) {
        sd_event_source_set_enabled(guest_source_.get(), SD_EVENT_OFF);
        return;
    }
    char buffer[kReadSize];
    const ssize_t n = read(guest_.get(), buffer, sizeof buffer);
    if (n > 0) {
        take_output({buffer, static_cast<std::size_t>(n)});
        if (static_cast<std::size_t>(n) < sizeof buffer)
            gather();
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        end();
    }
}

// The first bytes after a silence are read at once, so an echo does not wait; then many at a time.
void SerialPort::gather() {
    if (!gather_timer_)
        gather_timer_ = new_timer(
            event_, 1,
            [](sd_event_source *, uint64_t, void *userdata) {
                auto *port = static_cast<SerialPort *>(userdata);
                port->gathers_ = false;
                port->update_guest_events();
                return 0;
            },
            this);
    if (!gather_timer_)
        return;
    gathers_ = true;
    update_guest_events();
    run_timer(gather_timer_, kGatherUsec);
}

// That QEMU has closed its side is always told.
void SerialPort::update_guest_events() {
    if (guest_source_)
        sd_event_source_set_io_events(
            guest_source_.get(),
            (gathers_ ? 0u : uint32_t{EPOLLIN}) | (typed_.empty() ? 0u : uint32_t{EPOLLOUT}));
}

void SerialPort::resume() {
    if (guest_source_)
        sd_event_source_set_enabled(guest_source_.get(), SD_EVENT_ON);
}

void SerialPort::take_output(std::string_view bytes) {
    if (!direct_) {
        if (is_console_)
            history_ += bytes;
        if (history_.size() > 2 * kHistoryMax)
            history_.erase(0, history_.size() - kHistoryMax);
        for (const auto &client : clients_)
            client->send(bytes);
        drop_closed_clients();
    }
    if (on_bytes_)
        on_bytes_(bytes);
    if (journal_ != nullptr || on_line_) {
        lines_.feed(bytes);
        arm_partial_timer();
    }
}

void SerialPort::arm_partial_timer() {
    if (!partial_timer_) {
        partial_timer_ = new_timer(
            event_, 0,
            [](sd_event_source *, uint64_t, void *userdata) {
                static_cast<SerialPort *>(userdata)->lines_.flush_partial();
                return 0;
            },
            this);
        if (!partial_timer_)
            return;
        // The rest of the line may be waiting to be read: that comes first.
        sd_event_source_set_priority(partial_timer_.get(), SD_EVENT_PRIORITY_IDLE);
    }
    if (lines_.has_partial())
        run_timer(partial_timer_, kPartialUsec);
    else
        sd_event_source_set_enabled(partial_timer_.get(), SD_EVENT_OFF);
}

void SerialPort::take_line(const std::string &line) {
    if (journal_ != nullptr)
        journal_->send({{"MESSAGE", line},
                        {"PRIORITY", "6"},
                        {"SYSLOG_IDENTIFIER", identifier_},
                        {"QEMUNIT_VM", vm_},
                        {"QEMUNIT_PORT", name_}});
    if (on_line_)
        on_line_(line);
}

void SerialPort::type(std::string_view bytes) {
    if (!guest_)
        return;
    typed_ += bytes;
    write_guest();
}

bool SerialPort::has_untaken() const {
    int unread = 0;  // in the socket; unix(7) calls this SIOCOUTQ's
    return !typed_.empty() || (guest_ && ioctl(guest_.get(), SIOCOUTQ, &unread) == 0 && unread > 0);
}

void SerialPort::end() {
    lines_.flush_partial();
    partial_timer_.reset();
    gather_timer_.reset();
    guest_source_.reset();
    guest_.reset();
    listener_source_.reset();
    listener_.reset();
    clients_.clear();
    on_end_();
}

// From the beginning of a line, so that a client that comes late sees where it is.
std::string_view SerialPort::last_screen() const {
    std::string_view text = history_;
    std::size_t begin = text.size();
    for (int line = 0; line < kScreenLines && begin > 0; ++line) {
        begin = text.rfind('\n', begin - 1);
        if (begin == text.npos)
            return text;
    }
    return begin < text.size() ? text.substr(begin + 1) : text.substr(text.size());
}

void SerialPort::accept_client() {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd || clients_.size() >= kClientsMax)
        return;
    auto client = std::make_unique<Client>(*this, std::move(fd));
    auto source = watch_fd(
        event_, client->fd.get(), EPOLLIN,
        [](sd_event_source *, int, uint32_t revents, void *userdata) {
            auto *self = static_cast<Client *>(userdata);
            SerialPort &port = self->port;
            if (revents & EPOLLOUT)
                self->flush();
            // Both directions are gone: whoever only shut down its writing side still reads.
            const bool has_left = (revents & (EPOLLHUP | EPOLLERR)) != 0;
            if ((revents & EPOLLIN) || has_left) {
                // If it has left, all that it typed before; its socket's buffer bounds that.
                while (port.read_client(*self) && has_left) {
                }
            }
            self->closed = self->closed || has_left;
            port.drop_closed_clients();
            return 0;
        },
        client.get());
    if (!source)
        return;
    client->source = std::move(*source);
    client->send(last_screen());
    clients_.push_back(std::move(client));
    drop_closed_clients();
}

bool SerialPort::read_client(Client &client) {
    char buffer[kTypedMax];
    const ssize_t n = read(client.fd.get(), buffer, sizeof buffer);
    if (n > 0) {
        typed_.append(buffer, static_cast<std::size_t>(n));
        write_guest();
    } else if (n == 0) {
        client.input_ended = true;
        client.update_events();
    } else if (errno != EAGAIN && errno != EINTR) {
        client.closed = true;
    }
    return n > 0;
}

void SerialPort::write_guest() {
    while (guest_ && !typed_.empty()) {
        const ssize_t n = ::send(guest_.get(), typed_.data(), typed_.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        // QEMU is gone; reading says so too.
        typed_.erase(0, n < 0 ? typed_.size() : static_cast<std::size_t>(n));
    }
    update_guest_events();
    for (const auto &client : clients_)
        client->update_events();
}

void SerialPort::drop_closed_clients() {
    clients_.remove_if([](const auto &client) { return client->closed; });
}

}  // namespace qemunit
