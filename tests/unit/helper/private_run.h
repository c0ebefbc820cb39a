// SPDX-License-Identifier: MIT
//
// A /run of a test's own: journald's socket has a fixed path there, and the machine's
// journal is no place for tests.
#pragma once

#include <functional>

namespace qemunit::testing {

enum class PrivateRun { passed, failed, impossible };

// Runs `body` in a child process that sees an empty /run/systemd/journal. Impossible where
// we may make no mount namespace.
PrivateRun in_private_run(const std::function<void()> &body);

// The same for a process that is one of its own already; whether it was possible.
bool enter_private_run();

}  // namespace qemunit::testing
