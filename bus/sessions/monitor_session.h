// SPDX-License-Identifier: MIT
//
// One client with a connection of its own to a VM's monitor. One command at a time goes to QEMU by
// the daemon's connection; a client that does not read its answers stops only itself. Made by
// MonitorSessions, which knows all sessions of a VM.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bus/monitor/vm_monitor.h"
#include "bus/sessions/monitor_language.h"
#include "common/fd_watch.h"
#include "common/result.h"

struct msghdr;  // of recvmsg(2)

namespace qemunit::bus {

class MonitorSession : public std::enable_shared_from_this<MonitorSession> {
  public:
    // Bytes that one client may leave unread; a client that leaves more gets no more.
    static constexpr std::size_t kUnreadMax = 1u << 20;
    // For QEMU's reply to one command, as in MonitorCommand.
    static constexpr uint64_t kTimeout = 20 * kSecond;

    // `fd`: ours of the two ends. `ended`: once; the client has left, or does not read.
    static Result<std::shared_ptr<MonitorSession>> create(
        sd_event *event, VmMonitor &monitor, UniqueFd fd, std::unique_ptr<MonitorLanguage> language,
        std::function<void(MonitorSession &)> ended);
    MonitorSession(const MonitorSession &) = delete;
    MonitorSession &operator=(const MonitorSession &) = delete;

    void take_event(const QmpEvent &event);

  private:
    MonitorSession(sd_event *event, VmMonitor &monitor, UniqueFd fd,
                   std::unique_ptr<MonitorLanguage> language,
                   std::function<void(MonitorSession &)> ended)
        : event_(event),
          monitor_(monitor),
          fd_(std::move(fd)),
          language_(std::move(language)),
          ended_(std::move(ended)) {}
    void serve(uint32_t revents);
    void read_input();
    void advance();
    void request(MonitorRequest request);
    void say(std::string_view text);
    void flush();
    void update_watch();
    void end();

    sd_event *event_;
    VmMonitor &monitor_;
    UniqueFd fd_;
    std::unique_ptr<MonitorLanguage> language_;
    std::function<void(MonitorSession &)> ended_;
    FdWatch watch_;  // until the session ends
    std::string output_;
    std::deque<UniqueFd> fds_;  // that came with the bytes that were read last
    bool is_waiting_ = false;   // for QEMU
    bool is_advancing_ = false;
    bool is_deaf_ = false;  // the client reads no more; its commands still count
    bool input_ended_ = false;
    bool is_over_ = false;  // the language says so
};

}  // namespace qemunit::bus
