// SPDX-License-Identifier: MIT
//
// Hands the metrics out on sockets that systemd has opened. What a client sends is hostile, and one
// that is slow keeps nobody waiting: so many at a time of each socket, each for so long, and those
// that have not asked yet make room for others.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "common/fd_watch.h"
#include "common/sockets/acceptor.h"
#include "common/timer.h"
#include "common/unique_fd.h"
#include "metrics/http.h"
#include "metrics/recent_figures.h"
#include "metrics/varlink.h"

namespace qemunit::metrics {

enum class Protocol { http, varlink };

struct Listener {
    UniqueFd fd;
    Protocol protocol = Protocol::http;
};

class Server {
  public:
    static constexpr std::size_t kClientsMax = 32;  // of one socket
    // For the request to come, and for the answer to be taken.
    static constexpr uint64_t kClientTime = 5 * kSecond;

    // `idle`: called when nobody has come for `idle_usec`.
    static Result<std::unique_ptr<Server>> create(sd_event *event, std::vector<Listener> listeners,
                                                  RecentFigures &figures, uint64_t idle_usec,
                                                  std::function<void()> idle);
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

  private:
    struct Client {
        UniqueFd fd;
        std::size_t listener = 0;
        std::string request, head;  // `head`: and what else is for this client alone
        RecentFigures::Text body;   // what follows it, if anything
        std::size_t sent = 0;       // of both
        bool is_asked = false;
        bool has_answer = false;
        bool asks_again = false;  // may, when it has its answer
        FdWatch watch;
        EventSourcePtr deadline;
    };

    Server(sd_event *event, std::vector<Listener> listeners, RecentFigures &figures,
           uint64_t idle_usec)
        : event_(event),
          listeners_(std::move(listeners)),
          figures_(figures),
          idle_usec_(idle_usec) {}
    Result<> listen(std::function<void()> idle);
    void accept(std::size_t listener, UniqueFd fd);
    void make_room(std::size_t listener);
    Result<> take_client(UniqueFd fd, std::size_t listener);
    void serve(uint64_t id, uint32_t revents);
    void read_request(uint64_t id, Client &client);
    void take_http(uint64_t id, Client &client);
    void take_varlink(uint64_t id, Client &client);
    void get_figures(Client &client, Format format, RecentFigures::TextDone done);
    void start_answer(uint64_t id, std::string head, RecentFigures::Text body = {});
    void write_answer(uint64_t id, Client &client);
    void is_answered(uint64_t id, Client &client);
    bool start_deadline(uint64_t id, Client &client);
    void drop(uint64_t id);

    sd_event *event_;
    std::vector<Listener> listeners_;
    RecentFigures &figures_;
    uint64_t idle_usec_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;  // of the listeners, in their order
    Timer idle_;
    std::map<uint64_t, Client> clients_;
    uint64_t next_client_ = 1;
};

}  // namespace qemunit::metrics
