// SPDX-License-Identifier: MIT
//
// Which addresses this machine reaches directly over an interface, as the kernel's routes say. A
// guest tells what addresses it has, and may lie: one elsewhere would lead a login, and what is
// typed then, to another host. For `proxy`. Sends nothing to a network.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qemunit::ctl {

// What has the addresses of a tap: the bridge that it is a port of, or the tap itself.
std::string addressed_interface(const std::string &tap);

// rtnetlink(7)'s question for the route to an address in numbers; "" for what none leads to by
// itself: no address, one of a link, or one of IPv4 in an IPv6 one's clothes.
std::string route_question(const std::string &address);

// Of the answer: the index of the interface, if the way there has no gateway, and does not end
// here.
std::optional<unsigned> direct_interface(std::string_view answer);

// Whether it is on the interface's network. A link-local one has its %INTERFACE.
bool is_on_link(const std::string &interface, const std::string &address);

}  // namespace qemunit::ctl
