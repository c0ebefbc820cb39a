// SPDX-License-Identifier: MIT
//
// An ordinary user calls what needs an administrator's password: polkit, a real agent of it on a
// terminal, and the person there.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <iterator>
#include <sstream>

#include "common/unique_fd.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr char kAccessDenied[] = "org.freedesktop.DBus.Error.AccessDenied";
constexpr char kNeedsPerson[] = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired";
constexpr char kAsks[] = "Password: ";
constexpr char kRight[] = "right one\r";
constexpr char kWrong[] = "wrong one\r";
constexpr char kInterrupt[] = "\x03";

std::vector<std::string> as_bert(std::vector<std::string> command) {
    command.insert(command.begin(),
                   {"setpriv", "--reuid=bert", "--regid=nogroup", "--init-groups"});
    return command;
}

std::vector<std::string> words_of(const std::string &line) {
    std::istringstream words(line);
    return {std::istream_iterator<std::string>(words), {}};
}

// What a program calls: "Pause" of a VM.
struct VmCall {
    std::string vm;
    const char *member;
    bool interactive = true;
    unsigned times = 1;  // at once
};

// A program of bert's that calls when it is told to: by then there may be an agent for it.
class Caller {
  public:
    explicit Caller(const VmCall &call) {
        int go[2], said[2];
        EXPECT_EQ(pipe2(go, O_CLOEXEC), 0);
        EXPECT_EQ(pipe2(said, O_CLOEXEC), 0);
        go_.reset(go[1]);
        said_.reset(said[0]);
        const UniqueFd told(go[0]), tell(said[1]);
        pid_ = fork();
        if (pid_ == 0) {
            go_.reset();
            run(call, told.get(), tell.get());
            _exit(0);
        }
        EXPECT_EQ(line(), "bert");
    }
    ~Caller() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Caller(const Caller &) = delete;
    Caller &operator=(const Caller &) = delete;

    void go() { EXPECT_EQ(write(go_.get(), "!", 1), 1); }
    // One reply: "" for a good one, else the error's name and message.
    std::string reply() { return line(); }
    void vanish() { kill(pid_, SIGKILL); }
    pid_t pid() const { return pid_; }

  private:
    static void run(const VmCall &call, int told, int tell) {
        const passwd *bert = getpwnam("bert");
        char byte = 0;
        if (!bert || setgroups(0, nullptr) < 0 || setgid(bert->pw_gid) < 0 ||
            setuid(bert->pw_uid) < 0 || dprintf(tell, "bert\n") < 0 || read(told, &byte, 1) != 1)
            return;
        const BusPtr bus = open_system_bus();
        unsigned open = call.times;
        struct Replies {
            unsigned &open;
            int tell;
        } replies{open, tell};
        for (unsigned i = 0; i < call.times; ++i) {
            sd_bus_message *message = nullptr;
            sd_bus_message_new_method_call(bus.get(), &message, "org.qemunit1",
                                           vm_path(call.vm).c_str(), "org.qemunit1.VM",
                                           call.member);
            sd_bus_message_set_allow_interactive_authorization(message, call.interactive);
            sd_bus_call_async(
                bus.get(), nullptr, message,
                [](sd_bus_message *reply, void *userdata, sd_bus_error *) {
                    auto &[left, to] = *static_cast<Replies *>(userdata);
                    --left;
                    const sd_bus_error *error = sd_bus_message_get_error(reply);
                    dprintf(to, "%s%s%s\n", error ? error->name : "", error ? ": " : "",
                            error ? error->message : "");
                    return 0;
                },
                &replies, UINT64_MAX);
            sd_bus_message_unref(message);
        }
        while (open > 0)
            if (const int r = sd_bus_process(bus.get(), nullptr);
                r < 0 || (r == 0 && sd_bus_wait(bus.get(), UINT64_MAX) < 0))
                return;
        [[maybe_unused]] const auto end = read(told, &byte, 1);
    }

    std::string line() {
        const Deadline deadline;
        for (;;) {
            if (const auto at = text_.find('\n'); at != std::string::npos) {
                std::string result = text_.substr(0, at);
                text_.erase(0, at + 1);
                return result;
            }
            pollfd fds[] = {{said_.get(), POLLIN, 0}};
            char buffer[4096];
            const ssize_t n = poll(fds, 1, deadline.poll_timeout()) > 0
                                  ? read(said_.get(), buffer, sizeof buffer)
                                  : -1;
            if (n <= 0)
                return "no answer came";
            text_.append(buffer, static_cast<std::size_t>(n));
        }
    }

