// SPDX-License-Identifier: MIT
//
// Hibernate, Upgrade, Migrate, GetMigration and EndMigration of org.qemunit1.VM. The VM's companion
// saves it or moves it, and keeps all state of that: qemunitd only asks on companion.sock, and may
// be killed at any time.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// The companion gives up much earlier when nothing moves; a guest may be large, and a network slow.
constexpr uint64_t kLongestMove = 24 * 3600 * kSecond;
constexpr uint64_t kLongestSave = 4 * 3600 * kSecond;
constexpr uint64_t kLongestUpgrade = 600 * kSecond;

uint64_t time_left(const Call &call) {
    const uint64_t now = now_of(call);
    return call.deadline > now ? call.deadline - now : 1;
}

// Null with the reason, which is QEMU's kind of error.
std::expected<std::unique_ptr<QmpClient>, QmpError> connect_companion(const Call &call) {
    const auto vm = call.vm.lock();
    if (!vm)
        return std::unexpected(QmpError{QmpError::Kind::disconnected, "it is gone"});
    auto connection = connect_unix(vm->paths().socket_path(vm->name(), kCompanionSocket));
    if (!connection)
        return std::unexpected(
            QmpError{QmpError::Kind::monitor,
                     "the VM's companion cannot be asked: " + connection.error().message +
                         "; a VM that was started by an older qemunit has no such socket"});
    auto client = QmpClient::create(sd_bus_get_event(sd_bus_message_get_bus(call.message.get())),
                                    std::move(*connection),
                                    {.ready = [] {},
                                     .event = [](const QmpEvent &) {},
                                     .closed =
                                         [](const std::string &) {
                                         }},
                                    64u << 10);
    if (!client)
        return std::unexpected(QmpError{QmpError::Kind::monitor, client.error().message});
    return std::move(*client);
}

// To what takes a drive over on the other host.
struct CopyConnection {
    std::string drive;
    UniqueFd fd;
};

// One question to the companion.
class Asking : public std::enable_shared_from_this<Asking> {
  public:
    Asking(CallPtr call, std::string command, json arguments, UniqueFd fd, Then then)
        : call_(std::move(call)),
          command_(std::move(command)),
          arguments_(std::move(arguments)),
          fd_(std::move(fd)),
          then_(std::move(then)) {}

    // Each goes in a "copy-drive" of its own, before the command.
    void send_first(std::vector<CopyConnection> copies) { copies_ = std::move(copies); }

    void begin() {
        const auto vm = call_->vm.lock();
        place_ = vm ? vm->take_companion_place() : nullptr;
        if (vm && !place_)
            return reply_error(
                *call_, bus_error::kBusy,
                fmt::format("The companion of VM '{}' is at work for as many other calls as it "
                            "takes; try again when one of them has ended",
                            call_->vm_name));
        auto client = connect_companion(*call_);
        if (!client)
            return reply_error(*call_, client.error());
        client_ = std::move(*client);
        // A command with a descriptor needs a connection that is ready; after an answer, this is.
        client_->execute("query-move", nullptr, time_left(*call_),
                         [self = shared_from_this()](const QmpClient::Reply &state) {
                             if (!state)
                                 self->finish(state);
                             else
                                 self->go();
                         });
    }

  private:
    void go() {
        if (!copies_.empty())
            return send_copy();
        client_->execute(
            command_, std::move(arguments_), time_left(*call_),
            [self = shared_from_this()](const QmpClient::Reply &reply) { self->finish(reply); },
            std::move(fd_));
    }

    void send_copy() {
        CopyConnection copy = std::move(copies_.back());
        copies_.pop_back();
        client_->execute(
            "copy-drive", {{"token", string_at(arguments_, "token")}, {"drive", copy.drive}},
            time_left(*call_),
            [self = shared_from_this()](const QmpClient::Reply &reply) {
                if (reply)
                    self->go();
                else
                    self->finish(reply);
            },
            std::move(copy.fd));
    }

    void finish(const QmpClient::Reply &reply) {
        const auto done_with = std::move(client_);
        const auto free = std::move(place_);
        if (reply || (command_ == "hibernate" && is_saved()))
            then_(reply ? *reply : json());
        else if (command_ == "hibernate" && reply.error().kind != QmpError::Kind::monitor)
            reply_error(*call_,
                        reply.error().kind == QmpError::Kind::timeout ? bus_error::kTimeout
                                                                      : bus_error::kNotRunning,
                        fmt::format("The companion of VM '{}' has not answered whether the guest "
                                    "is saved: {}. Another companion goes on with that, and State "
                                    "becomes 'hibernated', or the guest goes on",
                                    call_->vm_name, reply.error().message));
        else if (reply.error().kind == QmpError::Kind::monitor)
            refuse(reply.error().message);
        else
            reply_error(*call_, reply.error());
    }

