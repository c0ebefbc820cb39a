// SPDX-License-Identifier: MIT
//
// What a guest of `run` writes for its caller (--output=). QEMU of an ordinary user is that user,
// and writes in a folder of its own in there, out of which files and folders are moved when the VM
// is gone. That of root is nobody: it writes in a file system in memory, without a place in the
// tree, and they are copied. Nothing else is kept, least of all a link, which the next run would
// follow.
#pragma once

#include <string>
#include <utility>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/run/root_view.h"

namespace qemunit::ctl {

class OutputFolder {
  public:
    OutputFolder(OutputFolder &&other) noexcept
        : path_(std::move(other.path_)),
          folder_(std::move(other.folder_)),
          memory_(std::move(other.memory_)),
          written_(std::exchange(other.written_, {})) {}
    OutputFolder &operator=(OutputFolder &&) = delete;
    // A folder of the guest's stays only if something is in it.
    ~OutputFolder();

    // Makes the folder, if there is none.
    static Result<OutputFolder> open(const std::string &path);

    // For QEMU.
    Result<FolderView> for_guest() const;
    // To be called when QEMU has ended.
    Result<> collect() const;

  private:
    OutputFolder() = default;
    static Result<UniqueFd> open_place(const std::string &path);

    std::string path_;
    UniqueFd folder_;
    UniqueFd memory_;      // of root
    std::string written_;  // of others
};

// Copies regular files and folders out of `from` into `to`, over what is there; nothing else.
// Pure of the two, so that tests can have them.
Result<> copy_plain_files(int from, int to);
// The same by rename(2). Empties `from`: what is not kept is removed.
Result<> move_plain_files(int from, int to);

}  // namespace qemunit::ctl