    UniqueFd go_, said_;
    pid_t pid_ = -1;
    std::string text_;
};

// The prompt, and then that keys are not shown: what was typed before is thrown away.
testing::AssertionResult asks_for_password(Terminal &terminal) {
    const auto prompt = terminal.read_until(kAsks);
    if (!prompt)
        return testing::AssertionFailure() << prompt.error().message;
    if (!terminal.wait_until_cooked(false))
        return testing::AssertionFailure() << "it shows the password";
    return testing::AssertionSuccess();
}

// bert's agent for one process of his, on a terminal.
class Agent {
  public:
    explicit Agent(pid_t process)
        : terminal_(as_bert({"bash", "-c",
                             "exec 3> >(cat; echo registered); exec pkttyagent --notify-fd 3 "
                             "--process " +
                                 std::to_string(process)})) {
        sees("registered");
    }
    // Whether it comes on the screen; what is there up to it is gone then.
    void sees(std::string_view text) {
        const auto seen = terminal_.read_until(text);
        EXPECT_TRUE(seen) << seen.error().message;
    }
    void asks() {
        sees("AUTHENTICATING FOR org.qemunit1.control");
        sees("Authentication is required to control the virtual machine 'asked'");
        EXPECT_TRUE(asks_for_password(terminal_));
    }
    void type(std::string_view keys) { terminal_.type(keys); }
    Terminal &terminal() { return terminal_; }

  private:
    Terminal terminal_;
};

class Authentication : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(run_words("useradd --no-create-home bert").ok());
        ASSERT_TRUE(run_words("useradd --no-create-home --groups sudo chief").ok());
        ASSERT_TRUE(run({"chpasswd"}, "chief:right one\n").ok());
        ASSERT_TRUE(vm_.start().ok()) << vm_.status();
    }
    void TearDown() override {
        // What is left of a session, and agents that are just going.
        if (const passwd *bert = getpwnam("bert"))
            run_words("systemctl stop user@" + std::to_string(bert->pw_uid) + ".service");
        for (const char *command : {"userdel --force bert", "userdel --force chief"})
            EXPECT_TRUE(run_words(command).ok()) << command;
    }
    std::string state() const {
        return trimmed(run_words("busctl get-property org.qemunit1 /org/qemunit1/vm/asked "
                                 "org.qemunit1.VM State")
                           .output);
    }

    VmUnderTest vm_{"asked", boot_sector_ini()};
};

TEST_F(Authentication, AnAdministratorsPasswordLetsTheCallThrough) {
    Terminal caller(
        as_bert({"sh", "-c", "echo waiting; read go; exec \"$@\"", "sh", "busctl", "--timeout=100",
                 "--allow-interactive-authorization=yes", "call", "org.qemunit1",
                 "/org/qemunit1/vm/asked", "org.qemunit1.VM", "Pause"}));
    ASSERT_TRUE(caller.read_until("waiting"));
    Agent agent(caller.pid());
    caller.type("\r");
    agent.asks();
    // Meanwhile the others are served: root, and who only looks.
    EXPECT_EQ(state(), "s \"running\"");
    expect_contains(monitor_command("asked", "info status").value, "running");
    const Finished looks =
        run(as_bert(words_of("busctl call org.qemunit1 /org/qemunit1/vm/asked "
                             "org.qemunit1.VM ListSnapshots")));
    EXPECT_TRUE(looks.ok()) << looks;
    agent.type(kRight);
    agent.sees("AUTHENTICATION COMPLETE");
    EXPECT_EQ(caller.wait(), 0) << caller.rest();
    EXPECT_EQ(state(), "s \"paused\"");
}

TEST_F(Authentication, AWrongPasswordIsAccessDenied) {
    Caller caller({"asked", "Pause"});
    Agent agent(caller.pid());
    caller.go();
    agent.asks();
    agent.type(kWrong);
    agent.sees("AUTHENTICATION FAILED");
    EXPECT_EQ(caller.reply(),
              std::string(kAccessDenied) + ": Access denied: nobody has authenticated");
    EXPECT_EQ(state(), "s \"running\"");
}

