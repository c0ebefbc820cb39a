// SPDX-License-Identifier: MIT
//
// companion.sock, where qemunitd asks the companion for what QEMU cannot do alone. It speaks as a
// QMP monitor does, so that qemunitd needs no other client. Whatever comes is bounded, and a client
// that reads nothing is hung up on.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/result.h"
#include "common/sockets/acceptor.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

struct Request {
    std::string command;
    nlohmann::json arguments;
    UniqueFd fd;  // if one has come along
};

class RequestServer {
  public:
    // To be called once. A client that is gone gets nothing.
    using Answer = std::function<void(Result<nlohmann::json>)>;
    using Handler = std::function<void(Request, Answer)>;

    static Result<std::unique_ptr<RequestServer>> create(sd_event *event, UniqueFd listener,
                                                         Handler handler);

  private:
    struct Client;

    RequestServer(sd_event *event, Handler handler) : event_(event), handler_(std::move(handler)) {}
    void take_client(UniqueFd fd);
    void serve(Client &client);
    void take(const std::shared_ptr<Client> &client, const std::string &line);
    void drop(const Client &client);

    sd_event *event_;
    Handler handler_;
    std::unique_ptr<Acceptor> acceptor_;
    std::list<std::shared_ptr<Client>> clients_;
};

}  // namespace qemunit::helper
