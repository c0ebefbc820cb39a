// SPDX-License-Identifier: MIT
//
// QEMU's human monitor through QMP: what a line may be, and what QEMU answers: text for a terminal,
// also for errors, since the QMP command itself succeeds. For qemunitd and qemunitctl; no I/O.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace qemunit {

// Whether human-monitor-command can carry the line: QEMU's JSON takes only UTF-8, and no NUL in a
// command.
bool is_hmp_text(const std::string &line);

// Whether QEMU ends by this command, perhaps before it answers.
bool is_hmp_quit(std::string_view line);

// Whether this command loads a snapshot, or tries to.
bool is_hmp_load(std::string_view line);

// The output without "\r" and without its last line end; as the error if QEMU says that
// the command failed. Some commands fail in words of their own ("Device 'x' not found"):
// nothing tells those from output, so they pass as output.
std::expected<std::string, std::string> hmp_result(std::string_view output);

// The reason in such an error: "Error: no such device" -> "no such device". Empty if QEMU did not
// run the command to begin with.
std::string_view hmp_error(std::string_view text);

}  // namespace qemunit
