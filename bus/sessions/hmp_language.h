// SPDX-License-Identifier: MIT
//
// QEMU's human monitor as lines, as clients of OpenMonitor speak it. Like monitor.sock, but without
// QEMU's line editor, whose echo and escape sequences are hard to read for scripts. Each line is
// run by QMP's human-monitor-command.
#pragma once

#include "bus/sessions/monitor_language.h"

namespace qemunit::bus {

class HmpLanguage : public MonitorLanguage {
  public:
    // READLINE_CMD_BUF_SIZE of QEMU's include/qemu/readline.h.
    static constexpr std::size_t kLineMax = 4095;

    // `qemu_version`: "7.2.22".
    explicit HmpLanguage(std::string qemu_version) : qemu_version_(std::move(qemu_version)) {}

    std::string greeting() const override;
    void take(std::string_view bytes) override;
    std::optional<MonitorStep> next() override;
    std::string event_text(const QmpEvent &) const override { return {}; }

  private:
    std::optional<std::string> take_line();

    std::string qemu_version_;
    std::string input_;
    bool after_cr_ = false;  // the next byte may be the rest of "\r\n"
    bool too_long_ = false;  // of the line that is being read, the beginning is dropped
};

}  // namespace qemunit::bus
