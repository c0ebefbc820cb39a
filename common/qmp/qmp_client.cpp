// SPDX-License-Identifier: MIT
#include "common/qmp/qmp_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/files/descriptor_message.h"
#include "common/timer.h"

namespace qemunit {

using nlohmann::json;

namespace {

// 0xff is never part of UTF-8, so that QEMU's parser begins anew (docs/interop/qmp-spec.txt, 2.1).
// QEMU answers with an error that belongs to no command.
constexpr std::string_view kResync = "\xff\n";

// QEMU's error for a second qmp_capabilities, "Capabilities negotiation is already complete"
// (qmp_qmp_capabilities() in monitor/qmp-cmds-control.c of QEMU).
constexpr std::string_view kIsNegotiated = "CommandNotFound";

// MAX_NESTING in qobject/json-streamer.c of QEMU.
constexpr int kMaxNesting = 1024;

// Three bytes of JSON, "{},", are a hundred in memory. QEMU itself takes up to 2,000,000
// (MAX_TOKEN_COUNT, ibid.); its longest answer, query-qmp-schema, has some 20,000.
constexpr int kMaxValues = 200'000;

// Counts brackets and commas outside of strings; whether they match is the parser's to find out.
bool is_beyond_limits(std::string_view text) {
    int depth = 0, values = 1;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"')
            in_string = !in_string;
        else if (in_string)
            i += c == '\\';
        else if (c == '[' || c == '{')
            ++depth, ++values;
        else if (c == ']' || c == '}')
            --depth;
        else if (c == ',')
            ++values;
        if (depth > kMaxNesting || values > kMaxValues)
            return true;
    }
    return false;
}

uint64_t number_at(const json &object, const char *key) {
    auto it = object.find(key);
    return it != object.end() && it->is_number_integer() ? it->get<uint64_t>() : 0;
}

// {"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":22},…},…}} -> "7.2.22". The same,
// with another `path`, in the reply to query-version.
std::string version_at(const json &object, const char *path) {
    const json::json_pointer place(path);
    if (!object.is_object() || !object.contains(place))
        return {};
    const json &qemu = object[place];
    if (!qemu.is_object())
        return {};
    return std::to_string(number_at(qemu, "major")) + "." +
           std::to_string(number_at(qemu, "minor")) + "." +
           std::to_string(number_at(qemu, "micro"));
}

}  // namespace

