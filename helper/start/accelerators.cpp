// SPDX-License-Identifier: MIT
#include "helper/start/accelerators.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace qemunit::helper {

namespace {

// "max,hv-time,-svm" -> "max,-svm": QEMU has what Hyper-V has with KVM alone, and refuses to start
// with some of that otherwise.
void leave_out_hyper_v(std::string &cpu) {
    for (std::size_t at = 0; (at = cpu.find(",hv", at)) != cpu.npos;)
        cpu.erase(at, std::min(cpu.find(',', at + 1), cpu.size()) - at);
}

}  // namespace

void leave_out_accelerator(std::vector<std::string> &command, std::string_view name) {
    for (auto word = command.begin(); std::distance(word, command.end()) > 1; ++word)
        if (*word == "-accel" && *std::next(word) == name) {
            command.erase(word, word + 2);
            return;
        }
}

void leave_out_kvm(std::vector<std::string> &command) {
    for (auto word = command.begin(); std::distance(word, command.end()) > 1; ++word)
        if (*word == "-cpu")
            leave_out_hyper_v(*std::next(word));
    leave_out_accelerator(command, "kvm");
}

bool wants_kvm(const std::vector<std::string> &command) {
    const auto word = std::ranges::adjacent_find(
        command,
        [](const auto &option, const auto &value) { return option == "-accel" && value == "kvm"; });
    return word != command.end();
}

}  // namespace qemunit::helper
