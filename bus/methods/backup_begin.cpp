// SPDX-License-Identifier: MIT
#include "bus/methods/backup_begin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "bus/backup/backup_nodes.h"
#include "bus/backup/nbd_socket.h"
#include "bus/backup/scratch_room.h"
#include "bus/methods/backup_end.h"
#include "bus/vms/command_run.h"
#include "bus/vms/guest_hold.h"
#include "common/bus_errors.h"
#include "common/files/backup_name.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr char kNbdFd[] = "qemunit-backup";
// Less has no room for the tables of a scratch image.
constexpr uint64_t kScratchLeast = 1u << 20;

QmpError gone() {
    return {QmpError::Kind::disconnected, "it is gone"};
}

sd_event *event_of(const Call &call) {
    return sd_bus_get_event(sd_bus_message_get_bus(call.message.get()));
}

// One call of BeginBackup, from what QEMU has to the answer.
class Beginning : public std::enable_shared_from_this<Beginning> {
  public:
    Beginning(CallPtr call, std::string since) : call_(std::move(call)), since_(std::move(since)) {}

    void begin() {
        const auto vm = call_->vm.lock();
        if (!held_ && vm)
            held_ = vm->hold_disks("a backup of the VM begins");
        if (!held_)
            return reply_error(*call_, bus_error::kBusy,
                               fmt::format("No backup of VM '{}' begins: {}", call_->vm_name,
                                           vm ? vm->disk_hold() : "the VM is gone"));
        const auto self = shared_from_this();
        look_at_backup(call_->vm, call_->deadline,
                       [self](std::expected<BackupState, QmpError> state) {
                           if (!state)
                               return reply_error(*self->call_, state.error());
                           self->take_state(std::move(*state));
                       });
    }

  private:
    void take_state(BackupState state) {
        const auto vm = call_->vm.lock();
        if (!vm)
            return reply_error(*call_, gone());
        if (vm->has_backup())
            return answer_busy(state.records.live);
        // Until this call fails or has an owner, another one finds it.
        vm->keep_backup(std::make_shared<int>());
        // A mark that is still there makes this backup fail, and that lets the guest go.
        vm->keep_guest_held({});
        if (state.records.live.empty())
            take_disks(state);
        else
            look_for_owner(state.records.live);
    }

    void answer_busy(const std::vector<BackupRecord> &records) const {
        reply_error(
            *call_, bus_error::kBusy,
            fmt::format("A backup of VM '{}' is under way, which '{}' on the bus has begun; "
                        "it ends with EndBackup, or when that one leaves the bus",
                        call_->vm_name, records.empty() ? "?" : records[0].caller));
    }

    // Of a backup that another qemunitd has begun.
    void look_for_owner(const std::vector<BackupRecord> &records) {
        look_for_caller(sd_bus_message_get_bus(call_->message.get()), records[0].caller,
                        [self = shared_from_this(), records](std::optional<bool> is_there) {
                            if (!is_there)
                                return self->refuse(SD_BUS_ERROR_FAILED, "The bus cannot be asked");
                            self->take_owner(records, *is_there);
                        });
    }

    void take_owner(const std::vector<BackupRecord> &records, bool is_there) {
        const auto vm = call_->vm.lock();
        if (!vm)
            return reply_error(*call_, gone());
        if (is_there) {
            watch_backup_caller(sd_bus_message_get_bus(call_->message.get()), records[0].caller,
                                vm);
            return answer_busy(records);
        }
        const auto self = shared_from_this();
        end_backup(call_->vm, call_->deadline, /*is_kept=*/false,
                   [self](const VmMonitor::Reply &ended) {
                       const auto same_vm = self->call_->vm.lock();
                       if (!ended || !same_vm)
                           return self->fail_with(ended ? gone() : ended.error());
                       self->begin();
                   });
    }