TEST_F(Authentication, ADialogThatIsLeftIsAccessDenied) {
    Caller caller({"asked", "Pause"});
    Agent agent(caller.pid());
    caller.go();
    agent.asks();
    agent.type(kInterrupt);
    expect_contains(caller.reply(), std::string(kAccessDenied) + ": Access denied: ");
    EXPECT_EQ(state(), "s \"running\"");
}

TEST_F(Authentication, NobodyIsAskedUnlessTheCallAllowsIt) {
    Caller caller({"asked", "Pause", /*interactive=*/false});
    Agent agent(caller.pid());
    caller.go();
    EXPECT_EQ(caller.reply(), std::string(kNeedsPerson) + ": Interactive authentication required.");
    // It answers without anybody having been asked; and looking needs nobody.
    EXPECT_FALSE(agent.terminal().read_until(kAsks, Deadline(std::chrono::milliseconds(0))));
    Caller looking({"asked", "ListSnapshots"});
    looking.go();
    EXPECT_EQ(looking.reply(), "");
}

TEST_F(Authentication, WithoutAnAgentNobodyCanBeAsked) {
    Caller caller({"asked", "Pause"});
    caller.go();
    EXPECT_EQ(caller.reply(), std::string(kNeedsPerson) + ": Interactive authentication required.");
}

TEST_F(Authentication, ACallerThatVanishesTakesTheDialogAlong) {
    Caller caller({"asked", "Pause"});
    Agent agent(caller.pid());
    caller.go();
    agent.asks();
    caller.vanish();
    // It looks up only when somebody has typed something.
    agent.type(kRight);
    agent.sees("Cancelled");
    agent.sees("AUTHENTICATION FAILED");
    EXPECT_EQ(state(), "s \"running\"");
}

// Longer than a VM gets for its answer; and the dialog does not stay behind.
TEST_F(Authentication, ADialogThatNobodyAnswersEnds) {
    Caller caller({"asked", "Pause"});
    Agent agent(caller.pid());
    caller.go();
    agent.asks();
    EXPECT_EQ(caller.reply(),
              std::string(kAccessDenied) +
                  ": Access denied: nobody has answered the question for a password within 60 s");
    agent.type(kRight);
    agent.sees("Cancelled");
    agent.sees("AUTHENTICATION FAILED");
    EXPECT_EQ(state(), "s \"running\"");
}

// The bus grants a service 128 calls that it waits for (max_replies_per_connection in
// bus/config-parser.c of dbus-daemon): an agent that asks nobody must not use them up.
TEST_F(Authentication, AnAgentThatHangsMakesNobodyElseWait) {
    Caller caller({"asked", "Pause", true, 128});
    Agent agent(caller.pid());
    ASSERT_EQ(kill(agent.terminal().pid(), SIGSTOP), 0);
    caller.go();
    const std::string refused =
        "org.freedesktop.DBus.Error.LimitsExceeded: Too many questions for a password are open "
        "already";
    EXPECT_EQ(caller.reply(), refused);
    // Of a new caller the bus and polkit have to be asked.
    Caller other({"asked", "Pause", /*interactive=*/false});
    other.go();
    EXPECT_EQ(other.reply(), std::string(kNeedsPerson) + ": Interactive authentication required.");
    EXPECT_EQ(call_vm("asked", "Pause").error, "");
    EXPECT_EQ(state(), "s \"paused\"");
    for (int i = 1; i < 120; ++i)
        ASSERT_EQ(caller.reply(), refused) << i;
    // Those that are open end with their agent.
    ASSERT_EQ(kill(agent.terminal().pid(), SIGKILL), 0);
    for (int i = 0; i < 8; ++i)
        ASSERT_TRUE(caller.reply().starts_with(kAccessDenied)) << i;
    Caller next({"asked", "Pause"});
    Agent its_agent(next.pid());
    next.go();
    its_agent.asks();
    its_agent.type(kRight);
    EXPECT_EQ(next.reply(), "");
}

