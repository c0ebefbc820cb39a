// SPDX-License-Identifier: MIT
#include "ctl/ssh/ssh.h"

#include <fmt/format.h>
#include <unistd.h>

#include "ctl/ssh/known_hosts.h"
#include "ctl/ssh/ssh_facts.h"
#include "ctl/ssh/ssh_proxy.h"
#include "ctl/verbs/command_line.h"
#include "ctl/vm/timeout.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

// Of ssh(1) itself, for whatever is no exit status of the command.
constexpr int kSshFailed = 255;

// What ssh(1) takes under the same letters; "" takes no value.
struct PassedOption {
    std::string_view name, ssh;
};
constexpr PassedOption kPassed[] = {
    {"--forward-agent", "-A"},   {"--local-forward", "-L"}, {"--remote-forward", "-R"},
    {"--dynamic-forward", "-D"}, {"--option", "-o"},        {"--login", "-l"},
    {"--identity", "-i"},        {"--tty", "-t"},           {"--no-command", "-N"},
    {"--verbose", "-v"},
};

std::vector<std::string> passed_options(const Invocation &invocation) {
    std::vector<std::string> words;
    for (const auto &[option, value, takes_value] : invocation.given)
        for (const PassedOption &passed : kPassed)
            if (passed.name == option) {
                words.emplace_back(passed.ssh);
                if (!value.empty())
                    words.push_back(value);
            }
    return words;
}

// ssh reads "%" as a token, and hands the rest to a shell, behind "exec".
std::string proxy_command(const std::vector<std::string> &words) {
    std::string text;
    for (const std::string &word : words)
        text += (text.empty() ? "" : " ") + quote_for_shell(word);
    for (std::size_t at = 0; (at = text.find('%', at)) != text.npos; at += 2)
        text.insert(at, 1, '%');
    return text;
}

Result<SshCommand> prepare(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    const auto timeout = parse_timeout(invocation.value("--timeout", "60"));
    if (!timeout)
        return std::unexpected(timeout.error());
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    if (auto runs = check_that_it_runs(bus->get(), vm); !runs)
        return std::unexpected(runs.error());
    const auto facts = facts_of(bus->get(), vm);
    if (!facts)
        return std::unexpected(facts.error());
    const bool is_of_user = invocation.bus == Invocation::Bus::user;
    const auto folder = known_hosts_folder();
    if (!folder)
        return std::unexpected(folder.error());
    const auto file = known_hosts_file(*folder, facts->uuid, is_of_user ? "user" : "system", vm);
    if (!file)
        return std::unexpected(file.error());

    SshCommand ssh{.target = fmt::format("{}/{}", is_of_user ? "qemu-user" : "qemu", vm),
                   .user = facts->user,
                   .known_hosts = *file,
                   .proxy = {"/proc/self/exe"},
                   .options = passed_options(invocation),
                   .command = {invocation.arguments.begin() + 1, invocation.arguments.end()}};
    char path[4096];
    if (const ssize_t n = readlink("/proc/self/exe", path, sizeof path); n > 0)
        ssh.proxy.front().assign(path, static_cast<std::size_t>(n));
    ssh.proxy.push_back("proxy");
    ssh.proxy.push_back(fmt::format("--timeout={}", *timeout));
    if (const std::string port = invocation.value("--port"); !port.empty())
        ssh.proxy.push_back("--port=" + port);
    ssh.proxy.push_back(ssh.target);
    if (!ssh.command.empty() && ssh.command.front() == "--")
        ssh.command.erase(ssh.command.begin());
    return ssh;
}

}  // namespace

std::vector<std::string> ssh_words(const SshCommand &ssh) {
    std::vector<std::string> words = {"ssh"};
    words.insert(words.end(), ssh.options.begin(), ssh.options.end());
    // The first one that says something wins.
    for (const std::string &option :
         {"ProxyCommand=" + proxy_command(ssh.proxy), std::string("ProxyUseFdpass=yes"),
          std::string("HostKeyAlias=") + kHostKeyAlias,
          "UserKnownHostsFile=\"" + ssh.known_hosts + "\"",
          std::string("GlobalKnownHostsFile=none"), std::string("StrictHostKeyChecking=accept-new"),
          std::string("CheckHostIP=no"), std::string("UpdateHostKeys=no")}) {
        words.emplace_back("-o");
        words.push_back(option);
    }
    if (!ssh.user.empty()) {
        words.emplace_back("-o");
        words.push_back("User=" + ssh.user);
    }
    words.push_back(ssh.target);
    if (!ssh.command.empty())
        words.emplace_back("--");
    words.insert(words.end(), ssh.command.begin(), ssh.command.end());
    return words;
}

Result<int> run_ssh(const Invocation &invocation) {
    // A script knows by 255 that the command has not run, as with ssh itself.
    const auto failed = [&](const std::string &why) {
        fmt::print(stderr, "qemunitctl: {}: {}\n", invocation.arguments.front(), why);
        return kSshFailed;
    };
    const auto ssh = prepare(invocation);
    if (!ssh)
        return failed(ssh.error().message);
    std::vector<std::string> words = ssh_words(*ssh);
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    execvp(argv.front(), argv.data());
    return failed(
        fmt::format("cannot run ssh: {}; is openssh-client installed?", std::strerror(errno)));
}

}  // namespace qemunit::ctl
