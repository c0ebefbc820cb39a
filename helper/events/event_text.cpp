// SPDX-License-Identifier: MIT
#include "helper/events/event_text.h"

#include <fmt/format.h>
#include <syslog.h>

#include <algorithm>
#include <array>

namespace qemunit::helper {

using nlohmann::json;

namespace {

constexpr std::size_t kNameMax = 64;    // characters of an event's name
constexpr std::size_t kTextMax = 512;   // bytes of one string of QEMU's in a sentence
constexpr std::size_t kDataMax = 4096;  // bytes of JSON

struct Sentence {
    int priority;
    std::string text;  // empty: no entry
};

// A string as JSON writes it: names and errors of QEMU are plain ASCII and stay as they are,
// anything else becomes an escape.
std::string plain(std::string_view text, std::size_t at_most) {
    std::string written = json(text.substr(0, at_most))
                              .dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
    written.pop_back();
    written.erase(0, 1);
    if (written.size() <= at_most && text.size() <= at_most)
        return written;
    written.resize(std::min(written.size(), at_most));
    return written + "...";
}

// "" if it is not there, or no string.
std::string text_at(const json &data, const char *key) {
    const auto it = data.find(key);
    return it != data.end() && it->is_string() ? plain(it->get_ref<const std::string &>(), kTextMax)
                                               : std::string();
}

bool flag_at(const json &data, const char *key) {
    const auto it = data.find(key);
    return it != data.end() && it->is_boolean() && it->get<bool>();
}

std::string or_unnamed(const std::string &text) {
    return text.empty() ? "(unnamed)" : text;
}

// A drive of an ini file has its section's name. `device` is empty for what was added as a
// -blockdev; the node still has a name.
std::string drive_of(const json &data) {
    for (const char *key : {"id", "device", "node-name"})
        if (std::string name = text_at(data, key); !name.empty())
            return name;
    return "(unnamed)";
}

// What one word of QEMU's means, from a list of those that are known.
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

// --- One function for each event that has more to say than a fixed sentence ---

// ShutdownCause of qapi/run-state.json.
Sentence shutdown(const json &data) {
    const std::string reason = text_at(data, "reason");
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

Sentence reset(const json &data) {
    const std::string reason = text_at(data, "reason");
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
    return sentence_for(text_at(data, "action"),
                        {{"pause", {LOG_CRIT, "The guest's kernel panicked; the VM is paused"}},
                         {"poweroff", {LOG_CRIT, "The guest's kernel panicked; the VM ends"}},
                         {"run", {LOG_CRIT, "The guest's kernel panicked; the VM runs on"}}},
                        {LOG_CRIT, "The guest's kernel panicked"});
}

Sentence watchdog(const json &data) {
    const std::string action = text_at(data, "action");
    return {LOG_ERR, with_word("The watchdog fired", action)};
}

Sentence memory_failure(const json &data) {
    const std::string where = text_at(data, "recipient") == "guest"
                                  ? "The host's memory failed in the guest's part"
                                  : "The host's memory failed in QEMU's part";
    return sentence_for(text_at(data, "action"),
                        {{"ignore", {LOG_WARNING, where + "; ignored"}},
                         {"inject", {LOG_ERR, where + "; the guest is told"}},
                         {"fatal", {LOG_CRIT, where + "; QEMU ends"}},
                         {"reset", {LOG_CRIT, where + "; the guest is reset"}}},
                        {LOG_ERR, where});
}

std::string writing_or_reading(const json &data) {
    const std::string operation = text_at(data, "operation");
    return operation == "write" ? " (writing)" : operation == "read" ? " (reading)" : std::string();
}

Sentence with_error_action(const json &data, const std::string &text) {
    return sentence_for(text_at(data, "action"),
                        {{"stop", {LOG_ERR, text + "; the guest is paused"}},
                         {"report", {LOG_ERR, text + "; the guest is told"}},
                         {"ignore", {LOG_WARNING, text + "; ignored"}}},
                        {LOG_ERR, text});
}

Sentence io_error(const json &data) {
    return with_error_action(data, with_word(fmt::format("I/O error on drive '{}'", drive_of(data)),
                                             text_at(data, "reason")) +
                                       writing_or_reading(data));
}

Sentence image_corrupted(const json &data) {
    const std::string text = with_word(
        fmt::format("The image of drive '{}' is corrupted", drive_of(data)), text_at(data, "msg"));
    return flag_at(data, "fatal") ? Sentence{LOG_CRIT, text + "; it can be used no more"}
                                  : Sentence{LOG_ERR, text};
}

// "Block job 'root' (commit)". BLOCK_JOB_PENDING has an `id`, the others a `device`.
std::string block_job(const json &data) {
    const std::string type = text_at(data, "type");
    return fmt::format("Block job '{}'{}", drive_of(data), type.empty() ? type : " (" + type + ")");
}

Sentence block_job_completed(const json &data) {
    if (const std::string error = text_at(data, "error"); !error.empty())
        return {LOG_ERR, block_job(data) + " failed: " + error};
    return {LOG_INFO, block_job(data) + " completed"};
}

Sentence block_job_error(const json &data) {
    const std::string text =
        fmt::format("I/O error in block job '{}'", drive_of(data)) + writing_or_reading(data);
    return sentence_for(text_at(data, "action"),
                        {{"stop", {LOG_ERR, text + "; the job is paused"}},
                         {"report", {LOG_ERR, text + "; the job fails"}},
                         {"ignore", {LOG_WARNING, text + "; ignored"}}},
                        {LOG_ERR, text});
}

// The states on the way are those of every job. Why one failed, query-jobs knows alone.
Sentence job_status(const json &data) {
    const std::string job = or_unnamed(text_at(data, "id"));
    return sentence_for(
        text_at(data, "status"),
        {{"aborting", {LOG_WARNING, fmt::format("Job '{}' failed, or was cancelled", job)}},
         {"concluded", {LOG_INFO, fmt::format("Job '{}' concluded", job)}}},
        {LOG_DEBUG, ""});
}

Sentence tray_moved(const json &data) {
    const auto open = data.find("tray-open");
    if (open == data.end() || !open->is_boolean())
        return {LOG_INFO, fmt::format("Drive '{}': tray moved", drive_of(data))};
    return {LOG_INFO, fmt::format("Drive '{}': tray {}", drive_of(data),
                                  open->get<bool>() ? "opened" : "closed")};
}

// Parts of a device that have no name of their own are told before it.
Sentence device_deleted(const json &data) {
    if (const std::string device = text_at(data, "device"); !device.empty())
        return {LOG_INFO, fmt::format("Device '{}' removed", device)};
    return {LOG_DEBUG, fmt::format("Device '{}' removed", or_unnamed(text_at(data, "path")))};
}

Sentence unplug_refused(const json &data) {
    const std::string device = text_at(data, "device");
    return {LOG_WARNING,
            with_word(fmt::format("The guest does not give up device '{}'",
                                  or_unnamed(device.empty() ? text_at(data, "path") : device)),
                      text_at(data, "msg"))};
}

Sentence migration(const json &data) {
    const std::string status = text_at(data, "status");
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

struct Kind {
    std::string_view event;
    std::string_view message_id;  // never changed: people and programs search for it
    Sentence (*sentence)(const json &data);
};

// Of qapi/*.json in QEMU. An id is made with "systemd-id128 new", and has its text in
// units/qemunit.catalog.
constexpr std::array kKinds{
    Kind{"SHUTDOWN", "5cc58b4959c245fca98ffbb417c7c849", shutdown},
    Kind{"RESET", "dd04c766b98a4206a08118bab2c93d07", reset},
    Kind{"STOP", "fc39a8ca3ef94b9d87944289c74d8b81",
         [](const json &) {
             return Sentence{LOG_INFO, "Paused"};
         }},
    Kind{"RESUME", "111d6e33d4ec4da69319dfba0df76297",
         [](const json &) {
             return Sentence{LOG_INFO, "Resumed"};
         }},
    Kind{"SUSPEND", "cb8c792062fc4929aa1a60b0b1ace32a",
         [](const json &) {
             return Sentence{LOG_INFO, "Suspended by the guest"};
         }},
    Kind{"SUSPEND_DISK", "d10684a0ba3f4481a025b8b32a9eb3ac",
         [](const json &) {
             return Sentence{LOG_INFO, "The guest suspended itself to its disk"};
         }},
    Kind{"WAKEUP", "630d6b6901ce40f6b1398ad4897857bf",
         [](const json &) {
             return Sentence{LOG_INFO, "Woken up"};
         }},
    Kind{"POWERDOWN", "13f6a6ebf29447919368da2cc2fead98",
         [](const json &) {
             return Sentence{LOG_INFO, "The power button was pressed"};
         }},
    Kind{"GUEST_PANICKED", "00377d019d6047afaf6c4ed83d1cc95f", panicked},
    Kind{"GUEST_CRASHLOADED", "77ce97467d04400ebefba1644c12bba9",
         [](const json &) {
             return Sentence{LOG_CRIT, "The guest's kernel panicked, and starts its crash kernel"};
         }},
    Kind{"BLOCK_IO_ERROR", "7d3366db7b274835a6d0b35d23dd31ce", io_error},
    Kind{"BLOCK_IMAGE_CORRUPTED", "d88349b7162f4a659463f1ea6acf55dc", image_corrupted},
    Kind{"BLOCK_JOB_COMPLETED", "1a16fd30772b4448a1a01d478585f04d", block_job_completed},
    Kind{"BLOCK_JOB_CANCELLED", "21e2a4b0a2fb4bf7b60894be5159c3bd",
         [](const json &data) {
             return Sentence{LOG_NOTICE, block_job(data) + " was cancelled"};
         }},
    Kind{"BLOCK_JOB_ERROR", "b4c12661390f42c9b9713c82078bc09b", block_job_error},
    Kind{"BLOCK_JOB_READY", "bd84d61aab074ab79354cd233de8c629",
         [](const json &data) {
             return Sentence{LOG_INFO, block_job(data) + " is ready to be completed"};
         }},
    Kind{"BLOCK_JOB_PENDING", "94abce5f3ed645e6a663786972ebf7f7",
         [](const json &data) {
             return Sentence{LOG_INFO, block_job(data) + " waits to be finalized"};
         }},
    Kind{"JOB_STATUS_CHANGE", "00de21127394401cb6d7ede216030387", job_status},
    Kind{"WATCHDOG", "7209f66051c049bfa618304b1d635455", watchdog},
    Kind{"DEVICE_DELETED", "9bea6063097e4ce8b01f7ca244ac6c43", device_deleted},
    Kind{"DEVICE_UNPLUG_GUEST_ERROR", "6c8fc278126d4298b5e5b4b12c40a01f", unplug_refused},
    Kind{"MEM_UNPLUG_ERROR", "30ab9258e7704220880fb7976cd97396", unplug_refused},
    Kind{"DEVICE_TRAY_MOVED", "3fd62cd202e94cc8a1ec6c6c7845b4ba", tray_moved},
    Kind{"MIGRATION", "d797fdc0125348d2a0e172b29b9c67c8", migration},
    Kind{"BALLOON_CHANGE", "0d3b1f95135a40d4850c77450e39051b", balloon_change},
    Kind{"MEMORY_FAILURE", "93519eb22e0a40438509b7970a0f26e4", memory_failure},
};
constexpr std::string_view kOtherMessageId = "0a322ba3c2634e9baac0aee545b69c55";
constexpr std::string_view kExitStatusMessageId = "3a380a8e5e4f415f8c37554812858e54";
constexpr std::string_view kDroppedMessageId = "76c1df931d6e4a73b11da27d2525689e";

// What a sound guest causes all the time and nobody would look for in a log. The signal Event
// of org.qemunit1.VM has them for programs.
constexpr std::array<std::string_view, 7> kNoise{
    "RTC_CHANGE",                 // each time that the guest sets its clock
    "VSERPORT_CHANGE",            // a program in the guest opens or closes a channel
    "NIC_RX_FILTER_CHANGED",      // the guest's network is being set up
    "MEMORY_DEVICE_SIZE_CHANGE",  // virtio-mem, step by step
    "HV_BALLOON_STATUS_REPORT",   // every second
    "ACPI_DEVICE_OST",            // each step of a hotplug in the guest
    "MIGRATION_PASS",             // over the guest's memory, one of many
};

// As JSON with nothing but printable ASCII.
std::string data_text(const json &data) {
    if (data.empty())
        return {};
    std::string text = data.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
    // A part of it would be no JSON.
    return text.size() <= kDataMax ? text : std::string();
}

}  // namespace

std::optional<EventText> event_text(const QmpEvent &event) {
    if (event.name.empty() || std::ranges::find(kNoise, event.name) != kNoise.end())
        return {};
    EventText text;
    text.name = plain(event.name, kNameMax);
    const auto kind = std::ranges::find(kKinds, event.name, &Kind::event);
    const json &data = event.data;
    Sentence sentence = kind != kKinds.end() ? kind->sentence(data)
                                             : Sentence{LOG_INFO, "QEMU reports " + text.name};
    if (sentence.text.empty())
        return {};
    text.message = std::move(sentence.text);
    text.priority = sentence.priority;
    text.message_id = kind != kKinds.end() ? kind->message_id : kOtherMessageId;
    text.data = data_text(data);
    return text;
}

EventText dropped_events_text(uint64_t count) {
    return {.message = fmt::format("{} more events of QEMU are not logged: there were too many "
                                   "in a second",
                                   count),
            .priority = LOG_WARNING,
            .message_id = kDroppedMessageId};
}

EventText exit_status_text(int status) {
    return {.message = fmt::format("The guest says that it ends with exit status {}", status),
            .priority = status == 0 ? LOG_INFO : LOG_ERR,
            .message_id = kExitStatusMessageId};
}

std::vector<EventMessageId> event_message_ids() {
    std::vector<EventMessageId> ids;
    for (const Kind &kind : kKinds)
        ids.push_back({kind.event, kind.message_id});
    ids.push_back({"", kOtherMessageId});
    ids.push_back({"(exit status)", kExitStatusMessageId});
    ids.push_back({"(dropped)", kDroppedMessageId});
    return ids;
}

}  // namespace qemunit::helper