// As systemctl(1) does it.
TEST_F(Authentication, QemunitctlAsksOnItsTerminal) {
    Terminal right(as_bert(words_of("qemunitctl cmd asked info status")));
    ASSERT_TRUE(right.read_until("AUTHENTICATING FOR org.qemunit1.monitor"));
    ASSERT_TRUE(asks_for_password(right));
    right.type(kRight);
    EXPECT_EQ(right.wait(), 0);
    expect_contains(right.rest(), "VM status: running");
    EXPECT_TRUE(right.is_cooked());

    Terminal wrong(as_bert(words_of("qemunitctl cmd asked info status")));
    ASSERT_TRUE(asks_for_password(wrong));
    wrong.type(kWrong);
    EXPECT_EQ(wrong.wait(), 1);
    expect_contains(wrong.rest(), "qemunitctl: asked: access denied: nobody has authenticated");
    EXPECT_TRUE(wrong.is_cooked());

    // Ctrl-C, in a shell, which stays with the terminal.
    Terminal left(as_bert(
        {"sh", "-c", "trap : INT; qemunitctl cmd asked info status; echo status $?; read x"}));
    ASSERT_TRUE(asks_for_password(left));
    left.type(kInterrupt);
    EXPECT_TRUE(left.read_until("status 130"));
    EXPECT_TRUE(left.wait_until_cooked());  // by the agent
}

// The same of somebody who has logged in, whose desktop may have an agent: none has here.
TEST_F(Authentication, QemunitctlAsksInASessionToo) {
    Terminal session({"su", "--session-command=qemunitctl cmd asked info status", "bert"});
    ASSERT_TRUE(asks_for_password(session));
    session.type(kRight);
    EXPECT_EQ(session.wait(), 0);
    expect_contains(session.rest(), "VM status: running");
}

// Outside of a session, where polkit keeps no answer (auth_admin).
TEST_F(Authentication, QemunitctlAsksOnceForAMonitor) {
    Terminal monitor(as_bert(words_of("qemunitctl monitor asked")));
    ASSERT_TRUE(asks_for_password(monitor));
    monitor.type(kRight);
    constexpr char prompt[] = "(asked) ";
    std::string seen;
    const auto sees = [&](std::string_view text) {
        const auto read = monitor.read_until(text);
        EXPECT_TRUE(read) << read.error().message;
        seen += read.value_or("");
        return read.has_value();
    };
    ASSERT_TRUE(sees("AUTHENTICATION COMPLETE"));
    ASSERT_TRUE(sees(prompt));
    seen.clear();
    monitor.type("info na\t\r");
    ASSERT_TRUE(sees("asked\r\n"));
    ASSERT_TRUE(sees(prompt));
    monitor.type("info stat\tus\r");
    ASSERT_TRUE(sees("VM status: running"));
    ASSERT_TRUE(sees(prompt));
    monitor.type("bananas\r");
    ASSERT_TRUE(sees("unknown command: 'bananas'"));
    ASSERT_TRUE(sees(prompt));
    EXPECT_EQ(seen.find("AUTHENTICATING"), seen.npos) << seen;

    // The session ends with qemunitd. The next one is asked for, by a line and by no Tab.
    ASSERT_TRUE(run_words("systemctl restart qemunitd").ok());
    seen.clear();
    monitor.type("inf\t");
    ASSERT_TRUE(sees("\a"));
    EXPECT_EQ(seen.find("AUTHENTICATING"), seen.npos) << seen;
    monitor.type("o version\r");
    ASSERT_TRUE(asks_for_password(monitor));
    monitor.type(kWrong);
    ASSERT_TRUE(sees("access denied: nobody has authenticated"));
    ASSERT_TRUE(sees(prompt));
    monitor.type("\x10\r");  // Ctrl-P: the line before
    ASSERT_TRUE(asks_for_password(monitor));
    monitor.type(kRight);
    ASSERT_TRUE(sees("AUTHENTICATION COMPLETE"));
    ASSERT_TRUE(sees(prompt));
    monitor.type("\x04");
    EXPECT_EQ(monitor.wait(), 0) << monitor.rest();
    EXPECT_TRUE(monitor.is_cooked());
}

TEST_F(Authentication, QemunitctlAsksNobodyWhereItShallNot) {
    constexpr char kNoAgent[] = "no agent is here to ask (pkttyagent(1))";
    Terminal told_not_to(as_bert(words_of("qemunitctl --no-ask-password cmd asked info status")));
    EXPECT_EQ(told_not_to.wait(), 1);
    expect_contains(told_not_to.rest(), kNoAgent);
    const Finished script = run(as_bert(words_of("qemunitctl cmd asked info status")));
    EXPECT_TRUE(script.status == 1 && script.says(kNoAgent)) << script;
    // Who only looks needs no password, and the columns that would need one stay empty.
    Terminal list(as_bert({"qemunitctl", "list"}));
    EXPECT_EQ(list.wait(), 0);
    expect_contains(list.rest(), "asked  running");
}

}  // namespace
}  // namespace qemunit::e2e
