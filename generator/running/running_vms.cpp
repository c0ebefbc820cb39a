// SPDX-License-Identifier: MIT
#include "generator/running/running_vms.h"

#include <dirent.h>
#include <unistd.h>

#include <climits>
#include <memory>

#include "common/concat.h"
#include "common/vm_name.h"

namespace qemunit::generator {

RunningVms RunningVms::find(const std::string &root, const Paths &paths) {
    constexpr std::string_view kBegin = "invocation:qemu@", kEnd = ".service";
    struct Closer {
        void operator()(DIR *directory) const { closedir(directory); }
    };
    RunningVms running;
    const std::unique_ptr<DIR, Closer> folder(
        opendir(concat(root, paths.runtime, "/systemd/units").c_str()));
    while (const dirent *entry = folder ? readdir(folder.get()) : nullptr) {
        std::string_view name = entry->d_name;
        if (!name.starts_with(kBegin) || !name.ends_with(kEnd) ||
            name.size() <= kBegin.size() + kEnd.size())
            continue;
        name = name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size());
        char target[NAME_MAX];
        const ssize_t size = readlinkat(dirfd(folder.get()), entry->d_name, target, sizeof target);
        if (size > 0 && is_vm_name(name))
            running.vms_.emplace(name, std::string(target, static_cast<std::size_t>(size)));
    }
    return running;
}

std::optional<RunningVms::Started> RunningVms::started(std::string_view vm,
                                                       const LastRun &last) const {
    const auto running = vms_.find(vm);
    const Record *record = running == vms_.end() ? nullptr : last.find(vm);
    if (!record)
        return std::nullopt;
    // A VM without such a record was started after the last run of the generator, with the units of
    // that run.
    const bool is_held = !record->started.empty() && record->invocation == running->second;
    const std::string_view text = is_held ? record->started : record->now;
    if (text.empty())
        return std::nullopt;
    return Started{running->second, text};
}

}  // namespace qemunit::generator
