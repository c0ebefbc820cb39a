// SPDX-License-Identifier: MIT
#include "ctl/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "common/did_you_mean.h"
#include "common/vm_name.h"
#include "ctl/output/error_text.h"
#include "ctl/verbs.h"

namespace qemunit::ctl {

namespace {

constexpr std::string_view kHost = "--host";
// Of a command line without any.
constexpr std::string_view kDefaultVerb = "list";

struct Flag {
    std::string_view name;
    bool Invocation::*member;
    bool of_verb;  // only for verbs that name it in their row
};

constexpr Flag kFlags[] = {
    {"--help", &Invocation::help, false},
    {"-h", &Invocation::help, false},
    {"--version", &Invocation::version, false},
    {"--no-ask-password", &Invocation::no_ask_password, false},
    {"--json", &Invocation::json, true},
    {"--names", &Invocation::names, true},
    {"--read-only", &Invocation::read_only, true},
    {"--wait", &Invocation::wait, true},
};

class Parser {
  public:
    explicit Parser(const std::vector<std::string> &words) : words_(words) {}

    Result<Invocation> parse() {
        bool options_end = false;
        for (; next_ < words_.size(); ++next_) {
            const std::string &word = words_[next_];
            options_end =
                options_end || (verb() && verb()->literal && !invocation_.arguments.empty());
            if (options_end || !word.starts_with('-') || word == "-") {
                if (auto taken = take_word(word); !taken)
                    return std::unexpected(taken.error());
            } else if (word == "--") {
                options_end = true;
            } else if (auto taken = take_option(word); !taken) {
                return std::unexpected(taken.error());
            }
        }
        if (invocation_.help || invocation_.version)
            return invocation_;
        return check();
    }

  private:
    const Verb *verb() const { return invocation_.verb; }

    Result<> take_word(const std::string &word) {
        if (verb()) {
            invocation_.arguments.push_back(word);
            return {};
        }
        const std::string name = group_.empty() ? word : group_ + " " + word;
        std::vector<std::string_view> members;  // of the group of verbs that `name` is
        for (const Verb &known : verbs()) {
            if (known.name == name) {
                invocation_.verb = &known;
                return {};
            }
            if (known.name.starts_with(name + " ") ||
                (!group_.empty() && known.name.starts_with(group_ + " ")))
                members.push_back(known.name.substr(known.name.find(' ') + 1));
        }
        if (group_.empty() && !members.empty()) {
            group_ = word;
            return {};
        }
        if (!group_.empty())
            return fail(EINVAL, fmt::format("unknown command '{}'.{}", name,
                                            group_help(did_you_mean(word, members))));
        return fail(EINVAL, unknown(word));
    }

    // Nothing behind it has been looked at, but the advice shall be one to copy.
    std::string unknown(const std::string &word) const {
        const std::span<const std::string> rest = std::span(words_).subspan(next_ + 1);
        const auto vm = std::ranges::find_if(rest, is_vm_name);
        std::string message = unknown_verb(word, vm == rest.end() ? "" : *vm);
        if (has_user_ || std::ranges::find(rest, "--user") != rest.end())
            message = for_own_manager(std::move(message));
        return message;
    }

    std::string group_help(const std::string &meant) const {
        if (!meant.empty())
            return meant;
        std::string help;
        for (const Verb &known : verbs())
            if (known.name.starts_with(group_ + " "))
                help += fmt::format("{} {} {}", help.empty() ? " It is:" : ",", known.name,
                                    known.arguments);
        return help;
    }

