// SPDX-License-Identifier: MIT
#include "ctl/migrate/receive.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "common/files/arrival_record.h"
#include "common/files/copy_mark.h"
#include "common/files/disk_image.h"
#include "common/files/file_lock.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "common/vm_name.h"
#include "ctl/migrate/host_facts.h"
#include "ctl/migrate/settling.h"
#include "ctl/migrate/tunnel.h"
#include "ctl/new/child.h"
#include "ctl/output/printable.h"
#include "ctl/ssh/relay.h"
#include "ctl/vm/state_paths.h"
#include "ctl/vm/vm_bus.h"
#include "ctl/vms/vm_places.h"
#include "ctl/vms/vm_units.h"

namespace qemunit::ctl {

namespace {

using nlohmann::json;

constexpr uint64_t kOfferTimeout = 60 * kSecond;
// A source that lives sends all the time. Of a link that is dead, TCP says nothing to who only
// reads.
constexpr int kSilence = 60'000;  // ms
Result<> say(const json &message) {
    const std::string line = json_text(message) + "\n";
    if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        return fail_errno(errno, "cannot answer the other host");
    return {};
}

std::string migrate_socket_unit(const std::string &vm) {
    return "qemu-migrate@" + vm + ".socket";
}

// The guest that comes is to be known under a name that nobody else has.
Result<> check_is_free(sd_bus *bus, const Paths &paths, const std::string &vm) {
    if (auto off = check_is_off(bus, paths, vm); !off)
        return fail(EBUSY, fmt::format("a VM '{}' is not off here", vm));
    if (access(hibernation_path_in(paths.state_dir(vm)).c_str(), F_OK) == 0)
        return fail(EBUSY,
                    fmt::format("VM '{}' is hibernated here; start it, and shut it down", vm));
    return {};
}

Outcome outcome_of(sd_bus *bus, const Paths &paths, const std::string &vm,
                   const std::string &token) {
    return settle(ArrivalRecord(paths.state_dir(vm)), token, [&] { return active_state(bus, vm); });
}

class Receiving {
  public:
    Receiving(sd_bus *bus, const Paths &paths, std::string vm)
        : bus_(bus), paths_(paths), vm_(std::move(vm)) {}

    Result<int> run() {
        // Of two, the second one would end what the first one has begun.
        const auto lock = try_lock_file(paths_.runtime + "/qemunit-receive-" + vm_ + ".lock");
        const auto line = read_line_of(STDIN_FILENO, kOfferTimeout);
        if (!line)
            return std::unexpected(line.error());
        if (!lock)
            return refuse(lock.error().code == EWOULDBLOCK
                              ? fmt::format("VM '{}' is being received already", vm_)
                              : lock.error().message);
        const auto offer = parse_offer(*line);
        if (!offer)
            return refuse(offer.error().message);
        if (auto is_free = check_is_free(bus_, paths_, vm_); !is_free)
            return refuse(is_free.error().message);
        const CopyMark mark(paths_.state_dir(vm_));
        const bool is_marked = mark.counts();
        if (is_marked && !offer->copies_storage)
            return refuse(
                fmt::format("the disks here are a copy that was not finished: copy them once more, "
                            "with --copy-storage, or delete them and {}",
                            mark.path()));
        if (auto made = make_missing_images(*offer); !made)
            return refuse(made.error().message);
        const auto receiver = receiver_of(
            bus_, vm_, *offer, is_marked ? mark.read() : std::optional<UnfinishedCopy>());
        if (!receiver)
            return refuse(receiver.error().message);
        if (const std::string why = refusal_of(*offer, receiver->facts, receiver->room);
            !why.empty())
            return refuse(why);
        return take_over(*offer, receiver->copies);
    }

  private:
    Result<int> refuse(const std::string &why) {
        if (auto said = say({{"refused", why}}); !said)
            return std::unexpected(said.error());
        return 1;
    }

    // As a start of the VM makes them.
    Result<> make_missing_images(const MoveOffer &offer) {
        const auto missing = missing_images(bus_, vm_, offer);
        if (!missing || missing->empty())
            return missing ? Result<>() : std::unexpected(missing.error());
        const auto made =
            tell_systemd(paths_, {"start", "--", fmt::format("qemu-image@{}.service", vm_)});
        const auto still = missing_images(bus_, vm_, offer);
        if (!still || still->empty())
            return still ? Result<>() : std::unexpected(still.error());
        const MovedDrive &drive = still->front().drive;
        const auto there = std::ranges::find(offer.facts.drives, drive.name, &MovedDrive::name);
        return fail(
            ENOENT,
            fmt::format("[Drive {}]: {} is not there, and was not made{}; write Size={} into "
                        "the ini file here",
                        drive.name, drive.files.front().path,
                        made ? "" : " (" + made.error().message + ")",
                        disk_size_text(there->length)));
    }

