// SPDX-License-Identifier: MIT
//
// What keeps a companion beside QEMU although it may be killed: a process that holds its
// fds, does nothing but wait for it, and forks another when it did not end as it should.
// It must never wait for anything but its child and the signal to stop.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <functional>

namespace qemunit::helper {

// What asks a VM's processes to stop it, and means nothing to QEMU. To be blocked when
// supervise() or run_companion() is called, so that none is lost.
inline constexpr int kStopSignal = SIGWINCH;

// The same, from `machinectl poweroff`, which has the supervisor for the machine's leader
// (bus_machine_method_kill() in systemd; the signal is that of systemd(1)).
inline int power_off_signal() {
    return SIGRTMIN + 4;
}

// Takeovers within a minute; after that the cause is not a chance one.
inline constexpr unsigned kTakeoversMax = 10;

// What a companion leaves to the one after it, in memory that both share: only what QEMU
// itself cannot be asked.
struct Handover {
    uint32_t takeovers = 0;        // how many were before; the supervisor counts
    uint64_t stop_asked_usec = 0;  // CLOCK_MONOTONIC of kStopSignal; the supervisor hears it too
    uint64_t stop_until_usec = 0;  // until when stopping may take; 0: nobody has begun
    bool qemu_answered = false;    // the QMP handshake was done
    bool is_ready = false;         // systemd was told READY=1
    bool has_resumed = false;      // QEMU was told to run the guest from its saved state
    bool powers_off = false;       // the guest was asked to power off
    pid_t supervisor = -1;         // who ends with what follows, in QEMU's place
    int exit_status = 0;           // that the guest has said it ends with
    bool guest_is_ready = false;   // the guest has said so, by vsock
    char guest_status[256] = {};   // what it has said last of its state
    bool is_paused = false;        // somebody had paused the guest that is saved, or loaded
    // hardware_text() of what QEMU began with, if it is to be hibernated and there is room.
    char hardware[16384] = {};
};

// systemd signals the whole service; our processes end when QEMU has, and have no other reason
// to. (SIGABRT is the watchdog's.)
void ignore_signals_of_the_service();

// Runs `work` in a child, whose exit code it returns, or that of the Handover if it ends well; in
// another child when one was killed or has failed, and says so on standard error. `work` gets the
// fds and the memory as they are now. Returns in the supervisor only.
int supervise(const std::function<int(Handover &)> &work);

}  // namespace qemunit::helper
