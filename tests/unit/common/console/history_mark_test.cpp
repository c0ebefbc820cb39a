// SPDX-License-Identifier: MIT
//
// The kernel keeps apart what was marked and what came behind it, and nobody else notices.
#include "common/console/history_mark.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "common/unique_fd.h"

namespace qemunit {
namespace {

struct Connection {
    Connection() {
        int fds[2] = {-1, -1};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        console = UniqueFd(fds[0]);
        client = UniqueFd(fds[1]);
    }
    void print(std::string_view text) const {
        EXPECT_EQ(write(console.get(), text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
    }
    // "[…]" is history.
    std::string receive() const {
        char buffer[65536];
        const Received received = receive_from_console(client.get(), buffer, sizeof buffer);
        const std::string text(buffer,
                               static_cast<std::size_t>(std::max<ssize_t>(received.size, 0)));
        return received.is_history ? "[" + text + "]" : text;
    }

    UniqueFd console, client;
};

TEST(HistoryMarkTest, HistoryEndsWhereItEnds) {
    const Connection connection;
    EXPECT_EQ(send_as_history(connection.console.get(), "old\nlogin: "), 11);
    connection.print("new");
    connection.print("er");
    EXPECT_EQ(connection.receive(), "[old\nlogin: ]");
    EXPECT_EQ(connection.receive(), "newer");
    EXPECT_EQ(connection.receive(), "");
}

TEST(HistoryMarkTest, WithoutHistoryAllIsNew) {
    const Connection connection;
    connection.print("new");
    EXPECT_EQ(connection.receive(), "new");
}

TEST(HistoryMarkTest, AllOfAHistoryIsOnePiece) {
    const Connection connection;
    const std::string screen(16 * 1024, 'x');
    EXPECT_EQ(send_as_history(connection.console.get(), screen),
              static_cast<ssize_t>(screen.size()));
    connection.print("new");
    EXPECT_EQ(connection.receive(), "[" + screen + "]");
    EXPECT_EQ(connection.receive(), "new");
}

TEST(HistoryMarkTest, WhoReadsAsUsualGetsTheBytes) {
    const Connection connection;
    EXPECT_EQ(send_as_history(connection.console.get(), "old "), 4);
    connection.print("new");
    const int next = dup(0);  // the lowest descriptor that is free
    std::string text;
    char buffer[100];
    while (text.size() < 7) {
        const ssize_t n = read(connection.client.get(), buffer, sizeof buffer);
        ASSERT_GT(n, 0);
        text.append(buffer, static_cast<std::size_t>(n));
    }
    EXPECT_EQ(text, "old new");
    close(next);
    const int after = dup(0);
    EXPECT_EQ(after, next) << "a descriptor came with the bytes";
    close(after);
}

}  // namespace
}  // namespace qemunit
