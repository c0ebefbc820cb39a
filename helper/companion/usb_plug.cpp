// SPDX-License-Identifier: MIT
#include "helper/companion/usb_plug.h"

#include <fmt/format.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "common/concat.h"
#include "common/host_device/places.h"
#include "common/shared_names.h"
#include "common/time_units.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

constexpr uint64_t kPlugTimeout = 10 * kSecond;  // of each command

struct Plug {
    QmpClient &qmp;
    std::string device;
    std::function<void(Result<>)> done;
    json set = {};

    void fail_with(const char *command, const QmpError &error) const {
        done(fail(EIO, fmt::format("{}: {}", command, error.message)));
    }
};

// QEMU has a descriptor of its own by now, or none. What it says here changes nothing.
void forget_set(const Plug &plug) {
    plug.qmp.execute("remove-fd", {{"fdset-id", plug.set}}, kPlugTimeout,
                     [](const QmpClient::Reply &) {});
}

void add_usb_device(const std::shared_ptr<Plug> &plug) {
    plug->qmp.execute("device_add",
                      {{"driver", "usb-host"},
                       {"hostdevice", concat("/dev/fdset/", plug->set.dump())},
                       {"id", plug->device},
                       {"bus", concat(kUsbControllerId, ".0")}},
                      kPlugTimeout, [plug](const QmpClient::Reply &reply) {
                          forget_set(*plug);
                          if (!reply)
                              return plug->fail_with("device_add", reply.error());
                          plug->done({});
                      });
}

}  // namespace

void plug_usb_device(QmpClient &qmp, const std::string &device, UniqueFd node,
                     std::function<void(Result<>)> done) {
    const auto plug = std::make_shared<Plug>(Plug{qmp, device, std::move(done)});
    // There is none if the VM began without one.
    qmp.execute("device_del", {{"id", device}}, kPlugTimeout, [](const QmpClient::Reply &) {});
    qmp.execute(
        "add-fd", {{"opaque", concat(kUsbLabel, device)}}, kPlugTimeout,
        [plug](const QmpClient::Reply &reply) {
            if (!reply)
                return plug->fail_with("add-fd", reply.error());
            plug->set = reply->is_object() ? reply->value("fdset-id", json()) : json();
            add_usb_device(plug);
        },
        std::move(node));
}

}  // namespace qemunit::helper
