// SPDX-License-Identifier: MIT
#include "helper/console/serial_port.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "common/shared_names.h"
#include "helper/console/client_output.h"

namespace qemunit::helper {

namespace {

constexpr char kWatched[] = "a serial port";
constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kClientsMax = 32;
constexpr std::size_t kTypedMax = 4 * 1024;  // bytes that wait for the guest
// A prompt is logged after this long a silence, twice: between and after the two, QEMU answers.
constexpr uint64_t kPartialUsec = 500'000;
// A QEMU that has taken longer to answer stood still, and its guest as well.
constexpr uint64_t kPromptAnswerUsec = 200'000;
// If a timer is this late, this process did not run, and perhaps QEMU did not run either.
constexpr uint64_t kLateUsec = 500'000;
// At the VM's end, a client that takes nothing for kSlowUsec is hung up on, and every client after
// kSlowRoundsMax times that. systemd's own time to stop (TimeoutStopSec=) runs meanwhile.
constexpr uint64_t kSlowUsec = 500'000;
constexpr unsigned kSlowRoundsMax = 4;
// QEMU writes each byte of a UART by itself. A companion that is woken for each byte takes more
// time from the guest than anything else. Nobody sees so short a wait, and the socket holds the
// bytes.
constexpr uint64_t kGatherUsec = 300;

Result<> set_nonblocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(errno, "cannot make a serial port non-blocking");
    return {};
}

}  // namespace

// One connection to the port's socket.
struct SerialPort::Client {
    Client(SerialPort &its_port, UniqueFd its_fd)
        : port(its_port),
          fd(std::move(its_fd)),
          output(fd.get(), port.is_console_ ? &port.history_ : nullptr) {}

    void send(std::string_view bytes) {
        closed = !output.send(bytes) || closed;
        update_events();
    }

    void send_history() {
        closed = !output.send_history() || closed;
        update_events();
    }

    void flush() {
        output.flush();
        update_events();
    }

    void update_events() {
        const bool reads = port.guest_ && !input_ended && port.typed_.size() < kTypedMax;
        watch.set_events((reads ? uint32_t{EPOLLIN} : 0u) |
                         (output.is_empty() ? 0u : uint32_t{EPOLLOUT}));
    }

    SerialPort &port;
    UniqueFd fd;
    ClientOutput output;
    FdWatch watch;
    bool input_ended = false;  // the client shut down its writing side, and may still read
    bool closed = false;
};

Result<std::unique_ptr<SerialPort>> SerialPort::create(sd_event *event, const std::string &vm,
                                                       PortEnd end, Journal *journal,
                                                       std::function<void()> on_end) {
    UniqueFd listener = std::move(end.listener);
    std::unique_ptr<SerialPort> port(
        new SerialPort(event, vm, std::move(end), journal, std::move(on_end)));
    auto watching = port->watch();
    if (watching && listener)
        watching = port->watch_clients(std::move(listener));
    if (!watching)
        return std::unexpected(watching.error());
    return port;
}

SerialPort::SerialPort(sd_event *event, const std::string &vm, PortEnd end, Journal *journal,
                       std::function<void()> on_end)
    : event_(event),
      vm_(vm),
      name_(end.name),
      identifier_(end.name == kFirstSerialPort ? vm : vm + "/" + end.name),
      direct_(end.direct),
      is_console_(end.is_console),
      guest_(std::move(end.guest)),
      journal_(end.log ? journal : nullptr),
      on_end_(std::move(on_end)),
      lines_([this](const std::string &line) { take_line(line); }) {}

SerialPort::~SerialPort() = default;

Result<> SerialPort::watch() {
    if (auto set = set_nonblocking(guest_.get()); !set)
        return set;
    auto watch = FdWatch::create(event_, guest_.get(), EPOLLIN, kWatched, [this](uint32_t revents) {
        if (revents & EPOLLOUT)
            write_guest();
        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
            read_guest();
    });
    if (!watch)
        return std::unexpected(watch.error());
    guest_watch_ = std::move(*watch);
    return {};
}

