// SPDX-License-Identifier: MIT
//
// A connection to the socket of a serial port.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/fd_watch.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/console/output_queue.h"

namespace qemunit::ctl {

struct ConsoleTarget {
    std::string vm, port, path;
};

class PortConnection {
  public:
    struct Callbacks {
        std::function<void()> readable;  // also at the end, which read(2) tells
        std::function<void()> written;   // some of what waited was written
    };
    // The error's code is that of connect(2), its text says why in words.
    static Result<PortConnection> open(sd_event *event, const ConsoleTarget &target,
                                       Callbacks callbacks);

    int fd() const { return fd_.get(); }
    void write(std::string_view bytes) { output_->write(bytes); }
    // Of what was written, the bytes that the companion has not taken.
    std::size_t waiting() const { return output_->size(); }
    bool has_untaken() const;
    // Whether `readable` is called.
    void set_reading(bool reads) { watch_.set_enabled(reads); }
    void stop_reading() { watch_.reset(); }

  private:
    PortConnection(UniqueFd fd, std::unique_ptr<OutputQueue> output, FdWatch watch)
        : fd_(std::move(fd)), output_(std::move(output)), watch_(std::move(watch)) {}

    UniqueFd fd_;
    std::unique_ptr<OutputQueue> output_;
    FdWatch watch_;
};

// Whether a connection failed since the port is not there, or nobody listens: the VM is off.
bool has_nobody(const Error &error);

}  // namespace qemunit::ctl