    // A companion that has died may have said so by the file, which is whole from when it has its
    // name. Only for the caller: qemunitd may not look into the folder of each VM.
    bool is_saved() const {
        const auto vm = call_->vm.lock();
        return vm &&
               access(hibernation_path_in(vm->paths().state_dir(vm->name())).c_str(), F_OK) == 0;
    }

    void refuse(const std::string &why) { reply_error(*call_, {QmpError::Kind::monitor, why}); }

    CallPtr call_;
    std::string command_;
    json arguments_;
    UniqueFd fd_;
    std::vector<CopyConnection> copies_;
    Then then_;
    std::shared_ptr<const void> place_;
    std::unique_ptr<QmpClient> client_;
};

void ask_companion(const CallPtr &call, std::string command, json arguments, UniqueFd fd,
                   Then then) {
    std::make_shared<Asking>(call, std::move(command), std::move(arguments), std::move(fd),
                             std::move(then))
        ->begin();
}

// "a{sh}" in a variant.
int read_copies(sd_bus_message *message, std::vector<CopyConnection> &copies) {
    int r = sd_bus_message_enter_container(message, 'v', "a{sh}");
    if (r > 0)
        r = sd_bus_message_enter_container(message, 'a', "{sh}");
    const char *drive = nullptr;
    for (int fd = -1; r > 0 && (r = sd_bus_message_read(message, "{sh}", &drive, &fd)) > 0;) {
        copies.push_back({drive, UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0))});
        if (!copies.back().fd)
            return -errno;
    }
    for (int i = 0; i < 2 && r >= 0; ++i)
        r = sd_bus_message_exit_container(message);
    return r < 0 ? r : 1;
}

// Unknown options are an error: who asks for a limit must not get none.
bool read_options(const Call &call, json &arguments, std::vector<CopyConnection> &copies) {
    sd_bus_message *message = call.message.get();
    int r = sd_bus_message_enter_container(message, 'a', "{sv}");
    while (r > 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        const char *name = nullptr;
        uint64_t value = 0;
        r = sd_bus_message_read(message, "s", &name);
        if (r > 0 && std::string_view(name) == "copies") {
            if ((r = read_copies(message, copies)) > 0)
                r = sd_bus_message_exit_container(message);
            continue;
        }
        if (r > 0 && std::string_view(name) != "bandwidth" &&
            std::string_view(name) != "downtime") {
            reply_invalid(call, fmt::format("There is no option '{}'", name));
            return false;
        }
        if (r > 0)
            r = sd_bus_message_read(message, "v", "t", &value);
        if (r > 0) {
            arguments[name] = value;
            r = sd_bus_message_exit_container(message);
        }
    }
    return is_read(call, r);
}

void migrate(const CallPtr &call) {
    int fd = -1;  // the message's
    const char *token = nullptr, *host = nullptr, *vm = nullptr;
    if (!read_arguments(*call, "hsss", &fd, &token, &host, &vm))
        return;
    UniqueFd connection(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!is_read(*call, connection ? 0 : -errno))
        return;
    json arguments{{"token", token}, {"host", host}, {"vm", vm}};
    std::vector<CopyConnection> copies;
    if (!read_options(*call, arguments, copies))
        return;
    arguments["copies"] = copies.size();
    const auto asking =
        std::make_shared<Asking>(call, "move", std::move(arguments), std::move(connection),
                                 [call](const json &) { reply_done(*call); });
    asking->send_first(std::move(copies));
    asking->begin();
}

uint64_t bytes_of(const json &migration, const char *member) {
    const json::json_pointer place(std::string("/ram/") + member);
    return migration.is_object() && migration.contains(place) &&
                   migration[place].is_number_integer()
               ? migration[place].get<uint64_t>()
               : 0;
}

// Everybody may look, so that those who do have one connection for all.
void look_at_move(const CallPtr &call, SharedLook::Answered answered) {
    const auto vm = call->vm.lock();
    if (!vm)
        return;
    vm->look_at_move().join(
        [call](const SharedLook::Answered &done) {
            auto connected = connect_companion(*call);
            if (!connected)
                return done(std::unexpected(connected.error()));
            const auto client = std::make_shared<std::unique_ptr<QmpClient>>(std::move(*connected));
            (*client)->execute("query-move", nullptr, time_left(*call),
                               [client, done](const QmpClient::Reply &state) {
                                   const auto done_with = std::move(*client);
                                   done(state);
                               });
        },
        std::move(answered));
}

