// SPDX-License-Identifier: MIT
#include "helper/hostdev/attach.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <cstdlib>
#include <memory>

#include "common/bus_errors.h"
#include "common/bus_ptr.h"
#include "common/host_device/places.h"
#include "common/shared_names.h"

namespace qemunit::helper {

namespace {

struct BusError {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    BusError() = default;
    BusError(const BusError &) = delete;
    BusError &operator=(const BusError &) = delete;
    ~BusError() { sd_bus_error_free(&error); }
};

// qemunitd answers within the time of sd-bus, 25 s, also if QEMU hangs.
int execute(sd_bus *bus, const char *object, const char *command, const std::string &arguments,
            BusError &error) {
    return sd_bus_call_method(bus, kBusName, object, kVmInterface, "Execute", &error.error, nullptr,
                              "ss", command, arguments.c_str());
}

}  // namespace

Result<> attach_usb_device(const std::string &vm, const std::string &device) {
    sd_bus *raw = nullptr;
    if (const int r = sd_bus_open_system(&raw); r < 0)
        return fail_errno(r, "cannot connect to the bus");
    const std::unique_ptr<sd_bus, decltype(&sd_bus_flush_close_unref)> bus(
        raw, sd_bus_flush_close_unref);
    char *path = nullptr;
    if (const int r = sd_bus_path_encode(kVmObjects, vm.c_str(), &path); r < 0)
        return fail_errno(r, "cannot name the VM on the bus");
    const std::unique_ptr<char, decltype(&std::free)> object(path, std::free);
    // The one that was unplugged is still there, without a device behind it.
    BusError gone, error;
    if (execute(raw, path, "device_del", fmt::format(R"({{"id":"{}"}})", device), gone) < 0 &&
        sd_bus_error_has_name(&gone.error, bus_error::kNotRunning))
        return {};
    if (const int r = execute(
            raw, path, "device_add",
            fmt::format(R"({{"driver":"usb-host","hostdevice":"{}","id":"{}","bus":"{}.0"}})",
                        usb_device_place(device), device, kUsbControllerId),
            error);
        r < 0)
        return fail(-r, fmt::format("VM '{}' does not get the device: {}", vm,
                                    error.error.message ? error.error.message : "no answer"));
    return {};
}

}  // namespace qemunit::helper
