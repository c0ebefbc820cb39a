// SPDX-License-Identifier: MIT
#include "tests/e2e/journal.h"

#include <ctime>

#include "tests/e2e/process.h"

namespace qemunit::e2e {

Journal::Journal(const std::string &unit, Of of) {
    sd_journal *journal = nullptr;
    // A user's entries are in a file of their own.
    const int files = of == Of::system ? SD_JOURNAL_SYSTEM : 0;
    if (sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | files) < 0)
        return;
    journal_.reset(journal);
    const std::string match = (of == Of::system ? "_SYSTEMD_UNIT=" : "_SYSTEMD_USER_UNIT=") + unit;
    sd_journal_add_match(journal, match.data(), match.size());
    sd_journal_set_data_threshold(journal, 0);
    // Not sd_journal_seek_tail(): while nothing matches, that stays "the end" and skips all
    // but the last of what comes first.
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    sd_journal_seek_realtime_usec(journal, static_cast<uint64_t>(now.tv_sec) * 1'000'000 +
                                               static_cast<uint64_t>(now.tv_nsec) / 1000);
    sd_journal_get_fd(journal);  // changes count from here on
}

std::string_view Journal::field(const char *name) const {
    const void *data = nullptr;
    std::size_t length = 0;
    if (sd_journal_get_data(journal_.get(), name, &data, &length) < 0)
        return {};
    std::string_view text(static_cast<const char *>(data), length);
    text.remove_prefix(std::min(text.size(), text.find('=') + 1));
    return text;
}

JournalEntry Journal::current() const {
    auto copy = [this](const char *name) {
        return std::string(field(name));
    };
    return {copy("MESSAGE"),       copy("QEMUNIT_VM"),         copy("QEMUNIT_PORT"),
            copy("QEMUNIT_EVENT"), copy("QEMUNIT_EVENT_DATA"), copy("MESSAGE_ID"),
            copy("PRIORITY"),      copy("SYSLOG_IDENTIFIER")};
}

Result<> Journal::read_lines(const std::function<bool(std::string_view)> &take) {
    for (;;) {
        const Deadline deadline;
        while (sd_journal_next(journal_.get()) <= 0) {
            if (deadline.passed())
                return fail(ETIMEDOUT, "no further line of the console came");
            sd_journal_wait(journal_.get(), deadline.usec_left());
        }
        if (field("QEMUNIT_PORT") == "serial" && !take(field("MESSAGE")))
            return {};
    }
}

Result<std::vector<JournalEntry>> Journal::read_until(
    const std::function<bool(const JournalEntry &)> &wanted, Deadline deadline,
    const std::function<void()> &meanwhile) {
    std::vector<JournalEntry> entries;
    for (;;) {
        while (sd_journal_next(journal_.get()) > 0) {
            entries.push_back(current());
            if (wanted(entries.back()))
                return entries;
        }
        meanwhile();
        if (deadline.passed()) {
            std::string seen;
            for (const JournalEntry &entry : entries)
                seen += "  " + entry.message + "\n";
            if (seen.size() > 4000)
                seen.replace(0, seen.size() - 4000, "  …\n");
            return fail(ETIMEDOUT, "not in the journal; seen:\n" + seen);
        }
        sd_journal_wait(journal_.get(), deadline.usec_left());
    }
}

Result<std::vector<JournalEntry>> Journal::read_until_line(const std::string &text,
                                                           Deadline deadline) {
    auto entries = read_until(
        [&](const JournalEntry &entry) {
            return !entry.port.empty() && entry.message.find(text) != std::string::npos;
        },
        deadline);
    if (!entries)
        return fail(entries.error().code, "\"" + text + "\": " + entries.error().message);
    return entries;
}

Result<JournalEntry> Journal::read_until_event(const std::string &name) {
    auto entries = read_until([&](const JournalEntry &entry) { return entry.event == name; });
    if (!entries)
        return fail(entries.error().code, name + ": " + entries.error().message);
    return entries->back();
}

std::vector<JournalEntry> Journal::read_rest() {
    run_words("journalctl --sync");
    std::vector<JournalEntry> entries;
    sd_journal_process(journal_.get());
    while (sd_journal_next(journal_.get()) > 0)
        entries.push_back(current());
    return entries;
}

std::vector<std::string> lines_of(const std::vector<JournalEntry> &entries,
                                  const std::string &port) {
    std::vector<std::string> lines;
    for (const JournalEntry &entry : entries)
        if (entry.port == port)
            lines.push_back(entry.message);
    return lines;
}

std::string journalctl(const std::string &unit) {
    run_words("journalctl --sync");
    return run({"journalctl", "--no-pager", "--quiet", "--unit=" + unit}).output;
}

}  // namespace qemunit::e2e
