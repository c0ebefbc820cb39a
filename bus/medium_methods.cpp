// SPDX-License-Identifier: MIT
#include "bus/medium_methods.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <string>

#include "bus/vm_call.h"
#include "common/medium_name.h"

namespace qemunit {

using nlohmann::json;

namespace {

struct Medium {
    std::string drive, name;
    UniqueFd image;
};

// Nobody's business if it fails: a set without a use costs QEMU one open file.
void remove_set(const CallPtr &call, const json &id) {
    execute(call, "remove-fd", {{"fdset-id", id}}, [](const VmMonitor::Reply &) {});
}

// The image that was in the drive before; QEMU closes it when it is not used any more.
void remove_earlier_sets(const CallPtr &call, const std::string &drive, const json &kept) {
    execute(call, "query-fdsets", nullptr, [call, drive, kept](const VmMonitor::Reply &sets) {
        if (!sets || !sets->is_array())
            return;
        for (const json &set : *sets)
            if (set.is_object() && set.value("fdset-id", json()) != kept &&
                medium_in_set(set, drive))
                remove_set(call, set.value("fdset-id", json()));
    });
}

void insert(const CallPtr &call, const std::shared_ptr<Medium> &medium) {
    execute(
        call, "add-fd", {{"opaque", medium_label(medium->drive, medium->name)}},
        [call, medium](const VmMonitor::Reply &added) {
            if (!added)
                return reply_error(*call, added.error());
            const json id = added->value("fdset-id", json());
            execute(call, "blockdev-change-medium",
                    {{"id", medium->drive},
                     {"filename", fmt::format("/dev/fdset/{}", id.dump())},
                     {"format", "raw"}},
                    [call, medium, id](const VmMonitor::Reply &changed) {
                        if (!changed) {
                            remove_set(call, id);
                            return reply_error(*call, changed.error());
                        }
                        remove_earlier_sets(call, medium->drive, id);
                        reply_done(*call);
                    });
        },
        std::move(medium->image));
}

}  // namespace

int method_change_medium(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    const char *drive = nullptr, *name = nullptr;
    int fd = -1;  // the message's
    if (int r = sd_bus_message_read(message, "shs", &drive, &fd, &name); r < 0)
        return r;
    if (!*drive)
        return invalid(error, "The name of the drive is empty");
    struct stat info {};
    if (fstat(fd, &info) != 0 || (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)))
        return invalid(error, "The image is neither a file nor a block device");
    // QEMU asks a set for a file that is open for just what it is going to do.
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
        return invalid(error, "The image is not open for reading only");
    auto medium =
        std::make_shared<Medium>(Medium{drive, name, UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0))});
    if (!medium->image)
        return -errno;
    return begin_call(message, userdata, {Action::control, "blockdev-change-medium"}, error,
                      [medium](const CallPtr &call) { insert(call, medium); });
}

int method_eject_medium(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    const char *raw = nullptr;
    if (int r = sd_bus_message_read(message, "s", &raw); r < 0)
        return r;
    const std::string drive = raw;
    if (drive.empty())
        return invalid(error, "The name of the drive is empty");
    return begin_call(message, userdata, {Action::control, "eject"}, error,
                      [drive](const CallPtr &call) {
                          ask(call, "eject", {{"id", drive}}, [call, drive](const json &) {
                              remove_earlier_sets(call, drive, nullptr);
                              reply_done(*call);
                          });
                      });
}

}  // namespace qemunit
