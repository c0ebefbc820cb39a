// SPDX-License-Identifier: MIT
#include "ctl/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "common/did_you_mean.h"
#include "common/options.h"
#include "common/vm_name.h"
#include "ctl/output/error_text.h"
#include "ctl/verbs.h"
#include "ctl/vm/hosts.h"

namespace qemunit::ctl {

namespace {

// The verb of a command line that names none.
constexpr std::string_view kDefaultVerb = "list";

Result<std::string> check_hosts(std::string_view text) {
    const auto hosts = parse_hosts(text);
    if (!hosts)
        return std::unexpected(hosts.error());
    return fmt::format("{}", fmt::join(*hosts, ","));
}

constexpr Option<Invocation> kCtlOptions[] = {
    {{.name = "--user", .help = "VMs of the user's own manager"},
     set_to<&Invocation::bus, Invocation::Bus::user>},
    {{.letter = 'H',
      .name = "--host",
      .value = "HOST",
      .wanted = "the name of a host",
      .help = "VMs of another machine, over ssh; for list, of several"},
     set_parsed<&Invocation::host, check_hosts>},
    {{.name = "--no-ask-password", .help = "Do not ask for a password that a command needs"},
     set_to<&Invocation::no_ask_password>},
    {kHelpOption, set_to<&Invocation::help>, true},
    {kVersionOption, set_to<&Invocation::version>, true},
};

const OptionText *find_option(const Verb &verb, std::string_view word) {
    const auto found = std::ranges::find_if(
        verb.options, [&](const OptionText &option) { return is_option(option, word); });
    return found == verb.options.end() ? nullptr : &*found;
}

bool is_ctl_option(std::string_view word) {
    return std::ranges::any_of(kCtlOptions,
                               [&](const auto &option) { return is_option(option.text, word); });
}

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
            } else {
                const auto more = take_any_option(word);
                if (!more)
                    return std::unexpected(more.error());
                if (!*more)
                    return invocation_;
            }
        }
        return check();
    }

  private:
    const Verb *verb() const { return invocation_.verb; }
    bool is_of_user() const { return invocation_.bus == Invocation::Bus::user; }

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

    // Of the verb, as far as it is known; else of any.
    const OptionText *find_verb_option(std::string_view word) const {
        if (verb())
            return find_option(*verb(), word);
        if (is_ctl_option(word))
            return nullptr;
        for (const Verb &known : verbs())
            if (const OptionText *option = find_option(known, word))
                return option;
        return nullptr;
    }

    // False: what follows is not looked at.
    Result<bool> take_any_option(const std::string &word) {
        if (const OptionText *option = find_verb_option(word)) {
            const auto value = option_value(*option, words_, next_);
            if (!value)
                return std::unexpected(value.error());
            invocation_.given.push_back(
                {option->name, std::string(*value), !option->value.empty()});
            return true;
        }
        if (is_ctl_option(word)) {
            if (!verb())
                invocation_.group = group_;
            return take_option(kCtlOptions, words_, next_, invocation_);
        }
        std::vector<std::string_view> names;
        for (const auto &option : kCtlOptions)
            names.push_back(option.text.name);
        for (const Verb &known : verbs()) {
            if (verb() && find_option(known, word))
                return refuse_of_verb(word);
            if (!verb() || verb() == &known)
                for (const OptionText &option : known.options)
                    names.push_back(option.name);
        }
        return refuse_option(word, names);
    }

    std::unexpected<Error> refuse_of_verb(std::string_view option) const {
        return fail(EINVAL, fmt::format("'{}' has no option {}; see --help", verb()->name, option));
    }

    // The words behind the unknown one have not been checked; they are in the advice, so that a
    // person can copy it.
    std::string unknown(const std::string &word) const {
        const std::span<const std::string> rest = std::span(words_).subspan(next_ + 1);
        const auto vm = std::ranges::find_if(rest, is_vm_name);
        std::string message = unknown_verb(word, vm == rest.end() ? "" : *vm);
        if (is_of_user() || std::ranges::find(rest, "--user") != rest.end())
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

    // Of ssh, people know USER@HOST.
    std::string login_advice() const {
        const std::string &word = invocation_.arguments.front();
        const std::size_t at = word.find('@');
        if (at == word.npos || !is_vm_name(word.substr(at + 1)) ||
            std::ranges::find(verb()->options, "--login", &OptionText::name) ==
                verb()->options.end())
            return "";
        return fmt::format("; the user is an option: -l {} {}", word.substr(0, at),
                           word.substr(at + 1));
    }

    Result<Invocation> check() {
        if (!verb() && !group_.empty())
            return fail(EINVAL, "incomplete command." + group_help(""));
        if (!verb())
            invocation_.verb = &*std::ranges::find(verbs(), kDefaultVerb, &Verb::name);
        for (const auto &[option, value, takes_value] : invocation_.given)
            if (std::ranges::find(verb()->options, option, &OptionText::name) ==
                verb()->options.end())
                return refuse_of_verb(option);
        if (is_of_user() && !invocation_.host.empty())
            return fail(EINVAL, "--user and --host exclude each other");
        if (verb()->local && !invocation_.host.empty())
            return fail(
                EINVAL,
                fmt::format("'{0}' does not work over --host; try: ssh -t {1} qemunitctl "
                            "{0} {2}",
                            verb()->name, invocation_.host, fmt::join(invocation_.arguments, " ")));
        if (invocation_.host.contains(',') && !verb()->many_hosts)
            return fail(EINVAL, fmt::format("'{}' takes one host; several are for: qemunitctl "
                                            "--host={} list",
                                            verb()->name, invocation_.host));
        if (!invocation_.host.empty())
            invocation_.bus = Invocation::Bus::remote;
        const std::size_t n = invocation_.arguments.size();
        if (n < verb()->least || n > verb()->most)
            return fail(EINVAL,
                        fmt::format("too {} arguments; it is: qemunitctl {}{}{}",
                                    n < verb()->least ? "few" : "many", verb()->name,
                                    verb()->arguments.empty() ? "" : " ", verb()->arguments));
        if (verb()->of_vm && !invocation_.arguments.empty() &&
            !is_vm_name(invocation_.arguments.front()))
            return fail(EINVAL, fmt::format("'{}' is no name of a VM{}",
                                            invocation_.arguments.front(), login_advice()));
        return invocation_;
    }

    const std::vector<std::string> &words_;
    std::size_t next_ = 0;
    Invocation invocation_;
    std::string group_;  // "snapshot", before the second word of its name
};

}  // namespace

