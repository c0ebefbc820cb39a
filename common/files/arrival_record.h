// SPDX-License-Identifier: MIT
//
// What the target of a move knows of it: a file per move, "moved-in.TOKEN.STATE" in the VM's state
// directory, whose name is the state. A step is a rename(2) that only one of two can do, and is on
// the disk before anybody is told of it.
//
//   state     what is so                                      "has it run?"     what may follow
//   coming    all is loaded here; the source decides          no, by revoke()   taken, refused
//   taken     "run" was said; the guest may run any moment    to be waited for  runs, refused
//   runs      the guest runs here, or has                     yes               (final)
//   refused   the guest of that move never runs here          no                (final)
//   no file   nothing came so far, or it is forgotten, or     nobody knows
//             the disk is not there
//
// Before a guest runs here for any other reason, "coming" and "refused" of other moves are
// forgotten: the disks are not those any more that such a guest stands still over elsewhere, and
// "no" would let it go on. QEMU may write in this folder: it can lose its own guest, no other's.
#pragma once

#include <string>
#include <string_view>

#include "common/files/move_record.h"
#include "common/result.h"

namespace qemunit {

// none: surely no file. unknown: that cannot be found out.
enum class Arrival { none, coming, taken, runs, refused, unknown };

class ArrivalRecord {
  public:
    explicit ArrivalRecord(std::string state_dir) : state_dir_(std::move(state_dir)) {}

    Arrival state(std::string_view token) const;

    // Each also if it is so already; then it is on the disk. An error says that it may be so, or
    // not.
    Result<> expect(const Move &move) const;             // none -> coming
    Result<> take(std::string_view token) const;         // coming -> taken
    Result<> confirm(std::string_view token) const;      // taken -> runs
    Result<> revoke(std::string_view token) const;       // coming -> refused
    Result<> give_back(std::string_view token) const;    // taken -> refused; it has not run
    Result<> forget_others(std::string_view but) const;  // coming, refused -> none

  private:
    std::string path_of(std::string_view token, Arrival state) const;
    Result<> step(std::string_view token, Arrival from, Arrival to) const;
    Result<> forget_oldest() const;

    std::string state_dir_;
};

}  // namespace qemunit