json parse_json(std::string_view text) {
    if (is_beyond_limits(text))
        return json(json::value_t::discarded);
    return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string json_text(const json &value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string string_at(const json &object, const char *key) {
    auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Result<std::unique_ptr<QmpClient>> QmpClient::create(sd_event *event, UniqueFd fd,
                                                     Callbacks callbacks, std::size_t max_message) {
    if (int flags = fcntl(fd.get(), F_GETFL);
        flags < 0 || fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(errno, "cannot make the QMP socket non-blocking");
    std::unique_ptr<QmpClient> client(
        new QmpClient(event, std::move(fd), std::move(callbacks), max_message));
    if (auto watching = client->watch(); !watching)
        return std::unexpected(watching.error());
    return client;
}

Result<> QmpClient::watch() {
    auto io = FdWatch::create(event_, fd_.get(), EPOLLIN, "the QMP socket",
                              [this](uint32_t revents) { serve(revents); });
    if (!io)
        return std::unexpected(io.error());
    io_ = std::move(*io);
    return {};
}

Result<std::unique_ptr<QmpClient>> QmpClient::take_over(sd_event *event, UniqueFd fd,
                                                        Callbacks callbacks, uint64_t first_id,
                                                        std::size_t max_message) {
    auto client = create(event, std::move(fd), std::move(callbacks), max_message);
    if (!client)
        return client;
    QmpClient &taker = **client;
    taker.taken_over_ = taker.in_mid_message_ = true;
    taker.handshake_id_ = first_id;
    taker.next_id_ = first_id + 1;
    taker.output_ = kResync;
    // The taker cannot know whether a greeting is still to come.
    taker.negotiate();
    return client;
}

QmpClient::QmpClient(sd_event *event, UniqueFd fd, Callbacks callbacks, std::size_t max_message)
    : event_(event),
      fd_(std::move(fd)),
      callbacks_(std::move(callbacks)),
      max_message_(max_message) {}

void QmpClient::become(std::unique_ptr<QmpClient> other) {
    auto requests = std::exchange(requests_, {});
    io_.reset();
    other->io_.reset();
    fd_ = std::move(other->fd_);
    input_ = std::move(other->input_);
    scanned_ = other->scanned_;
    output_ = std::move(other->output_);
    output_fds_ = std::move(other->output_fds_);
    queued_ = std::move(other->queued_);
    version_ = other->version_;
    greeted_ = negotiated_ = ready_ = true;
    taken_over_ = in_mid_message_ = is_ending_ = false;
    closed_ = false;
    next_id_ = std::max(next_id_, other->next_id_);
    const bool is_gone = other->closed_ || !watch();
    const auto alive = alive_;
    for (auto &[id, request] : requests) {
        request.callback(std::unexpected(
            QmpError{QmpError::Kind::disconnected, "the guest goes on in another QEMU"}));
        if (!*alive)
            return;
    }
    if (is_gone)
        close("QEMU closed the connection");
}

QmpClient::~QmpClient() {
    *alive_ = false;
}

void QmpClient::execute(std::string_view command, json arguments, uint64_t timeout_usec,
                        ReplyCallback callback, UniqueFd fd) {
    if (closed_) {
        callback(std::unexpected(
            QmpError{QmpError::Kind::disconnected, "the connection to QEMU is closed"}));
        return;
    }
    if (is_ending_) {
        callback(std::unexpected(QmpError{QmpError::Kind::disconnected, "QEMU is about to end"}));
        return;
    }
    if (output_.size() + queued_.size() > max_message_) {
        callback(std::unexpected(
            QmpError{QmpError::Kind::timeout, "QEMU does not read the commands it is sent"}));
        return;
    }
    const uint64_t id = next_id_++;
    auto deadline = start_timer(
        event_, monotonic_now(event_) + timeout_usec, [this, id, name = std::string(command)] {
            finish(id, std::unexpected(QmpError{QmpError::Kind::timeout,
                                                "QEMU did not answer '" + name + "' in time"}));
        });
    if (!deadline) {
        callback(std::unexpected(QmpError{QmpError::Kind::timeout, deadline.error().message}));
        return;
    }
    requests_.emplace(id, Request{std::move(callback), std::move(*deadline)});

    json message = {{"execute", command}, {"id", id}};
    if (!arguments.is_null())
        message["arguments"] = std::move(arguments);
    if (ready_)
        send(message, std::move(fd));
    else
        queued_ += json_text(message) + "\n";
}

void QmpClient::serve(uint32_t revents) {
    const auto alive = alive_;
    if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_input();
    if (*alive && !closed_ && (revents & EPOLLOUT))
        flush();
}

void QmpClient::read_input() {
    char buffer[16384];
    const ssize_t n = read(fd_.get(), buffer, sizeof buffer);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            close(std::string("reading from QEMU failed: ") + strerror(errno));
        return;
    }
    if (n == 0) {
        close("QEMU closed the connection");
        return;
    }
    input_.append(buffer, static_cast<std::size_t>(n));
    const auto alive = alive_;
    std::size_t begin = 0;
    for (std::size_t end; (end = input_.find('\n', std::max(begin, scanned_))) != std::string::npos;
         begin = end + 1) {
        std::string nonsense;
        // Whoever asked looks at the types of what QEMU says. Where that was forgotten, a QEMU that
        // a guest has taken over must not end a program that serves other VMs.
        try {
            take_message(std::string_view(input_).substr(begin, end - begin));
        } catch (const json::exception &error) {
            nonsense = error.what();
        }
        if (!*alive || closed_)
            return;
        if (!nonsense.empty())
            return close("QEMU sent something that QEMU does not say: " + nonsense);
    }
    input_.erase(0, begin);
    scanned_ = input_.size();
    if (input_.size() > max_message_)
        close("QEMU sent a message of more than " + std::to_string(max_message_) + " bytes");
}

void QmpClient::take_message(std::string_view line) {
    json message = parse_json(line);
    const bool may_be_half = std::exchange(in_mid_message_, false);
    if (!message.is_object()) {
        if (may_be_half)
            return;
        close("QEMU sent something that is not a JSON object");
        return;
    }
    if (auto greeting = message.find("QMP"); greeting != message.end()) {
        if (greeted_)
            return;
        greeted_ = true;
        version_ = version_at(*greeting, "/version/qemu");
        if (!taken_over_)
            negotiate();
    } else if (message.contains("event")) {
        take_event(message);
    } else {
        take_reply(message);
    }
}

void QmpClient::take_event(json &message) {
    QmpEvent event{.name = string_at(message, "event"), .usec = 0, .data = json::object()};
    if (event.name == "SHUTDOWN")
        is_ending_ = true;
    else if (event.name == "STOP" || event.name == "RESUME")
        is_ending_ = false;  // QEMU was told to stay (-no-shutdown), and only its guest has ended
    if (!callbacks_.event)
        return;
    if (auto stamp = message.find("timestamp"); stamp != message.end() && stamp->is_object())
        event.usec = number_at(*stamp, "seconds") * 1'000'000 + number_at(*stamp, "microseconds");
    if (auto data = message.find("data"); data != message.end() && data->is_object())
        event.data = std::move(*data);
    // Each callback is copied before it is called: it may destroy this client, and itself with it.
    auto on_event = callbacks_.event;
    on_event(event);
}

void QmpClient::take_reply(json &message) {
    auto id = message.find("id");
    if (id == message.end() || !id->is_number_unsigned())
        return;  // a reply to nothing that we asked
    Reply reply;
    if (auto error = message.find("error"); error != message.end() && error->is_object())
        reply = std::unexpected(QmpError{QmpError::Kind::monitor, string_at(*error, "desc"),
                                         string_at(*error, "class")});
    else if (auto value = message.find("return"); value != message.end())
        reply = std::move(*value);
    else
        return;

    if (id->get<uint64_t>() != handshake_id_) {
        finish(id->get<uint64_t>(), std::move(reply));
        return;
    }
    if (ready_ || std::exchange(negotiated_, true))
        return;
    const bool was_negotiated = taken_over_ && !reply && reply.error().error_class == kIsNegotiated;
    if (!reply && !was_negotiated) {
        close("QEMU refused the QMP handshake: " + reply.error().message);
        return;
    }
    if (version_.empty() && taken_over_)
        ask_version();
    else
        become_ready();
}

void QmpClient::negotiate() {
    send({{"execute", "qmp_capabilities"}, {"id", handshake_id_}});
}

// The process that had the connection before has read the greeting, with the version in it.
void QmpClient::ask_version() {
    const uint64_t id = next_id_++;
    requests_.emplace(id, Request{[this](Reply reply) {
                                      if (reply)
                                          version_ = version_at(*reply, "/qemu");
                                      if (!closed_)
                                          become_ready();
                                  },
                                  {}});
    send({{"execute", "query-version"}, {"id", id}});
}

void QmpClient::become_ready() {
    ready_ = true;
    output_ += std::exchange(queued_, {});
    flush();
    if (auto on_ready = callbacks_.ready)
        on_ready();
}

void QmpClient::send(const json &message, UniqueFd fd) {
    if (fd)
        output_fds_.emplace_back(output_.size(), std::move(fd));
    output_ += json_text(message) + "\n";
    flush();
}

// Up to the next byte that has an fd with it, or that byte and what follows it.
ssize_t QmpClient::send_some() {
    const bool has_fd = !output_fds_.empty() && output_fds_.front().first == 0;
    const std::size_t next_fd = has_fd ? 1 : 0;
    const std::size_t end =
        output_fds_.size() > next_fd ? output_fds_[next_fd].first : output_.size();
    std::vector<int> fds;
    if (has_fd)
        fds.push_back(output_fds_.front().second.get());
    const ssize_t n = send_with_descriptors(fd_.get(), {output_.data(), end}, fds);
    if (n > 0 && has_fd)
        output_fds_.pop_front();
    for (auto &[place, fd] : output_fds_)
        place -= n > 0 ? static_cast<std::size_t>(n) : 0;
    return n;
}

void QmpClient::flush() {
    while (!output_.empty()) {
        const ssize_t n = send_some();
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            // Shows as end of file on the reading side, after what QEMU may still have
            // said. If it does not, the socket would be "writable" without end.
            output_.clear();
            output_fds_.clear();
            break;
        }
        if (n < 0)
            break;
        output_.erase(0, static_cast<std::size_t>(n));
    }
    io_.set_events(output_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void QmpClient::finish(uint64_t id, Reply reply) {
    auto request = requests_.extract(id);
    if (request)
        request.mapped().callback(std::move(reply));
}

void QmpClient::close(const std::string &reason) {
    if (std::exchange(closed_, true))
        return;
    io_.reset();
    fd_.reset();
    const auto alive = alive_;
    auto requests = std::exchange(requests_, {});
    for (auto &[id, request] : requests) {
        request.callback(std::unexpected(QmpError{QmpError::Kind::disconnected, reason}));
        if (!*alive)
            return;
    }
    if (auto closed = callbacks_.closed)
        closed(reason);
}

Result<UniqueFd> connect_unix(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, path + ": longer than a socket path may be");
    path.copy(address.sun_path, path.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno(errno, "cannot create a socket");
    if (connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) < 0)
        return fail_errno(errno, "cannot connect to " + path);
    return fd;
}

}  // namespace qemunit
