// SPDX-License-Identifier: MIT
#include "ctl/backup/running_backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "common/bus_errors.h"
#include "ctl/backup/manifest.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

Result<> RunningBackup::begin(std::string &since) {
    auto message = new_vm_call(bus_, vm_, "BeginBackup");
    if (!message)
        return std::unexpected(message.error());
    sd_bus_message_append(message->get(), "s", since.c_str());
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *raw = nullptr;
    const int r = sd_bus_call(bus_, message->get(), kCallTimeout, &error, &raw);
    const std::string name = error.name ? error.name : "",
                      text = error.message ? error.message : "";
    sd_bus_error_free(&error);
    if (r < 0 && name == bus_error::kNoCheckpoint && !since.empty()) {
        fmt::print(stderr, "A full backup is made: {}\n", text);
        since.clear();
        return begin(since);
    }
    if (r < 0)
        return fail(-r, text.empty() ? std::strerror(-r) : text);
    const MessagePtr reply = own_message(raw);
    int fd = -1;
    const char *checkpoint = nullptr;
    if (int read = sd_bus_message_read(raw, "hs", &fd, &checkpoint); read < 0)
        return fail_errno(read, "cannot read the answer to BeginBackup");
    socket_ = UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    checkpoint_ = checkpoint;
    return is_plain_name(checkpoint_) ? look() : fail(EINVAL, "qemunitd names no checkpoint");
}

Result<> RunningBackup::end(bool is_kept) {
    socket_.reset();
    auto message = new_vm_call(bus_, vm_, "EndBackup");
    if (!message)
        return std::unexpected(message.error());
    sd_bus_message_append(message->get(), "b", int{is_kept});
    const auto reply = call(bus_, message->get(), vm_);
    return reply ? Result<>() : std::unexpected(reply.error());
}

Result<> RunningBackup::look() {
    const auto reply = call_vm(bus_, vm_, "GetBackup");
    if (!reply)
        return std::unexpected(reply.error());
    sd_bus_message *its = reply->get();
    const char *checkpoint = nullptr, *since = nullptr;
    int is_quiet = 0;
    int r = sd_bus_message_read(its, "ssb", &checkpoint, &since, &is_quiet);
    is_quiet_ = is_quiet != 0;
    if (r >= 0)
        r = sd_bus_message_enter_container(its, 'a', "(sstb)");
    const char *name = nullptr, *format = nullptr;
    uint64_t size = 0;
    int has_bitmap = 0;
    while (r >= 0 &&
           (r = sd_bus_message_read(its, "(sstb)", &name, &format, &size, &has_bitmap)) > 0)
        disks_.push_back({name, format, size, has_bitmap != 0});
    return r < 0 ? fail_errno(r, "cannot read the answer to GetBackup") : Result<>();
}

}  // namespace qemunit::ctl
