// SPDX-License-Identifier: MIT
#include "ctl/upgrade/saving.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "common/bus_errors.h"
#include "common/timer.h"
#include "ctl/console/unit_watch.h"
#include "ctl/output/error_text.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

// The memory of a guest, to a slow disk. The VM's companion gives up much earlier when nothing
// moves.
constexpr uint64_t kSaveTimeout = 4 * 3600 * kSecond + kCallTimeout;
// For systemd to end what is left of a VM, after the time that the unit has for that.
constexpr uint64_t kUnitEndTimeout = 60 * kSecond;

// How the unit is.
struct UnitNow {
    std::string state, status;
    std::vector<uint8_t> invocation;

    bool is_off() const { return state == "inactive" || state == "failed"; }
    bool is_saving() const {
        return state == "deactivating" || status.starts_with("Saving the machine's state") ||
               status.starts_with("Stopping: the machine's state is saved");
    }
};

Result<std::string> property_text(sd_bus *bus, const std::string &vm, const char *interface,
                              const char *property) {
    const auto message = unit_property(bus, vm, interface, property, "s");
    if (!message)
        return std::unexpected(message.error());
    const char *text = nullptr;
    if (const int r = sd_bus_message_read(message->get(), "s", &text); r < 0)
        return fail_errno(r, fmt::format("cannot read {} of its unit", property));
    return text;
}

Result<UnitNow> look_at_unit(sd_bus *bus, const std::string &vm) {
    auto state = property_text(bus, vm, "Unit", "ActiveState");
    auto status = property_text(bus, vm, "Service", "StatusText");
    const auto invocation = unit_property(bus, vm, "Unit", "InvocationID", "ay");
    if (!state || !status || !invocation)
        return std::unexpected(!state    ? state.error()
                               : !status ? status.error()
                                         : invocation.error());
    const void *bytes = nullptr;
    std::size_t size = 0;
    if (const int r = sd_bus_message_read_array(invocation->get(), 'y', &bytes, &size); r < 0)
        return fail_errno(r, "cannot read InvocationID of its unit");
    const auto *first = static_cast<const uint8_t *>(bytes);
    return UnitNow{std::move(*state), std::move(*status), {first, first + size}};
}

// TimeoutStopSec= of the unit, after which systemd kills what is left of it.
uint64_t time_to_stop(sd_bus *bus, const std::string &vm) {
    const auto message = unit_property(bus, vm, "Service", "TimeoutStopUSec", "t");
    uint64_t usec = 0;
    if (!message || sd_bus_message_read(message->get(), "t", &usec) < 0)
        return kSaveTimeout;
    return std::min(usec, kSaveTimeout);
}

// The names of errors after which nobody knows how the call has ended.
bool is_about_the_way(std::string_view error) {
    return error != bus_error::kMonitor && error != bus_error::kInvalidArgument &&
           error != bus_error::kNoSuchVm && error != bus_error::kBusy &&
           error != SD_BUS_ERROR_ACCESS_DENIED && error != SD_BUS_ERROR_UNKNOWN_OBJECT &&
           error != SD_BUS_ERROR_UNKNOWN_METHOD &&
           error != SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED;
}

class Saving {
  public:
    Saving(sd_bus *bus, const std::string &vm) : bus_(bus), vm_(vm) {}

    Result<> run() {
        auto watch = UnitWatch::open(bus_, vm_, [] {});
        if (!watch)
            return std::unexpected(watch.error());
        auto before = look_at_unit(bus_, vm_);
        if (!before)
            return std::unexpected(before.error());
        before_ = std::move(*before);
        auto message = new_vm_call(bus_, vm_, "Hibernate");
        if (!message)
            return std::unexpected(message.error());
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = nullptr;
        const int r = sd_bus_call(bus_, message->get(), kSaveTimeout, &error, &reply);
        const MessagePtr owned = own_message(reply);
        if (r >= 0)
            return wait_for_end(monotonic_usec() + time_to_stop(bus_, vm_) + kUnitEndTimeout);
        const std::string name = error.name ? error.name : "";
        const std::string text =
            error_text(name, error.message ? error.message : "", "Hibernate", vm_);
        sd_bus_error_free(&error);
        if (before_.is_off() || !is_about_the_way(name))
            return fail(EIO, text);
        return find_out(text);
    }

  private:
    static uint64_t monotonic_usec() {
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        return static_cast<uint64_t>(now.tv_sec) * kSecond +
               static_cast<uint64_t>(now.tv_nsec) / 1000;
    }

    // Until systemd signals that something has changed.
    Result<> wait_for_change(uint64_t deadline) {
        int r = 0;
        while ((r = sd_bus_process(bus_, nullptr)) > 0)
            continue;
        const uint64_t now = monotonic_usec();
        // Once a second in any case: no signal tells of a systemd that was executed anew.
        if (r >= 0 && now < deadline)
            r = sd_bus_wait(bus_, std::min(kSecond, deadline - now));
        return r < 0 && r != -EINTR ? fail_errno(r, "cannot wait for its unit") : Result<>();
    }

    // The guest is saved.
    Result<> wait_for_end(uint64_t deadline) {
        for (;;) {
            const auto now = look_at_unit(bus_, vm_);
            if (!now)
                return fail(now.error().code, "its guest is saved; " + now.error().message);
            if (now->is_off() || now->invocation != before_.invocation)
                return {};
            if (monotonic_usec() >= deadline)
                return fail(ETIMEDOUT,
                            fmt::format("its guest is saved, but its QEMU does not end; see: "
                                        "systemctl status qemu@{}",
                                        vm_));
            if (auto waited = wait_for_change(deadline); !waited)
                return waited;
        }
    }

    // What there is to know without an answer.
    Result<> find_out(const std::string &why) {
        const uint64_t deadline = monotonic_usec() + kSaveTimeout;
        for (bool is_told = false;;) {
            const auto now = look_at_unit(bus_, vm_);
            if (!now)
                return fail(now.error().code,
                            fmt::format("{}; whether its guest is saved is not known, as {}", why,
                                        now.error().message));
            // systemd may have forgotten the unit by then, and which run it had.
            if (now->is_off())
                return look_for_state(why);
            if (now->invocation != before_.invocation)
                return now->status.find("resumed") != std::string::npos
                           ? Result<>()
                           : fail(EIO, why + "; somebody has started the VM anew since");
            if (!now->is_saving())
                return fail(EIO, why + "; the guest was not saved, and goes on");
            if (monotonic_usec() >= deadline)
                return fail(ETIMEDOUT, why + "; the guest is still being saved");
            if (!std::exchange(is_told, true))
                fmt::print(stderr, "qemunitctl: {}: {}; the guest is still being saved, waiting\n",
                           vm_, why);
            if (auto waited = wait_for_change(deadline); !waited)
                return waited;
        }
    }

    Result<> look_for_state(const std::string &why) {
        const auto state = vm_text(bus_, vm_, "State");
        if (state && *state == "hibernated")
            return {};
        return fail(EIO, fmt::format("{}; the VM has ended, and {}", why,
                                     state ? "its guest is not saved"
                                           : "whether its guest is saved is not known, as " +
                                                 state.error().message));
    }

    sd_bus *bus_;
    const std::string &vm_;
    UnitNow before_;
};

}  // namespace

Result<> save_guest(sd_bus *bus, const std::string &vm) {
    return Saving(bus, vm).run();
}

}  // namespace qemunit::ctl
