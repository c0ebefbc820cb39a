// SPDX-License-Identifier: MIT
//
// The server's side of QMP, for clients of OpenQMP; errors are in QEMU's own words (qmp_dispatch()
// in qapi/qmp-dispatch.c). QEMU sees qemunitd's ids, and not those of the client.
#pragma once

#include "bus/sessions/json_splitter.h"
#include "bus/sessions/monitor_language.h"

namespace qemunit::bus {

class QmpLanguage : public MonitorLanguage {
  public:
    // QEMU's own limit is 64 MiB (json-streamer.c), too much for each of many.
    static constexpr std::size_t kMessageMax = 1u << 20;

    // `version`: what query-version returns.
    explicit QmpLanguage(nlohmann::json version) : version_(std::move(version)) {}

    std::string greeting() const override;
    void take(std::string_view bytes) override { input_.take(bytes); }
    std::optional<MonitorStep> next() override;
    std::string event_text(const QmpEvent &event) const override;

  private:
    MonitorStep take_message(const nlohmann::json &message);
    MonitorStep negotiate(const nlohmann::json &id, const nlohmann::json &arguments);

    nlohmann::json version_;
    JsonSplitter input_;
    bool is_negotiated_ = false;
};

}  // namespace qemunit::bus