    // The socket first: as long as it is there, no start of the VM boots a guest.
    Result<int> take_over(const MoveOffer &offer, const std::vector<CopiedImage> &copies) {
        // One that a killed `receive` has left.
        if (auto stopped = tell_systemd(paths_, {"stop", "--", migrate_socket_unit(vm_)}); !stopped)
            return refuse(stopped.error().message);
        if (auto started = tell_systemd(paths_, {"start", "--", migrate_socket_unit(vm_)});
            !started)
            return refuse(started.error().message);
        auto connected = connect_to_unit(offer, copies);
        if (!connected) {
            tidy_up();
            return refuse(connected.error().message);
        }
        if (auto said = say({{"accepted", true}}); !said) {
            tidy_up();
            return std::unexpected(said.error());
        }
        const auto relayed = relay(connected->get(), STDIN_FILENO, STDOUT_FILENO, kSilence);
        connected->reset();
        if (!relayed)
            fmt::print(stderr, "qemunitctl: {}: {}\n", vm_, relayed.error().message);
        return conclude(offer.move.token);
    }

    // Only what surely does not run here is stopped.
    Result<int> conclude(const std::string &token) {
        // Without a record, "run" was not said, and cannot be any more.
        const bool came = ArrivalRecord(paths_.state_dir(vm_)).state(token) != Arrival::none;
        const Outcome outcome =
            came ? outcome_of(bus_, paths_, vm_, token) : Outcome{Outcome::Kind::never_runs, {}};
        switch (outcome.kind) {
            case Outcome::Kind::ran:
                if (auto stopped = tell_systemd(paths_, {"stop", "--", migrate_socket_unit(vm_)});
                    !stopped)
                    return std::unexpected(stopped.error());
                return 0;
            case Outcome::Kind::never_runs:
                show_log();
                tidy_up();
                return 1;
            case Outcome::Kind::unknown:
                break;
        }
        show_log();
        return fail(EINPROGRESS, "it is not known whether the guest runs here: " + outcome.why);
    }

    Result<UniqueFd> connect_to_unit(const MoveOffer &offer,
                                     const std::vector<CopiedImage> &copies) {
        auto connection = connect_unix(paths_.socket_path(vm_, kMigrateSocket));
        if (!connection)
            return connection;
        // What the journal gets to know is what the source calls itself.
        const std::string line =
            incoming_line({offer.move.token, offer.move.host, vm_}, offer.machine,
                          offer.accelerator, copied_images_text(copies));
        if (send(connection->get(), line.data(), line.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(line.size()))
            return fail_errno(errno, "cannot write to migrate.sock");
        // The connection starts the unit as well; this one says what is wrong with that.
        if (auto started = tell_systemd(paths_, {"start", "--no-block", "--", service_unit(vm_)});
            !started)
            return std::unexpected(started.error());
        return connection;
    }

    // Who has asked sees why, by ssh.
    void show_log() const {
        std::vector<std::string> words{"journalctl", "--no-pager", "-q", "-n8", "-ocat"};
        if (paths_.is_of_user())
            words.emplace_back("--user");
        words.push_back("--unit=" + service_unit(vm_));
        if (const auto log = run_child(words))
            fmt::print(stderr, "{}", printable_text(log->output));
    }

    // The service first: while its socket is there, it boots no guest.
    void tidy_up() {
        for (const std::string &unit : {service_unit(vm_), migrate_socket_unit(vm_)})
            if (auto stopped = tell_systemd(paths_, {"stop", "--", unit}); !stopped)
                fmt::print(stderr, "qemunitctl: {}\n", stopped.error().message);
    }

    sd_bus *bus_;
    const Paths &paths_;
    const std::string vm_;
};

// One disk of a VM that is being received: {"accepted":true}, and then what QEMU says.
Result<int> relay_disk(const Paths &paths, const std::string &vm) {
    const auto connection = connect_unix(paths.socket_path(vm, kCopySocket));
    if (!connection)
        return std::unexpected(connection.error());
    if (auto said = say({{"accepted", true}}); !said)
        return std::unexpected(said.error());
    // A disk that nobody writes to says nothing. QEMU ends the connection when the move has ended.
    if (auto relayed = relay(connection->get(), STDIN_FILENO, STDOUT_FILENO); !relayed)
        return std::unexpected(relayed.error());
    return 0;
}

// {"ran":true}, {"ran":false}, {"unknown":"why"}
Result<int> answer_whether_it_ran(sd_bus *bus, const Paths &paths, const std::string &vm,
                                  const std::string &token) {
    if (!is_move_token(token))
        return fail(EINVAL, "--ask= takes a token of `qemunitctl migrate`");
    const Outcome outcome = outcome_of(bus, paths, vm, token);
    const json answer = outcome.kind == Outcome::Kind::unknown
                            ? json{{"unknown", outcome.why}}
                            : json{{"ran", outcome.kind == Outcome::Kind::ran}};
    if (auto said = say(answer); !said)
        return std::unexpected(said.error());
    return 0;
}

}  // namespace

Result<int> run_receive(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    const auto known = paths_with_state(invocation);
    if (!known)
        return std::unexpected(known.error());
    const Paths &paths = *known;
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);  // what is left is to be tidied up
    if (auto rights = check_rights(paths, "receive"); !rights)
        return std::unexpected(rights.error());
    if (invocation.has("--disk"))
        return relay_disk(paths, vm);
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    if (invocation.has("--ask"))
        return answer_whether_it_ran(bus->get(), paths, vm, invocation.value("--ask"));
    return Receiving(bus->get(), paths, vm).run();
}

}  // namespace qemunit::ctl
