// SPDX-License-Identifier: MIT
//
// Who calls: the user behind a name on the bus, how many calls of that user are open, and whether
// the caller is still there, so that no user's calls take the memory that others need. A call holds
// its OpenCall from its arrival until its answer. Grants no rights.
#pragma once

#include <systemd/sd-bus.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit::bus {

struct Caller {
    std::string name;             // on the bus, unique: never another's
    std::optional<uint32_t> uid;  // as soon as the bus has said so
    bool is_there = true;
};

// One call that is not answered yet, and its caller. Counts as open until this object is gone.
class OpenCall {
  public:
    OpenCall() = default;
    OpenCall(OpenCall &&) = default;
    OpenCall &operator=(OpenCall &&) = default;

    // Whoever has left hears no answer: nothing is begun for them any more.
    bool has_left() const { return caller_ && !caller_->is_there; }
    const std::shared_ptr<Caller> &caller() const { return caller_; }

  private:
    friend class Callers;
    std::shared_ptr<Caller> caller_;
    std::shared_ptr<void> place_;
};

// The bytes that malloc(3) has given out.
std::size_t bytes_in_use();

class Callers {
  public:
    // At once, of a user (of a connection, before the user is known), and of all but the trusted. A
    // message has up to 16 fds, and LimitNOFILE= of qemunitd.service is 65536.
    static constexpr unsigned kMaxOfUser = 128;
    static constexpr unsigned kMax = 2048;

    // What this process may have in memory. Beyond the first bound, a caller who has a call open
    // gets no other; beyond the second, nobody gets one. libsystemd does not tell how large a
    // message is, up to 32 MiB (dbus-daemon(1), max_message_size), but malloc tells what is in use.
    static constexpr std::size_t kTightBytes = 48u << 20;
    static constexpr std::size_t kMaxBytes = 128u << 20;

    explicit Callers(std::size_t (*memory)() = bytes_in_use) : memory_(memory) {}
    Callers(const Callers &) = delete;
    Callers &operator=(const Callers &) = delete;

    // Sees callers leave the bus from here on.
    Result<> watch(sd_bus *bus);

    // Opens a call of the caller with that name on the bus. Nothing if there are too many.
    std::optional<OpenCall> open(const std::string &name);
    // The bus has said which user the call is of. False if this user has too many calls open; calls
    // of a user who is trusted do not count.
    bool identify(OpenCall &call, uint32_t uid, bool is_trusted);
    void leave(const std::string &name);

  private:
    // Shared with the open calls, which may outlive this object.
    struct Count {
        unsigned all = 0;
        std::map<std::string, unsigned> of;  // ":1.5", "1000"
    };

    std::shared_ptr<void> take_place(const std::string &whose);
    static int on_name_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *);

    std::size_t (*memory_)();
    std::map<std::string, std::shared_ptr<Caller>> callers_;
    std::shared_ptr<Count> count_ = std::make_shared<Count>();
    SlotPtr leaving_;
};

// The callers of this process, which has one bus.
Callers &callers();

}  // namespace qemunit::bus
