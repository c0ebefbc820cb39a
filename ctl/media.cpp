// SPDX-License-Identifier: MIT
#include "ctl/media.h"

#include <fcntl.h>

#include <filesystem>

#include "common/unique_fd.h"
#include "ctl/vm_bus.h"

namespace qemunit {

namespace {

Result<int> change(const Invocation &invocation, const std::string &file) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto done =
        change_medium(bus->get(), invocation.arguments[0], invocation.arguments[1], file);
    if (!done)
        return std::unexpected(done.error());
    return 0;
}

}  // namespace

Result<> change_medium(sd_bus *bus, const std::string &vm, const std::string &drive,
                       const std::string &file) {
    if (file.empty()) {
        const auto ejected = call_vm(bus, vm, "EjectMedium", {drive});
        return ejected ? Result<>() : std::unexpected(ejected.error());
    }
    const UniqueFd image(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!image)
        return fail_errno(errno, "cannot open " + file);
    auto message = new_vm_call(bus, vm, "ChangeMedium");
    if (!message)
        return std::unexpected(message.error());
    // It dups the fd.
    if (int r =
            sd_bus_message_append(message->get(), "shs", drive.c_str(), image.get(), file.c_str());
        r < 0)
        return fail_errno(r, "cannot hand " + file + " to qemunitd");
    const auto changed = call(bus, message->get(), vm);
    return changed ? Result<>() : std::unexpected(changed.error());
}

Result<int> run_medium_change(const Invocation &invocation) {
    std::error_code error;
    const auto path = std::filesystem::absolute(invocation.arguments[2], error);
    return change(invocation, error ? invocation.arguments[2] : path.string());
}

Result<int> run_medium_eject(const Invocation &invocation) {
    return change(invocation, "");
}

}  // namespace qemunit
