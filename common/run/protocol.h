// SPDX-License-Identifier: MIT
//
// What `qemunitctl run`, qemunit-helper and the init in the guest say to each other. Plain C
// strings: the init has no C++ library. Whatever comes from the guest may be wrong on purpose.
#pragma once

namespace qemunit::run {

// --- The caller to the helper: one message on the helper's standard input ---
//
// Its bytes are names, each with a newline behind it, and with each comes a descriptor. A name that
// is a file's has the number kFirstFile + its place in QEMU, so that the ini can name it:
// /proc/self/fd/100. The others are sockets, connected, and chardevs of QEMU by these names.
// The helper answers with one byte, before anything of a guest is there: it runs.
// When the caller's end of the standard input is closed, the VM ends at once.
inline constexpr int kFirstFile = 100;
inline constexpr int kMostHanded = 64;
inline constexpr char kFilePrefix[] = "file-";
inline constexpr char kOpenFiles[] = "/proc/self/fd";

// --- The caller and the guest's init: ports of virtio-serial ---
inline constexpr char kInput[] = "run-in";
inline constexpr char kOutput[] = "run-out";
inline constexpr char kErrors[] = "run-err";
inline constexpr char kEvents[] = "run-events";  // what the command writes to $QEMUNIT_EVENTS
// The last one: when the guest sees its other end, it sees those of the others, too.
inline constexpr char kControl[] = "run-control";

// Lines on kControl, to the guest:
//   signal 2              for the command
//   input-ends 1234       so many bytes are all that comes on kInput
//   window 24 80          rows and columns of the command's terminal
// and from it:
//   began                 the command runs
//   exited 0 12 34 0      its status, and how many bytes it wrote to output, errors and events
//   killed 9 12 34 0      by a signal
//   failed TEXT           there is no command to wait for
inline constexpr char kSignal[] = "signal";
inline constexpr char kInputEnds[] = "input-ends";
inline constexpr char kWindow[] = "window";
inline constexpr char kBegan[] = "began";
inline constexpr char kExited[] = "exited";
inline constexpr char kKilled[] = "killed";
inline constexpr char kFailed[] = "failed";

// --- The init's orders, a file beside it in the initrd: KEY=VALUE, each with a NUL behind it ---
inline constexpr char kInitPath[] = "/qemunit-init";
inline constexpr char kJobPath[] = "/qemunit-job";
// module=PATH     to load, in this order
// root=9p:TAG     read-only, with a layer in memory above it
// root=disk:/dev/vda   the file system there, or in a partition of it; in the same way
// root=initrd
// share=ro:TAG:PATH, share=rw:TAG:PATH
// network=ADDRESS MASK GATEWAY NAMESERVER   of the one network card
// terminal=24 80  rows and columns; pipes if it is not there
// events=PATH     a fifo, which is made
// host=NAME       of the guest
// folder=PATH     where the command begins; / if there is none
// env=NAME=VALUE
// arg=WORD        of the command, in this order
inline constexpr char kModule[] = "module", kRoot[] = "root", kShare[] = "share", kHost[] = "host",
                      kFolder[] = "folder", kEnvironment[] = "env", kEventsPath[] = "events",
                      kNetwork[] = "network", kTerminal[] = "terminal", kArgument[] = "arg";

// Where these are in the guest.
inline constexpr char kOutputFolder[] = "/run/qemunit-output";
inline constexpr char kEventsFifo[] = "/run/qemunit-events";

}  // namespace qemunit::run
