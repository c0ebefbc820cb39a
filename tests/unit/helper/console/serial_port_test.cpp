// SPDX-License-Identifier: MIT
//
// The relay between a guest and its clients, on a real event loop and real sockets. What
// goes to the journal is in journal_test.cpp.
#include "helper/console/serial_port.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/random_text.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::Peer;
using namespace std::chrono_literals;

class SerialPortTest : public ::testing::Test {
  protected:
    void open_port() {
        testing::SocketPair pair;
        guest = Peer(std::move(pair.one));
        port = create({.name = "serial",
                       .guest = std::move(pair.other),
                       .listener = testing::listening_socket(path)});
    }

    std::unique_ptr<SerialPort> create(PortEnd end) {
        auto created =
            SerialPort::create(loop.get(), "vm1", std::move(end), nullptr, [this] { ++ends; });
        EXPECT_TRUE(created);
        return std::move(*created);
    }

    bool wait_until(const std::function<bool()> &done) const { return loop.run_until(done, 60s); }
    void settle() const { loop.settle(); }

    // Connected, and known to the port.
    Peer new_client() {
        Peer client = Peer::connect(path);
        EXPECT_TRUE(client);
        settle();
        return client;
    }

    void print(std::string_view bytes) {
        EXPECT_TRUE(wait_until([&] {
            bytes.remove_prefix(guest.write(bytes));
            return bytes.empty();
        }));
    }
    // What the client has to have seen by then.
    ::testing::AssertionResult sees(Peer &client, const std::string &text) const {
        wait_until([&] { return client.read().size() >= text.size() || client.has_ended(); });
        if (client.read() == text)
            return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure() << "it sees " << client.read().size() << " bytes: '"
                                             << client.read().substr(0, 200) << "'";
    }

    testing::TemporaryFolder folder;
    std::string path = folder / "serial.sock";
    testing::EventLoop loop;
    Peer guest;
    std::unique_ptr<SerialPort> port;
    int ends = 0;
};

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

// Numbered lines, until no client that does not read can have room for more.
std::string numbered_lines(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i)
        text += fmt::format("line {:08}\r\n", i);
    return text;
}

// Until no more comes.
const std::string &read_all(const testing::EventLoop &loop, Peer &client) {
    std::size_t size = 0;
    do {
        size = client.read().size();
        loop.settle();
    } while (client.read().size() > size);
    return client.read();
}

constexpr std::size_t kMuch = 2'000'000;  // bytes

