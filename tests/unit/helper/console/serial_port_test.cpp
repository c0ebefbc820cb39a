// SPDX-License-Identifier: MIT
//
// The relay between a guest and its clients, on a real event loop and real sockets. What
// goes to the journal is in journal_test.cpp, clients that do not read in slow_clients_test.cpp.
#include "helper/console/serial_port.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/console/history_mark.h"
#include "common/qmp/qmp_client.h"
#include "tests/unit/helper/console/serial_port_fixture.h"
#include "tests/unit/random_text.h"

namespace qemunit::helper {
namespace {

TEST_F(SerialPortTest, AClientSeesTheGuestAndTypes) {
    open_port();
    Peer client = new_client();
    print("login: ");
    EXPECT_TRUE(sees(client, "login: "));
    client.write("root\n");
    EXPECT_TRUE(wait_until([&] { return guest.read() == "root\n"; }));
    EXPECT_FALSE(port->has_ended());
}

TEST_F(SerialPortTest, BytesArePassedAsTheyAre) {
    open_port();
    Peer client = new_client();
    const std::string bytes = testing::RandomText(12).bytes(10'000);
    print(bytes);
    EXPECT_TRUE(sees(client, bytes));
    EXPECT_EQ(client.write(bytes), bytes.size());
    EXPECT_TRUE(wait_until([&] { return guest.read().size() == bytes.size(); }));
    EXPECT_TRUE(guest.read() == bytes);
}

TEST_F(SerialPortTest, EveryClientSeesEverythingAndAllMayType) {
    open_port();
    Peer one = new_client(), two = new_client(), three = new_client();
    print("hello");
    for (Peer *client : {&one, &two, &three})
        EXPECT_TRUE(sees(*client, "hello"));
    one.write("a");
    EXPECT_TRUE(wait_until([&] { return guest.read() == "a"; }));
    two.write("b");
    EXPECT_TRUE(wait_until([&] { return guest.read() == "ab"; }));
    three.close();
    settle();
    print(" again");
    EXPECT_TRUE(sees(one, "hello again"));
    EXPECT_TRUE(sees(two, "hello again"));
}

TEST_F(SerialPortTest, AGuestWithoutClientsPrintsOn) {
    open_port();
    for (int i = 0; i < 100; ++i)
        print(std::string(10'000, 'x'));
    EXPECT_EQ(ends, 0);
}

TEST_F(SerialPortTest, WhatIsTypedWaitsForASlowGuest) {
    open_port();
    Peer client = new_client();
    std::string typed;
    while (typed.size() < 1'000'000)
        typed += fmt::format("{:08} ", typed.size());
    std::string_view rest = typed;
    const auto type = [&] {
        rest.remove_prefix(client.write(rest));
    };
    // The guest reads nothing: at some point no more is taken off the client.
    for (std::size_t before = 0; before != rest.size();) {
        before = rest.size();
        type();
        settle();
    }
    EXPECT_FALSE(rest.empty());
    // Nor does that keep the guest from printing.
    print("still here");
    EXPECT_TRUE(sees(client, "still here"));

    ASSERT_TRUE(wait_until([&] {
        type();
        return guest.read().size() >= typed.size();
    }));
    EXPECT_EQ(guest.read(), typed);
}

TEST_F(SerialPortTest, AClientThatHasSaidAllStillSees) {
    open_port();
    Peer client = new_client();
    client.write("reboot\n");
    client.end_input();
    EXPECT_TRUE(wait_until([&] { return guest.read() == "reboot\n"; }));
    settle();
    print("rebooting");
    EXPECT_TRUE(sees(client, "rebooting"));
}

TEST_F(SerialPortTest, WhatAClientTypedBeforeItLeftCounts) {
    open_port();
    {
        Peer client = Peer::connect(path);
        client.write("reboot\n");
    }
    EXPECT_TRUE(wait_until([&] { return guest.read() == "reboot\n"; }));
}

TEST_F(SerialPortTest, HoweverMuchItWas) {
    open_port();
    const std::string script = testing::RandomText(14).bytes(50'000);
    {
        Peer client = Peer::connect(path);
        ASSERT_EQ(client.write(script), script.size());
    }
    EXPECT_TRUE(wait_until([&] { return guest.read().size() >= script.size(); }));
    EXPECT_TRUE(guest.read() == script);
    // And it is gone for good.
    Peer next = new_client();
    print("ok");
    EXPECT_TRUE(sees(next, "ok"));
}

TEST_F(SerialPortTest, ALateClientSeesTheLastScreen) {
    open_port();
    print("first\r\n");
    for (int i = 0; i < 100; ++i)
        print(fmt::format("line {}\r\n", i));
    print("login: ");
    settle();
    Peer client = new_client();
    std::string screen;
    for (int i = 77; i < 100; ++i)
        screen += fmt::format("line {}\r\n", i);
    EXPECT_TRUE(sees(client, screen + "login: "));
    print("root");
    EXPECT_TRUE(sees(client, screen + "login: root"));
}

TEST_F(SerialPortTest, AScreenThatIsNotFullIsShownWhole) {
    open_port();
    print("one\r\ntwo\r\nlogin: ");
    settle();
    Peer client = new_client();
    EXPECT_TRUE(sees(client, "one\r\ntwo\r\nlogin: "));
}

TEST_F(SerialPortTest, NothingPrintedIsNothingShown) {
    open_port();
    Peer client = new_client();
    EXPECT_EQ(client.read(), "");
    EXPECT_FALSE(client.has_ended());
}

TEST_F(SerialPortTest, AProgramCanTellTheScreenFromWhatComesNow) {
    open_port();
    print("old\r\nlogin: ");
    settle();
    const auto client = connect_unix(path);
    ASSERT_TRUE(client) << client.error().message;
    settle();
    print("new");
    settle();
    char buffer[64 * 1024];
    Received received = receive_from_console(client->get(), buffer, sizeof buffer);
    EXPECT_TRUE(received.is_history);
    EXPECT_EQ(std::string_view(buffer, static_cast<std::size_t>(received.size)), "old\r\nlogin: ");
    received = receive_from_console(client->get(), buffer, sizeof buffer);
    EXPECT_FALSE(received.is_history);
    EXPECT_EQ(std::string_view(buffer, static_cast<std::size_t>(received.size)), "new");
}

TEST_F(SerialPortTest, TheLastScreenOfEndlessLinesIsBounded) {
    open_port();
    for (int i = 0; i < 100; ++i)
        print(std::string(1000, static_cast<char>('a' + i % 26)));
    settle();
    Peer client = new_client();
    EXPECT_GT(client.read().size(), 4096u);
    EXPECT_LE(client.read().size(), 32u * 1024);
    EXPECT_EQ(client.read().back(), 'a' + 99 % 26);
}

TEST_F(SerialPortTest, WhenTheGuestEndsEverybodyIsHungUpOn) {
    open_port();
    Peer one = new_client(), two = new_client();
    print("Power down.\r\n");
    guest.close();
    ASSERT_TRUE(wait_until([&] { return port->has_ended(); }));
    EXPECT_EQ(ends, 1);
    for (Peer *client : {&one, &two}) {
        EXPECT_TRUE(client->has_ended());
        EXPECT_EQ(client->read(), "Power down.\r\n");
    }
    EXPECT_FALSE(Peer::connect(path));
    settle();
    EXPECT_EQ(ends, 1);
    port->resume();
    settle();
    EXPECT_EQ(ends, 1);
}

TEST_F(SerialPortTest, ClientsComeAndGoInAnyOrder) {
    open_port();
    testing::RandomText random(13);
    std::vector<Peer> clients;
    for (int i = 0; i < 300; ++i) {
        if (clients.size() < 20 && random.below(2) == 0)
            clients.push_back(Peer::connect(path));
        else if (!clients.empty())
            clients.erase(clients.begin() + static_cast<long>(random.below(clients.size())));
        if (!clients.empty())
            clients.back().write("x");
        guest.write("y");
        sd_event_run(loop.get(), 0);
    }
    settle();
    Peer client = new_client();
    const std::size_t before = client.read().size();
    print("!");
    EXPECT_TRUE(wait_until([&] { return client.read().size() > before; }));
    EXPECT_EQ(client.read().back(), '!');
}

TEST_F(SerialPortTest, ThereIsALimitOfClients) {
    open_port();
    std::vector<Peer> clients;
    for (int i = 0; i < 32; ++i)
        clients.push_back(new_client());
    Peer extra = new_client();
    EXPECT_TRUE(extra.has_ended());
    print("hello");
    for (Peer &client : clients)
        EXPECT_TRUE(sees(client, "hello"));
    clients.pop_back();
    settle();
    Peer next = new_client();
    EXPECT_TRUE(sees(next, "hello"));
}

TEST_F(SerialPortTest, APortWithoutSocketReadsAllTheSame) {
    testing::SocketPair pair;
    guest = Peer(std::move(pair.one));
    port = create({.name = "serial", .guest = std::move(pair.other)});
    for (int i = 0; i < 100; ++i)
        print(std::string(10'000, 'x'));
    guest.close();
    EXPECT_TRUE(wait_until([&] { return ends == 1; }));
}

TEST_F(SerialPortTest, TheLogOfADirectPortIsReadToItsEnd) {
    std::array<int, 2> fds{};
    ASSERT_EQ(pipe2(fds.data(), O_CLOEXEC), 0);
    UniqueFd writing(fds[1]);
    port = create({.name = "debug", .guest = UniqueFd(fds[0]), .log = true, .direct = true});
    const std::string text(60'000, 'x');
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(write(writing.get(), text.data(), text.size()), 60'000);
        settle();
    }
    EXPECT_FALSE(port->has_ended());
    writing.reset();
    EXPECT_TRUE(wait_until([&] { return port->has_ended(); }));
    EXPECT_EQ(ends, 1);
}

TEST_F(SerialPortTest, ItMayGoWithClientsConnected) {
    open_port();
    Peer client = new_client();
    print("x");
    port.reset();
    settle();
    EXPECT_TRUE(client.has_ended());
    EXPECT_EQ(ends, 0);
}

TEST_F(SerialPortTest, LinesAreSeenAlsoWhereNothingIsLogged) {
    open_port();
    std::vector<std::string> lines;
    port->on_line([&](const std::string &line) { lines.push_back(line); });
    print("\x1b[1mone\x1b[0m\r\ntwo\r\nlogin: ");
    settle();
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
    // A prompt, after a while.
    EXPECT_TRUE(wait_until([&] { return lines.size() == 3; }));
    EXPECT_EQ(lines.back(), "login: ");
}

TEST_F(SerialPortTest, TheLastWordsAreALine) {
    open_port();
    std::vector<std::string> lines;
    port->on_line([&](const std::string &line) { lines.push_back(line); });
    print("panic");
    guest.close();
    EXPECT_TRUE(wait_until([&] { return port->has_ended(); }));
    EXPECT_EQ(lines, std::vector<std::string>{"panic"});
}

TEST_F(SerialPortTest, TheCompanionTypesLikeAClient) {
    open_port();
    EXPECT_FALSE(port->has_untaken());
    port->type("one");
    EXPECT_TRUE(port->has_untaken());
    EXPECT_EQ(guest.read(), "one");
    EXPECT_FALSE(port->has_untaken());
    guest.close();
    settle();
    port->type("two");
    EXPECT_FALSE(port->has_untaken());
}

}  // namespace
}  // namespace qemunit::helper
