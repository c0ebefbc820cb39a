// SPDX-License-Identifier: MIT
#include "helper/lifecycle/resuming.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cinttypes>

#include "common/timer.h"

namespace qemunit::helper {

namespace {

constexpr uint64_t kQuitTimeout = 60 * kSecond;
// In addition to what the size of the state takes.
constexpr uint64_t kLoadTimeout = 60 * kSecond;
// Bytes a second that the slowest disk reads.
constexpr uint64_t kSlowDisk = 20 << 20;

void warn_of_resumption(const std::string &message) {
    fmt::print(stderr, "<4>qemunit-helper: {}\n", message);
}

}  // namespace

void remember_hardware(Handover &handover, const Hardware &hardware) {
    const std::string text = hardware_text(hardware);
    if (text.size() < sizeof handover.hardware)
        text.copy(handover.hardware, text.size());
}

void Resuming::begin() {
    handover_.has_resumed ? finish() : load();
}

void Resuming::load() {
    callbacks_.tell_status("Resuming");
    loading_.emplace(event_, qmp_, saved_,
                     callbacks_.look_at_images ? callbacks_.look_at_images() : ImageMarks(),
                     [this] {
                         if (const auto &header = loading_->header())
                             handover_.is_paused = header->paused;
                         if (const auto &started = loading_->started())
                             remember_hardware(handover_, *started);
                         tell_helper(Resumption::given);
                         grant_time_to_load();
                     });
    loading_->begin([this](const Result<> &loaded) { take_loaded(loaded); });
}

void Resuming::take_loaded(const Result<> &loaded) {
    if (loaded)
        tell_helper(Resumption::loaded);
    if (callbacks_.is_stopping())
        return;
    if (loaded) {
        handover_.is_paused ? stay_paused() : run();
        return;
    }
    warn_of_resumption(loaded.error().message);
    if (loading_->fault() == Loading::Fault::refused)
        tell_helper(Resumption::refused);
    else if (loading_->fault() == Loading::Fault::unfit)
        tell_helper(Resumption::unfit);
    quit();
}

void Resuming::on_event(const QmpEvent &event) const {
    if (is_wanted() && !handover_.has_resumed && event.name == "MIGRATION" &&
        string_at(event.data, "status") == "failed")
        tell_helper(Resumption::refused);
}

void Resuming::run() {
    guest_run_.let("cont", [this](const QmpClient::Reply &reply) {
        if (reply) {
            handover_.has_resumed = true;
            finish();
            return;
        }
        // An error of `cont` comes before the guest runs (qmp_cont() in monitor/qmp-cmds.c): QEMU
        // could not get the lock of a disk, for example.
        if (reply.error().kind != QmpError::Kind::monitor)
            return;
        warn_of_resumption("the guest cannot run after it was resumed: " + reply.error().message);
        if (const auto restored = saved_.restore(); !restored)
            warn_of_resumption(restored.error().message);
        quit();
    });
}

void Resuming::stay_paused() {
    if (!guest_run_.give_up_state())
        return;
    handover_.has_resumed = true;
    finish();
    callbacks_.is_paused();
}

// A second call does no harm: a companion may be killed in the middle of the first.
void Resuming::finish() {
    saved_.remove_leftovers();
    tell_helper(Resumption::runs);
    callbacks_.has_resumed();
}

void Resuming::quit() {
    qmp_.execute("quit", nullptr, kQuitTimeout, [](const QmpClient::Reply &) {});
}

// Nobody reads if the start of the VM is over, and the helper with it.
void Resuming::tell_helper(Resumption step) const {
    const char byte = static_cast<char>(step);
    if (write(helper_.get(), &byte, 1) != 1)
        return;
}

// TimeoutStartSec= does not depend on the size of the state, which the time to load does.
void Resuming::grant_time_to_load() const {
    struct stat status {};
    if (stat(saved_.path().c_str(), &status) == 0)
        sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64,
                   kLoadTimeout + static_cast<uint64_t>(status.st_size) / kSlowDisk * kSecond);
}

}  // namespace qemunit::helper
