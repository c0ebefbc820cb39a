// SPDX-License-Identifier: MIT
//
// The other end of a QMP connection, played by the test on the same thread: it says
// what it is told to and remembers what it hears. With the event loop to run it on.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "common/event_ptr.h"
#include "common/unique_fd.h"

namespace qemunit::testing {

using namespace std::chrono_literals;

class EventLoop {
  public:
    EventLoop() {
        sd_event *event = nullptr;
        EXPECT_GE(sd_event_new(&event), 0);
        event_.reset(event);
    }
    sd_event *get() const { return event_.get(); }

    // Runs until `done`; false if that takes longer than any test should.
    bool run_until(const std::function<bool()> &done,
                   std::chrono::milliseconds at_most = 5s) const {
        const auto end = std::chrono::steady_clock::now() + at_most;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end)
                return false;
            sd_event_run(event_.get(), 5000);
        }
        return true;
    }
    // Until nothing is left to do, nor will be in a moment: a serial port gathers bytes for one.
    void settle() const {
        while (sd_event_run(event_.get(), 5000) > 0) {
        }
    }
    void run_for(std::chrono::milliseconds time) const {
        run_until([] { return false; }, time);
    }

  private:
    EventPtr event_;
};

class FakeQemu {
  public:
    static constexpr std::string_view kGreeting =
        R"({"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":""},)"
        R"("capabilities":["oob"]}})";

    FakeQemu() = default;
    explicit FakeQemu(UniqueFd fd) : fd_(std::move(fd)) {
        fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
    }

    void say(std::string_view line) const { say_raw(std::string(line) + "\r\n"); }
    void say_raw(std::string_view bytes) const {
        EXPECT_EQ(send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    // Everything heard so far.
    const std::string &heard() {
        char buffer[65536];
        for (ssize_t n; (n = ::read(fd_.get(), buffer, sizeof buffer)) > 0;)
            heard_.append(buffer, static_cast<std::size_t>(n));
        return heard_;
    }
    bool has_heard(std::string_view text) { return heard().find(text) != std::string::npos; }
    void forget() {
        heard_.clear();
        place_ = 0;
    }
    void hang_up() { fd_.reset(); }
    int fd() const { return fd_.get(); }
    explicit operator bool() const { return static_cast<bool>(fd_); }

    // Greets and accepts the handshake.
    bool greet(const EventLoop &loop, std::string_view greeting = kGreeting) {
        say(greeting);
        if (!loop.run_until([this] { return has_heard("qmp_capabilities"); }))
            return false;
        say(R"({"return":{},"id":0})");
        return true;
    }

    // Answers commands as they come, until one is `last`, which gets `value`. To be asked from the
    // first command on behind the handshake.
    bool answer_until(const EventLoop &loop, const std::string &last,
                      const std::string &value = R"("return":{})",
                      std::chrono::milliseconds at_most = 10s) {
        for (bool is_done = false; !is_done;) {
            if (!loop.run_until([this] { return heard().find('\n', place_) != std::string::npos; },
                                at_most))
                return false;
            const std::size_t end = heard_.find('\n', place_);
            is_done =
                heard_.substr(place_, end - place_).find("\"" + last + "\"") != std::string::npos;
            place_ = end + 1;
            say("{" + (is_done ? value : R"("return":{})") +
                ",\"id\":" + std::to_string(++answered_) + "}");
        }
        return true;
    }

    // Behind the command that was answered last.
    bool has_heard_since(std::string_view text) {
        return heard().find(text, place_) != std::string::npos;
    }

  private:
    UniqueFd fd_;
    std::string heard_;
    std::size_t place_ = 0;  // in heard_, behind what was answered
    unsigned answered_ = 0;
};

// A listening socket as QEMU has one, and whoever connected to it.
class FakeListener {
  public:
    explicit FakeListener(const std::string &path) : path_(path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        fd_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
        EXPECT_EQ(listen(fd_.get(), 1), 0);
    }
    ~FakeListener() { unlink(path_.c_str()); }
    FakeListener(const FakeListener &) = delete;
    FakeListener &operator=(const FakeListener &) = delete;

    // Not connected if nobody is waiting.
    FakeQemu accept() const {
        UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        return fd ? FakeQemu(std::move(fd)) : FakeQemu();
    }

  private:
    std::string path_;
    UniqueFd fd_;
};

}  // namespace qemunit::testing
