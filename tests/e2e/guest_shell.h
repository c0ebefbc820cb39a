// SPDX-License-Identifier: MIT
//
// The shell that the Linux guest has on its serial port (tools/fetch-linux-guest).
#pragma once

#include <optional>
#include <string>

#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {

class GuestShell {
  public:
    // Waits for the guest's prompt. The VM needs a kernel that keeps silent.
    explicit GuestShell(const VmUnderTest &vm) : GuestShell(vm.socket("serial")) {}
    explicit GuestShell(const std::string &serial_socket);
    // Of a guest that goes on from where it was saved, and says nothing by itself.
    static GuestShell of_resumed(const VmUnderTest &vm) {
        return GuestShell(vm.socket("serial"), "\r");
    }

    // What the command printed, lines ended by "\n"; a failed test if it does not end.
    std::string run(const std::string &command);

    // qemu-ga of initrd-agent, on the port that QEMU gives it, without udev's link to it; its log
    // is /tmp/qga.log.
    void start_agent(const std::string &options = "");

  private:
    GuestShell(const std::string &serial_socket, const std::string &first_words);

    std::optional<UnixClient> serial_;
};

}  // namespace qemunit::e2e
