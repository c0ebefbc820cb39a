// SPDX-License-Identifier: MIT
#include "bus/backup/scratch_room.h"

#include <sys/stat.h>

#include <algorithm>

namespace qemunit::bus {

std::shared_ptr<ScratchRoom::Promise> ScratchRoom::promise() {
    std::erase_if(promises_, [](const auto &old) { return old.expired(); });
    auto made = std::make_shared<Promise>();
    promises_.push_back(made);
    return made;
}

uint64_t ScratchRoom::promised() const {
    uint64_t all = 0;
    for (const auto &weak : promises_) {
        const auto one = weak.lock();
        if (!one)
            continue;
        uint64_t taken = 0;
        for (const UniqueFd &file : one->files)
            if (struct stat info{}; fstat(file.get(), &info) == 0)
                taken += static_cast<uint64_t>(info.st_blocks) * 512;
        all += one->bytes - std::min(one->bytes, taken);
    }
    return all;
}

ScratchRoom &scratch_room() {
    static ScratchRoom room;
    return room;
}

}  // namespace qemunit::bus
