// SPDX-License-Identifier: MIT
#include "helper/hostdev/attach.h"

#include <fmt/format.h>
#include <systemd/sd-event.h>

#include <cerrno>
#include <optional>

#include "common/event_ptr.h"
#include "common/host_device/usb_node.h"
#include "common/paths.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "common/time_units.h"

namespace qemunit::helper {

namespace {

constexpr uint64_t kAttachTimeout = 30 * kSecond;  // below TimeoutStartSec= of the unit

// Until there is an answer.
Result<QmpClient::Reply> ask_and_wait(sd_event *event, QmpClient &client, const char *command,
                                      nlohmann::json arguments, UniqueFd fd = {}) {
    std::optional<QmpClient::Reply> answer;
    client.execute(
        command, std::move(arguments), kAttachTimeout,
        [&answer](QmpClient::Reply reply) { answer = std::move(reply); }, std::move(fd));
    while (!answer)
        if (const int r = sd_event_run(event, UINT64_MAX); r < 0)
            return fail_errno(r, "cannot wait for the VM's companion");
    return std::move(*answer);
}

Error attach_error(const std::string &vm, const std::string &why) {
    return Error{EIO, fmt::format("VM '{}' does not get the device: {}", vm, why)};
}

}  // namespace

Result<> attach_usb_device(const std::string &vm, const std::string &device) {
    auto node = open_usb_node("", vm, device);
    if (!node && (node.error().code == ENOENT || node.error().code == ENODEV))
        return {};
    if (!node)
        return std::unexpected(node.error());
    auto connection = connect_unix(Paths{.scope = Scope::system}.socket_path(vm, kCompanionSocket));
    if (!connection &&
        (connection.error().code == ENOENT || connection.error().code == ECONNREFUSED))
        return {};
    if (!connection)
        return std::unexpected(attach_error(vm, connection.error().message));
    sd_event *raw = nullptr;
    if (const int r = sd_event_new(&raw); r < 0)
        return fail_errno(r, "cannot create an event loop");
    const EventPtr event(raw);
    auto client = QmpClient::create(raw, std::move(*connection),
                                    {.ready = [] {},
                                     .event = [](const QmpEvent &) {},
                                     .closed =
                                         [](const std::string &) {
                                         }});
    if (!client)
        return std::unexpected(client.error());
    // A command with a descriptor needs a connection that is ready; after an answer, this is.
    for (const char *command : {"query-move", kPlugUsbCommand}) {
        const bool is_ours = command == kPlugUsbCommand;
        auto reply = ask_and_wait(raw, **client, command,
                                  is_ours ? nlohmann::json{{"device", device}} : nlohmann::json(),
                                  is_ours ? std::move(*node) : UniqueFd());
        if (!reply)
            return std::unexpected(reply.error());
        if (!*reply)
            return std::unexpected(attach_error(vm, reply->error().message));
    }
    return {};
}

}  // namespace qemunit::helper
