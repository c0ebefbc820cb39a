// SPDX-License-Identifier: MIT
//
// What is spoken on a connection of a client's own to a VM's monitor: the bytes that come in,
// taken apart into QEMU's commands, and the bytes that are said. No I/O: MonitorSession has that.
// Two languages: QMP for programs (qmp_language.h), HMP for people (hmp_language.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/qmp/qmp_client.h"

namespace qemunit::bus {

// For QEMU, whose reply becomes text.
struct MonitorRequest {
    std::string command;
    nlohmann::json arguments;
    bool takes_fd = false;  // one that the client has sent along
    std::function<std::string(const QmpClient::Reply &)> answer;
};

// What comes of the next thing that the client said; all of it, none of it.
struct MonitorStep {
    std::string text;                       // said at once
    std::optional<MonitorRequest> request;  // the next step waits for its reply
    bool ends = false;                      // there is no going on
};

class MonitorLanguage {
  public:
    virtual ~MonitorLanguage() = default;
    // Said before anything else.
    virtual std::string greeting() const = 0;
    virtual void take(std::string_view bytes) = 0;
    // Nothing: that takes more bytes.
    virtual std::optional<MonitorStep> next() = 0;
    // "" if the client does not hear of it.
    virtual std::string event_text(const QmpEvent &event) const = 0;
};

}  // namespace qemunit::bus
