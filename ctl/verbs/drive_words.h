// SPDX-License-Identifier: MIT
//
// QEMU's -drive options, whose files are sets of open files, with the paths of these files. For
// what a person can run by hand, and for comparing two command lines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::ctl {

// "/dev/fdset/1" -> "/srv/a.qcow2"
using FilesOfSets = std::map<std::string, std::string>;

// By what ExecStart= tells the helper; by what the helper has told QEMU (-add-fd).
FilesOfSets files_of_helper(const std::vector<std::string> &exec_start);
FilesOfSets files_of_qemu(const std::vector<std::string> &command);

// Puts the paths in the place of the sets.
void name_files(std::vector<std::string> &command, const FilesOfSets &files);

// What does not depend on the ini, or was added by the helper: names of nodes, layers. Then the
// words of a VM that 0.7.0 has started look the same, too.
void leave_out_nodes(std::vector<std::string> &command);

// Takes the limits (throttling) out of each -drive that has an id, as numbers by the names that
// they have in query-block and block_set_io_throttle: "root" -> "bps_rd" -> 1000000. A limit that
// is not there is 0.
using DriveLimits = std::map<std::string, uint64_t>;
std::map<std::string, DriveLimits> take_limits(std::vector<std::string> &command);

// What is behind the id of a tap: its interface, or the descriptor that the helper has put there.
void leave_out_taps(std::vector<std::string> &command);

// The text behind the colon of that number.
std::string_view behind_colons(std::string_view text, unsigned count);

// An option's value between its commas; a doubled one is part of a value.
std::vector<std::string> split_parts(std::string_view value);

}  // namespace qemunit::ctl
