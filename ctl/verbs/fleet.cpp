// SPDX-License-Identifier: MIT
#include "ctl/verbs/fleet.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>

#include "common/unique_fd.h"
#include "ctl/output/table.h"

namespace qemunit::ctl {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

// ssh(1) tries an address for two minutes; a person does not.
constexpr std::chrono::seconds kPatience(30);
constexpr std::size_t kLongestList = 64 << 20;  // bytes; what is cut is no list
constexpr std::size_t kLongestError = 1 << 20;
constexpr char kNotKnown[] = "-";
constexpr std::string_view kOurName = "qemunitctl: ";

std::string text_at(const Json &vm, const char *name) {
    const auto found = vm.find(name);
    return found != vm.end() && found->is_string() ? found->get<std::string>() : "";
}

template <typename Text>
std::string number_at(const Json &vm, const char *name, Text text) {
    const auto found = vm.find(name);
    return found != vm.end() && found->is_number_unsigned() ? text(found->get<uint64_t>())
                                                            : kNotKnown;
}

std::string forwards_of(const Json &vm) {
    std::vector<std::string> rules;
    const auto found = vm.find("forwards");
    if (found != vm.end() && found->is_array())
        for (const Json &rule : *found)
            if (rule.is_string())
                rules.push_back(rule.get<std::string>());
    return rules.empty() ? kNotKnown : fmt::format("{}", fmt::join(rules, " "));
}

std::vector<std::string> row_of(const std::string &host, const Json &vm) {
    std::string state = text_at(vm, "state");
    if (const std::string result = text_at(vm, "result"); state == "failed" && !result.empty())
        state += fmt::format(" ({})", result);
    return {host,
            text_at(vm, "name"),
            state,
            number_at(vm, "uptime_usec", duration_text),
            number_at(vm, "memory_bytes", size_text),
            forwards_of(vm)};
}

Result<Json> vms_of(const HostList &list) {
    if (!list.json)
        return std::unexpected(list.json.error());
    Json vms = Json::parse(*list.json, nullptr, false);
    if (!vms.is_array() || !std::ranges::all_of(vms, [](const Json &vm) { return vm.is_object(); }))
        return fail(EPROTO, "what it said is no list of VMs");
    return vms;
}

// What ssh and the qemunitctl over there have said.
std::string in_one_line(std::string_view errors) {
    std::string line;
    for (const auto part : std::views::split(errors, '\n')) {
        std::string_view said(part.begin(), part.end());
        said.remove_prefix(said.starts_with(kOurName) ? kOurName.size() : 0);
        if (!said.empty())
            line += (line.empty() ? "" : "; ") + std::string(said);
    }
    return line.empty() ? "qemunitctl ended without a word" : line;
}

// A file in memory for what a child writes, which takes no more than `most` bytes.
class Written {
  public:
    explicit Written(std::size_t most)
        : file_(memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
        if (file_ && (ftruncate(file_.get(), static_cast<off_t>(most)) != 0 ||
                      fcntl(file_.get(), F_ADD_SEALS, F_SEAL_GROW) != 0))
            file_.reset();
    }

    int fd() const { return file_.get(); }
    explicit operator bool() const { return static_cast<bool>(file_); }
    // The child has shared the position.
    std::string text() const {
        std::string text(static_cast<std::size_t>(std::max<off_t>(lseek(fd(), 0, SEEK_CUR), 0)), 0);
        const ssize_t n = pread(fd(), text.data(), text.size(), 0);
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        return text;
    }

  private:
    UniqueFd file_;
};

// A qemunitctl that asks one host. Ended with this object, with all that it has started.
class Question {
  public:
    explicit Question(std::string host) : host_(std::move(host)) {
        if (const int failed = start(); failed != 0)
            not_asked_ = failed;
    }
    ~Question() {
        if (process_ > 0)
            end();
    }
    Question(const Question &) = delete;
    Question &operator=(const Question &) = delete;

    // To be polled; readable when the answer is there. -1 if the host could not be asked.
    int fd() const { return pidfd_.get(); }
    const std::string &host() const { return host_; }

    // What has come until now.
    Result<std::string> answer() {
        if (not_asked_ != 0)
            return fail_errno(not_asked_, "cannot ask it");
        const std::optional<int> status = end();
        if (!status)
            return fail(ETIMEDOUT, fmt::format("no answer within {} s", kPatience / 1s));
        if (*status != 0)
            return fail(EIO, in_one_line(errors_.text()));
        return json_.text();
    }

