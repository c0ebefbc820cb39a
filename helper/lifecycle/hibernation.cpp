// SPDX-License-Identifier: MIT
#include "helper/lifecycle/hibernation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "common/qmp/backup_nodes.h"
#include "common/timer.h"
#include "helper/lifecycle/state_header.h"
#include "helper/lifecycle/state_room.h"
#include "helper/lifecycle/state_source.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

// Bytes a second; QEMU's default is for networks, and slower than a disk.
constexpr uint64_t kBandwidth = 10ull << 30;
constexpr uint64_t kLookInterval = 250 * kMillisecond;
constexpr unsigned kLooksForBackup = 20;

uint64_t number_at(const json &value, const char *pointer) {
    const json::json_pointer place(pointer);
    return value.is_object() && value.contains(place) && value[place].is_number_integer()
               ? value[place].get<uint64_t>()
               : 0;
}

}  // namespace

void Hibernation::begin(std::function<void(Result<>)> done) {
    looks_for_backup_ = kLooksForBackup;
    size_ = 0;
    may_have_stopped_guest_ = false;
    start(std::move(done));
    save();
}

void Hibernation::start(std::function<void(Result<>)> done) {
    ++saves_;
    hardware_.reset();
    looks_again_ = is_complete_ = false;
    done_ = std::move(done);
    progressed();
}

void Hibernation::progressed() {
    auto timer = start_timer(event_, monotonic_now(event_) + patience_usec_, [this] {
        give_up(fmt::format("cannot save the machine's state: nothing has moved for {:g} s",
                            static_cast<double>(patience_usec_) / kSecond));
    });
    if (timer)
        stalled_ = std::move(*timer);
    on_progress_();
}

bool Hibernation::open_file(int flags) {
    file_.reset(::open(saved_.unfinished().c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags,
                       S_IRUSR | S_IWUSR));
    return static_cast<bool>(file_);
}

void Hibernation::save() {
    ask("query-migrate", nullptr, [this](const QmpClient::Reply &reply) {
        const std::string blocker = reply ? first_blocker(*reply) : "";
        if (!blocker.empty())
            give_up("cannot save the machine's state: " + blocker);
        else
            wait_for_backup();
    });
}

// QEMU saves no machine whose disks somebody reads through filters: qemunitd, which hears of a stop
// as well, ends a backup that is under way then.
void Hibernation::wait_for_backup() {
    ask("query-named-block-nodes", {{"flat", true}}, [this](const QmpClient::Reply &nodes) {
        if (!nodes || !has_backup_nodes(*nodes))
            return look_at_hardware();
        if (handover_.is_hibernating || looks_for_backup_-- == 0)
            return give_up("cannot save the machine's state: a backup of the VM is under way");
        if (auto timer = start_timer(event_, monotonic_now(event_) + kLookInterval,
                                     [this] { wait_for_backup(); }))
            next_look_ = std::move(*timer);
    });
}

// QEMU saves the hardware that it has; the QEMU of the next start has what the ini file says.
void Hibernation::check_hardware(std::function<void(const Hardware &)> next) {
    ask_hardware(
        qmp_, kNoTimeout,
        [this, save = saves_, next = std::move(next)](const Result<Hardware> &now) {
            if (!done_ || save != saves_)
                return;
            const auto started = parse_hardware(handover_.hardware);
            const std::string difference =
                now && started ? difference_since_start(*started, *now) : "";
            if (!now)
                give_up("cannot save the machine's state: " + now.error().message);
            else if (!now->of_host.empty())
                give_up(
                    fmt::format("cannot save the machine's state: it has {} of the host, of which "
                                "nobody can save what is in there",
                                now->of_host));
            else if (!difference.empty())
                give_up("cannot save a state that the next start could go on with: " + difference);
            else
                next(*now);
        });
}

void Hibernation::look_at_hardware() {
    check_hardware([this](const Hardware &) { look_for_room(); });
}

