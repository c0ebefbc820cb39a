// SPDX-License-Identifier: MIT
#include "helper/usernet/slirp_network.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/unique_fd.h"

namespace qemunit::helper {
namespace {

using Bytes = std::vector<uint8_t>;

// "Who has `address`? Tell 10.0.2.15".
Bytes arp_request(const std::string &address) {
    Bytes frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x08,
                0x06, 0,    1,    8,    0,    6,    4,    0,    1,    0x52, 0x54, 0x00, 0x12,
                0x34, 0x56, 10,   0,    2,    15,   0,    0,    0,    0,    0,    0};
    in_addr target{};
    inet_pton(AF_INET, address.c_str(), &target);
    const auto *bytes = reinterpret_cast<const uint8_t *>(&target);
    frame.insert(frame.end(), bytes, bytes + 4);
    frame.resize(60);
    return frame;
}

HostForward forward(const std::string &rule) {
    return *parse_host_forward(rule);
}

TEST(SlirpNetworkTest, TheGuestFindsGatewayAndNameServer) {
    for (const char *address : {"10.0.2.2", "10.0.2.3", "10.0.2.9"}) {
        std::vector<Bytes> answers;
        SlirpNetwork network(
            {}, [&](Frame frame) { answers.emplace_back(frame.begin(), frame.end()); });
        answers.clear();  // what it tells of IPv6 by itself
        network.take_from_guest(arp_request(address));
        ASSERT_EQ(answers.size(), std::string_view(address) == "10.0.2.9" ? 0u : 1u) << address;
        if (!answers.empty()) {
            EXPECT_EQ(answers[0][21], 2) << "an ARP reply";
        }
    }
}

// A port that nobody else has.
class FreePort {
  public:
    FreePort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto *generic = reinterpret_cast<sockaddr *>(&address);
        if (bind(fd_.get(), generic, size) == 0 && getsockname(fd_.get(), generic, &size) == 0)
            number_ = ntohs(address.sin_port);
    }
    int number() const { return number_; }
    void take() const { listen(fd_.get(), 1); }
    void give_back() { fd_.reset(); }

  private:
    UniqueFd fd_;
    int number_ = 0;
};

TEST(SlirpNetworkTest, ForwardsComeAndGo) {
    FreePort port;
    const std::string host = "tcp:127.0.0.1:" + std::to_string(port.number());
    const HostForward rule = forward(host + "-:22");
    SlirpNetwork network({}, [](Frame) {});
    port.take();
    const auto taken = network.add_forward(rule);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().message,
              "Could not set up host forwarding rule '" + host + "-:22': Address already in use");
    port.give_back();
    ASSERT_TRUE(network.add_forward(rule));
    EXPECT_NE(network.connections().find("TCP[HOST_FORWARD]"), std::string::npos)
        << network.connections();
    EXPECT_TRUE(network.remove_forward(rule));
    const auto gone = network.remove_forward(rule);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().message, "host forwarding rule for " + host + " not found");
}

TEST(SlirpNetworkTest, WaitsForItsPorts) {
    FreePort port;
    SlirpNetwork network({}, [](Frame) {});
    std::vector<pollfd> fds;
    network.fill(fds);
    EXPECT_TRUE(fds.empty());
    port.give_back();
    ASSERT_TRUE(
        network.add_forward(forward("udp:127.0.0.1:" + std::to_string(port.number()) + "-:22")));
    network.fill(fds);
    EXPECT_EQ(fds.size(), 1u);
    network.poll(fds, false);
}

}  // namespace
}  // namespace qemunit::helper
