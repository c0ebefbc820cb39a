// SPDX-License-Identifier: MIT
//
// A journald that the test plays, and what a test needs to send to it. Each such test has a
// /run of its own.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "helper/console/journal.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"
#include "tests/unit/helper/private_run.h"

namespace qemunit::testing {

using namespace helper;

using Entries = std::vector<std::string>;

// Reads only when it is told to.
class FakeJournald {
  public:
    static constexpr const char *kSocket = "/run/systemd/journal/socket";

    FakeJournald() : fd_(bound_socket(kSocket, SOCK_DGRAM)) {
        fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
    }
    ~FakeJournald() { unlink(kSocket); }
    FakeJournald(const FakeJournald &) = delete;
    FakeJournald &operator=(const FakeJournald &) = delete;

    const Entries &read() {
        while (read_one()) {
        }
        return entries_;
    }
    bool read_one() {
        static char buffer[1 << 20];
        const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, 0);
        if (n >= 0)
            entries_.emplace_back(buffer, static_cast<std::size_t>(n));
        return n >= 0;
    }
    // The MESSAGE= of each.
    Entries messages() {
        Entries result;
        for (const std::string &entry : read()) {
            EXPECT_TRUE(entry.starts_with("MESSAGE="));
            result.push_back(entry.substr(8, entry.find('\n') - 8));
        }
        return result;
    }

  private:
    UniqueFd fd_;
    Entries entries_;
};

inline void with_private_run(const std::function<void()> &body) {
    switch (in_private_run(body)) {
        case PrivateRun::impossible:
            GTEST_SKIP() << "a mount namespace cannot be made here";
        case PrivateRun::failed:
            FAIL();
        case PrivateRun::passed:
            break;
    }
}

// An event loop and a journal on it.
struct Sender {
    Sender() {
        auto opened = Journal::open(loop.get(), [this] {
            if (on_room)
                on_room();
        });
        EXPECT_TRUE(opened);
        journal = std::move(*opened);
    }
    bool wait_until(const std::function<bool()> &done) const { return loop.run_until(done, 60s); }

    EventLoop loop;
    std::function<void()> on_room;
    std::unique_ptr<Journal> journal;
};

}  // namespace qemunit::testing
