// SPDX-License-Identifier: MIT
#include "helper/companion/request_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "common/files/descriptor_message.h"
#include "common/qmp/qmp_client.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

constexpr std::size_t kRequestMax = 64u << 10;  // bytes
constexpr std::size_t kRequestClientsMax = 8;

// No QEMU has this version, so that nobody takes this for a QEMU.
constexpr char kRequestGreeting[] =
    R"({"QMP":{"version":{"qemu":{"micro":0,"minor":0,"major":0},"package":"qemunit"},)"
    R"("capabilities":[]}})";

}  // namespace

struct RequestServer::Client : std::enable_shared_from_this<Client> {
    UniqueFd fd;
    FdWatch watch;
    std::string input;
    std::vector<UniqueFd> fds;
    bool is_gone = false;

    void say(const std::string &text) {
        const std::string line = text + "\n";
        if (send(fd.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
            static_cast<ssize_t>(line.size()))
            is_gone = true;
    }
};

Result<std::unique_ptr<RequestServer>> RequestServer::create(sd_event *event, UniqueFd listener,
                                                             Handler handler) {
    std::unique_ptr<RequestServer> server(new RequestServer(event, std::move(handler)));
    auto acceptor =
        Acceptor::create(event, std::move(listener), "companion.sock", SD_EVENT_PRIORITY_NORMAL,
                         [raw = server.get()](UniqueFd fd, const sockaddr_storage &) {
                             raw->take_client(std::move(fd));
                         });
    if (!acceptor)
        return std::unexpected(acceptor.error());
    server->acceptor_ = std::move(*acceptor);
    return server;
}

void RequestServer::take_client(UniqueFd fd) {
    if (clients_.size() >= kRequestClientsMax)
        return;
    auto client = std::make_shared<Client>();
    client->fd = std::move(fd);
    auto watch = FdWatch::create(event_, client->fd.get(), EPOLLIN, "a client",
                                 [this, raw = client.get()](uint32_t) { serve(*raw); });
    if (!watch)
        return;
    client->watch = std::move(*watch);
    client->watch.set_enabled(true);
    clients_.push_back(client);
    client->say(kRequestGreeting);
}

void RequestServer::drop(const Client &client) {
    std::erase_if(clients_, [&](const auto &other) { return other.get() == &client; });
}

void RequestServer::serve(Client &client) {
    const std::shared_ptr<Client> held = client.shared_from_this();
    char buffer[4096];
    DescriptorMessage message =
        receive_with_descriptors(client.fd.get(), buffer, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, 1);
    if (message.size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (message.size <= 0)
        return drop(client);
    client.input.append(buffer, static_cast<std::size_t>(message.size));
    for (UniqueFd &fd : message.fds)
        client.fds.push_back(std::move(fd));
    for (std::size_t end;
         !client.is_gone && (end = client.input.find('\n')) != client.input.npos;) {
        const std::string line = client.input.substr(0, end);
        client.input.erase(0, end + 1);
        take(held, line);
    }
    if (client.is_gone || client.input.size() > kRequestMax || client.fds.size() > 1)
        drop(client);
}

void RequestServer::take(const std::shared_ptr<Client> &client, const std::string &line) {
    json message = parse_json(line);
    const std::string command = string_at(message, "execute");
    if (command.empty()) {
        client->is_gone = true;
        return;
    }
    const json id = message.value("id", json());
    if (command == "qmp_capabilities")
        return client->say(json{{"return", json::object()}, {"id", id}}.dump());
    Request request{command, message.value("arguments", json::object()), {}};
    if (!client->fds.empty())
        request.fd = std::move(client->fds.back());
    client->fds.clear();
    handler_(std::move(request), [weak = std::weak_ptr(client), id](const Result<json> &result) {
        const auto asked = weak.lock();
        if (!asked)
            return;
        json answer{{"id", id}};
        if (result)
            answer["return"] = *result;
        else
            answer["error"] = {
                {"class", result.error().code == EINPROGRESS ? "DeviceNotActive" : "GenericError"},
                {"desc", result.error().message}};
        asked->say(json_text(answer));
    });
}

}  // namespace qemunit::helper
