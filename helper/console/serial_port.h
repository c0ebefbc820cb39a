// SPDX-License-Identifier: MIT
//
// One serial port of the guest: always reads, writes lines to the journal, and fans out to
// any number of clients of its socket, who may all type. A client that does not read loses
// its own output and delays nobody; a busy journal slows the guest, and loses nothing. At the
// VM's end, who reads still gets the last words.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "common/console/console_lines.h"
#include "common/fd_watch.h"
#include "common/result.h"
#include "common/sockets/acceptor.h"
#include "common/timer.h"
#include "helper/console/console_history.h"
#include "helper/console/journal.h"
#include "helper/console/port_end.h"

namespace qemunit::helper {

class SerialPort {
  public:
    // `journal`: nullptr if the port is not logged. `on_end`: QEMU has closed its side, the last
    // line is with the journal, and the clients that read have read all.
    static Result<std::unique_ptr<SerialPort>> create(sd_event *event, const std::string &vm,
                                                      PortEnd end, Journal *journal,
                                                      std::function<void()> on_end);
    ~SerialPort();

    // Further listeners to what the guest prints: to whole lines as the journal has them, also
    // where the port is not logged, or to bytes as they come.
    void on_line(std::function<void(const std::string &line)> callback) {
        on_line_ = std::move(callback);
    }
    void on_bytes(std::function<void(std::string_view bytes)> callback) {
        on_bytes_ = std::move(callback);
    }

    // How QEMU is asked whether it runs: it calls back when it does, or when it cannot be asked any
    // more. Without that, QEMU counts as one that runs.
    using AskQemu = std::function<void(std::function<void()> answered)>;
    void ask_qemu_by(AskQemu ask) { ask_qemu_ = std::move(ask); }

    // Types `bytes` as a client would, after what clients typed before.
    void type(std::string_view bytes);
    // Whether QEMU has not taken all that was typed; a guest that listens takes it at once.
    bool has_untaken() const;
    // Of that, what does not wait here.
    bool has_untaken_in_socket() const;

    // While held, what clients type waits here: what QEMU has not taken by then would be lost with
    // that QEMU.
    void hold_input(bool held);
    // The guest goes on in another QEMU, which `guest` leads to: what the one before has printed is
    // read to its end, and clients and lines go on. To be called when the guest does not run in
    // either.
    Result<> go_on_with(UniqueFd guest);

    // The journal has room again.
    void resume();
    // The silence of a paused guest ends no line: the rest of the line may come when the guest runs
    // on.
    void set_guest_runs(bool runs);
    const std::string &name() const { return name_; }
    bool has_ended() const { return has_ended_; }
    bool has_clients() const { return !clients_.empty(); }

  private:
    struct Client;

    SerialPort(sd_event *event, const std::string &vm, PortEnd end, Journal *journal,
               std::function<void()> on_end);
    Result<> watch();
    Result<> watch_clients(UniqueFd listener);
    void read_guest();
    void gather();
    void end_gathering();
    void update_guest_events();
    void take_output(std::string_view bytes);
    void end();
    void drop_slow_clients();
    void take_client(UniqueFd fd);
    void serve(Client &client, uint32_t revents);
    bool read_client(Client &client);
    void write_guest();
    void drop_closed_clients();
    void take_line(const std::string &line);
    void arm_partial_timer();
    void end_partial_line();
    void take_answer_of_qemu(uint64_t asked_usec);

    sd_event *event_;
    const std::string vm_;
    const std::string name_;
    const std::string identifier_;
    const bool direct_;
    const bool is_console_;
    UniqueFd guest_;
    std::unique_ptr<Acceptor> acceptor_;
    Journal *journal_;
    std::function<void()> on_end_;
    std::function<void(const std::string &)> on_line_;
    std::function<void(std::string_view)> on_bytes_;
    AskQemu ask_qemu_;
    ConsoleLines lines_;
    FdWatch guest_watch_;
    Timer partial_timer_;
    Timer gather_timer_;
    Timer slow_timer_;      // of clients that have not read all when the guest has ended
    bool gathers_ = false;  // bytes, unread
    bool is_held_ = false;  // what is typed
    bool waits_for_journal_ = false;
    bool guest_runs_ = true;
    unsigned silence_ = 0;     // the number of the one that is measured
    bool was_silent_ = false;  // for half of the time
    bool has_ended_ = false;
    unsigned slow_rounds_ = 0;
    std::list<std::unique_ptr<Client>> clients_;
    std::string typed_;  // by clients, not yet taken by QEMU
    ConsoleHistory history_;
};

}  // namespace qemunit::helper
