// SPDX-License-Identifier: MIT
//
// Opens a disk image that an ini of root's names, with root's rights where that is safe: never what
// somebody with fewer rights has laid on the way.
#pragma once

#include <optional>
#include <string>

#include "common/files/account.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit {

// `user`: of User= in the ini. Where others than root can change what the path leads to, the file
// is opened with that user's rights; without a user, only what its folder's owner can have put
// there himself. A file or a block device: nothing that would have to be waited for is opened.
Result<UniqueFd> open_named_file(const std::string &path, bool write,
                                 const std::optional<Account> &user);

}  // namespace qemunit
