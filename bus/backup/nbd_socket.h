// SPDX-License-Identifier: MIT
//
// A socket that QEMU listens on for clients of NBD, and that nobody finds by a path: whoever has
// the descriptor connects to "/proc/self/fd/N", as often as they like. It is made here, since a
// sandboxed QEMU makes none.
#pragma once

#include <cstdint>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::bus {

struct NbdSocket {
    UniqueFd listener;
    UniqueFd place;  // O_PATH, of the socket
};
Result<NbdSocket> make_nbd_socket();

// A file without a name, for what the guest overwrites, and the bytes that are free there.
struct ScratchFile {
    UniqueFd fd;
    uint64_t available = 0;
};
Result<ScratchFile> make_scratch_file();

}  // namespace qemunit::bus
