// SPDX-License-Identifier: MIT
#include "metrics/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/helper/console/descriptor_limit.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::metrics {
namespace {

// Two sockets, as the unit has, and one for Varlink.
class ServerTest : public ::testing::Test {
  protected:
    ServerTest() {
        sd_event *event = nullptr;
        EXPECT_GE(sd_event_new(&event), 0);
        event_.reset(event);
        figures_.emplace(event, nullptr, kSecond);
        std::vector<Listener> listeners;
        for (const char *name : {"one", "other", "varlink"}) {
            const bool is_varlink = std::string_view(name) == "varlink";
            listeners.emplace_back(new_socket(), is_varlink ? Protocol::varlink : Protocol::http);
            const sockaddr_un where = address(name);
            const auto *raw = reinterpret_cast<const sockaddr *>(&where);
            EXPECT_EQ(bind(listeners.back().fd.get(), raw, sizeof where), 0);
            EXPECT_EQ(listen(listeners.back().fd.get(), 128), 0);
        }
        auto server = Server::create(event, std::move(listeners), *figures_, 3600 * kSecond, [] {});
        EXPECT_TRUE(server);
        server_ = std::move(*server);
    }
    static UniqueFd new_socket() {
        return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    }
    sockaddr_un address(const std::string &name) const {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        (folder_.path() + "/" + name).copy(where.sun_path, sizeof where.sun_path - 1);
        return where;
    }
    // Until there is nothing to do.
    void settle() {
        while (sd_event_run(event_.get(), 0) > 0)
            continue;
    }
    UniqueFd connect_to(const std::string &name, std::string_view request = "") {
        UniqueFd fd = new_socket();
        const sockaddr_un where = address(name);
        EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr *>(&where), sizeof where), 0);
        EXPECT_EQ(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
        settle();
        return fd;
    }
    // "": it has hung up; "wait": nothing yet.
    static std::string said(const UniqueFd &fd) {
        char bytes[4096];
        const ssize_t n = recv(fd.get(), bytes, sizeof bytes, MSG_DONTWAIT);
        return n < 0 ? "wait" : std::string(bytes, static_cast<std::size_t>(n));
    }

    testing::TemporaryFolder folder_;
    EventPtr event_;
    std::optional<RecentFigures> figures_;
    std::unique_ptr<Server> server_;
};

constexpr char kRequest[] = "GET /nothing HTTP/1.1\r\n\r\n";

// Nothing spins, and the client is served when there is a descriptor.
TEST_F(ServerTest, WithoutADescriptorLeftAClientWaits) {
    UniqueFd client = new_socket();
    const sockaddr_un where = address("one");
    ::testing::internal::CaptureStderr();
    {
        const testing::NoDescriptorLeft none;
        EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr *>(&where), sizeof where),
                  0);
        EXPECT_EQ(send(client.get(), kRequest, sizeof kRequest - 1, MSG_NOSIGNAL),
                  static_cast<ssize_t>(sizeof kRequest - 1));
        unsigned wakes = 0;
        while (wakes < 1000 && sd_event_run(event_.get(), 100 * kMillisecond) > 0)
            ++wakes;
        EXPECT_LT(wakes, 1000u);
    }
    EXPECT_EQ(::testing::internal::GetCapturedStderr(),
              "<4>qemunit-metrics: cannot accept a connection to a socket of "
              "qemunit-metrics.socket: Too many open files; it waits until that is possible "
              "(LimitNOFILE= of qemunit-metrics.service is its limit); this is said once.\n");
    std::string answer = "wait";
    while (answer == "wait" && sd_event_run(event_.get(), 60 * kSecond) > 0)
        answer = said(client);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 ")) << answer;
}

TEST_F(ServerTest, WhoHasNotAskedMakesRoom) {
    std::vector<UniqueFd> idle;
    for (std::size_t i = 0; i < Server::kClientsMax + 8; ++i)
        idle.push_back(connect_to("one"));
    for (std::size_t i = 0; i < idle.size(); ++i)
        EXPECT_EQ(said(idle[i]), i < 8 ? "" : "wait") << i;
    EXPECT_TRUE(said(connect_to("one", kRequest)).starts_with("HTTP/1.1 404 Not Found\r\n"));
    // One that takes its time is served, too.
    UniqueFd &last = idle.back();
    EXPECT_GT(send(last.get(), kRequest, sizeof kRequest - 1, MSG_NOSIGNAL), 0);
    settle();
    EXPECT_TRUE(said(last).starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(ServerTest, ASocketThatIsFullLeavesTheOtherAlone) {
    const UniqueFd other = connect_to("other");
    std::vector<UniqueFd> idle;
    for (std::size_t i = 0; i < 2 * Server::kClientsMax; ++i)
        idle.push_back(connect_to("one"));
    EXPECT_EQ(said(other), "wait");
    EXPECT_TRUE(said(connect_to("other", kRequest)).starts_with("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(ServerTest, AVarlinkClientAsksAgain) {
    const std::string ask_info = std::string(R"({"method":"org.varlink.service.GetInfo"})") + '\0';
    const UniqueFd client = connect_to("varlink", ask_info);
    const std::string info = said(client);
    EXPECT_NE(info.find("io.systemd.Metrics"), info.npos) << info;
    // Two at once, and a part of a third one.
    const std::string more = ask_info + ask_info + "{\"method\"";
    EXPECT_GT(send(client.get(), more.data(), more.size(), MSG_NOSIGNAL), 0);
    settle();
    EXPECT_EQ(said(client), info + info);
    EXPECT_EQ(said(client), "wait");
    EXPECT_EQ(said(connect_to("varlink", std::string_view("no\0", 3))), "");
    EXPECT_EQ(said(connect_to("varlink", std::string(kVarlinkCallMax + 1, '{'))), "");
}

}  // namespace
}  // namespace qemunit::metrics
