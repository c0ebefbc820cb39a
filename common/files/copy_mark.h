// SPDX-License-Identifier: MIT
//
// What stands in the VM's state directory while its disks are copied to this host
// ("unfinished-copy"): from before the first byte until the guest runs here. Meanwhile the VM does
// not start from them, and they may be written over by another copy. The target's companion writes
// it; the helper and `qemunitctl receive` read it, who trust nothing in there: QEMU may have
// written it, who can write the VM's disks anyway.
//
// A guest that was given to this host has all of its disks here: where the ArrivalRecord of the
// same move says so, the mark says nothing any more, whoever was killed before it could remove it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/files/arrival_record.h"
#include "common/files/move_record.h"
#include "common/result.h"

namespace qemunit {

// An image that the copy of a drive goes into.
struct CopiedImage {
    std::string drive;
    // Of statx(2). An inode is used again when its file is gone, and the time of its birth (ns) is
    // another one then; 0 where the file system knows none.
    uint64_t device = 0, inode = 0, born = 0;
};

// "root:65025:1234:5,data:65025:1235:6"; a text that is none gives nothing.
std::string copied_images_text(const std::vector<CopiedImage> &images);
std::vector<CopiedImage> parse_copied_images(std::string_view text);

struct UnfinishedCopy {
    Move move;
    std::vector<CopiedImage> images;
};

class CopyMark {
  public:
    explicit CopyMark(std::string state_dir);

    const std::string &path() const { return path_; }
    // The disks here may not be whole. Also true if that cannot be found out.
    bool counts() const;
    // What is written in it, whether it counts or not.
    std::optional<UnfinishedCopy> read() const;
    // So also after a power failure.
    Result<> write(const UnfinishedCopy &copy) const;
    // Of one that counts no more.
    Result<> remove() const;

  private:
    std::string path_;
    ArrivalRecord arrived_;
};

}  // namespace qemunit
