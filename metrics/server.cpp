// SPDX-License-Identifier: MIT
#include "metrics/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>

namespace qemunit::metrics {

Result<std::unique_ptr<Server>> Server::create(sd_event *event, std::vector<Listener> listeners,
                                               RecentFigures &figures, uint64_t idle_usec,
                                               std::function<void()> idle) {
    std::unique_ptr<Server> server(new Server(event, std::move(listeners), figures, idle_usec));
    if (auto listening = server->listen(std::move(idle)); !listening)
        return std::unexpected(listening.error());
    return server;
}

Result<> Server::listen(std::function<void()> idle) {
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
        auto acceptor = Acceptor::create(
            event_, std::move(listeners_[i].fd), "a socket of qemunit-metrics.socket",
            SD_EVENT_PRIORITY_NORMAL,
            [this, i](UniqueFd fd, const sockaddr_storage &) { accept(i, std::move(fd)); },
            {.program = "qemunit-metrics",
             .setting = "LimitNOFILE= of qemunit-metrics.service is its limit"});
        if (!acceptor)
            return std::unexpected(acceptor.error());
        acceptors_.push_back(std::move(*acceptor));
    }
    auto timer = Timer::create(event_, [this, idle = std::move(idle)] {
        if (clients_.empty())
            idle();
        else
            idle_.start(idle_usec_);
    });
    if (!timer)
        return std::unexpected(timer.error());
    idle_ = std::move(*timer);
    idle_.start(idle_usec_);
    return {};
}

void Server::accept(std::size_t listener, UniqueFd fd) {
    idle_.start(idle_usec_);
    (void)take_client(std::move(fd), listener);  // one that cannot be served is hung up on
    make_room(listener);
}

// The oldest that has not asked goes. If all but the one that has just come have, the next ones
// wait in the socket's queue.
void Server::make_room(std::size_t listener) {
    std::size_t count = 0;
    std::optional<uint64_t> oldest;
    for (const auto &[id, client] : clients_) {
        if (client.listener != listener)
            continue;
        ++count;
        if (!oldest && !client.is_asked && id + 1 != next_client_)
            oldest = id;
    }
    if (count <= kClientsMax)
        return;
    if (oldest)
        drop(*oldest);
    else
        acceptors_[listener]->set_open(false);
}

Result<> Server::take_client(UniqueFd fd, std::size_t listener) {
    const uint64_t id = next_client_++;
    Client &client = clients_[id];
    client.fd = std::move(fd);
    client.listener = listener;
    auto watch = FdWatch::create(event_, client.fd.get(), EPOLLIN, "a client",
                                 [this, id](uint32_t revents) { serve(id, revents); });
    if (!watch || !start_deadline(id, client)) {
        drop(id);
        return fail(ENOMEM, "a client cannot be served");
    }
    client.watch = std::move(*watch);
    return {};
}

bool Server::start_deadline(uint64_t id, Client &client) {
    auto timer = start_timer(event_, monotonic_now(event_) + kClientTime, [this, id] { drop(id); });
    if (!timer)
        return false;
    client.deadline = std::move(*timer);
    return true;
}

void Server::serve(uint64_t id, uint32_t revents) {
    const auto found = clients_.find(id);
    if (found == clients_.end())
        return;
    Client &client = found->second;
    if (revents & (EPOLLERR | EPOLLHUP))
        return drop(id);
    if (client.has_answer)
        return write_answer(id, client);
    read_request(id, client);
}

void Server::read_request(uint64_t id, Client &client) {
    char bytes[4096];
    const ssize_t n = read(client.fd.get(), bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        return drop(id);
    if (client.is_asked)
        return;  // more than was to be read
    client.request.append(bytes, static_cast<std::size_t>(n));
    if (listeners_[client.listener].protocol == Protocol::varlink)
        take_varlink(id, client);
    else
        take_http(id, client);
}

void Server::take_http(uint64_t id, Client &client) {
    const auto request = parse_request(client.request);
    if (!request)
        return;
    client.request.clear();
    if (request->kind != Request::Kind::metrics) {
        client.is_asked = true;
        return start_answer(id, refusal_of(*request));
    }
    get_figures(client, request->format,
                [this, id, asked = *request](const Result<RecentFigures::Text> &text) {
                    if (!text)
                        return start_answer(
                            id, http_answer(503, "text/plain; charset=utf-8",
                                            text.error().message + "\n", asked.head_only));
                    start_answer(id, http_head(200, content_type(asked.format), (*text)->size()),
                                 asked.head_only ? nullptr : *text);
                });
}

void Server::take_varlink(uint64_t id, Client &client) {
    auto call = take_varlink_call(client.request);
    if (!call)
        return;
    if (call->kind == VarlinkCall::Kind::bad || call->is_oneway)
        return drop(id);
    client.asks_again = true;
    if (call->kind == VarlinkCall::Kind::answered) {
        client.is_asked = true;
        return start_answer(id, std::move(call->answer));
    }
    get_figures(client, Format::varlink, [this, id](const Result<RecentFigures::Text> &text) {
        if (text)
            start_answer(id, {}, *text);
        else
            start_answer(id, varlink_trouble(text.error().message));
    });
}

// Until they are there, only that the client leaves is of interest; the source has its own
// deadline.
void Server::get_figures(Client &client, Format format, RecentFigures::TextDone done) {
    client.is_asked = true;
    client.deadline.reset();
    client.watch.set_events(0);
    figures_.get(format, std::move(done));
}

void Server::start_answer(uint64_t id, std::string head, RecentFigures::Text body) {
    const auto found = clients_.find(id);
    if (found == clients_.end())
        return;
    Client &client = found->second;
    client.head = std::move(head);
    client.body = std::move(body);
    client.sent = 0;
    client.has_answer = true;
    if (!start_deadline(id, client))
        return drop(id);
    client.watch.set_events(EPOLLOUT);
}

void Server::write_answer(uint64_t id, Client &client) {
    const bool is_body = client.sent >= client.head.size();
    std::string_view rest = is_body ? std::string_view(*client.body) : client.head;
    rest.remove_prefix(client.sent - (is_body ? client.head.size() : 0));
    const ssize_t n = send(client.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0)
        return drop(id);
    client.sent += static_cast<std::size_t>(n);
    if (client.sent == client.head.size() + (client.body ? client.body->size() : 0))
        is_answered(id, client);
}

void Server::is_answered(uint64_t id, Client &client) {
    if (!client.asks_again || !start_deadline(id, client))
        return drop(id);
    client.head.clear();
    client.body.reset();
    client.has_answer = false;
    client.is_asked = false;
    client.watch.set_events(EPOLLIN);
    if (!client.request.empty())
        take_varlink(id, client);
}

void Server::drop(uint64_t id) {
    const auto found = clients_.find(id);
    if (found == clients_.end())
        return;
    acceptors_[found->second.listener]->set_open(true);
    clients_.erase(found);
}

}  // namespace qemunit::metrics