void Hibernation::look_for_room() {
    ask("query-memory-size-summary", nullptr, [this](const QmpClient::Reply &reply) {
        const uint64_t ram =
            reply ? number_at(*reply, "/base-memory") + number_at(*reply, "/plugged-memory") : 0;
        if (const auto room = check_room_for_state(saved_.path(), ram, qemu_); !room)
            give_up("cannot save the machine's state: " + room.error().message);
        else
            create_file();
    });
}

// A saved state that is there is older than what the guest does now: no start may find it if saving
// is broken off.
void Hibernation::create_file() {
    if (saved_.exists())
        if (const auto retired = saved_.retire(); !retired) {
            give_up(retired.error().message);
            return;
        }
    if (open_file(O_CREAT | O_TRUNC))
        send_file();
    else
        give_up(fmt::format("cannot create {}: {}", saved_.unfinished(), strerror(errno)));
}

// Only an outgoing migration counts: a guest that was resumed has "completed" an incoming one. An
// outgoing migration must not be begun again: QEMU refuses a second one while the first runs, and
// afterwards the machine is nowhere but in the file.
void Hibernation::go_on(std::function<void(Result<>)> done) {
    may_have_stopped_guest_ = true;
    start(std::move(done));
    ask("query-migrate", nullptr, [this](const QmpClient::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : "";
        if (status == "completed") {
            look_for_end();
        } else if (status.empty() || status == "none" || status == "failed" ||
                   status == "cancelling" || status == "cancelled" || !open_file(0)) {
            save();
        } else {
            migration_.go_on(follow());
        }
    });
}

void Hibernation::look_for_end() {
    ask("query-status", nullptr, [this](const QmpClient::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : "";
        if (status != "postmigrate" && status != "finish-migrate")
            save();
        else if (open_file(0))
            complete();
        else if (saved_.exists())  // the file has its final name already
            keep();
        else
            save();
    });
}

