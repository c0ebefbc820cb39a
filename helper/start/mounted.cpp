// SPDX-License-Identifier: MIT
#include "helper/start/mounted.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "helper/handover/descriptor_store.h"

namespace qemunit::helper {

Result<> check_mounted(const std::vector<std::string> &paths, StoredFiles &stored) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const std::string name = stored_mount_name(i);
        const auto found = stored.extract(name);
        if (found)
            if (auto removed = remove_stored(name); !removed)
                return removed;
        struct stat mounted {
        }, meant{};
        if (stat(paths[i].c_str(), &mounted) != 0)
            continue;
        if (!found)
            return fail(ESTALE, fmt::format("{} was not there when it was looked for, and is now; "
                                            "start the VM again",
                                            paths[i]));
        if (fstat(found.mapped().get(), &meant) != 0)
            return fail_errno(errno, "cannot look at what " + paths[i] + " is to be");
        if (mounted.st_dev != meant.st_dev || mounted.st_ino != meant.st_ino)
            return fail(
                ESTALE,
                fmt::format("{} leads to something else than it did a moment before: others "
                            "than root can change that; name a path that they cannot change",
                            paths[i]));
    }
    return {};
}

}  // namespace qemunit::helper
