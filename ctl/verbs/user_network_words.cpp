// SPDX-License-Identifier: MIT
#include "ctl/verbs/user_network_words.h"

#include <string_view>

#include "common/concat.h"
#include "common/helper_options.h"
#include "common/usernet/options.h"

namespace qemunit::ctl {

namespace {

// "lan" of "stream,id=lan,server=off,…,addr.path=/run/qemunit-usernet/vm1:lan/sock", or nothing.
std::string network_of(std::string_view netdev) {
    constexpr std::string_view kBegin = "stream,id=";
    if (!netdev.starts_with(kBegin) || !netdev.contains("/qemunit-usernet/"))
        return {};
    netdev.remove_prefix(kBegin.size());
    return std::string(netdev.substr(0, netdev.find(',')));
}

// The defaults of qemunit-usernet are those of QEMU, but for one: QEMU's guest reaches the host's
// 127.0.0.1, and QEMU has no option against that.
std::string netdev_of(const std::string &network, const std::vector<std::string> &usernet) {
    std::string text = concat("user,id=", network);
    for (const std::string &word : usernet)
        if (word == usernet_option::kRestrict)
            text += ",restrict=on";
        else if (helper_option::takes_value(word, usernet_option::kForward))
            text += concat(",hostfwd=", helper_option::value_of(word));
    return text;
}

}  // namespace

std::vector<std::string> with_user_networks(
    std::vector<std::string> qemu,
    const std::function<std::vector<std::string>(const std::string &network)> &command_of) {
    for (std::size_t i = 1; i < qemu.size(); ++i)
        if (qemu[i - 1] == "-netdev")
            if (const std::string network = network_of(qemu[i]); !network.empty())
                qemu[i] = netdev_of(network, command_of(network));
    return qemu;
}

}  // namespace qemunit::ctl
