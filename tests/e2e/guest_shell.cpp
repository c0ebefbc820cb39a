// SPDX-License-Identifier: MIT
#include "tests/e2e/guest_shell.h"

#include <gtest/gtest.h>

namespace qemunit::e2e {

namespace {

constexpr std::string_view kPrompt = "guest# ";

}  // namespace

GuestShell::GuestShell(const std::string &serial_socket) : GuestShell(serial_socket, "") {}

GuestShell::GuestShell(const std::string &serial_socket, const std::string &first_words) {
    auto serial = UnixClient::connect(serial_socket);
    if (!serial) {
        ADD_FAILURE() << serial.error().message;
        return;
    }
    serial_ = std::move(*serial);
    EXPECT_TRUE(serial_->send(first_words));
    auto prompt = serial_->read_until(kPrompt);
    EXPECT_TRUE(prompt) << prompt.error().message;
    run("stty -echo");
}

std::string GuestShell::run(const std::string &command) {
    if (!serial_ || !serial_->send(command + "\r")) {
        ADD_FAILURE() << "no shell for: " << command;
        return {};
    }
    auto output = serial_->read_until(kPrompt);
    if (!output) {
        ADD_FAILURE() << command << ": " << output.error().message;
        serial_.reset();
        return {};
    }
    output->resize(output->size() - kPrompt.size());
    std::erase(*output, '\r');
    return *output;
}

void GuestShell::start_agent(const std::string &options) {
    run("modprobe -a virtio_pci virtio_console");
    run("port=$(grep -l guest_agent /sys/class/virtio-ports/*/name | cut -d/ -f5)");
    run("qemu-ga -d -m virtio-serial -p /dev/$port -t /tmp -f /tmp/qga.pid -l /tmp/qga.log " +
        options);
}

}  // namespace qemunit::e2e
