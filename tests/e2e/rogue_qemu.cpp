// SPDX-License-Identifier: MIT
//
// A "QEMU" that a guest has taken over, for QEMU= of an ini: it runs no guest, is polite to the
// companion, and on control.sock does its worst as soon as qemunitd asks for something. Its
// Arguments= say what that is: "rogue:nested". "rogue:attempts" is what rogue_attempts.h has,
// before the VM has started, "rogue:killer" the end of all that it can kill. It knows of QMP just
// enough to get there.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/e2e/rogue_attempts.h"

namespace {

constexpr std::size_t kMegabyte = 1'000'000;
constexpr int kFlood = 100'000;
constexpr std::string_view kGreeting =
    R"({"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0},"package":""},"capabilities":[]}})"
    "\n";

std::string repeated(std::string_view text, std::size_t times) {
    std::string result;
    result.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i)
        result += text;
    return result;
}

std::string event(std::string_view name, std::string_view data) {
    return R"({"event":")" + std::string(name) +
           R"(","timestamp":{"seconds":1,"microseconds":0},)" + R"("data":)" + std::string(data) +
           "}\n";
}

class Connection {
  public:
    // `manners`: what it does to a monitor command; "" is what QEMU does.
    Connection(int fd, std::string_view manners) : fd_(fd), manners_(manners) {}

    // What is done before the first answer: the other side is up then, and waits.
    void on_first_command(std::function<void()> work) { work_ = std::move(work); }

    // Until the other side has left.
    void serve() {
        if (manners_ != "mute")
            say(kGreeting);
        std::string input;
        std::array<char, 65536> buffer;
        for (ssize_t n; (n = read(fd_, buffer.data(), buffer.size())) > 0;) {
            if (is_silent_ || manners_ == "mute")
                continue;
            input.append(buffer.data(), static_cast<std::size_t>(n));
            for (std::size_t end; (end = input.find('\n')) != input.npos; input.erase(0, end + 1))
                take(input.substr(0, end));
        }
    }

  private:
    void say(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n < 0)
                return;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    void take(const std::string &command) {
        if (const auto work = std::exchange(work_, nullptr))
            work();
        const std::size_t id = command.rfind("\"id\":");
        if (is_silent_ || id == command.npos)
            return;
        const auto answer = [&, this](std::string_view value) {
            say(R"({"return":)" + std::string(value) + "," + command.substr(id) + "\n");
        };
        const auto asks = [&](std::string_view name) {
            return command.find("\"" + std::string(name) + "\"") != command.npos;
        };
        if (asks("human-monitor-command"))
            misbehave(answer);
        else if (asks("query-status"))
            answer(is_paused_ ? R"({"status":"paused"})" : R"({"status":"running"})");
        else
            answer("{}");
        if (asks("quit"))
            std::exit(EXIT_SUCCESS);
    }

    template <typename Answer>
    void misbehave(const Answer &answer) {
        is_silent_ = true;
        if (manners_ == "endless") {
            say(R"({"return":")");
            const std::string part(kMegabyte, 'x');
            for (int i = 0; i < 100; ++i)
                say(part);
        } else if (manners_ == "nested") {
            say(R"({"return":)" + std::string(kMegabyte, '[') + std::string(kMegabyte, ']') +
                "}\n");
        } else if (manners_ == "values") {
            say(R"({"return":[)" + repeated("{},", 5 * kMegabyte) + "{}]}\n");
        } else if (manners_ == "garbage") {
            say("\x16\x03\x01 220 smtp.example.org\n");
        } else if (manners_ == "unasked") {
            for (int i = 0; i < kFlood; ++i)
                say(R"({"return":"for nobody","id":)" + std::to_string(kFlood + i) + "}\n");
        } else if (manners_ == "flood") {
            const std::string data = R"({"text":")" + std::string(1000, 'x') + R"("})";
            for (int i = 0; i < kFlood; ++i)
                say(event("GUEST_PANICKED", data));
            is_paused_ = true;
            is_silent_ = false;
            say(event("STOP", "{}"));
            answer(R"("flooded")");
        } else if (manners_ == "releasing") {
            // Each makes qemunitd ask for more. All is read, nothing is answered.
            std::array<char, 65536> unread;
            for (int i = 0; i < kFlood; ++i) {
                say(event("DEVICE_DELETED",
                          R"({"device":"qemunit-hot-)" + std::to_string(i) + "\"}"));
                while (recv(fd_, unread.data(), unread.size(), MSG_DONTWAIT) > 0) {
                }
            }
        }
    }

    int fd_;
    std::string manners_;
    std::function<void()> work_;
    bool is_silent_ = false;
    bool is_paused_ = false;
};

// Of "-chardev socket,id=NAME,fd=7,…".
int fd_of(std::string_view chardev, std::string_view name) {
    const std::string begin = "socket,id=" + std::string(name) + ",fd=";
    return chardev.starts_with(begin) ? std::atoi(chardev.data() + begin.size()) : -1;
}

// In a process of its own, so that none waits for another.
void serve_in_child(int fd, std::string_view manners) {
    if (fork() != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Connection(fd, manners).serve();
    std::_Exit(EXIT_SUCCESS);
}

}  // namespace

int main(int argc, char *argv[]) {
    int companion = -1, control = -1;
    std::string manners;
    qemunit::e2e::Targets targets{{"program", argv[0]}};
    constexpr std::string_view kTarget = "target:";
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        companion = std::max(companion, fd_of(word, "companion"));
        control = std::max(control, fd_of(word, "control"));
        if (word.starts_with("rogue:"))
            manners = word.substr(word.find(':') + 1);
        if (const std::size_t equals = word.find('=');
            word.starts_with(kTarget) && equals != word.npos)
            targets.insert_or_assign(
                std::string(word.substr(kTarget.size(), equals - kTarget.size())),
                std::string(word.substr(equals + 1)));
    }
    if (manners == "killer")
        qemunit::e2e::kill_all(targets);
    std::signal(SIGCHLD, SIG_IGN);
    if (const pid_t parent = getpid(); fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent)
            if (const int client = accept(control, nullptr, nullptr); client >= 0) {
                serve_in_child(client, manners);
                close(client);
            }
        return EXIT_SUCCESS;
    }
    Connection connection(companion, "");
    if (manners == "attempts")
        connection.on_first_command([&] { qemunit::e2e::attempt_all(targets, "attempts"); });
    connection.serve();
    return EXIT_SUCCESS;
}