void Hibernation::send_file() {
    if (takes_files(qmp_.version())) {
        migrate();
        return;
    }
    // QEMU writes from the offset of the file on.
    if (lseek(file_.get(), kStateHeaderSize, SEEK_SET) < 0) {
        give_up(fmt::format("cannot write {}: {}", saved_.unfinished(), strerror(errno)));
        return;
    }
    UniqueFd copy(fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
    step(
        "getfd", {{"fdname", kStateFdName}}, [this] { migrate(); }, std::move(copy));
}

void Hibernation::migrate() {
    may_have_stopped_guest_ = true;
    migration_.begin(
        {.target = takes_files(qmp_.version()) ? file_source(saved_.unfinished(), kStateHeaderSize)
                                               : fd_source(),
         .parameters = {{"max-bandwidth", kBandwidth}},
         .capabilities = {"events"},
         .stops_first = true},
        follow());
}

// The file's size tells of progress, too.
OutgoingMigration::Callbacks Hibernation::follow() {
    return {.progressed = [this] { progressed(); },
            .looks = [this] { look_at_size(); },
            .begun = [this] { look_again(); },
            .done =
                [this](const Result<> &sent) {
                    if (sent)
                        complete();
                    else
                        give_up(fmt::format("cannot save the machine's state{}{}",
                                            sent.error().message.empty() ? "" : ": ",
                                            sent.error().message));
                }};
}

// A QEMU that is too busy to answer query-migrate may write all the same.
void Hibernation::look_at_size() {
    struct stat status {};
    if (fstat(file_.get(), &status) != 0 || static_cast<uint64_t>(status.st_size) <= size_)
        return;
    size_ = static_cast<uint64_t>(status.st_size);
    progressed();
}

void Hibernation::on_event(const QmpEvent &event) {
    // A state that is complete is good, whoever ends QEMU then. But if the guest itself has ended
    // the machine, the next start must not go on from there.
    if (event.name == "SHUTDOWN" && done_ &&
        (!is_writing() || string_at(event.data, "reason").starts_with("guest-")))
        end(fail(ESHUTDOWN, "cannot save the machine's state: the machine has ended"));
    // Somebody has let the guest run by a monitor. A QEMU that still writes stops the guest once
    // more at the end of the migration.
    if ((event.name == "RESUME" || event.name == "WAKEUP") && is_complete_)
        give_up("cannot save the machine's state: somebody has let the guest run again");
    // Of what QEMU has sent by then, and of what it sends after that, no whole machine can be made.
    if (event.name == "RESET" && done_ && may_have_stopped_guest_ && !is_complete_)
        return give_up("cannot save the machine's state: somebody has reset the machine meanwhile");
    // Another medium, which QEMU takes also while it migrates: what was seen is not true any more.
    if (event.name == "DEVICE_TRAY_MOVED" && done_ && looks_again_ && !is_writing()) {
        hardware_.reset();
        look_again();
    }
    migration_.on_event(event);
}

// Something may have been plugged in after the first look; while it migrates, QEMU refuses that
// (qdev_device_add_from_qdict() in softmmu/qdev-monitor.c).
void Hibernation::look_again() {
    looks_again_ = true;
    check_hardware([this, look = ++looks_at_hardware_](const Hardware &now) {
        if (look != looks_at_hardware_)
            return;
        hardware_ = now;
        if (is_complete_)
            write_header();
    });
}

void Hibernation::complete() {
    progressed();
    is_complete_ = true;
    if (hardware_)
        write_header();
    else if (!looks_again_)  // another companion has begun to save
        look_again();
}

// QEMU has written its images for the last time when it says that it has sent all.
void Hibernation::write_header() {
    if (const auto written = write_state_header(
            file_.get(), {handover_.is_paused, *hardware_, handover_.is_hibernating,
                          look_at_images_ ? look_at_images_() : ImageMarks()});
        !written)
        give_up(written.error().message);
    else
        write_to_disk();
}

void Hibernation::write_to_disk() {
    auto sync = FileSync::start(
        event_, file_.get(), [this] { progressed(); },
        [this](const Result<> &written) {
            if (written)
                keep();
            else
                give_up(fmt::format("cannot write {}: {}", saved_.unfinished(),
                                    written.error().message));
        });
    if (sync)
        sync_ = std::move(*sync);
    else
        give_up(fmt::format("cannot write {}: {}", saved_.unfinished(), sync.error().message));
}

void Hibernation::keep() {
    if (const auto kept = saved_.keep(); !kept)
        give_up(kept.error().message);
    else
        end({});
}

// To be called last of all in each function: `done` may begin anew.
void Hibernation::end(Result<> result) {
    migration_.cancel();
    is_complete_ = false;
    stalled_.reset();
    next_look_.reset();
    sync_.reset();
    file_.reset();
    if (!result)
        unlink(saved_.unfinished().c_str());
    if (const auto done = std::exchange(done_, nullptr))
        done(std::move(result));
}

void Hibernation::give_up(std::string why) {
    end(fail(EIO, std::move(why)));
}

void Hibernation::ask(std::string_view command, json arguments,
                      std::function<void(const QmpClient::Reply &)> next, UniqueFd fd) {
    qmp_.execute(
        command, std::move(arguments), kNoTimeout,
        [this, next = std::move(next)](const QmpClient::Reply &reply) {
            if (!done_)
                return;  // saving was given up meanwhile
            if (!reply && reply.error().kind != QmpError::Kind::monitor)
                return;  // "no answer" tells nothing: saving is given up when nothing moves
            next(reply);
        },
        std::move(fd));
}

void Hibernation::step(std::string_view command, json arguments, std::function<void()> next,
                       UniqueFd fd) {
    ask(
        command, std::move(arguments),
        [this, name = std::string(command), next = std::move(next)](const QmpClient::Reply &reply) {
            if (!reply) {
                give_up(fmt::format("cannot save the machine's state: {}: {}", name,
                                    reply.error().message));
                return;
            }
            progressed();
            next();
        },
        std::move(fd));
}

}  // namespace qemunit::helper
