// SPDX-License-Identifier: MIT
#include "ctl/verbs/keyboard.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

std::vector<std::string> split_keys(std::string_view combination) {
    std::vector<std::string> keys;
    for (;;) {
        const std::size_t end = std::min(combination.find('-'), combination.size());
        if (end == 0)
            return {};
        keys.emplace_back(combination.substr(0, end));
        if (end == combination.size())
            return keys;
        combination.remove_prefix(end + 1);
    }
}

Result<int> run_sendkey(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    std::vector<std::vector<std::string>> all;
    for (std::size_t i = 1; i < invocation.arguments.size(); ++i) {
        all.push_back(split_keys(invocation.arguments[i]));
        if (all.back().empty())
            return fail(EINVAL, fmt::format("'{}': not keys with '-' between them, such as "
                                            "ctrl-alt-delete; that key itself is 'minus'",
                                            invocation.arguments[i]));
    }
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    for (const auto &keys : all) {
        auto message = new_vm_call(bus->get(), vm, "SendKeys");
        if (!message)
            return std::unexpected(message.error());
        int r = sd_bus_message_open_container(message->get(), 'a', "s");
        for (const std::string &key : keys)
            if (r >= 0)
                r = sd_bus_message_append(message->get(), "s", key.c_str());
        if (r >= 0)
            r = sd_bus_message_close_container(message->get());
        if (r < 0)
            return fail_errno(r, "cannot make a call of SendKeys");
        if (auto pressed = call(bus->get(), message->get(), vm); !pressed)
            return std::unexpected(pressed.error());
    }
    return 0;
}

Result<int> run_type(const Invocation &invocation) {
    const auto &words = invocation.arguments;
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto typed = call_vm(bus->get(), words.front(), "TypeText",
                               {fmt::format("{}", fmt::join(words.begin() + 1, words.end(), " "))});
    if (!typed)
        return std::unexpected(typed.error());
    return 0;
}

}  // namespace qemunit::ctl
