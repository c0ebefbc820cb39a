// SPDX-License-Identifier: MIT
//
// The language of a client's own connection to a VM's monitor: takes the client's bytes apart into
// QEMU's commands, and makes the bytes that the client gets. No I/O, which MonitorSession does.
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

// What follows from the next thing that the client said: any of these, or none.
struct MonitorStep {
    std::string text;                       // said at once
    std::optional<MonitorRequest> request;  // the next step waits for its reply
    bool ends = false;                      // the session ends here
};

class MonitorLanguage {
  public:
    virtual ~MonitorLanguage() = default;
    // What the client gets before anything else.
    virtual std::string greeting() const = 0;
    virtual void take(std::string_view bytes) = 0;
    // The next step; nothing until more bytes come.
    virtual std::optional<MonitorStep> next() = 0;
    // "" if the client does not hear of it.
    virtual std::string event_text(const QmpEvent &event) const = 0;
};

}  // namespace qemunit::bus
