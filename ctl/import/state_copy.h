// SPDX-License-Identifier: MIT
//
// The UEFI variables and the state of the TPM of a VM that is imported, copied into the state
// directory of the new one. For `qemunitctl import --with-state`. The originals are only read, and
// as root, no link to them is followed that somebody else can have made; the copies go with this
// object, unless they are to be kept.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/import/imported_vm.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// A regular file of `most` bytes at most. Whoever is root opens what the folder's owner can have
// put there himself, and nothing else (common/files/named_file.h).
Result<UniqueFd> open_state_file(const std::string &path, off_t most);

class StateCopy {
  public:
    // An error if there is something in the folder of an earlier VM of that name. What cannot be
    // copied is lost, and `vm` is told.
    static Result<StateCopy> make(const Invocation &invocation, const std::string &name,
                                  ImportedVm &vm);
    StateCopy(StateCopy &&other) noexcept
        : path_(std::exchange(other.path_, {})),
          folder_(std::move(other.folder_)),
          tpm_(std::move(other.tpm_)),
          made_(std::exchange(other.made_, {})) {}
    StateCopy &operator=(StateCopy &&) = delete;
    StateCopy(const StateCopy &) = delete;
    StateCopy &operator=(const StateCopy &) = delete;
    ~StateCopy();

    void keep() {
        path_.clear();
        made_.clear();
    }

  private:
    struct Made {
        int folder;
        std::string name;
        int flags;  // of unlinkat(2)
    };

    StateCopy() = default;
    Result<> copy_variables(ImportedVm &vm);
    Result<> copy_tpm(ImportedVm &vm);
    Result<> copy_file(int from, const std::string &path, int folder, const std::string &name);

    std::string path_;  // of the folder; "" if all stays
    UniqueFd folder_, tpm_;
    std::vector<Made> made_;  // in their order
};

}  // namespace qemunit::ctl
