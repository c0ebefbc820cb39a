// SPDX-License-Identifier: MIT
//
// The names of the errors that callers see on the bus; org.qemunit1(5) lists them.
// Programs compare these names, so they never change their meaning.
#pragma once

namespace qemunit::bus_error {

inline constexpr char kNoSuchVm[] = "org.qemunit1.Error.NoSuchVM";
inline constexpr char kNotRunning[] = "org.qemunit1.Error.NotRunning";
inline constexpr char kMonitor[] = "org.qemunit1.Error.Monitor";
inline constexpr char kTimeout[] = "org.qemunit1.Error.Timeout";
inline constexpr char kAgent[] = "org.qemunit1.Error.Agent";
inline constexpr char kBusy[] = "org.qemunit1.Error.Busy";
inline constexpr char kNoCheckpoint[] = "org.qemunit1.Error.NoCheckpoint";
inline constexpr char kInvalidArgument[] = "org.qemunit1.Error.InvalidArgument";

}  // namespace qemunit::bus_error
