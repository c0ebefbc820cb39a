// SPDX-License-Identifier: MIT
//
// Clients of a serial port that read slowly, late or not at all, while the guest prints and when it
// has ended: they delay nobody else, and get what the port still has.
#include <fmt/format.h>
#include <sys/ioctl.h>

#include "tests/unit/helper/console/serial_port_fixture.h"
#include "tests/unit/random_text.h"

namespace qemunit::helper {
namespace {

class SlowClientsTest : public SerialPortTest {};

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

TEST_F(SlowClientsTest, AClientThatDoesNotReadStallsNobodyAndIsToldWhatItMissed) {
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
TEST_F(SlowClientsTest, AClientThatMissedLittleMissesNothing) {
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

TEST_F(SlowClientsTest, WhoReadsGetsTheLastWordsAlsoIfItIsLate) {
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

TEST_F(SlowClientsTest, TheLastWordsComeAfterAGapToo) {
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

TEST_F(SlowClientsTest, WhoDoesNotReadDelaysTheEndAMoment) {
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
TEST_F(SlowClientsTest, NorDoesASlowReaderDelayItForLong) {
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

TEST_F(SlowClientsTest, WhoLeavesInsteadOfReadingDelaysNothing) {
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

TEST_F(SlowClientsTest, ItMayGoWhileAClientIsLate) {
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
