// SPDX-License-Identifier: MIT
//
// The connection between the two companions of a VM that moves, which QEMU's stream goes through as
// well: what they say to each other before and after it, a word a line. While QEMU reads the stream
// from it, nothing here reads.
//
//   to the source: "copy", "ready", "loaded", "runs", "refused WHY"
//   to the target: "copying", "copied", "run"
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

// The name that QEMU knows the stream by.
inline constexpr std::string_view kMoveFdName = "qemunit-move";

class MoveChannel {
  public:
    // Each may destroy the channel from within.
    struct Callbacks {
        std::function<void(const std::string &line)> line;
        std::function<void()> closed;  // once; nothing more can be heard
    };

    // `connection`: a stream socket. At first nothing is read, and closed() comes only if the
    // connection is broken.
    static Result<std::unique_ptr<MoveChannel>> create(sd_event *event, UniqueFd connection,
                                                       Callbacks callbacks);
    MoveChannel(const MoveChannel &) = delete;
    MoveChannel &operator=(const MoveChannel &) = delete;

    // Ends the connection, whoever else has it open.
    ~MoveChannel();

    // From now on, what the other side says is read.
    void listen();
    // As at first: what comes now is QEMU's. Only where the other side waits for an answer.
    void stop_listening();
    // A word that cannot be said is lost with the connection, which the other side notices.
    void say(std::string_view line);
    // For QEMU.
    UniqueFd copy() const;

  private:
    MoveChannel(UniqueFd connection, Callbacks callbacks)
        : connection_(std::move(connection)), callbacks_(std::move(callbacks)) {}
    void serve();
    void end();

    UniqueFd connection_;
    Callbacks callbacks_;
    std::string input_;
    bool listens_ = false;
    FdWatch watch_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once destroyed
};

}  // namespace qemunit::helper
