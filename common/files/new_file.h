// SPDX-License-Identifier: MIT
//
// Files that are made once: whole or not at all, and never over one that is there. For the helper
// and for qemunit-image, which is root in folders of others. A file that failed leaves nothing
// behind.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit {

// A file on its way into `folder`. It has no name until it is published, so that nobody else can
// have put a link there, and it is gone with this object; where the file system has no such files
// (open(2), O_TMPFILE), it is ".NAME.new" meanwhile.
class NewFile {
  public:
    enum class Kind { nameless, named };
    // Readable for its owner alone. `folder` is borrowed, and has to stay open.
    static Result<NewFile> create(int folder, std::string name, Kind kind = Kind::nameless);
    NewFile(NewFile &&other) noexcept;
    NewFile &operator=(NewFile &&) = delete;
    NewFile(const NewFile &) = delete;
    NewFile &operator=(const NewFile &) = delete;
    ~NewFile();

    int fd() const { return fd_.get(); }
    // All that the file `from` holds now, from its beginning on, and on the disk. Not what it grows
    // by meanwhile.
    Result<> fill_from(int from);
    // If the name is taken, the error's code is EEXIST.
    Result<> publish();
    // Over what has the name, which is followed nowhere. For one that is named meanwhile.
    Result<> replace();

  private:
    NewFile(int folder, std::string name) : folder_(folder), name_(std::move(name)) {}

    int folder_;
    std::string name_;
    std::string temporary_;  // "" if it has no name
    UniqueFd fd_;
};

// Copies `from` to `to` if there is no `to`; readable for its owner alone.
Result<> copy_once(const std::string &from, const std::string &to);

}  // namespace qemunit
