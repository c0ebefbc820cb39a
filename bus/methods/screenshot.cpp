// SPDX-License-Identifier: MIT
//
// Screenshot of org.qemunit1.VM. QEMU may write to no file of ours, so QEMU is handed a file in
// memory.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <array>
#include <string>
#include <string_view>

#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// One set for all pictures. QEMU opens the newest file of a set, and executes our commands one
// after the other, so that pictures that are taken at once do not mix. With a new set for each
// picture, the sets would pile up: QEMU never forgets a set whose file png_save() of ui/console.c
// has closed. QEMU closes a file that was removed when the guest next runs.
constexpr int kFileSet = 51966;

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

// Another open file description of the same file, with rights of its own.
UniqueFd reopen(const UniqueFd &fd, int flags) {
    return UniqueFd(open(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), flags | O_CLOEXEC));
}

bool is_png(const UniqueFd &fd) {
    std::array<char, kPngSignature.size()> begin{};
    return pread(fd.get(), begin.data(), begin.size(), 0) == static_cast<ssize_t>(begin.size()) &&
           std::string_view(begin.data(), begin.size()) == kPngSignature;
}

void reply_picture(const CallPtr &call, const UniqueFd &memory) {
    // QEMU may still have the file open: the seals keep QEMU from changing what the caller reads.
    if (!is_png(memory) || fcntl(memory.get(), F_ADD_SEALS,
                                 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return reply_error(*call, bus_error::kMonitor, "QEMU did not write a PNG");
    const UniqueFd picture = reopen(memory, O_RDONLY);
    reply_fd(*call, picture);
}

// Answers with QEMU's words, and what to do if anything can be done.
void reply_no_picture(const CallPtr &call, const QmpError &error) {
    const std::string_view text = error.message;
    if (error.kind == QmpError::Kind::monitor && text.find("no console") != text.npos)
        return reply_error(*call, bus_error::kMonitor,
                           fmt::format("VM '{}' has no screen (QEMU: {}); Display=vnc in [VM] of "
                                       "its ini gives it one",
                                       call->vm_name, text));
    if (error.kind == QmpError::Kind::monitor && text.find("'format'") != text.npos)
        return reply_error(*call, bus_error::kMonitor,
                           fmt::format("QEMU of VM '{}' cannot write PNG; that takes version 7.1 "
                                       "with libpng (it says: {})",
                                       call->vm_name, text));
    reply_error(*call, error);
}

// Sends all three commands at once: the set is removed after the picture even if this process ends.
void take_picture(const CallPtr &call) {
    const auto memory = std::make_shared<const UniqueFd>(
        memfd_create("qemunit-screenshot", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    // Write-only, since QEMU looks in a set for a file with exactly the access mode that it needs.
    UniqueFd writing = *memory ? reopen(*memory, O_WRONLY) : UniqueFd();
    if (!writing)
        return reply_error(*call, bus_error::kMonitor,
                           std::string("There is no memory for a picture: ") + strerror(errno));
    execute(
        call, "add-fd", {{"fdset-id", kFileSet}}, [](const VmMonitor::Reply &) {},
        std::move(writing));
    execute(call, "screendump",
            {{"filename", fmt::format("/dev/fdset/{}", kFileSet)}, {"format", "png"}},
            [call, memory](const VmMonitor::Reply &reply) {
                if (reply)
                    reply_picture(call, *memory);
                else
                    reply_no_picture(call, reply.error());
            });
    execute(call, "remove-fd", {{"fdset-id", kFileSet}}, [](const VmMonitor::Reply &) {});
}

int method_screenshot(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "screendump"}, error, take_picture);
}

}  // namespace

const sd_bus_vtable kScreenshotMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Screenshot", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", picture),
                            method_screenshot, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
