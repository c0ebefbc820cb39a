// SPDX-License-Identifier: MIT
#include "ctl/verbs/media.h"

#include <fmt/format.h>

#include <filesystem>

#include "common/files/disk_image.h"
#include "ctl/verbs/image_opening.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

Result<int> change_medium(const Invocation &invocation, const std::string &file) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto done = change_medium(bus->get(), invocation, invocation.arguments[0],
                                    invocation.arguments[1], file);
    if (!done)
        return std::unexpected(done.error());
    return 0;
}

}  // namespace

Result<> change_medium(sd_bus *bus, const Invocation &invocation, const std::string &vm,
                       const std::string &drive, const std::string &file) {
    if (file.empty()) {
        const auto ejected = call_vm(bus, vm, "EjectMedium", {drive});
        return ejected ? Result<>() : std::unexpected(ejected.error());
    }
    const auto image = open_image(bus, invocation, vm, file, /*write=*/false);
    if (!image)
        return std::unexpected(image.error());
    // Whatever Format= says: of an image of another format, the guest would read the format.
    if (const std::string format = format_by_content(image->get()); !format.empty())
        return fail(
            EINVAL,
            fmt::format("{0} is a {1} image, and a CD that is put in while the VM runs is "
                        "read as raw: make one of it by 'qemu-img convert -f {1} -O raw {0} "
                        "CD.iso', or write Format={1} in the ini file, and start the VM anew",
                        file, format));
    auto message = new_vm_call(bus, vm, "ChangeMedium");
    if (!message)
        return std::unexpected(message.error());
    // sd-bus duplicates the descriptor.
    if (int r =
            sd_bus_message_append(message->get(), "shs", drive.c_str(), image->get(), file.c_str());
        r < 0)
        return fail_errno(r, "cannot hand " + file + " to qemunitd");
    const auto changed = call(bus, message->get(), vm);
    return changed ? Result<>() : std::unexpected(changed.error());
}

Result<int> run_medium_change(const Invocation &invocation) {
    std::error_code error;
    const auto path = std::filesystem::absolute(invocation.arguments[2], error);
    return change_medium(invocation, error ? invocation.arguments[2] : path.string());
}

Result<int> run_medium_eject(const Invocation &invocation) {
    return change_medium(invocation, "");
}

}  // namespace qemunit::ctl
