// SPDX-License-Identifier: MIT
#include "common/qmp/events.h"

#include <fmt/format.h>
#include <syslog.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/qmp/event_data.h"
#include "common/qmp/qmp_client.h"

namespace qemunit {

using nlohmann::json;

namespace {

using Sentence = EventSentence;

// A word that QEMU uses, and what it means to a reader.
struct Meaning {
    std::string_view word;
    Sentence sentence;
};

Sentence sentence_for(const std::string &word, const std::vector<Meaning> &meanings,
                      const Sentence &otherwise) {
    const auto it = std::ranges::find(meanings, word, &Meaning::word);
    return it != meanings.end() ? it->sentence : otherwise;
}

std::string with_word(const std::string &text, const std::string &word) {
    return word.empty() ? text : text + ": " + word;
}

// --- The events whose data makes their sentence: a function for each ---

// ShutdownCause of qapi/run-state.json.
Sentence shutdown(const json &data) {
    const std::string reason = plain_text_at(data, "reason");
    return sentence_for(
        reason,
        {{"guest-shutdown", {LOG_INFO, "The guest powered off"}},
         {"guest-reset", {LOG_INFO, "The guest reset the machine, which ends the VM"}},
         {"guest-panic", {LOG_CRIT, "The guest's kernel panicked, which ends the VM"}},
         {"host-signal", {LOG_INFO, "Ended by a signal"}},
         {"host-qmp-quit", {LOG_INFO, "Ended by a monitor command"}},
         {"host-qmp-system-reset", {LOG_INFO, "Ended by a reset from the monitor"}},
         {"host-ui", {LOG_INFO, "Ended from QEMU's display"}},
         {"host-error", {LOG_ERR, "Ended by an error of the host"}}},
        {LOG_NOTICE, reason.empty() || reason == "none" ? "Ended for no reason that QEMU gave"
                                                        : "Ended: " + reason});
}

// The same cause, as the unit's status.
std::string end_status(const json &data, int exit_status) {
    const std::string reason = string_at(data, "reason");
    if (reason == "guest-shutdown")
        return exit_status == 0
                   ? "Ended: the guest powered off"
                   : "Ended: the guest powered off with exit status " + std::to_string(exit_status);
    if (reason == "guest-reset")
        return "Ended: the guest reset the machine";
    if (reason == "guest-panic")
        return "Ended: the guest panicked";
    if (reason == "host-signal")
        return "Ended: stopped by a signal";
    if (reason == "host-qmp-quit")
        return "Ended: quit by a monitor command";
    return "Ended: " + (reason.empty() ? "for no reason that QEMU gave" : reason);
}

Sentence reset(const json &data) {
    const std::string reason = plain_text_at(data, "reason");
    return sentence_for(
        reason,
        {{"guest-reset", {LOG_INFO, "Reset by the guest"}},
         {"guest-panic", {LOG_ERR, "Reset, as the guest's kernel panicked"}},
         {"host-qmp-system-reset", {LOG_INFO, "Reset by a monitor command"}},
         {"snapshot-load", {LOG_INFO, "Reset to load a snapshot"}},
         {"subsystem-reset", {LOG_INFO, "Reset by a part of the machine"}}},
        {LOG_NOTICE, reason.empty() || reason == "none" ? "Reset for no reason that QEMU gave"
                                                        : "Reset: " + reason});
}

Sentence panicked(const json &data) {
    return sentence_for(plain_text_at(data, "action"),
                        {{"pause", {LOG_CRIT, "The guest's kernel panicked; the VM is paused"}},
                         {"poweroff", {LOG_CRIT, "The guest's kernel panicked; the VM ends"}},
                         {"run", {LOG_CRIT, "The guest's kernel panicked; the VM runs on"}}},
                        {LOG_CRIT, "The guest's kernel panicked"});
}

Sentence watchdog(const json &data) {
    const std::string action = plain_text_at(data, "action");
    return {LOG_ERR, with_word("The watchdog fired", action)};
}

Sentence memory_failure(const json &data) {
    const std::string where = plain_text_at(data, "recipient") == "guest"
                                  ? "The host's memory failed in the guest's part"
                                  : "The host's memory failed in QEMU's part";
    return sentence_for(plain_text_at(data, "action"),
                        {{"ignore", {LOG_WARNING, where + "; ignored"}},
                         {"inject", {LOG_ERR, where + "; the guest is told"}},
                         {"fatal", {LOG_CRIT, where + "; QEMU ends"}},
                         {"reset", {LOG_CRIT, where + "; the guest is reset"}}},
                        {LOG_ERR, where});
}

std::string writing_or_reading(const json &data) {
    const std::string operation = plain_text_at(data, "operation");
    return operation == "write" ? " (writing)" : operation == "read" ? " (reading)" : std::string();
}

Sentence with_error_action(const json &data, const std::string &text) {
    return sentence_for(plain_text_at(data, "action"),
                        {{"stop", {LOG_ERR, text + "; the guest is paused"}},
                         {"report", {LOG_ERR, text + "; the guest is told"}},
                         {"ignore", {LOG_WARNING, text + "; ignored"}}},
                        {LOG_ERR, text});
}

Sentence io_error(const json &data) {
    return with_error_action(data, with_word(fmt::format("I/O error on drive '{}'", drive_at(data)),
                                             plain_text_at(data, "reason")) +
                                       writing_or_reading(data));
}

Sentence image_corrupted(const json &data) {
    const std::string text =
        with_word(fmt::format("The image of drive '{}' is corrupted", drive_at(data)),
                  plain_text_at(data, "msg"));
    return flag_at(data, "fatal") ? Sentence{LOG_CRIT, text + "; it can be used no more"}
                                  : Sentence{LOG_ERR, text};
}

// "Block job 'root' (commit)". BLOCK_JOB_PENDING has an `id`, the others a `device`.
std::string block_job(const json &data) {
    const std::string type = plain_text_at(data, "type");
    return fmt::format("Block job '{}'{}", drive_at(data), type.empty() ? type : " (" + type + ")");
}

Sentence block_job_completed(const json &data) {
    if (const std::string error = plain_text_at(data, "error"); !error.empty())
        return {LOG_ERR, block_job(data) + " failed: " + error};
    return {LOG_INFO, block_job(data) + " completed"};
}

Sentence block_job_error(const json &data) {
    const std::string text =
        fmt::format("I/O error in block job '{}'", drive_at(data)) + writing_or_reading(data);
    return sentence_for(plain_text_at(data, "action"),
                        {{"stop", {LOG_ERR, text + "; the job is paused"}},
                         {"report", {LOG_ERR, text + "; the job fails"}},
                         {"ignore", {LOG_WARNING, text + "; ignored"}}},
                        {LOG_ERR, text});
}

// Every job passes through the same states. Only query-jobs can tell why a job failed.
Sentence job_status(const json &data) {
    const std::string job = or_unnamed(plain_text_at(data, "id"));
    return sentence_for(
        plain_text_at(data, "status"),
        {{"aborting", {LOG_WARNING, fmt::format("Job '{}' failed, or was cancelled", job)}},
         {"concluded", {LOG_INFO, fmt::format("Job '{}' concluded", job)}}},
        {LOG_DEBUG, ""});
}

Sentence tray_moved(const json &data) {
    const auto open = data.find("tray-open");
    if (open == data.end() || !open->is_boolean())
        return {LOG_INFO, fmt::format("Drive '{}': tray moved", drive_at(data))};
    return {LOG_INFO, fmt::format("Drive '{}': tray {}", drive_at(data),
                                  open->get<bool>() ? "opened" : "closed")};
}

// QEMU sends the event for the nameless parts of a device first, then for the device itself.
Sentence device_deleted(const json &data) {
    if (const std::string device = plain_text_at(data, "device"); !device.empty())
        return {LOG_INFO, fmt::format("Device '{}' removed", device)};
    return {LOG_DEBUG, fmt::format("Device '{}' removed", or_unnamed(plain_text_at(data, "path")))};
}

Sentence unplug_refused(const json &data) {
    const std::string device = plain_text_at(data, "device");
    return {
        LOG_WARNING,
        with_word(fmt::format("The guest does not give up device '{}'",
                              or_unnamed(device.empty() ? plain_text_at(data, "path") : device)),
                  plain_text_at(data, "msg"))};
}

Sentence migration(const json &data) {
    const std::string status = plain_text_at(data, "status");
    return sentence_for(status,
                        {{"completed", {LOG_INFO, "Migration completed"}},
                         {"failed", {LOG_ERR, "Migration failed"}},
                         {"cancelled", {LOG_NOTICE, "Migration cancelled"}}},
                        {LOG_INFO, with_word("Migration", or_unnamed(status))});
}

Sentence balloon_change(const json &data) {
    const auto actual = data.find("actual");
    if (actual == data.end() || !actual->is_number_integer())
        return {LOG_DEBUG, "The balloon changed its size"};
    return {LOG_DEBUG,
            fmt::format("The balloon leaves {} MiB to the guest", actual->get<int64_t>() >> 20)};
}

// --- Which event is which ---

constexpr auto kEventKinds = std::to_array<EventKind>({
    {.name = "SHUTDOWN",
     .message_id = "5cc58b4959c245fca98ffbb417c7c849",
     .sentence = shutdown,
     .status_from = end_status},
    {.name = "RESET",
     .message_id = "dd04c766b98a4206a08118bab2c93d07",
     .sentence = reset,
     .moves_state = true},
    {.name = "STOP",
     .message_id = "fc39a8ca3ef94b9d87944289c74d8b81",
     .priority = LOG_INFO,
     .text = "Paused",
     .status = "Paused",
     .moves_state = true},
    {.name = "RESUME",
     .message_id = "111d6e33d4ec4da69319dfba0df76297",
     .priority = LOG_INFO,
     .text = "Resumed",
     .status = "Running",
     .moves_state = true},
    {.name = "SUSPEND",
     .message_id = "cb8c792062fc4929aa1a60b0b1ace32a",
     .priority = LOG_INFO,
     .text = "Suspended by the guest",
     .status = "Suspended by the guest",
     .moves_state = true},
    {.name = "SUSPEND_DISK",
     .message_id = "d10684a0ba3f4481a025b8b32a9eb3ac",
     .priority = LOG_INFO,
     .text = "The guest suspended itself to its disk"},
    {.name = "WAKEUP",
     .message_id = "630d6b6901ce40f6b1398ad4897857bf",
     .priority = LOG_INFO,
     .text = "Woken up",
     .status = "Running",
     .moves_state = true},
    {.name = "POWERDOWN",
     .message_id = "13f6a6ebf29447919368da2cc2fead98",
     .priority = LOG_INFO,
     .text = "The power button was pressed",
     .status = "Power button pressed, waiting for the guest"},
    // The state does not move yet: if QEMU does not end then, STOP comes as well.
    {.name = "GUEST_PANICKED",
     .message_id = "00377d019d6047afaf6c4ed83d1cc95f",
     .sentence = panicked,
     .status = "The guest panicked"},
    {.name = "GUEST_CRASHLOADED",
     .message_id = "77ce97467d04400ebefba1644c12bba9",
     .priority = LOG_CRIT,
     .text = "The guest's kernel panicked, and starts its crash kernel",
     .moves_state = true},
    {.name = "BLOCK_IO_ERROR",
     .message_id = "7d3366db7b274835a6d0b35d23dd31ce",
     .sentence = io_error},
    {.name = "BLOCK_IMAGE_CORRUPTED",
     .message_id = "d88349b7162f4a659463f1ea6acf55dc",
     .sentence = image_corrupted},
    {.name = "BLOCK_JOB_COMPLETED",
     .message_id = "1a16fd30772b4448a1a01d478585f04d",
     .sentence = block_job_completed},
    {.name = "BLOCK_JOB_CANCELLED",
     .message_id = "21e2a4b0a2fb4bf7b60894be5159c3bd",
     .sentence =
         [](const json &data) {
             return Sentence{LOG_NOTICE, block_job(data) + " was cancelled"};
         }},
    {.name = "BLOCK_JOB_ERROR",
     .message_id = "b4c12661390f42c9b9713c82078bc09b",
     .sentence = block_job_error},
    {.name = "BLOCK_JOB_READY",
     .message_id = "bd84d61aab074ab79354cd233de8c629",
     .sentence =
         [](const json &data) {
             return Sentence{LOG_INFO, block_job(data) + " is ready to be completed"};
         }},
    {.name = "BLOCK_JOB_PENDING",
     .message_id = "94abce5f3ed645e6a663786972ebf7f7",
     .sentence =
         [](const json &data) {
             return Sentence{LOG_INFO, block_job(data) + " waits to be finalized"};
         }},
    {.name = "JOB_STATUS_CHANGE",
     .message_id = "00de21127394401cb6d7ede216030387",
     .sentence = job_status},
    {.name = "WATCHDOG", .message_id = "7209f66051c049bfa618304b1d635455", .sentence = watchdog},
    {.name = "DEVICE_DELETED",
     .message_id = "9bea6063097e4ce8b01f7ca244ac6c43",
     .sentence = device_deleted},
    {.name = "DEVICE_UNPLUG_GUEST_ERROR",
     .message_id = "6c8fc278126d4298b5e5b4b12c40a01f",
     .sentence = unplug_refused},
    {.name = "MEM_UNPLUG_ERROR",
     .message_id = "30ab9258e7704220880fb7976cd97396",
     .sentence = unplug_refused},
    {.name = "DEVICE_TRAY_MOVED",
     .message_id = "3fd62cd202e94cc8a1ec6c6c7845b4ba",
     .sentence = tray_moved},
    {.name = "MIGRATION",
     .message_id = "d797fdc0125348d2a0e172b29b9c67c8",
     .sentence = migration,
     .moves_state = true},
    {.name = "BALLOON_CHANGE",
     .message_id = "0d3b1f95135a40d4850c77450e39051b",
     .sentence = balloon_change},
    {.name = "MEMORY_FAILURE",
     .message_id = "93519eb22e0a40438509b7970a0f26e4",
     .sentence = memory_failure},

    {.name = "RTC_CHANGE", .is_noise = true},  // each time that the guest sets its clock
    {.name = "VSERPORT_CHANGE",
     .is_noise = true},  // a program in the guest opens or closes a channel
    {.name = "NETDEV_STREAM_CONNECTED", .is_noise = true},    // each start, with a user network
    {.name = "NIC_RX_FILTER_CHANGED", .is_noise = true},      // the guest's network is being set up
    {.name = "MEMORY_DEVICE_SIZE_CHANGE", .is_noise = true},  // virtio-mem, step by step
    {.name = "HV_BALLOON_STATUS_REPORT", .is_noise = true},   // comes every second
    {.name = "ACPI_DEVICE_OST", .is_noise = true},            // each step of a hotplug in the guest
    {.name = "MIGRATION_PASS", .is_noise = true},  // one pass of many over the guest's memory
});

}  // namespace

std::span<const EventKind> event_kinds() {
    return kEventKinds;
}

const EventKind *find_event_kind(std::string_view name) {
    const auto found = std::ranges::find(kEventKinds, name, &EventKind::name);
    return found != kEventKinds.end() ? &*found : nullptr;
}

}  // namespace qemunit
