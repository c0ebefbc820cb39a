// SPDX-License-Identifier: MIT
//
// QEMU's end of a network card, for the loop of qemunit-usernet: one connection at a time, frames
// in both directions. A QEMU that does not read loses frames; one that breaks the rules is hung up
// on. Never waits.
#pragma once

#include <functional>

#include "common/unique_fd.h"
#include "helper/usernet/frames.h"

namespace qemunit::helper {

class GuestStream {
  public:
    bool is_connected() const { return static_cast<bool>(fd_); }
    int fd() const { return fd_.get(); }
    void connect(UniqueFd fd);

    // QEMU has written something, or has gone.
    Result<> receive(const std::function<void(Frame)> &take);
    void send(Frame frame) {
        if (fd_)
            writer_.add(frame);
    }
    bool has_pending() const { return fd_ && !writer_.pending().empty(); }
    // Writes what is pending, as far as there is room.
    void flush();

  private:
    void hang_up();

    UniqueFd fd_;
    FrameReader reader_;
    FrameWriter writer_;
};

}  // namespace qemunit::helper
