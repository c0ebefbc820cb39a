// SPDX-License-Identifier: MIT
//
// Varlink as machined and machinectl speak it: JSON objects on a Unix socket, each with a NUL
// behind it (varlink.org). For qemunit-machine, which asks machined and answers machinectl. Bounded
// in size and time; what comes in is anybody's.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

class Varlink {
  public:
    explicit Varlink(UniqueFd fd) : fd_(std::move(fd)) {}
    static Result<Varlink> connect(const std::string &path);

    Result<> send(const nlohmann::json &message);
    // The next object; nothing if the other side has ended. ETIMEDOUT: none came within `usec`.
    Result<std::optional<nlohmann::json>> receive(uint64_t usec);

    int fd() const { return fd_.get(); }

  private:
    Result<> wait_for(short events, uint64_t until) const;

    UniqueFd fd_;
    std::string received_;
};

}  // namespace qemunit::helper
