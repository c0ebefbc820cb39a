// SPDX-License-Identifier: MIT
//
// What a VM's unit has in the journal, from the moment this object was made.
#pragma once

#include <systemd/sd-journal.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "tests/e2e/deadline.h"

namespace qemunit::e2e {

struct JournalEntry {
    std::string message;
    std::string vm;     // QEMUNIT_VM=
    std::string port;   // QEMUNIT_PORT=: a line of that serial port, else empty
    std::string event;  // QEMUNIT_EVENT=, of an event of QEMU's
    std::string event_data;
    std::string message_id;
    std::string priority;
    std::string identifier;
};

class Journal {
  public:
    // Entries that carry _SYSTEMD_UNIT=`unit`; of a user's manager: _SYSTEMD_USER_UNIT=.
    enum class Of { system, user };
    explicit Journal(const std::string &unit, Of of = Of::system);

    // Reads on until an entry for which `wanted` is true; gives all entries that it read,
    // that one last.
    Result<std::vector<JournalEntry>> read_until(
        const std::function<bool(const JournalEntry &)> &wanted, Deadline deadline = Deadline(),
        const std::function<void()> &meanwhile = [] {});
    // The same, for a line of a serial port that contains `text`.
    Result<std::vector<JournalEntry>> read_until_line(const std::string &text,
                                                      Deadline deadline = Deadline());
    // Hands over what the first serial port prints, line by line, until `take` wants no more.
    // For many lines: nothing is kept. Fails when none comes for the time of a Deadline.
    Result<> read_lines(const std::function<bool(std::string_view line)> &take);
    // The entry of QEMU's event `name`.
    Result<JournalEntry> read_until_event(const std::string &name);
    // All that was written before this call.
    std::vector<JournalEntry> read_rest();

  private:
    struct Deleter {
        void operator()(sd_journal *journal) const { sd_journal_close(journal); }
    };
    JournalEntry current() const;
    // Points into the journal's file; empty if the entry has none.
    std::string_view field(const char *name) const;

    std::unique_ptr<sd_journal, Deleter> journal_;
};

// The messages of the entries of serial port `port`.
std::vector<std::string> lines_of(const std::vector<JournalEntry> &entries,
                                  const std::string &port = "serial");

// "journalctl -u UNIT", as a person sees it.
std::string journalctl(const std::string &unit);

}  // namespace qemunit::e2e
