// SPDX-License-Identifier: MIT
//
// A file on its way from a server: what of it is here, and which version of the server's file that
// is of. For qemunit-fetch. Has its final name only when it is whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

class PartialFile {
  public:
    // "NAME.part" in the current folder, with what an earlier run left if that was of this URL.
    // Fails if another process is at it.
    static Result<PartialFile> open(std::string name, std::string url);

    uint64_t size() const { return size_; }
    // An ETag or a date; what goes into If-Range. "" where nothing can be continued.
    const std::string &version() const { return version_; }

    // From here on it is of this version, and empty.
    Result<> begin(const std::string &version);
    Result<> append(std::string_view bytes);
    // Whether the folder's file system has room for so many bytes more.
    Result<> check_room(uint64_t more) const;
    // Durable, and under its own name.
    Result<> finish();

  private:
    PartialFile(std::string name, std::string url) : name_(std::move(name)), url_(std::move(url)) {}
    std::string part() const { return name_ + ".part"; }
    std::string record() const { return name_ + ".from"; }
    void read_record();

    std::string name_, url_, version_;
    UniqueFd file_;
    uint64_t size_ = 0;
};

}  // namespace qemunit::helper
