// SPDX-License-Identifier: MIT
//
// Whether an image here is the very file that a VM of another host has: that host takes a lock at a
// random place of it, far behind its end, and this one looks whether somebody has a lock just
// there. Storage that both share shows it (NFS, CephFS, OCFS2, GFS2); two files that only look the
// same do not. Nothing is written. QEMU's own locks are elsewhere (bytes 100 to 300).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/files/account.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

class ImageProofs {
  public:
    // The place of the lock, which is there as long as this object; 0 if there can be none: a block
    // device, a file that we may not read, a file system without locks.
    uint64_t leave(const Account &account, const std::string &path);

  private:
    std::vector<UniqueFd> files_;
};

// Whether somebody else has left that proof in the file `path`.
bool is_proven(const Account &account, const std::string &path, uint64_t proof);

}  // namespace qemunit::ctl
