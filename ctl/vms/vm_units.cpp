// SPDX-License-Identifier: MIT
#include "ctl/vms/vm_units.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/files/copy_mark.h"
#include "common/files/move_record.h"
#include "ctl/new/child.h"

namespace qemunit::ctl {

Result<std::string> active_state(sd_bus *bus, const std::string &vm) {
    auto message = unit_property(bus, vm, "Unit", "ActiveState", "s");
    if (!message)
        return std::unexpected(message.error());
    const char *text = nullptr;
    if (int r = sd_bus_message_read(message->get(), "s", &text); r < 0)
        return fail_errno(r, "cannot read the state of its unit");
    return text;
}

Result<> check_is_off(sd_bus *bus, const Paths &paths, const std::string &vm) {
    const auto state = active_state(bus, vm);
    if (!state)
        return std::unexpected(state.error());
    if (*state == "inactive" || *state == "failed")
        return {};
    return fail(EBUSY, fmt::format("the VM is not off ({}); stop it first: {} stop qemu@{}", *state,
                                   paths.systemctl(), vm));
}

Result<> check_has_not_moved(const std::string &state_dir) {
    const MoveRecord gone(moved_away_path_in(state_dir));
    if (!gone.exists())
        return {};
    const auto move = gone.read();
    return fail(EBUSY,
                fmt::format("the VM has moved to {}, which uses its disks; if it is gone for "
                            "good there, delete {} first",
                            move ? move->host : "another host", gone.path()));
}

Result<> check_has_disks(const std::string &state_dir) {
    const CopyMark mark(state_dir);
    if (!mark.counts())
        return check_has_not_moved(state_dir);
    return fail(EBUSY,
                fmt::format("the VM's disks are a copy that was not finished; copy them once more "
                            "(qemunitctl migrate --copy-storage), or delete them and {} first",
                            mark.path()));
}

Result<> tell_systemd(const Paths &paths, std::vector<std::string> words) {
    if (paths.is_of_user())
        words.insert(words.begin(), "--user");
    words.insert(words.begin(), "systemctl");
    const auto ended = run_child(words);
    if (!ended)
        return std::unexpected(ended.error());
    if (ended->status == 0)
        return {};
    return fail(EIO, fmt::format("`{}` failed: {}", fmt::join(words, " "), ended->errors));
}

Result<> stop_what_starts(const Paths &paths, const std::string &vm) {
    return tell_systemd(
        paths, {"stop", "--", fmt::format("qemu-*@{}.socket", vm),
                fmt::format("qemu-*@{}:*.socket", vm), fmt::format("qemu-*@{}.timer", vm)});
}

}  // namespace qemunit::ctl
