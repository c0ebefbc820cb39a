// SPDX-License-Identifier: MIT
#include "ctl/verbs/drive_attachment.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "common/files/disk_image.h"
#include "ctl/output/error_text.h"
#include "ctl/verbs/image_opening.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

// By the unit that makes the VM's images before a start; those that are there stay as they are.
// systemctl waits for it, and the unit has a time limit.
Result<> make_missing_images(const Invocation &invocation, const std::string &vm) {
    const std::string unit = fmt::format("qemu-image@{}.service", vm);
    const bool is_of_user = invocation.bus == Invocation::Bus::user;
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot fork");
    if (child == 0) {
        execlp("systemctl", "systemctl", is_of_user ? "--user" : "--system", "start", unit.c_str(),
               nullptr);
        _exit(EXIT_FAILURE);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    return fail(EIO, fmt::format("its image could not be made; see: systemctl status {}", unit));
}

Result<> append_options(sd_bus_message *call, const HotDrive &drive) {
    int r = sd_bus_message_open_container(call, 'a', "{sv}");
    for (const auto &[key, text] : {std::pair("format", &drive.format),
                                    {"serial", &drive.serial},
                                    {"interface", &drive.interface},
                                    {"origin", &drive.origin}})
        if (r >= 0 && !text->empty())
            r = sd_bus_message_append(call, "{sv}", key, "s", text->c_str());
    for (const auto &[key, flag] :
         {std::pair("read-only", drive.read_only), {"discard", drive.discard}})
        if (r >= 0)
            r = sd_bus_message_append(call, "{sv}", key, "b", static_cast<int>(flag));
    if (r >= 0)
        r = sd_bus_message_close_container(call);
    return r < 0 ? fail_errno(r, "cannot make a D-Bus message") : Result<>();
}

}  // namespace

Result<> attach_drive(sd_bus *bus, const Invocation &invocation, const std::string &vm,
                      const HotDrive &drive) {
    if (drive.is_made)
        if (auto made = make_missing_images(invocation, vm); !made)
            return made;
    const auto image = open_image(bus, invocation, vm, drive.path, !drive.read_only);
    if (!image)
        return std::unexpected(image.error());
    if (drive.format_is_guessed)
        if (std::string fault = wrong_guess(image->get(), drive.path, drive.format, "Format");
            !fault.empty())
            return fail(EINVAL, std::move(fault));
    auto message = new_vm_call(bus, vm, "AttachDrive");
    if (!message)
        return std::unexpected(message.error());
    // sd-bus duplicates the descriptor.
    if (const int r = sd_bus_message_append(message->get(), "sh", drive.name.c_str(), image->get());
        r < 0)
        return fail_errno(r, "cannot hand " + drive.path + " to qemunitd");
    if (auto appended = append_options(message->get(), drive); !appended)
        return appended;
    const auto attached = call(bus, message->get(), vm);
    return attached ? Result<>() : std::unexpected(attached.error());
}

std::vector<Result<>> detach_drives(sd_bus *bus, const std::string &vm,
                                    const std::vector<std::string> &drives) {
    struct Pending {
        const std::string &vm;
        std::size_t &left;
        Result<> result;
        SlotPtr slot;
    };
    std::size_t left = 0;
    std::vector<std::unique_ptr<Pending>> all;
    for (const std::string &drive : drives) {
        Pending &pending = *all.emplace_back(new Pending{vm, left, {}, {}});
        auto message = new_vm_call(bus, vm, "DetachDrive");
        int r = message ? sd_bus_message_append(message->get(), "s", drive.c_str()) : 0;
        sd_bus_slot *slot = nullptr;
        if (message && r >= 0)
            r = sd_bus_call_async(
                bus, &slot, message->get(),
                [](sd_bus_message *reply, void *userdata, sd_bus_error *) {
                    auto &its = *static_cast<Pending *>(userdata);
                    --its.left;
                    if (const sd_bus_error *error = sd_bus_message_get_error(reply))
                        its.result = fail(EIO, error_text(error->name ? error->name : "",
                                                          error->message ? error->message : "",
                                                          "DetachDrive", its.vm));
                    return 0;
                },
                &pending, kCallTimeout);
        pending.slot.reset(slot);
        if (!message)
            pending.result = std::unexpected(message.error());
        else if (r < 0)
            pending.result = fail_errno(r, "cannot call DetachDrive");
        else
            ++left;
    }
    // Each call has a deadline.
    int r = 0;
    while (left > 0 && r >= 0)
        if (r = sd_bus_process(bus, nullptr); r == 0)
            r = sd_bus_wait(bus, UINT64_MAX);
    std::vector<Result<>> results;
    for (const auto &pending : all)
        results.push_back(r < 0 ? fail_errno(r, "the bus cannot be waited for")
                                : std::move(pending->result));
    return results;
}

}  // namespace qemunit::ctl