  private:
    // A session of its own has no terminal: ssh cannot ask for a password, and takes part in no
    // fight for the keyboard.
    int start() {
        if (!json_ || !errors_)
            return errno;
        std::vector<std::string> words{"/proc/self/exe", "--no-ask-password", "--host=" + host_,
                                       "list", "--json"};
        std::vector<char *> argv;
        for (std::string &word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, json_.fd(), STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, errors_.fd(), STDERR_FILENO);
        posix_spawnattr_t setting;
        posix_spawnattr_init(&setting);
        posix_spawnattr_setflags(&setting, POSIX_SPAWN_SETSID);
        int failed = posix_spawn(&process_, argv.front(), &actions, &setting, argv.data(), environ);
        posix_spawnattr_destroy(&setting);
        posix_spawn_file_actions_destroy(&actions);
        if (failed == 0)
            pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, process_, 0)));
        if (failed == 0 && !pidfd_)
            failed = errno;
        return failed;
    }

    // Its exit status, nothing if it had to be killed.
    std::optional<int> end() {
        int status = 0;
        const pid_t process = std::exchange(process_, -1);
        const bool has_ended = waitpid(process, &status, WNOHANG) == process;
        kill(-process, SIGKILL);
        if (!has_ended)
            waitpid(process, &status, 0);
        if (!has_ended)
            return std::nullopt;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    std::string host_;
    Written json_{kLongestList}, errors_{kLongestError};
    pid_t process_ = -1;
    UniqueFd pidfd_;
    int not_asked_ = 0;
};

void wait_for_all(const std::vector<std::unique_ptr<Question>> &questions) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    std::vector<pollfd> waiting;
    for (const auto &question : questions)
        waiting.push_back({question->fd(), POLLIN, 0});
    while (std::ranges::any_of(waiting, [](const pollfd &one) { return one.fd >= 0; })) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return;
        const int ready = poll(waiting.data(), waiting.size(), static_cast<int>(left.count()));
        for (pollfd &one : waiting)
            if (ready > 0 && one.revents != 0)
                one.fd = -1;
    }
}

}  // namespace

FleetText fleet_text(const std::vector<HostList> &lists, std::string_view format) {
    FleetText fleet;
    Json all = Json::array();
    std::vector<std::vector<std::string>> rows{
        {"HOST", "VM", "STATE", "UPTIME", "MEMORY", "FORWARDS"}};
    for (const HostList &list : lists) {
        const auto vms = vms_of(list);
        if (!vms) {
            fleet.errors.push_back(fmt::format("{}: {}", list.host, vms.error().message));
            continue;
        }
        for (const Json &vm : *vms) {
            rows.push_back(row_of(list.host, vm));
            Json &placed = all.emplace_back(Json{{"host", list.host}});
            placed.update(vm);
            placed["host"] = list.host;
        }
    }
    if (format == "--json")
        fleet.text = all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    else if (format == "--names")
        for (std::size_t i = 1; i < rows.size(); ++i)
            fleet.text += fmt::format("{} {}\n", rows[i][0], rows[i][1]);
    else if (rows.size() > 1)
        fleet.text = table_text(rows);
    else if (fleet.errors.empty())
        fleet.text = "No VMs are configured there.\n";
    return fleet;
}

Result<int> list_fleet(const Invocation &invocation, const std::vector<std::string> &hosts) {
    setenv("SSH_ASKPASS_REQUIRE", "never", 1);  // ssh(1): no window for a password, either
    std::vector<std::unique_ptr<Question>> questions;
    for (const std::string &host : hosts)
        questions.push_back(std::make_unique<Question>(host));
    wait_for_all(questions);
    std::vector<HostList> lists;
    for (const auto &question : questions)
        lists.push_back({question->host(), question->answer()});
    const FleetText fleet = fleet_text(lists, invocation.has("--json")    ? "--json"
                                              : invocation.has("--names") ? "--names"
                                                                          : "");
    fmt::print("{}", fleet.text);
    std::fflush(stdout);
    for (const std::string &error : fleet.errors)
        fmt::print(stderr, "qemunitctl: {}\n", error);
    return fleet.errors.empty() ? 0 : 1;
}

}  // namespace qemunit::ctl
