// SPDX-License-Identifier: MIT
#include "ctl/ssh/ssh_facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.h"
#include "common/cloud/seed_options.h"
#include "common/helper_options.h"
#include "common/usernet/options.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/ssh/local_links.h"
#include "ctl/verbs/command_line.h"
#include "ctl/verbs/drive_words.h"

namespace qemunit::ctl {

namespace {

// "lan" of "tap,id=lan,ifname=tap0" and the key "id".
std::string part_of(const std::vector<std::string> &parts, std::string_view key) {
    for (const std::string &part : parts)
        if (part.starts_with(key) && part.size() > key.size() && part[key.size()] == '=')
            return part.substr(key.size() + 1);
    return {};
}

NetworkCard &card_named(SshFacts &facts, const std::string &name) {
    const auto found = std::ranges::find(facts.cards, name, &NetworkCard::name);
    if (found != facts.cards.end())
        return *found;
    facts.cards.push_back({.name = name, .mac = {}, .interface = {}});
    return facts.cards.back();
}

void take_netdev(SshFacts &facts, const std::string &value) {
    const auto parts = split_parts(value);
    NetworkCard &card = card_named(facts, part_of(parts, "id"));
    card.interface = part_of(parts, "ifname");
    const std::string socket = part_of(parts, "addr.path");
    card.is_of_user = socket.contains("/qemunit-usernet/");
    card.is_passt = socket.contains("/qemunit-passt/");
}

void take_device(SshFacts &facts, const std::string &value) {
    const auto parts = split_parts(value);
    if (const std::string netdev = part_of(parts, "netdev"); !netdev.empty())
        card_named(facts, netdev).mac = to_lower(part_of(parts, "mac"));
    if (const auto cid = whole_number(part_of(parts, "guest-cid")); cid && *cid <= UINT32_MAX)
        facts.cid = static_cast<unsigned>(*cid);
}

void add_forwards(std::vector<HostForward> &to, std::vector<HostForward> more) {
    std::ranges::move(more, std::back_inserter(to));
}

}  // namespace

SshFacts facts_of_words(const std::vector<std::string> &exec_start) {
    SshFacts facts;
    facts.has_agent = std::ranges::find(exec_start, helper_option::kAgent) != exec_start.end();
    for (std::size_t i = 1; i < exec_start.size(); ++i) {
        const std::string &option = exec_start[i - 1], &value = exec_start[i];
        if (option == "-uuid")
            facts.uuid = to_lower(value);
        else if (option == "-netdev")
            take_netdev(facts, value);
        else if (option == "-device")
            take_device(facts, value);
    }
    return facts;
}

std::vector<HostForward> usernet_forwards(const std::vector<std::string> &words) {
    std::vector<HostForward> forwards;
    for (const std::string &word : words)
        if (helper_option::takes_value(word, usernet_option::kForward))
            if (auto forward = parse_host_forward(helper_option::value_of(word)))
                forwards.push_back(std::move(*forward));
    return forwards;
}

// "--tcp-ports 127.0.0.1/10022:22"
std::vector<HostForward> passt_forwards(const std::vector<std::string> &words) {
    std::vector<HostForward> forwards;
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i - 1] != "--tcp-ports")
            continue;
        std::string_view value = words[i];
        const std::size_t slash = value.find('/'), colon = value.rfind(':');
        if (colon == value.npos)
            continue;
        const std::string_view address = slash == value.npos ? "" : value.substr(0, slash);
        const std::size_t begin = slash == value.npos ? 0 : slash + 1;
        if (auto forward = parse_host_forward(fmt::format("tcp:{}:{}-:{}", address,
                                                          value.substr(begin, colon - begin),
                                                          value.substr(colon + 1))))
            forwards.push_back(std::move(*forward));
    }
    return forwards;
}

std::string cloud_init_user(const std::vector<std::string> &words) {
    for (const std::string &word : words)
        if (helper_option::takes_value(word, seed_option::kUser))
            return std::string(helper_option::value_of(word));
    return {};
}

Result<SshFacts> facts_of(sd_bus *bus, const std::string &vm) {
    const auto words = exec_start_of(bus, service_unit(vm));
    if (!words)
        return std::unexpected(words.error());
    SshFacts facts = facts_of_words(*words);
    for (NetworkCard &card : facts.cards) {
        card.interface = addressed_interface(card.interface);
        if (card.is_of_user)
            if (const auto network = exec_start_of(bus, usernet_unit(vm, card.name)))
                add_forwards(facts.forwards, usernet_forwards(*network));
        if (card.is_passt)
            if (const auto network =
                    exec_start_of(bus, fmt::format("qemu-passt@{}:{}.service", vm, card.name)))
                add_forwards(facts.forwards, passt_forwards(*network));
    }
    if (const auto commands = commands_of(bus, fmt::format("qemu-credential@{}.service", vm)))
        for (const auto &command : *commands)
            if (std::string user = cloud_init_user(command); !user.empty())
                facts.user = std::move(user);
    return facts;
}

}  // namespace qemunit::ctl