uint64_t count_at(const json &state, const char *member) {
    const auto found = state.find(member);
    return found != state.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

void reply_migration(const Call &call, const json &state, uint64_t sent, uint64_t remaining) {
    sd_bus_reply_method_return(call.message.get(), "sssstt", string_at(state, "phase").c_str(),
                               string_at(state, "host").c_str(), string_at(state, "vm").c_str(),
                               string_at(state, "token").c_str(), sent, remaining);
}

void get_migration(const CallPtr &call) {
    look_at_move(call, [call](const VmMonitor::Reply &answer) {
        if (!answer)
            return reply_error(*call, answer.error());
        const json &state = *answer;
        if (state.contains("remaining"))
            return reply_migration(*call, state, count_at(state, "sent"),
                                   count_at(state, "remaining"));
        execute(call, "query-migrate", nullptr, [call, state](const VmMonitor::Reply &reply) {
            const json migration = reply ? *reply : json();
            reply_migration(*call, state, bytes_of(migration, "transferred"),
                            bytes_of(migration, "remaining"));
        });
    });
}

void end_migration(const CallPtr &call) {
    const char *token = nullptr;
    int has_run = 1;
    if (!read_arguments(*call, "sb", &token, &has_run))
        return;
    ask_companion(call, "end-move", {{"token", token}, {"ran", has_run != 0}}, {},
                  [call](const json &) { reply_done(*call); });
}

// `what` is to happen to a guest that must not be held meanwhile, and whose disks nobody may work
// on.
bool is_free(const Call &call, const char *what) {
    const auto vm = call.vm.lock();
    const std::string busy = !vm                ? "the VM is gone"
                             : vm->has_backup() ? "a backup of the VM is under way"
                                                : vm->disk_hold();
    if (!busy.empty())
        reply_error(call, bus_error::kBusy,
                    fmt::format("VM '{}' is not {}: {}; try again when that has ended",
                                call.vm_name, what, busy));
    return busy.empty();
}

void hibernate(const CallPtr &call) {
    if (!is_free(*call, "hibernated"))
        return;
    ask_companion(call, "hibernate", nullptr, {}, [call](const json &) { reply_done(*call); });
}

// A backup that began meanwhile would freeze the guest after all that QEMU knows of it is gone.
void upgrade(const CallPtr &call) {
    if (!is_free(*call, "handed to another QEMU"))
        return;
    const auto vm = call->vm.lock();
    const auto held = vm ? vm->hold_disks("the guest is being handed to another QEMU") : nullptr;
    ask_companion(call, "upgrade", nullptr, {}, [call, held](const json &answer) {
        const auto stood_still = answer.is_object() ? answer.find("stood-still") : answer.end();
        sd_bus_reply_method_return(call->message.get(), "t",
                                   stood_still != answer.end() && stood_still->is_number_unsigned()
                                       ? stood_still->get<uint64_t>()
                                       : uint64_t{0});
    });
}

int method_upgrade(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "upgrade", kLongestUpgrade}, error,
                      upgrade);
}

int method_hibernate(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "hibernate", kLongestSave}, error,
                      hibernate);
}

int method_migrate(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "migrate", kLongestMove}, error,
                      migrate);
}

int method_get_migration(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::inspect, "query-migrate"}, error, get_migration);
}

int method_end_migration(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "migrate"}, error, end_migration);
}

}  // namespace

const sd_bus_vtable kMigrationMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Hibernate", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_hibernate,
                            kAnybody),
    SD_BUS_METHOD_WITH_ARGS("Upgrade", SD_BUS_NO_ARGS, SD_BUS_RESULT("t", stood_still),
                            method_upgrade, kAnybody),
    SD_BUS_METHOD_WITH_ARGS(
        "Migrate", SD_BUS_ARGS("h", connection, "s", token, "s", host, "s", vm, "a{sv}", options),
        SD_BUS_NO_RESULT, method_migrate, kAnybody),
    SD_BUS_METHOD_WITH_ARGS(
        "GetMigration", SD_BUS_NO_ARGS,
        SD_BUS_RESULT("s", phase, "s", host, "s", vm, "s", token, "t", sent, "t", remaining),
        method_get_migration, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("EndMigration", SD_BUS_ARGS("s", token, "b", has_run), SD_BUS_NO_RESULT,
                            method_end_migration, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
