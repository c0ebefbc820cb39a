// SPDX-License-Identifier: MIT
//
// Clients that cannot be taken: the process has no descriptor left. Nothing spins, and they are
// served when there is one, at each socket on which the companion listens.
#include "common/sockets/acceptor.h"

#include <gtest/gtest.h>

#include <optional>

#include "helper/companion/request_server.h"
#include "helper/console/serial_port.h"
#include "helper/guest/notify_server.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/descriptor_limit.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::NoDescriptorLeft;
using testing::Peer;
using namespace std::chrono_literals;

class AcceptorTest : public ::testing::Test {
  protected:
    // One that waits while there is no descriptor left. Who spins wakes a hundred thousand times.
    Peer client_in_need() {
        Peer client = Peer::connect(path);
        EXPECT_TRUE(client);
        EXPECT_EQ(client.write("READY=1"), 7u);
        client.end_input();
        ::testing::internal::CaptureStderr();
        {
            const NoDescriptorLeft none;
            const uint64_t before = iteration();
            loop.run_for(500ms);
            EXPECT_LT(iteration() - before, 1000u);
        }
        said = ::testing::internal::GetCapturedStderr();
        EXPECT_FALSE(client.has_ended());
        return client;
    }
    uint64_t iteration() const {
        uint64_t number = 0;
        sd_event_get_iteration(loop.get(), &number);
        return number;
    }

    testing::TemporaryFolder folder;
    std::string path = folder / "socket";
    testing::EventLoop loop;
    std::string said;
};

TEST_F(AcceptorTest, OfASerialPort) {
    testing::SocketPair pair;
    Peer guest(std::move(pair.one));
    auto port = SerialPort::create(loop.get(), "vm1",
                                   {.name = "serial",
                                    .guest = std::move(pair.other),
                                    .listener = testing::listening_socket(path)},
                                   nullptr, [] {});
    ASSERT_TRUE(port);
    Peer client = client_in_need();
    EXPECT_TRUE(loop.run_until([&] { return guest.read() == "READY=1"; }, 60s));
    guest.write("hello");
    EXPECT_TRUE(loop.run_until([&] { return client.read() == "hello"; }, 60s));
}

TEST_F(AcceptorTest, OfTheNotifyServer) {
    int heard = 0;
    auto server = NotifyServer::create(loop.get(),
                                       {testing::listening_socket(path),
                                        [](const sockaddr_vm &) {
                                            return true;
                                        }},
                                       [&](const NotifyMessage &message) {
                                           EXPECT_TRUE(message.ready);
                                           ++heard;
                                       });
    ASSERT_TRUE(server);
    Peer guest = client_in_need();
    EXPECT_TRUE(loop.run_until([&] { return heard == 1; }, 60s));
    EXPECT_TRUE(loop.run_until([&] { return guest.has_ended(); }, 60s));
}

TEST_F(AcceptorTest, OfTheRequestServer) {
    auto server = RequestServer::create(loop.get(), testing::listening_socket(path),
                                        [](const Request &, const RequestServer::Answer &) {});
    ASSERT_TRUE(server);
    Peer client = client_in_need();
    EXPECT_TRUE(loop.run_until([&] { return client.read().starts_with(R"({"QMP":)"); }, 60s));
}

TEST_F(AcceptorTest, SaysItOnce) {
    int clients = 0;
    auto acceptor =
        Acceptor::create(loop.get(), testing::listening_socket(path), "serial.sock",
                         SD_EVENT_PRIORITY_NORMAL, [&](UniqueFd fd, const sockaddr_storage &) {
                             EXPECT_TRUE(fd);
                             ++clients;
                         });
    ASSERT_TRUE(acceptor);
    const Peer client = client_in_need();
    EXPECT_EQ(said,
              "<4>qemunit-helper: cannot accept a connection to serial.sock: Too many open files; "
              "it waits until that is possible (LimitNOFILE= in [Service] of the ini file is the "
              "limit of this VM); this is said once.\n");
    EXPECT_TRUE(loop.run_until([&] { return clients == 1; }, 60s));
    const Peer next = client_in_need();
    EXPECT_EQ(said, "");
    EXPECT_TRUE(loop.run_until([&] { return clients == 2; }, 60s));
}

TEST_F(AcceptorTest, WhoIsNotWantedWaits) {
    int clients = 0;
    auto acceptor = Acceptor::create(loop.get(), testing::listening_socket(path), "serial.sock",
                                     SD_EVENT_PRIORITY_NORMAL,
                                     [&](UniqueFd, const sockaddr_storage &) { ++clients; });
    ASSERT_TRUE(acceptor);
    (*acceptor)->set_open(false);
    const Peer client = client_in_need();
    EXPECT_EQ(said, "");
    loop.settle();
    EXPECT_EQ(clients, 0);
    (*acceptor)->set_open(true);
    EXPECT_TRUE(loop.run_until([&] { return clients == 1; }, 60s));
}

}  // namespace
}  // namespace qemunit::helper