    void take_disks(const BackupState &state) {
        auto disks = backup_disks(state.devices);
        if (!disks)
            return refuse(bus_error::kMonitor, fmt::format("VM '{}' cannot be backed up: {}",
                                                           call_->vm_name, disks.error()));
        if (const std::string why = since_.empty() ? "" : unknown_checkpoint(*disks, since_);
            !why.empty())
            return refuse(bus_error::kNoCheckpoint,
                          fmt::format("VM '{}' does not know what has changed since '{}': {}",
                                      call_->vm_name, since_, why));
        uint32_t random = 0;
        uint64_t now = 0;
        if (getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random) ||
            sd_event_now(event_of(*call_), CLOCK_REALTIME, &now) < 0)
            return refuse(SD_BUS_ERROR_FAILED, "There are no random numbers");
        checkpoint_ = backup_name(now, random);
        const char *caller = sd_bus_message_get_sender(call_->message.get());
        for (BackupDisk &disk : *disks)
            records_.push_back({.disk = disk,
                                .index = static_cast<unsigned>(records_.size()),
                                .checkpoint = checkpoint_,
                                .since = since_,
                                .caller = caller ? caller : "",
                                .fd_set = {}});
        QmpCommands tidy = surplus_commands(*disks, since_);
        for (const BackupRecord &left : state.records.left)
            if (left.fd_set)
                tidy.push_back({"remove-fd", {{"fdset-id", *left.fd_set}}});
        then(std::move(tidy), OnRefusal::go_on, [this] { open_socket(); });
    }

    void open_socket() {
        auto made = make_nbd_socket();
        if (!made)
            return refuse(SD_BUS_ERROR_FAILED, made.error().message);
        place_ = std::move(made->place);
        const auto self = shared_from_this();
        execute(
            call_, "getfd", {{"fdname", kNbdFd}},
            [self](const VmMonitor::Reply &reply) {
                if (!reply)
                    return self->fail_with(reply.error());
                self->then({{"nbd-server-start",
                             {{"addr", {{"type", "fd"}, {"data", {{"str", kNbdFd}}}}}}}},
                           OnRefusal::stop, [self] {
                               self->has_server_ = true;
                               self->add_scratch(0);
                           });
            },
            std::move(made->listener));
    }

    // For all disks at once, so that a backup that begins meanwhile plans with what is left.
    void take_room(uint64_t available) {
        promised_ = scratch_room().promised();
        // Few take all that they may; one that runs out of room fails, and costs its guest nothing.
        free_ = std::max(available - std::min(available, promised_), available / 4);
        room_ = scratch_room().promise();
        for (const BackupRecord &record : records_)
            room_->bytes += limit_of(record);
    }

    uint64_t limit_of(const BackupRecord &record) const {
        return record.disk.is_variables ? record.disk.size
                                        : scratch_limit(record.disk.size, free_, records_.size());
    }

    void add_scratch(std::size_t index) {
        if (index == records_.size())
            return hold();
        BackupRecord &record = records_[index];
        auto scratch = make_scratch_file();
        if (!scratch)
            return abandon(SD_BUS_ERROR_FAILED, scratch.error().message);
        if (!room_)
            take_room(scratch->available);
        const uint64_t limit = limit_of(record);
        if (!record.disk.is_variables && limit < kScratchLeast)
            return abandon(
                SD_BUS_ERROR_FAILED,
                fmt::format("there is no room in /var/tmp for what the guest overwrites meanwhile: "
                            "{} MiB are free, of which backups of other VMs may take {} MiB. Make "
                            "room there, or wait for the end of these",
                            scratch->available >> 20, promised_ >> 20));
        if (UniqueFd kept{fcntl(scratch->fd.get(), F_DUPFD_CLOEXEC, 0)})
            room_->files.push_back(std::move(kept));
        // The variables are copied at once, and there is room for them from the beginning.
        if (record.disk.is_variables
                ? posix_fallocate(scratch->fd.get(), 0, static_cast<off_t>(limit)) != 0
                : ftruncate(scratch->fd.get(), static_cast<off_t>(limit)) != 0)
            return abandon(SD_BUS_ERROR_FAILED, "there is no room for a scratch file in /var/tmp");
        const auto self = shared_from_this();
        execute(
            call_, "add-fd", {{"opaque", record_text(record)}},
            [self, index, limit](const VmMonitor::Reply &added) {
                if (!added || !added->is_object() || !added->contains("fdset-id") ||
                    !(*added)["fdset-id"].is_number_integer())
                    return self->abandon(added ? gone() : added.error());
                self->records_[index].fd_set = (*added)["fdset-id"].get<int64_t>();
                self->add_scratch_nodes(index, limit);
            },
            std::move(scratch->fd));
    }

    void add_scratch_nodes(std::size_t index, uint64_t limit) {
        const BackupRecord &record = records_[index];
        then({{"blockdev-add", scratch_file_arguments(record, limit)}}, OnRefusal::stop,
             [this, index] {
                 const auto vm = call_->vm.lock();
                 if (!vm)
                     return abandon(gone());
                 if (records_[index].disk.is_variables)
                     return add_scratch(index + 1);
                 vm->jobs().start(
                     "blockdev-create", create_scratch_arguments(records_[index]), call_->deadline,
                     [self = shared_from_this(), index](const VmMonitor::Reply &created) {
                         if (!created)
                             return self->abandon(created.error());
                         self->then({{"blockdev-add", scratch_arguments(self->records_[index])}},
                                    OnRefusal::stop,
                                    [self, index] { self->add_scratch(index + 1); });
                     });
             });
    }

    // From here on, the guest is let go in any case.
    void hold() {
        execute(call_, "query-status", nullptr,
                [self = shared_from_this()](const VmMonitor::Reply &status) {
                    const auto vm = self->call_->vm.lock();
                    if (!status || !vm)
                        return self->abandon(status ? gone() : status.error());
                    self->is_running_ = string_at(*status, "status") == "running";
                    if (!self->is_running_)
                        return self->take_moment();
                    freeze_guest(vm, event_of(*self->call_), [self](bool is_frozen) {
                        self->is_quiet_ = is_frozen;
                        self->take_moment();
                    });
                });
    }

    void take_moment() {
        QmpCommands commands;
        if (is_quiet_)
            commands.push_back({"blockdev-add", mark_arguments(kQuietMark)});
        if (is_running_) {
            commands.push_back({"blockdev-add", mark_arguments(kStoppedMark)});
            commands.push_back({"stop", nullptr});
        }
        const auto vm = call_->vm.lock();
        if (!vm)
            return abandon(gone());
        for (const BackupRecord &record : records_)
            if (record.disk.is_variables)
                wait_for_variables(*vm, record);
        for (QmpCommand &command : moment_commands(records_))
            commands.push_back(std::move(command));
        run_commands(
            call_->vm, std::move(commands), OnRefusal::stop, call_->deadline,
            [self = shared_from_this()](const VmMonitor::Reply &reply) { self->let_go(reply); });
    }

    void wait_for_variables(Vm &vm, const BackupRecord &record) {
        ++jobs_;
        vm.waits().wait(
            [id = variables_job(record)](const QmpEvent &event) {
                return event.name.starts_with("BLOCK_JOB_COMPLETED") &&
                       string_at(event.data, "device") == id;
            },
            call_->deadline,
            [self = shared_from_this()](const VmMonitor::Reply &reply) {
                --self->jobs_;
                if (!reply || !string_at(*reply, "error").empty())
                    self->jobs_failed_ = true;
                if (std::exchange(self->waits_for_jobs_, false) && self->jobs_ == 0)
                    self->export_disks();
            });
    }

    void let_go(const VmMonitor::Reply &moment) {
        const auto vm = call_->vm.lock();
        if (!vm)
            return abandon(gone());
        let_guest_go(vm, event_of(*call_),
                     [self = shared_from_this(), moment](const std::string &fault) {
                         if (!moment)
                             return self->abandon(moment.error());
                         if (!fault.empty())
                             return self->abandon(bus_error::kAgent, fault);
                         if (self->jobs_ != 0)
                             self->waits_for_jobs_ = true;
                         else
                             self->export_disks();
                     });
    }

    void export_disks() {
        if (jobs_failed_)
            return abandon(bus_error::kMonitor, "the UEFI variables could not be copied");
        then(export_commands(records_), OnRefusal::stop, [this] { answer(); });
    }

    void answer() {
        const auto vm = call_->vm.lock();
        const char *caller = sd_bus_message_get_sender(call_->message.get());
        if (!vm || !caller || call_->open.has_left() ||
            !watch_backup_caller(sd_bus_message_get_bus(call_->message.get()), caller, vm))
            return abandon(SD_BUS_ERROR_FAILED, "the caller has left");
        vm->keep_scratch_room(std::move(room_));
        if (sd_bus_reply_method_return(call_->message.get(), "hs", place_.get(),
                                       checkpoint_.c_str()) < 0)
            abandon(SD_BUS_ERROR_FAILED, "the socket cannot be sent over D-Bus");
    }

    // Commands, and then more; whatever fails ends the beginning.
    void then(QmpCommands commands, OnRefusal on_refusal, std::function<void()> next) {
        run_commands(
            call_->vm, std::move(commands), on_refusal, call_->deadline,
            [self = shared_from_this(), next = std::move(next)](const VmMonitor::Reply &reply) {
                if (reply)
                    next();
                else if (self->has_server_)
                    self->abandon(reply.error());
                else
                    self->fail_with(reply.error());
            });
    }

    void fail_with(const QmpError &error) {
        release();
        reply_error(*call_, error);
    }

    void refuse(const char *error, const std::string &text) {
        release();
        reply_error(*call_, error, text);
    }

    void release() const {
        if (const auto vm = call_->vm.lock())
            vm->keep_backup(nullptr);
    }

    void abandon(const QmpError &error) {
        let_go_and_take_apart([self = shared_from_this(), error] { self->fail_with(error); });
    }

    void abandon(const char *error, const std::string &text) {
        let_go_and_take_apart([self = shared_from_this(), error, text] {
            self->refuse(error,
                         fmt::format("No backup of VM '{}': {}", self->call_->vm_name, text));
        });
    }

    // With a deadline of its own: a guest is let go also if the call's time is up.
    void let_go_and_take_apart(std::function<void()> then_answer) {
        const auto vm = call_->vm.lock();
        if (!vm)
            return then_answer();
        sd_event *event = event_of(*call_);
        let_guest_go(vm, event,
                     [self = shared_from_this(), event,
                      then_answer = std::move(then_answer)](const std::string &) {
                         take_apart(self->call_->vm, monotonic_now(event) + kBackupEndTimeout,
                                    self->records_,
                                    [then_answer](const VmMonitor::Reply &) { then_answer(); });
                     });
    }

    CallPtr call_;
    const std::string since_;
    std::shared_ptr<const std::string> held_;  // the disks, until the backup has begun
    std::string checkpoint_;
    std::vector<BackupRecord> records_;
    std::shared_ptr<ScratchRoom::Promise> room_;
    uint64_t free_ = 0, promised_ = 0;
    UniqueFd place_;
    bool has_server_ = false, is_running_ = false, is_quiet_ = false;
    unsigned jobs_ = 0;  // copies of UEFI variables that have not ended
    bool jobs_failed_ = false, waits_for_jobs_ = false;
};

}  // namespace

void begin_backup(const CallPtr &call, std::string since) {
    std::make_shared<Beginning>(call, std::move(since))->begin();
}

}  // namespace qemunit::bus
