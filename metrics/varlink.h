// SPDX-License-Identifier: MIT
//
// Varlink (varlink.org) as systemd-report(1) of systemd 260 speaks it: calls of io.systemd.Metrics
// are read, and answers written, each of them a JSON object with a NUL behind it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "metrics/exposition.h"

namespace qemunit::metrics {

// A longer call ends the connection.
inline constexpr std::size_t kVarlinkCallMax = 8192;

struct VarlinkCall {
    enum class Kind { list, answered, bad };
    Kind kind = Kind::bad;
    std::string answer;      // if it is that; of a list, it is the text of Format::varlink
    bool is_oneway = false;  // nobody wants an answer
};

// The first call, which is taken out of `received`. Nothing, as long as it is not there as a whole.
std::optional<VarlinkCall> take_varlink_call(std::string &received);

// A sample, as a reply that others follow. "qemunit_vm_cpu_seconds" and "_total" become
// "org.qemunit1.vm_cpu_seconds_total"; the label "vm" becomes the object, the others are fields.
std::string varlink_sample(std::string_view family, std::string_view suffix,
                           const SampleLabels &labels, std::string_view number);
// The same replies, of which the last one says that it is the last.
std::string last_one_last(std::string replies);

// For a list that could not be had.
std::string varlink_trouble(std::string_view why);

}  // namespace qemunit::metrics
