// SPDX-License-Identifier: MIT
#include "ctl/ssh/guest_addresses.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "common/ascii.h"

namespace qemunit::ctl {

namespace {

// libvirt's and the distributions' dnsmasq. Those of systemd-networkd have no MAC.
constexpr const char *kLeaseFiles[] = {"/var/lib/misc/dnsmasq.leases",
                                       "/var/lib/dnsmasq/dnsmasq.leases"};

// The card with an interface of this machine behind it; nullptr: none.
const NetworkCard *card_of(const std::vector<NetworkCard> &cards, std::string_view mac) {
    const auto found = std::ranges::find_if(
        cards, [&](const NetworkCard &card) { return !card.interface.empty() && card.mac == mac; });
    return found == cards.end() ? nullptr : &*found;
}

std::string text_of(const char *path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::vector<std::string>> lines_of_words(std::string_view text) {
    std::vector<std::vector<std::string>> lines;
    std::istringstream stream{std::string(text)};
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        lines.emplace_back(std::istream_iterator<std::string>(words),
                           std::istream_iterator<std::string>());
    }
    return lines;
}

}  // namespace

std::vector<CardAddress> addresses_by_agent(std::string_view text,
                                            const std::vector<NetworkCard> &cards) {
    std::vector<CardAddress> found;
    const auto interfaces = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!interfaces.is_array())
        return found;
    const auto text_in = [](const nlohmann::json &object, const char *key) {
        const auto it = object.is_object() ? object.find(key) : object.end();
        return it != object.end() && it->is_string() ? to_lower(it->get<std::string>())
                                                     : std::string();
    };
    for (const auto &interface : interfaces) {
        const NetworkCard *card = card_of(cards, text_in(interface, "hardware-address"));
        if (card == nullptr || !interface.contains("ip-addresses"))
            continue;
        for (const auto &address : interface["ip-addresses"]) {
            std::string ip = text_in(address, "ip-address");
            if (ip.empty() || ip.find_first_not_of("0123456789abcdef:.") != ip.npos)
                continue;
            // A link-local one means nothing without an interface of this machine.
            if (ip.starts_with("fe80:"))
                ip += "%" + card->interface;
            found.push_back({card->interface, std::move(ip)});
        }
    }
    return found;
}

std::vector<CardAddress> addresses_by_arp(std::string_view table,
                                          const std::vector<NetworkCard> &cards) {
    std::vector<CardAddress> found;
    for (const auto &words : lines_of_words(table)) {
        const NetworkCard *card = words.size() >= 6 ? card_of(cards, to_lower(words[3])) : nullptr;
        // Who has this card's address on another network is somebody else.
        if (card != nullptr && card->interface == words[5])
            found.push_back({card->interface, words[0]});
    }
    return found;
}

std::vector<CardAddress> addresses_by_leases(std::string_view leases,
                                             const std::vector<NetworkCard> &cards) {
    std::vector<CardAddress> found;
    for (const auto &words : lines_of_words(leases))
        if (const NetworkCard *card =
                words.size() >= 4 ? card_of(cards, to_lower(words[1])) : nullptr)
            found.push_back({card->interface, words[2]});
    return found;
}

std::string link_local_address(const NetworkCard &card) {
    unsigned bytes[6]{};
    if (card.interface.empty() ||
        std::sscanf(card.mac.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x", &bytes[0], &bytes[1], &bytes[2],
                    &bytes[3], &bytes[4], &bytes[5]) != 6)
        return {};
    return fmt::format("fe80::{:02x}{:02x}:{:02x}ff:fe{:02x}:{:02x}{:02x}%{}", bytes[0] ^ 2u,
                       bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], card.interface);
}

std::vector<CardAddress> addresses_by_host(const std::vector<NetworkCard> &cards) {
    std::vector<CardAddress> found;
    for (const char *path : kLeaseFiles)
        std::ranges::move(addresses_by_leases(text_of(path), cards), std::back_inserter(found));
    std::ranges::move(addresses_by_arp(text_of("/proc/net/arp"), cards), std::back_inserter(found));
    for (const NetworkCard &card : cards)
        if (std::string address = link_local_address(card); !address.empty())
            found.push_back({card.interface, std::move(address)});
    return found;
}

}  // namespace qemunit::ctl
