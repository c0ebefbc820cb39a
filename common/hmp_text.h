// SPDX-License-Identifier: MIT
//
// What QEMU's human monitor answers through QMP: text for a terminal, in which
// errors arrive with success. This tells them apart, for MonitorCommand.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace qemunit {

// The output without "\r" and without its last line end; as the error if QEMU says that
// the command failed. Some commands fail in words of their own ("Device 'x' not found"):
// nothing tells those from output, so they pass as output.
std::expected<std::string, std::string> hmp_result(std::string_view output);

}  // namespace qemunit
