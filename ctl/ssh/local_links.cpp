// SPDX-License-Identifier: MIT
#include "ctl/ssh/local_links.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <filesystem>

#include "common/concat.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

namespace {

struct RouteQuestion {
    nlmsghdr header{};
    rtmsg route{};
    rtattr destination{};
    unsigned char address[16]{};
};
static_assert(offsetof(RouteQuestion, destination) == NLMSG_SPACE(sizeof(rtmsg)));

template <typename T>
std::optional<T> value_at(std::string_view bytes, std::size_t at) {
    T value{};
    if (at > bytes.size() || bytes.size() - at < sizeof value)
        return std::nullopt;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

}  // namespace

std::string addressed_interface(const std::string &tap) {
    std::error_code none;
    const std::string master = concat("/sys/class/net/", tap, "/master");
    // Not all that have ports take their addresses over: a VRF does not.
    if (tap.empty() || !std::filesystem::exists(master + "/bridge", none))
        return tap;
    const auto bridge = std::filesystem::read_symlink(master, none);
    return none ? tap : bridge.filename().string();
}

std::string route_question(const std::string &address) {
    RouteQuestion question;
    in6_addr six{};
    std::size_t length = 0;
    if (inet_pton(AF_INET, address.c_str(), question.address) == 1) {
        length = 4;
        question.route.rtm_family = AF_INET;
    } else if (inet_pton(AF_INET6, address.c_str(), &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six) &&
               !IN6_IS_ADDR_UNSPECIFIED(&six) && !IN6_IS_ADDR_LINKLOCAL(&six)) {
        length = sizeof six;
        question.route.rtm_family = AF_INET6;
        std::memcpy(question.address, &six, sizeof six);
    } else {
        return {};
    }
    question.route.rtm_dst_len = static_cast<unsigned char>(length * CHAR_BIT);
    question.destination.rta_type = RTA_DST;
    question.destination.rta_len = static_cast<unsigned short>(RTA_LENGTH(length));
    const std::size_t size = offsetof(RouteQuestion, address) + length;
    question.header.nlmsg_len = static_cast<unsigned>(size);
    question.header.nlmsg_type = RTM_GETROUTE;
    question.header.nlmsg_flags = NLM_F_REQUEST;
    return {reinterpret_cast<const char *>(&question), size};
}

std::optional<unsigned> direct_interface(std::string_view answer) {
    const auto header = value_at<nlmsghdr>(answer, 0);
    const auto route = value_at<rtmsg>(answer, NLMSG_HDRLEN);
    // RTN_LOCAL is an address of this machine's own.
    if (!header || !route || header->nlmsg_type != RTM_NEWROUTE ||
        header->nlmsg_len > answer.size() || route->rtm_type != RTN_UNICAST)
        return std::nullopt;
    answer = answer.substr(0, header->nlmsg_len);
    std::optional<unsigned> interface;
    for (std::size_t at = NLMSG_SPACE(sizeof(rtmsg));;) {
        const auto attribute = value_at<rtattr>(answer, at);
        if (!attribute || attribute->rta_len < sizeof(rtattr))
            return interface;
        // Several ways at once are somebody's cluster, and no guest of ours.
        if (attribute->rta_type == RTA_GATEWAY || attribute->rta_type == RTA_VIA ||
            attribute->rta_type == RTA_MULTIPATH || attribute->rta_type == RTA_ENCAP)
            return std::nullopt;
        if (attribute->rta_type == RTA_OIF)
            interface = value_at<unsigned>(answer, at + RTA_LENGTH(0));
        at += RTA_ALIGN(attribute->rta_len);
    }
}

bool is_on_link(const std::string &interface, const std::string &address) {
    const unsigned index = if_nametoindex(interface.c_str());
    if (index == 0)
        return false;
    // It is on that link, and on no other.
    if (const std::size_t percent = address.find('%'); percent != address.npos) {
        in6_addr six{};
        return address.substr(percent + 1) == interface &&
               inet_pton(AF_INET6, address.substr(0, percent).c_str(), &six) == 1 &&
               IN6_IS_ADDR_LINKLOCAL(&six);
    }
    const std::string question = route_question(address);
    const UniqueFd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (question.empty() || !netlink ||
        send(netlink.get(), question.data(), question.size(), 0) < 0)
        return false;
    // The kernel has answered before send(2) returns.
    char answer[4096];
    const ssize_t size = recv(netlink.get(), answer, sizeof answer, MSG_DONTWAIT);
    return size > 0 &&
           direct_interface({answer, static_cast<std::size_t>(size)}) == std::optional(index);
}

}  // namespace qemunit::ctl
