// SPDX-License-Identifier: MIT
//
// The way to the journal, never blocking: sd_journal_sendv(3) waits in sendmsg() while
// journald is busy, and everything else of the companion would wait with it. This speaks
// the same protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/) from an event loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/fd_watch.h"
#include "common/result.h"
#include "common/timer.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

class Journal {
  public:
    using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

    // `on_room`: called when a full queue has room again, and when it has run empty.
    static Result<std::unique_ptr<Journal>> open(sd_event *event, std::function<void()> on_room);

    // One entry. Values hold no newline.
    void send(const Fields &fields);

    // Callers that can wait should not send now.
    bool is_full() const { return queued_bytes_ >= kQueueMax; }
    bool is_empty() const { return queue_.empty(); }
    std::size_t queued_bytes() const { return queued_bytes_; }

    // Calls `done` when journald has filed all that was sent, or after some seconds if journald
    // does not. journald looks up the unit of an entry by the sender's process: if that process has
    // ended before, its last lines are filed under no unit.
    void wait_until_filed(std::function<void()> done);

  private:
    static constexpr std::size_t kQueueMax = 256 * 1024;  // bytes

    Journal(sd_event *event, std::function<void()> on_room)
        : event_(event), on_room_(std::move(on_room)) {}
    Result<> connect();
    Result<> make_timers();
    void flush();
    void retry_later();
    void retry();
    void send_as_text();
    void check_filed();

    sd_event *event_;
    std::function<void()> on_room_;
    UniqueFd fd_;
    FdWatch io_;
    Timer retry_;
    unsigned retries_ = 0;
    std::deque<std::string> queue_;
    std::size_t queued_bytes_ = 0;
    std::function<void()> filed_;
    Timer filed_timer_;
    unsigned filed_checks_ = 0;
    bool empty_sent_ = false;
};

}  // namespace qemunit::helper