    Result<> take_option(const std::string &word) {
        if (word == "--user") {
            has_user_ = true;
            return {};
        }
        if (word == "-H" || word == kHost) {
            if (++next_ == words_.size())
                return fail(EINVAL, fmt::format("{} needs the name of a host", word));
            return take_host(words_[next_]);
        }
        if (word.starts_with("-H"))
            return take_host(word.substr(2));
        if (word.starts_with(kHost) && word[kHost.size()] == '=')
            return take_host(word.substr(kHost.size() + 1));
        const auto *flag = std::ranges::find(kFlags, word, &Flag::name);
        if (flag == std::end(kFlags)) {
            std::vector<std::string_view> known{"--user", kHost};
            for (const Flag &f : kFlags)
                known.push_back(f.name);
            const std::string meant = did_you_mean(word, known);
            return fail(EINVAL, fmt::format("unknown option '{}'.{}", word,
                                            meant.empty() ? " See --help." : meant));
        }
        invocation_.*(flag->member) = true;
        if (flag->of_verb)
            verb_options_.push_back(flag->name);
        return {};
    }

    Result<> take_host(const std::string &host) {
        if (host.empty() || host.starts_with('-'))
            return fail(EINVAL, fmt::format("'{}' is no name of a host", host));
        invocation_.host = host;
        return {};
    }

    Result<Invocation> check() {
        if (!verb() && !group_.empty())
            return fail(EINVAL, "incomplete command." + group_help(""));
        if (!verb())
            invocation_.verb = &*std::ranges::find(verbs(), kDefaultVerb, &Verb::name);
        for (const std::string_view option : verb_options_)
            if (!fmt::format(" {} ", verb()->options).contains(fmt::format(" {} ", option)))
                return fail(EINVAL,
                            fmt::format("'{}' has no option {}; see --help", verb()->name, option));
        if (has_user_ && !invocation_.host.empty())
            return fail(EINVAL, "--user and --host exclude each other");
        if (verb()->local && !invocation_.host.empty())
            return fail(
                EINVAL,
                fmt::format("'{0}' does not work over --host; try: ssh -t {1} qemunitctl "
                            "{0} {2}",
                            verb()->name, invocation_.host, fmt::join(invocation_.arguments, " ")));
        if (has_user_)
            invocation_.bus = Invocation::Bus::user;
        if (!invocation_.host.empty())
            invocation_.bus = Invocation::Bus::remote;
        const std::size_t n = invocation_.arguments.size();
        if (n < verb()->least || n > verb()->most)
            return fail(EINVAL,
                        fmt::format("too {} arguments; it is: qemunitctl {}{}{}",
                                    n < verb()->least ? "few" : "many", verb()->name,
                                    verb()->arguments.empty() ? "" : " ", verb()->arguments));
        if (verb()->of_vm && !is_vm_name(invocation_.arguments.front()))
            return fail(EINVAL,
                        fmt::format("'{}' is no name of a VM", invocation_.arguments.front()));
        return invocation_;
    }

    const std::vector<std::string> &words_;
    std::size_t next_ = 0;
    Invocation invocation_;
    std::string group_;  // "snapshot", before the second word of its name
    std::vector<std::string_view> verb_options_;
    bool has_user_ = false;
};

}  // namespace

Result<Invocation> parse_invocation(const std::vector<std::string> &words) {
    return Parser(words).parse();
}

std::string help_text() {
    std::string text =
        "qemunitctl [OPTION...] [COMMAND ...]\n"
        "\n"
        "Looks at virtual machines, and works with those that run. Starting and\n"
        "stopping them is systemd's: systemctl start qemu@VM\n"
        "\n";
    // Completions for shells read these lines: two spaces before the verb, and two or more behind
    // what it takes.
    for (const Verb &verb : verbs())
        text += fmt::format("  {:<28} {}\n", fmt::format("{} {}", verb.name, verb.arguments),
                            verb.help);
    text +=
        "\n"
        "     --user         VMs of the user's own manager\n"
        "  -H --host=HOST    VMs of another machine, over ssh\n"
        "     --json         list: for programs\n"
        "     --names        list: only the names\n"
        "     --read-only    console: follow the log, type nothing\n"
        "     --wait         console: wait for the VM, and for its return when it ends\n"
        "     --no-ask-password\n"
        "                    Do not ask for a password that a command needs\n"
        "  -h --help         Show this help\n"
        "     --version      Show the version\n"
        "\n"
        "See qemunitctl(1).\n";
    return text;
}

}  // namespace qemunit::ctl
