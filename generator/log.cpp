// SPDX-License-Identifier: MIT
#include "generator/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <syslog.h>

namespace qemunit {

namespace {

// A record of the kernel log holds 976 bytes of text (kernel/printk/printk.c,
// PRINTKRB_RECORD_MAX); what is longer would be refused whole.
constexpr std::size_t kRecordMax = 900;

}  // namespace

Log::Log(Reader reader) : reader_(reader) {
    if (reader == Reader::kernel_log)
        kernel_.reset(open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY));
}

void Log::write(const Diagnostic &diagnostic) const {
    write(diagnostic.severity, to_string(diagnostic));
}

void Log::write(Severity severity, std::string_view message) const {
    if (!kernel_ && reader_ != Reader::journal) {
        fmt::print(stderr, "{}\n", message);
        return;
    }
    const int priority = severity == Severity::error ? LOG_ERR : LOG_WARNING;
    const std::string record = fmt::format("<{}>qemunit-generator[{}]: {}\n", priority, getpid(),
                                           message.substr(0, kRecordMax));
    // Nothing is left to be done about a log that cannot be written.
    (void)!::write(kernel_ ? kernel_.get() : STDERR_FILENO, record.data(), record.size());
}

}  // namespace qemunit