Result<Invocation> parse_invocation(const std::vector<std::string> &words) {
    return Parser(words).parse();
}

std::string help_text() {
    std::string text =
        "qemunitctl [OPTION...] [COMMAND ...]\n"
        "\n"
        "Makes virtual machines, looks at them, and works with them. Starting and\n"
        "stopping them is systemd's: systemctl start qemu@VM\n"
        "\n";
    // Completions for shells read these lines: two spaces before the verb, and two or more behind
    // what it takes.
    for (const Verb &verb : verbs())
        text += fmt::format("  {:<28} {}\n", fmt::format("{} {}", verb.name, verb.arguments),
                            verb.help);
    return options_help(text + "\n", kCtlOptions,
                        "\nqemunitctl COMMAND --help shows what options a command has of its own.\n"
                        "See qemunitctl(1).\n");
}

std::string help_text(std::string_view group) {
    std::string text = fmt::format("qemunitctl {} COMMAND ...\n\n", group);
    for (const Verb &verb : verbs())
        if (verb.name.starts_with(fmt::format("{} ", group)))
            text += fmt::format("  {:<28} {}\n", fmt::format("{} {}", verb.name, verb.arguments),
                                verb.help);
    return text + fmt::format(
                      "\nqemunitctl {} COMMAND --help shows what options one has of its own.\n"
                      "See qemunitctl(1).\n",
                      group);
}

std::string help_text(const Verb &verb) {
    std::string text = fmt::format("qemunitctl {}{}{}{}\n\n{}.\n", verb.name,
                                   verb.options.empty() ? "" : " [OPTION...]",
                                   verb.arguments.empty() ? "" : " ", verb.arguments, verb.help);
    if (!verb.options.empty())
        text += '\n';
    for (const OptionText &option : verb.options)
        text += option_help(option);
    return text + "\nSee qemunitctl --help for the options of all commands, and qemunitctl(1).\n";
}

}  // namespace qemunit::ctl