TEST_F(SerialPortTest, AClientThatDoesNotReadStallsNobodyAndIsToldWhatItMissed) {
    open_port();
    Peer sleeper = new_client(), reader = new_client();
    const std::string printed = numbered_lines(kMuch) + "login: ";
    for (std::size_t at = 0; at < printed.size(); at += 10'000) {
        print(std::string_view(printed).substr(at, 10'000));
        ASSERT_TRUE(wait_until(
            [&] { return reader.read().size() == std::min(printed.size(), at + 10'000); }));
    }
    EXPECT_EQ(reader.read(), printed);

    // It wakes up: what had been queued for it, the note, and where the guest is now, which waits.
    const std::string seen = read_all(loop, sleeper);
    const std::size_t note = seen.find("\r\n[qemunit: ");
    ASSERT_NE(note, seen.npos);
    EXPECT_TRUE(printed.starts_with(seen.substr(0, note)));
    const std::string screen = printed.substr(printed.size() - 23 * 15 - 7);
    EXPECT_EQ(seen.substr(note), fmt::format("\r\n[qemunit: {} bytes skipped, read faster]\r\n",
                                             printed.size() - note - screen.size()) +
                                     screen);
    print("ls\r\n");
    EXPECT_TRUE(sees(sleeper, seen + "ls\r\n"));
    EXPECT_TRUE(sees(reader, printed + "ls\r\n"));
}

// What it missed is still known.
TEST_F(SerialPortTest, AClientThatMissedLittleMissesNothing) {
    open_port();
    Peer sleeper = new_client();
    std::string printed;
    // One kilobyte at a time, until one is not for it any more.
    const auto print_more = [&] {
        print(std::string(1000, static_cast<char>('a' + printed.size() / 1000 % 26)));
        printed += std::string(1000, static_cast<char>('a' + printed.size() / 1000 % 26));
        settle();
    };
    while (printed.size() < 256 * 1024)
        print_more();
    int unread = 0;
    do {
        ASSERT_EQ(ioctl(sleeper.fd(), FIONREAD, &unread), 0);
        print_more();
    } while (printed.size() < static_cast<std::size_t>(unread) + 256 * 1024 + 3000);
    EXPECT_TRUE(read_all(loop, sleeper) == printed) << sleeper.read().size();
}

TEST_F(SerialPortTest, WhoReadsGetsTheLastWordsAlsoIfItIsLate) {
    open_port();
    Peer late = new_client();
    const std::string printed = numbered_lines(400'000) + "Power down.";
    print(printed);
    settle();
    guest.close();
    settle();
    EXPECT_EQ(ends, 0);
    EXPECT_FALSE(port->has_ended());
    EXPECT_FALSE(Peer::connect(path));
    ASSERT_TRUE(wait_until([&] { return late.has_ended(); }));
    EXPECT_EQ(late.read().size(), printed.size());
    EXPECT_TRUE(late.read() == printed);
    EXPECT_TRUE(port->has_ended());
    EXPECT_EQ(ends, 1);
}

TEST_F(SerialPortTest, TheLastWordsComeAfterAGapToo) {
    open_port();
    Peer late = new_client();
    print(numbered_lines(kMuch) + "Power down.");
    settle();
    guest.close();
    settle();
    ASSERT_TRUE(wait_until([&] { return late.has_ended(); }));
    EXPECT_NE(late.read().find("bytes skipped"), std::string::npos);
    EXPECT_TRUE(late.read().ends_with("\r\nPower down."));
    EXPECT_EQ(ends, 1);
}

TEST_F(SerialPortTest, WhoDoesNotReadDelaysTheEndAMoment) {
    open_port();
    Peer sleeper = new_client(), reader = new_client(), typist = new_client();
    const std::string printed = numbered_lines(600'000);
    for (std::size_t at = 0; at < printed.size(); at += 10'000) {
        print(std::string_view(printed).substr(at, 10'000));
        reader.read();
        typist.read();
    }
    ASSERT_TRUE(wait_until([&] { return reader.read() == printed; }));
    typist.write("this goes nowhere");
    guest.close();
    // The others do not even notice.
    ASSERT_TRUE(wait_until([&] { return reader.has_ended() && typist.has_ended(); }));
    EXPECT_EQ(ends, 0);
    ASSERT_TRUE(loop.run_until([&] { return port->has_ended(); }, 10s));
    EXPECT_EQ(ends, 1);
    EXPECT_TRUE(sleeper.has_ended());
}

// It takes a byte now and then.
TEST_F(SerialPortTest, NorDoesASlowReaderDelayItForLong) {
    open_port();
    Peer slow = new_client();
    print(numbered_lines(400'000));
    settle();
    guest.close();
    char byte = 0;
    ASSERT_TRUE(
        loop.run_until([&] { return port->has_ended() || read(slow.fd(), &byte, 1) < 0; }, 20s));
    EXPECT_TRUE(port->has_ended());
}

TEST_F(SerialPortTest, WhoLeavesInsteadOfReadingDelaysNothing) {
    open_port();
    Peer late = new_client();
    print(numbered_lines(400'000));
    settle();
    guest.close();
    settle();
    ASSERT_EQ(ends, 0);
    late.close();
    settle();
    EXPECT_EQ(ends, 1);
}

TEST_F(SerialPortTest, ItMayGoWhileAClientIsLate) {
    open_port();
    Peer late = new_client();
    print(numbered_lines(400'000));
    settle();
    guest.close();
    settle();
    port.reset();
    settle();
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

class ProgramPortTest : public SerialPortTest {
  protected:
    void SetUp() override {
        testing::SocketPair pair;
        guest = Peer(std::move(pair.one));
        port = create({.name = "agent",
                       .guest = std::move(pair.other),
                       .listener = testing::listening_socket(path),
                       .log = false,
                       .is_console = false});
    }
};

TEST_F(ProgramPortTest, ALateClientSeesNothingOld) {
    std::string bytes;
    port->on_bytes([&](std::string_view more) { bytes += more; });
    Peer first = new_client();
    print("{\"return\": 1}\n");
    settle();
    EXPECT_EQ(bytes, "{\"return\": 1}\n");
    Peer late = new_client();
    print("{}\n");
    EXPECT_TRUE(sees(late, "{}\n"));
    EXPECT_TRUE(sees(first, "{\"return\": 1}\n{}\n"));
}

TEST_F(ProgramPortTest, AClientThatDoesNotReadIsHungUpOnAndMissesNothingBefore) {
    Peer sleeper = new_client(), reader = new_client();
    const std::string chunk(100'000, 'x');
    for (int i = 0; i < 60; ++i) {
        print(chunk);
        reader.read();
    }
    EXPECT_TRUE(wait_until([&] { return reader.read().size() == 6'000'000; }));
    EXPECT_FALSE(reader.has_ended());
    EXPECT_TRUE(wait_until([&] { return sleeper.has_ended(); }));
    EXPECT_EQ(sleeper.read().find_first_not_of('x'), std::string::npos);
}

TEST_F(ProgramPortTest, WhoReadsGetsTheLastWordsAlsoIfItIsLate) {
    Peer client = new_client();
    const std::string bytes = testing::RandomText(16).bytes(1'000'000);
    print(bytes);
    guest.close();
    settle();
    EXPECT_EQ(ends, 0);
    EXPECT_TRUE(wait_until([&] { return client.has_ended(); }));
    EXPECT_TRUE(client.read() == bytes);
    EXPECT_EQ(ends, 1);
}

TEST_F(ProgramPortTest, AClientThatReadsLateGetsAll) {
    Peer client = new_client();
    const std::string bytes = testing::RandomText(15).bytes(1'000'000);
    print(bytes);
    settle();
    EXPECT_TRUE(wait_until([&] { return client.read().size() >= bytes.size(); }));
    EXPECT_TRUE(client.read() == bytes);
}

}  // namespace
}  // namespace qemunit::helper
