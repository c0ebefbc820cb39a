// SPDX-License-Identifier: MIT
//
// For programs that write a few words to standard error, which is the journal, and end.
#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ctime>

namespace qemunit {

// journald looks up the unit of a process when it reads what that has written, and finds none once
// the process is gone: the words of a user's unit would be in no journal of the VM.
// This waits for a second at most.
inline void wait_for_journald() {
    constexpr int kLooksMax = 200;
    constexpr timespec kInterval{.tv_sec = 0, .tv_nsec = 5'000'000};
    int unread = 0;  // bytes that the reader has not taken yet (unix(7), SIOCOUTQ)
    for (int looks = 0; looks < kLooksMax; ++looks)
        if (nanosleep(&kInterval, nullptr);
            ioctl(STDERR_FILENO, SIOCOUTQ, &unread) != 0 || unread == 0)
            return;
}

}  // namespace qemunit
