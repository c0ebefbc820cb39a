// SPDX-License-Identifier: MIT
//
// The loop of qemunit-usernet: libslirp's sockets, QEMU, and who asks. Each listening socket has
// one client at a time, and others wait in the kernel. The socket beside QEMU's only lists: what
// opens ports of the host is asked over the one that systemd made, where no QEMU gets.
#pragma once

#include <poll.h>

#include <cstdint>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "helper/usernet/asking_client.h"
#include "helper/usernet/guest_stream.h"
#include "helper/usernet/slirp_network.h"
#include "helper/usernet/usernet_options.h"

namespace qemunit::helper {

// A listening socket, with a descriptor in reserve: a guest may use up all others by connections.
class UsernetListener {
  public:
    UsernetListener() = default;
    explicit UsernetListener(UniqueFd fd);
    int fd() const { return fd_.get(); }
    UniqueFd accept();
    // The client has gone.
    void take_reserve();

  private:
    UniqueFd fd_, reserve_;
};

class UsernetServer {
  public:
    // Opens the forwards.
    static Result<std::unique_ptr<UsernetServer>> open(const UsernetOptions &options,
                                                       UniqueFd control);
    UsernetServer(const UsernetServer &) = delete;
    UsernetServer &operator=(const UsernetServer &) = delete;

    // The network of this connection alone.
    static Result<std::unique_ptr<UsernetServer>> of_connection(const UsernetOptions &options,
                                                                UniqueFd qemu);

    // Until the process ends, or the one connection.
    Result<> run();

  private:
    struct Asked {
        UsernetListener listener;
        AskingClient client;
        bool may_change = false;
    };

    explicit UsernetServer(const UsernetOptions &options);
    Result<> add_forwards(const std::vector<HostForward> &forwards);
    Result<std::string> answer(const UsernetRequest &request, bool may_change);
    // Each adds what it waits for, and looks afterwards what has happened to it.
    void wait_for(int fd, short events);
    int time_for_clients(int timeout);
    void serve_guest();
    void serve(Asked &asked);
    short happened(int fd) const;

    const std::string vm_, network_name_;
    GuestStream guest_;
    SlirpNetwork network_;
    UsernetListener guests_;
    std::vector<Asked> asked_;
    std::vector<pollfd> fds_;
};

}  // namespace qemunit::helper
