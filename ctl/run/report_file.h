// SPDX-License-Identifier: MIT
//
// The files that `run` writes for its caller, --junit= and --events=, where the guest may write in
// the same folder: by --output= or --share=, also in an earlier run. Follows no link there, writes
// into no file that has another name, and waits for nobody.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

// A file that is written when the guest is gone, in a folder that is opened before the guest is
// there. The caller's own descriptors (/dev/stdout, /dev/fd/3) and devices are written as they
// are.
class ReportFile {
  public:
    // Makes the folder, if there is none. "": no file is written.
    static Result<ReportFile> open(const std::string &path);
    // Over what is there.
    Result<> write(std::string_view text) const;

  private:
    std::string path_, name_;
    UniqueFd folder_;  // of a file
    UniqueFd file_;    // else
};

// A folder, made if there is none, for a path that is absolute and has no "..". Follows a link
// where only root can have made it: a guest, or another user, may have laid out the others.
Result<UniqueFd> open_folder_without_links(const std::filesystem::path &path);

// For what comes while the guest runs: an empty file, a fifo that somebody reads, a device, or one
// of the caller's own descriptors.
Result<UniqueFd> open_event_file(const std::string &path);

}  // namespace qemunit::ctl
