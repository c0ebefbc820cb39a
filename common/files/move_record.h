// SPDX-License-Identifier: MIT
//
// What the source of a move remembers of it, "moved-away" in the VM's state directory: the VM has
// been given away, and must not run here until it has come back. The target has ArrivalRecord. Who
// decides by them is written down in qemunit-migrate(7). The companions write them; the helper and
// qemunitctl read them, who trust nothing in there: QEMU may have written it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit {

struct Move {
    std::string token;  // of this migration, and no other
    std::string host;   // the other one; as the user has written it, or as that one calls itself
    std::string vm;     // the VM's name there
};

// "token=…\nhost=…\nvm=…\n". A text that is none gives nothing.
std::string move_text(const Move &move);
std::optional<Move> parse_move(std::string_view text);
// Hexadecimal digits, 32 of them.
bool is_move_token(std::string_view text);
// Something that can be shown in one line, of a sane length.
bool is_move_word(std::string_view text);

// What `qemunitctl receive` says to the helper that starts the VM, in a line: the move, and what
// runs there, "pc-q35-7.2" by "tcg". `copies`: copied_images_text() of the disks that come along.
std::string incoming_line(const Move &move, std::string_view machine, std::string_view accelerator,
                          std::string_view copies = {});

class MoveRecord {
  public:
    explicit MoveRecord(std::string path) : path_(std::move(path)) {}

    const std::string &path() const { return path_; }
    // Also true if that cannot be found out.
    bool exists() const;
    std::optional<Move> read() const;
    // All that takes time: after that, commit() only gives the file its name.
    Result<> prepare(const Move &move) const;
    // From now on, it is so, also after a power failure. A second call does no harm.
    Result<> commit() const;
    // From now on, it is not so; nor is anything prepared.
    Result<> remove() const;
    // The same until restore(), which makes it so again: the VM comes back, and might not run.
    // forget() what was set aside.
    Result<> set_aside() const;
    Result<> restore() const;
    Result<> forget() const;
    // Its name until commit().
    std::string unfinished() const { return path_ + ".new"; }

  private:
    std::string aside() const { return path_ + ".back"; }

    std::string path_;
};

}  // namespace qemunit
