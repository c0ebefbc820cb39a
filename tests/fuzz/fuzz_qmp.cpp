// SPDX-License-Identifier: MIT
//
// Any bytes from a QEMU that a guest has taken over. The first says in how many pieces the
// rest arrives.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "common/qmp/qmp_client.h"
#include "tests/fuzz/require.h"

using namespace qemunit;
using fuzz::require;

namespace {

void settle(sd_event *event) {
    while (sd_event_run(event, 0) > 0) {
    }
}

void converse(std::string_view bytes, std::size_t piece) {
    sd_event *event = nullptr;
    require(sd_event_new(&event) >= 0, "there is an event loop");
    const EventPtr event_owner(event);
    std::array<int, 2> fds{};
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0, "there is a pair");
    UniqueFd qemu(fds[1]);

    int closed = 0;
    auto client = QmpClient::create(
        event, UniqueFd(fds[0]),
        {.ready = [] {},
         .event = [](const QmpEvent &e) { require(e.data.is_object(), "data is an object"); },
         .closed =
             [&](const std::string &) {
                 ++closed;
             }},
        1000);
    require(client.has_value(), "there is a client");
    std::array<int, 3> answers{};
    for (int &answered : answers)
        (*client)->execute("query-status", nullptr, 3'600'000'000,
                           [&](const QmpClient::Reply &) { ++answered; });
    while (!bytes.empty() && closed == 0) {
        const std::string_view now = bytes.substr(0, piece);
        bytes.remove_prefix(now.size());
        require(send(qemu.get(), now.data(), now.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(now.size()),
                "the client reads");
        settle(event);
    }
    qemu.reset();
    settle(event);
    require(closed == 1, "the end is told once");
    require(std::ranges::all_of(answers, [](int n) { return n == 1; }), "each command ends once");
}

void write_and_read(std::string_view text) {
    const nlohmann::json value = parse_json(text);
    if (!value.is_discarded())
        require(parse_json(json_text(value)) == value, "what is written reads the same", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char *>(data + 1), size - 1);
    converse(bytes, bytes.size() / (1u + data[0] % 32) + 1);
    write_and_read(bytes);
    return 0;
}
