// SPDX-License-Identifier: MIT
#include "helper/companion/requests.h"

#include <fmt/format.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "common/shared_names.h"
#include "common/vm_name.h"
#include "helper/companion/usb_plug.h"
#include "helper/lifecycle/hardware.h"

namespace qemunit::helper {

namespace {

// A QEMU that answers later than that is in no state to be moved.
constexpr uint64_t kHardwareTimeout = 60 * kSecond;

using nlohmann::json;
using Done = std::function<void(const Result<> &)>;

uint64_t number_in(const json &arguments, const char *key) {
    const auto found = arguments.find(key);
    return found != arguments.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

void move_out(const RequestTargets &targets, Request request, const Done &done) {
    const Move move{string_at(request.arguments, "token"), string_at(request.arguments, "host"),
                    string_at(request.arguments, "vm")};
    if (!is_move_token(move.token) || !is_move_word(move.host) || !is_move_word(move.vm) ||
        !request.fd)
        return done(fail(EINVAL, "not a token, a host, a VM and a connection"));
    if (const auto settled = targets.check_is_settled(); !settled)
        return done(settled);
    std::vector<DriveCopy> copies = targets.offered_copies.take(move.token);
    if (copies.size() != number_in(request.arguments, "copies"))
        return done(fail(EINVAL, "not all connections of the disks have come"));
    // QEMU itself would move a guest whose USB device stays here.
    const auto moved = std::make_shared<MoveRequest>(
        MoveRequest{std::move(request.fd), move, number_in(request.arguments, "bandwidth"),
                    number_in(request.arguments, "downtime"), std::move(copies)});
    ask_hardware(
        targets.qmp, kHardwareTimeout, [targets, moved, done](const Result<Hardware> &now) {
            if (!now)
                return done(std::unexpected(now.error()));
            if (!now->of_host.empty())
                return done(
                    fail(ENOTSUP, fmt::format("the VM has {} of the host, which cannot move "
                                              "with it",
                                              now->of_host)));
            if (const auto settled = targets.check_is_settled(); !settled)
                return done(settled);
            targets.moving_out.begin(std::move(*moved), done);
        });
}

void plug_usb(const RequestTargets &targets, Request request, const Done &done) {
    const std::string device = string_at(request.arguments, "device");
    if (!is_device_name(device) || !request.fd)
        return done(fail(EINVAL, "not the name of a device, and the device"));
    if (const auto settled = targets.check_is_settled(); !settled)
        return done(settled);
    if (targets.is_moving())
        return done(fail(EBUSY, "the VM is on its way to another host"));
    plug_usb_device(targets.qmp, device, std::move(request.fd), done);
}

void end_move(const RequestTargets &targets, const Request &request, const Done &done) {
    const auto ran = request.arguments.find("ran");
    if (ran == request.arguments.end() || !ran->is_boolean())
        return done(fail(EINVAL, "not a token, and whether the guest has run"));
    done(targets.moving_out.decide(string_at(request.arguments, "token"), ran->get<bool>()));
}

void upgrade(const RequestTargets &targets, const RequestServer::Answer &answer) {
    if (const auto settled = targets.check_is_settled(); !settled)
        return answer(std::unexpected(settled.error()));
    if (string_at(targets.moving_out.state(), "phase") != "here")
        return answer(fail(EBUSY, "the VM is on its way to another host"));
    targets.succession.begin([answer](const Result<uint64_t> &stood_still) {
        if (stood_still)
            answer(json{{"stood-still", *stood_still}});
        else
            answer(std::unexpected(stood_still.error()));
    });
}

}  // namespace

void take_request(const RequestTargets &targets, Request request,
                  const RequestServer::Answer &answer) {
    const Done done = [answer](const Result<> &result) {
        if (result)
            answer(json::object());
        else
            answer(std::unexpected(result.error()));
    };
    if (request.command == "query-move")
        answer(targets.moving_out.state());
    else if (request.command == "end-move")
        end_move(targets, request, done);
    else if (request.command == "hibernate")
        targets.hibernate(done);
    else if (request.command == kPlugUsbCommand)
        plug_usb(targets, std::move(request), done);
    else if (request.command == "upgrade")
        upgrade(targets, answer);
    else if (request.command == "copy-drive")
        done(targets.offered_copies.add(request.arguments, std::move(request.fd)));
    else if (request.command == "move")
        move_out(targets, std::move(request), done);
    else
        done(fail(EINVAL, "no such command"));
}

}  // namespace qemunit::helper
