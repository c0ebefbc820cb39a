// SPDX-License-Identifier: MIT
//
// Keeps a companion beside QEMU although companions may be killed: the supervisor is a process that
// holds the companion's fds, waits for its end, and forks another one if it did not end as it
// should. The supervisor must never wait for anything but its child and the signal to stop.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <functional>

namespace qemunit::helper {

// The signal that asks a VM's processes to stop the VM; QEMU ignores it. To be blocked when
// supervise() or run_companion() is called, so that no such signal is lost.
inline constexpr int kStopSignal = SIGWINCH;

// The same, from `machinectl poweroff`, which has the supervisor for the machine's leader
// (bus_machine_method_kill() in systemd; the signal is that of systemd(1)).
inline int power_off_signal() {
    return SIGRTMIN + 4;
}

// By which a companion tells its supervisor that there is a request for it (Successors).
inline int request_signal() {
    return SIGRTMIN + 5;
}

// Takeovers within a minute. After so many, the next companion would be killed for the same cause.
inline constexpr unsigned kTakeoversMax = 10;

// What a companion leaves to the next one, in memory that both share: only what QEMU cannot be
// asked for.
struct Handover {
    uint32_t takeovers = 0;  // how many companions were before this one; the supervisor counts
    uint64_t stop_asked_usec = 0;  // CLOCK_MONOTONIC of kStopSignal; the supervisor hears it too
    uint64_t stop_until_usec = 0;  // until when stopping may take; 0: nobody has begun
    bool qemu_answered = false;    // the QMP handshake was done
    bool is_ready = false;         // systemd was told READY=1
    bool has_resumed = false;      // QEMU was told to run the guest from its saved state
    bool powers_off = false;       // the guest was asked to power off
    pid_t supervisor = -1;         // which ends with `exit_status`, in QEMU's place
    int exit_status = 0;           // with which the guest says that it ends
    bool guest_is_ready = false;   // the guest has said so, by vsock
    char guest_status[256] = {};   // STATUS= that the guest has sent last
    bool is_paused = false;        // somebody had paused the guest that is saved, or loaded
    bool is_saving = false;  // the guest may stand still for that alone; is_paused is from before
    bool is_hibernating = false;  // somebody has asked for that, while the VM is wanted
    bool is_moving_out = false;   // to another host
    bool is_given = false;        // and that one may run it: this host must not
    char move[768] = {};          // move_text() of that
    uint64_t refused_usec = 0;    // CLOCK_MONOTONIC of when QEMU first did not let it come back
    bool may_run_here = false;    // a guest that comes from another host: that one has said so
    bool has_moved_in = false;    // and it runs
    pid_t successor = -1;         // a QEMU that may be there to take the guest over
    bool has_succeeded = false;   // and that one has the guest, or is about to have it
    pid_t predecessor = -1;       // the QEMU that had it before
    bool has_disks = false;       // of a guest that comes from another host: all are here
    // hardware_text() of what QEMU began with, if it is to be hibernated and there is room.
    char hardware[16384] = {};
};

// systemd signals all processes of the service, but ours end only after QEMU has ended. (SIGABRT is
// the watchdog's.)
void ignore_signals_of_the_service();

// Runs `work` in a child, and in another child if that one was killed or has failed, which is said
// on standard error. Returns, in the supervisor only, the exit code: that of the Handover if a
// child has ended well. `work` gets the fds and the memory as they are now.
// `begun` is called once, in the supervisor, when the first child is there: what only that one is
// to have is let go. `serve` is called there after each request_signal().
int supervise(const std::function<int(Handover &)> &work, const std::function<void()> &begun = {},
              const std::function<void(Handover &)> &serve = {});

}  // namespace qemunit::helper