Result<> SerialPort::watch_clients(UniqueFd listener) {
    int listens = 1;
    socklen_t size = sizeof listens;
    if (getsockopt(listener.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
        listens == 0) {
        if (auto set = set_nonblocking(listener.get()); !set)
            return set;
        take_client(std::move(listener));
        return {};
    }
    auto acceptor = Acceptor::create(
        event_, std::move(listener), name_ + ".sock", SD_EVENT_PRIORITY_NORMAL,
        [this](UniqueFd fd, const sockaddr_storage &) { take_client(std::move(fd)); });
    if (!acceptor)
        return std::unexpected(acceptor.error());
    acceptor_ = std::move(*acceptor);
    return {};
}

void SerialPort::read_guest() {
    if (!guest_)
        return;
    if (journal_ != nullptr && journal_->is_full()) {
        guest_watch_.set_enabled(false);
        waits_for_journal_ = true;
        arm_partial_timer();
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

// The first bytes after a silence are read at once, so that an echo does not wait; the bytes that
// follow are read many at a time.
void SerialPort::gather() {
    if (!gather_timer_)
        if (auto timer = Timer::create(
                event_, [this] { end_gathering(); }, /*accuracy=*/1))
            gather_timer_ = std::move(*timer);
    if (!gather_timer_)
        return;
    gathers_ = true;
    update_guest_events();
    gather_timer_.start(kGatherUsec);
}

void SerialPort::end_gathering() {
    gathers_ = false;
    update_guest_events();
}

// EPOLLHUP, by which QEMU closes its side, needs no bit.
void SerialPort::update_guest_events() {
    guest_watch_.set_events((gathers_ ? 0u : uint32_t{EPOLLIN}) |
                            (typed_.empty() || is_held_ ? 0u : uint32_t{EPOLLOUT}));
}

void SerialPort::resume() {
    if (!std::exchange(waits_for_journal_, false) || !guest_watch_)
        return;
    guest_watch_.set_enabled(true);
    arm_partial_timer();
}

void SerialPort::set_guest_runs(bool runs) {
    if (std::exchange(guest_runs_, runs) != runs && guest_)
        arm_partial_timer();
}

void SerialPort::take_output(std::string_view bytes) {
    if (!direct_) {
        if (is_console_)
            history_.append(bytes);
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

// The timer measures the guest's silence: it does not run while the guest is not read, or paused.
void SerialPort::arm_partial_timer() {
    ++silence_;
    was_silent_ = false;
    const bool can_be_heard = !waits_for_journal_ && guest_runs_;
    if (!can_be_heard || !lines_.has_partial()) {
        partial_timer_.stop();
        return;
    }
    // Idle: the rest of the line may wait in the socket, and is to be read first.
    if (!partial_timer_)
        if (auto timer = Timer::create(
                event_, [this] { end_partial_line(); }, 250 * kMillisecond, SD_EVENT_PRIORITY_IDLE))
            partial_timer_ = std::move(*timer);
    partial_timer_.start(kPartialUsec);
}

// A timer that is late may come after `systemctl freeze`, and before QEMU runs again. And QEMU
// itself may stand still, as where its disk stalls: no event tells that.
void SerialPort::end_partial_line() {
    const uint64_t now = monotonic_now(event_);
    if (now > partial_timer_.due() + kLateUsec)
        arm_partial_timer();
    else if (ask_qemu_)
        ask_qemu_([this, silence = silence_, now] {
            if (silence == silence_)
                take_answer_of_qemu(now);
        });
    else
        take_answer_of_qemu(now);
}

void SerialPort::take_answer_of_qemu(uint64_t asked_usec) {
    int unread = 0;  // bytes of the guest, which have come with the answer
    const bool has_spoken = guest_ && ioctl(guest_.get(), FIONREAD, &unread) == 0 && unread > 0;
    if (has_spoken || monotonic_now(event_) > asked_usec + kPromptAnswerUsec)
        arm_partial_timer();
    else if (std::exchange(was_silent_, true))
        lines_.flush_partial();
    else
        partial_timer_.start(kPartialUsec);
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
    return !typed_.empty() || has_untaken_in_socket();
}

bool SerialPort::has_untaken_in_socket() const {
    int unread = 0;  // bytes in the socket that QEMU has not read; SIOCOUTQ of unix(7)
    return guest_ && ioctl(guest_.get(), SIOCOUTQ, &unread) == 0 && unread > 0;
}

void SerialPort::hold_input(bool held) {
    is_held_ = held;
    if (guest_)
        write_guest();
}

Result<> SerialPort::go_on_with(UniqueFd guest) {
    char buffer[kReadSize];
    for (ssize_t n = 1; guest_ && (n > 0 || (n < 0 && errno == EINTR));)
        if (n = read(guest_.get(), buffer, sizeof buffer); n > 0)
            take_output({buffer, static_cast<std::size_t>(n)});
    guest_watch_.reset();
    guest_ = std::move(guest);
    if (auto watching = watch(); !watching)
        return watching;
    gathers_ = false;
    guest_watch_.set_enabled(!waits_for_journal_);
    hold_input(false);
    return {};
}

void SerialPort::end() {
    ++silence_;
    lines_.flush_partial();
    partial_timer_.reset();
    gather_timer_.reset();
    guest_watch_.reset();
    guest_.reset();
    acceptor_.reset();
    for (const auto &client : clients_)
        client->flush();
    if (auto timer = Timer::create(
            event_, [this] { drop_slow_clients(); }, kSlowUsec / 10))
        slow_timer_ = std::move(*timer);
    else
        clients_.clear();
    slow_timer_.start(kSlowUsec);
    drop_closed_clients();
}

void SerialPort::drop_slow_clients() {
    ++slow_rounds_;
    for (const auto &client : clients_)
        if (!client->output.has_progressed() || slow_rounds_ >= kSlowRoundsMax)
            client->closed = true;
    slow_timer_.start(kSlowUsec);
    drop_closed_clients();
}

void SerialPort::take_client(UniqueFd fd) {
    if (clients_.size() >= kClientsMax)
        return;
    auto client = std::make_unique<Client>(*this, std::move(fd));
    auto watch =
        FdWatch::create(event_, client->fd.get(), EPOLLIN, kWatched,
                        [this, &client = *client](uint32_t revents) { serve(client, revents); });
    if (!watch)
        return;
    client->watch = std::move(*watch);
    client->send_history();
    clients_.push_back(std::move(client));
    drop_closed_clients();
}

void SerialPort::serve(Client &client, uint32_t revents) {
    if (revents & EPOLLOUT)
        client.flush();
    // EPOLLHUP means that both directions are gone: a client that has only shut down its writing
    // side still reads.
    const bool has_left = (revents & (EPOLLHUP | EPOLLERR)) != 0;
    if ((revents & EPOLLIN) || has_left) {
        // Of a client that has left, everything that it typed before; the buffer of its socket
        // bounds that.
        while (read_client(client) && has_left) {
        }
    }
    client.closed = client.closed || has_left;
    drop_closed_clients();
}

bool SerialPort::read_client(Client &client) {
    char buffer[kTypedMax];
    const ssize_t n = read(client.fd.get(), buffer, sizeof buffer);
    if (n > 0) {
        type({buffer, static_cast<std::size_t>(n)});
    } else if (n == 0) {
        client.input_ended = true;
        client.update_events();
    } else if (errno != EAGAIN && errno != EINTR) {
        client.closed = true;
    }
    return n > 0;
}

void SerialPort::write_guest() {
    while (guest_ && !is_held_ && !typed_.empty()) {
        const ssize_t n = ::send(guest_.get(), typed_.data(), typed_.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        // An error means that QEMU is gone, and read_guest() hears that too.
        typed_.erase(0, n < 0 ? typed_.size() : static_cast<std::size_t>(n));
    }
    update_guest_events();
    for (const auto &client : clients_)
        client->update_events();
}

void SerialPort::drop_closed_clients() {
    clients_.remove_if([&](const auto &client) {
        return client->closed || (!guest_ && client->output.is_empty());
    });
    if (guest_ || !clients_.empty() || std::exchange(has_ended_, true))
        return;
    slow_timer_.reset();
    on_end_();
}

}  // namespace qemunit::helper
