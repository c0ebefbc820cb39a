// SPDX-License-Identifier: MIT
#include "ctl/migrate/migrate.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "common/files/move_record.h"
#include "common/qmp/qmp_client.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/migrate/host_facts.h"
#include "ctl/migrate/tunnel.h"
#include "ctl/vm/hosts.h"
#include "ctl/vm/state_paths.h"
#include "ctl/vm/vm_bus.h"
#include "ctl/vms/vm_units.h"

namespace qemunit::ctl {

namespace {

using nlohmann::json;

// Somebody may have to type a password for ssh.
constexpr uint64_t kAcceptTimeout = 120 * kSecond;
constexpr uint64_t kAskTimeout = 90 * kSecond;
constexpr uint64_t kLongestMove = 24 * 3600 * kSecond;
constexpr uint64_t kProgressInterval = kSecond;
// How often the other host is asked what became of a guest that was given to it.
constexpr int kAsks = 5;
// How many seconds a move is followed whose call has ended.
constexpr int kLongestLooks = 24 * 3600;

struct MoveState {
    std::string phase, host, vm, token;
    uint64_t sent = 0, remaining = 0;
};

Result<MoveState> state_of(sd_bus *bus, const std::string &vm) {
    auto reply = call_vm(bus, vm, "GetMigration");
    if (!reply)
        return std::unexpected(reply.error());
    const char *phase = nullptr, *host = nullptr, *there = nullptr, *token = nullptr;
    MoveState state;
    if (int r = sd_bus_message_read(reply->get(), "sssstt", &phase, &host, &there, &token,
                                    &state.sent, &state.remaining);
        r < 0)
        return fail_errno(r, "cannot read what became of the move");
    state.phase = phase;
    state.host = host;
    state.vm = there;
    state.token = token;
    return state;
}

bool is_under_way(const MoveState &state) {
    return state.phase == "copying" || state.phase == "sending";
}

struct Limits {
    uint64_t bandwidth = 0;  // bytes a second
    uint64_t downtime = 0;   // ms
};

// "100M": bytes a second.
Result<uint64_t> parse_bandwidth(std::string_view text) {
    uint64_t factor = 1;
    constexpr std::string_view kUnits = "KMGT";
    if (!text.empty())
        if (const std::size_t unit = kUnits.find(text.back()); unit != kUnits.npos) {
            factor = uint64_t{1024} << (10 * unit);
            text.remove_suffix(1);
        }
    const auto number = whole_number<uint32_t>(text, {.least = 1});
    if (!number)
        return fail(EINVAL, "--bandwidth= takes bytes a second, such as 100M");
    return *number * factor;
}

Result<Limits> limits_of(const Invocation &invocation) {
    Limits limits;
    if (const std::string text = invocation.value("--bandwidth"); !text.empty()) {
        const auto bandwidth = parse_bandwidth(text);
        if (!bandwidth)
            return std::unexpected(bandwidth.error());
        limits.bandwidth = *bandwidth;
    }
    if (std::string text = invocation.value("--downtime"); !text.empty()) {
        if (text.ends_with("ms"))
            text.resize(text.size() - 2);
        const auto downtime = whole_number<uint32_t>(text, {.least = 1});
        if (!downtime)
            return fail(EINVAL, "--downtime= takes milliseconds, such as 300ms");
        limits.downtime = *downtime;
    }
    return limits;
}

class Migrating {
  public:
    Migrating(sd_bus *bus, const Invocation &invocation, Paths paths, std::string host,
              std::string to)
        : bus_(bus),
          invocation_(invocation),
          paths_(std::move(paths)),
          vm_(invocation.arguments.front()),
          host_(std::move(host)),
          to_(std::move(to)) {}

    Result<int> run(const Limits &limits) {
        const auto before = state_of(bus_, vm_);
        if (!before)
            return std::unexpected(before.error());
        if (before->phase == "given" || before->phase == "stuck")
            return settle(*before);
        if (before->phase != "here")
            return fail(EBUSY, fmt::format("the VM is being moved to {} already", before->host));
        ImageProofs proofs;
        auto offer = offer_of(bus_, vm_, to_, proofs);
        if (!offer)
            return std::unexpected(offer.error());
        offer->has_shared_storage = invocation_.has("--shared-storage");
        offer->copies_storage = invocation_.has("--copy-storage");
        if (offer->copies_storage)
            if (auto learnt = learn_lengths(bus_, vm_, *offer); !learnt)
                return std::unexpected(learnt.error());
        for (const std::string &why : {refusal_to_leave(offer->facts), refusal_to_copy(*offer)})
            if (!why.empty())
                return fail(ENOTSUP, why);
        auto tunnel = Tunnel::open(words({}));
        if (!tunnel)
            return std::unexpected(tunnel.error());
        if (auto accepted = agree(*tunnel, *offer); !accepted)
            return std::unexpected(accepted.error());
        auto disks = open_ways_of_disks(*offer);
        if (!disks)
            return std::unexpected(disks.error());
        const auto moved = move(tunnel->take_socket(), *offer, limits, *disks);
        return conclude(moved, offer->move.token);
    }

    // The VM is off here, and was given away.
    Result<int> settle_off(const MoveRecord &record, const Move &move) {
        if (auto same = check_is_meant(move.host, move.vm); !same)
            return std::unexpected(same.error());
        const auto ran = ask(move.token);
        if (!ran)
            return std::unexpected(ran.error());
        if (*ran) {
            fmt::print("{} has moved to {}.\n", vm_, host_);
            return 0;
        }
        if (auto removed = record.remove(); !removed)
            return std::unexpected(removed.error());
        return fail(ECANCELED,
                    fmt::format("the guest has not run on {}; it can be started here", host_));
    }

  private:
    std::vector<std::string> words(const std::vector<std::string> &options) const {
        return receive_words(host_, invocation_.bus == Invocation::Bus::user, options, to_);
    }

    Result<> agree(Tunnel &tunnel, const MoveOffer &offer) {
        if (auto said = tunnel.say(json_text(offer_json(offer))); !said)
            return said;
        const auto line = tunnel.read_line(kAcceptTimeout);
        if (!line)
            return fail(line.error().code,
                        fmt::format("{}: {}; does `ssh {} qemunitctl receive --help` work?", host_,
                                    line.error().message, host_));
        const json answer = parse_json(*line);
        if (const std::string why = string_at(answer, "refused"); !why.empty())
            return fail(EPERM, fmt::format("{} does not take it: {}", host_, why));
        if (!answer.is_object() || !answer.contains("accepted"))
            return fail(EPROTO, fmt::format("{} answers what no qemunitctl does", host_));
        return {};
    }

    struct WayOfDisk {
        std::string drive;
        Tunnel tunnel;
    };

    // One for each drive that is copied, beside the one of the memory.
    Result<std::vector<WayOfDisk>> open_ways_of_disks(const MoveOffer &offer) {
        std::vector<WayOfDisk> ways;
        for (const MovedDrive &drive : offer.facts.drives) {
            if (!is_copied(offer, drive))
                continue;
            auto tunnel = Tunnel::open(words({"--disk"}));
            if (!tunnel)
                return std::unexpected(tunnel.error());
            const auto line = tunnel->read_line(kAcceptTimeout);
            if (!line || !parse_json(*line).is_object())
                return fail(EPROTO, fmt::format("[Drive {}]: {}", drive.name,
                                                line ? "it answers what no qemunitctl does"
                                                     : line.error().message));
            ways.push_back({drive.name, std::move(*tunnel)});
        }
        return ways;
    }

    // Returns when the guest runs there, or why it does not; who has moved it knows more.
    Result<> move(UniqueFd socket, const MoveOffer &offer, const Limits &limits,
                  std::vector<WayOfDisk> &disks) {
        auto message = new_vm_call(bus_, vm_, "Migrate");
        if (!message)
            return std::unexpected(message.error());
        int r = sd_bus_message_append(message->get(), "hsss", socket.get(),
                                      offer.move.token.c_str(), host_.c_str(), to_.c_str());
        if (r >= 0)
            r = sd_bus_message_open_container(message->get(), 'a', "{sv}");
        if (r >= 0 && limits.bandwidth > 0)
            r = sd_bus_message_append(message->get(), "{sv}", "bandwidth", "t", limits.bandwidth);
        if (r >= 0 && limits.downtime > 0)
            r = sd_bus_message_append(message->get(), "{sv}", "downtime", "t", limits.downtime);
        if (r >= 0 && !disks.empty())
            r = append_disks(message->get(), disks);
        if (r >= 0)
            r = sd_bus_message_close_container(message->get());
        if (r < 0)
            return fail_errno(r, "cannot make a call of Migrate");
        socket.reset();
        return call_with_progress(std::move(*message));
    }

    static int append_disks(sd_bus_message *message, std::vector<WayOfDisk> &disks) {
        int r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
            r = sd_bus_message_append(message, "s", "copies");
        if (r >= 0)
            r = sd_bus_message_open_container(message, 'v', "a{sh}");
        if (r >= 0)
            r = sd_bus_message_open_container(message, 'a', "{sh}");
        for (WayOfDisk &disk : disks)
            if (r >= 0)
                r = sd_bus_message_append(message, "{sh}", disk.drive.c_str(),
                                          disk.tunnel.take_socket().get());
        for (int i = 0; i < 3 && r >= 0; ++i)
            r = sd_bus_message_close_container(message);
        return r;
    }

    // A second connection looks meanwhile how far it is.
    Result<> call_with_progress(MessagePtr message) {
        struct Ended {
            bool has_come = false;
            std::string error;
        } ended;
        sd_bus_slot *slot = nullptr;
        int r = sd_bus_call_async(
            bus_, &slot, message.get(),
            [](sd_bus_message *reply, void *userdata, sd_bus_error *) {
                auto *result = static_cast<Ended *>(userdata);
                result->has_come = true;
                if (const sd_bus_error *error = sd_bus_message_get_error(reply))
                    result->error = error->message ? error->message : error->name;
                return 0;
            },
            &ended, kLongestMove);
        // ssh is to see the end of the connection when those have closed it who use it.
        message.reset();
        if (r < 0)
            return fail_errno(r, "cannot call Migrate");
        const auto watching = open_bus(invocation_);
        const bool shows = watching && isatty(STDERR_FILENO);
        while (!ended.has_come) {
            if ((r = sd_bus_process(bus_, nullptr)) < 0)
                break;
            if (r > 0)
                continue;
            if ((r = sd_bus_wait(bus_, kProgressInterval)) < 0 && r != -EINTR)
                break;
            if (r == 0 && shows)
                show_progress(watching->get());
        }
        sd_bus_slot_unref(slot);
        if (shows && was_shown_)
            fmt::print(stderr, "\r\033[K");
        if (!ended.has_come)
            return fail_errno(r, "the connection to the bus has ended");
        if (!ended.error.empty())
            return fail(EIO, ended.error);
        return {};
    }

    void show_progress(sd_bus *bus) {
        const auto state = state_of(bus, vm_);
        if (!state || (state->phase != "sending" && state->phase != "copying"))
            return;
        was_shown_ = true;
        if (state->phase == "copying") {
            fmt::print(stderr, "\r\033[K{}: disks: {} of {} MiB", vm_, state->sent >> 20,
                       (state->sent + state->remaining) >> 20);
            return;
        }
        fmt::print(stderr, "\r\033[K{}: {} MiB sent, {} MiB left", vm_, state->sent >> 20,
                   state->remaining >> 20);
    }

    Result<int> conclude(const Result<> &moved, const std::string &token) {
        if (moved)
            return has_moved();
        // The companion goes on, whoever has ended: this call, qemunitd.
        auto state = state_of(bus_, vm_);
        for (int looks = 0;
             state && is_under_way(*state) && state->token == token && looks < kLongestLooks;
             ++looks) {
            poll(nullptr, 0, 1000);
            state = state_of(bus_, vm_);
        }
        if (state && state->phase == "given" && state->token == token)
            return settle(*state);
        if (state && state->phase == "moved" && state->token == token)
            return has_moved();
        if (!state) {  // the VM is gone; what it has left tells whether it was given away
            const MoveRecord record(moved_away_path_in(paths_.state_dir(vm_)));
            if (const auto move = record.read(); move && move->token == token)
                return settle_off(record, *move);
        }
        return fail(EIO, fmt::format("has not moved: {}", moved.error().message));
    }

    Result<int> has_moved() {
        // QEMU quits by itself; this waits, and keeps a Restart= from looking at it. At the host's
        // end, it must not wait for those that the VM is stopped after: they may wait for us.
        if (auto stopped = tell_systemd(
                paths_, {"stop", "--job-mode=ignore-dependencies", "--", service_unit(vm_)});
            !stopped)
            fmt::print(stderr, "qemunitctl: {}\n", stopped.error().message);
        fmt::print("{} has moved to {}{}.\n", vm_, host_, to_ == vm_ ? "" : ", as " + to_);
        return 0;
    }

    // QEMU may have written down another host: the one is asked that the user has named, or none.
    Result<> check_is_meant(const std::string &host, const std::string &to) const {
        if (host == host_ && to == to_)
            return {};
        return fail(EINVAL,
                    fmt::format("it was given to {}, as {}; only that host knows whether it "
                                "runs: qemunitctl migrate {} {} --to={}",
                                host, to, vm_, host, to));
    }

    Result<bool> ask(const std::string &token) {
        Result<bool> ran = fail(EIO, "");
        for (int asks = 0; asks < kAsks && !ran; ++asks) {
            if (asks > 0)
                poll(nullptr, 0, 2000);
            ran = ask_once(token);
        }
        if (!ran)
            return fail(
                EINPROGRESS,
                fmt::format(
                    "it was given to {}, which does not say whether the guest runs: {}. The guest "
                    "stands still here until that is known: run the same command again, or, if you "
                    "know it, busctl call org.qemunit1 /org/qemunit1/vm/{} org.qemunit1.VM "
                    "EndMigration sb {} true|false",
                    host_, ran.error().message, vm_, token));
        return ran;
    }

    Result<bool> ask_once(const std::string &token) {
        if (!is_move_token(token))
            return fail(EPROTO, "the move that waits here has no token");
        auto tunnel = Tunnel::open(words({"--ask=" + token}));
        if (!tunnel)
            return std::unexpected(tunnel.error());
        const auto line = tunnel->read_line(kAskTimeout);
        if (!line)
            return std::unexpected(line.error());
        const json answer = parse_json(*line);
        if (const std::string why = string_at(answer, "unknown"); !why.empty())
            return fail(EINPROGRESS, why);
        const auto ran = answer.is_object() ? answer.find("ran") : answer.end();
        if (ran == answer.end() || !ran->is_boolean())
            return fail(EPROTO, "it answers what no qemunitctl does");
        return ran->get<bool>();
    }

    Result<int> settle(const MoveState &state) {
        if (auto same = check_is_meant(state.host, state.vm); !same)
            return std::unexpected(same.error());
        const auto ran = ask(state.token);
        if (!ran)
            return std::unexpected(ran.error());
        auto message = new_vm_call(bus_, vm_, "EndMigration");
        if (!message)
            return std::unexpected(message.error());
        if (int r = sd_bus_message_append(message->get(), "sb", state.token.c_str(), int{*ran});
            r < 0)
            return fail_errno(r, "cannot make a call of EndMigration");
        if (auto ended = call(bus_, message->get(), vm_); !ended)
            return std::unexpected(ended.error());
        if (*ran)
            return has_moved();
        return fail(ECANCELED,
                    fmt::format("the guest has not run on {}; it goes on here", state.host));
    }

    sd_bus *bus_;
    const Invocation &invocation_;
    const Paths paths_;
    const std::string vm_, host_, to_;
    bool was_shown_ = false;
};

}  // namespace

Result<int> run_migrate(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    const auto host = parse_host(invocation.arguments[1]);
    if (!host)
        return std::unexpected(host.error());
    if (!is_move_word(*host))
        return fail(EINVAL, fmt::format("'{}' is no name of a host", *host));
    const std::string to = invocation.value("--to", vm);
    if (!is_vm_name(to))
        return fail(EINVAL, fmt::format("'{}' is not the name of a VM", to));
    const auto limits = limits_of(invocation);
    if (!limits)
        return std::unexpected(limits.error());
    std::signal(SIGPIPE, SIG_IGN);
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto paths = paths_with_state(invocation);
    if (!paths)
        return std::unexpected(paths.error());
    Migrating migrating(bus->get(), invocation, *paths, *host, to);
    const auto state = active_state(bus->get(), vm);
    if (!state)
        return std::unexpected(state.error());
    if (*state == "inactive" || *state == "failed") {
        const MoveRecord record(moved_away_path_in(paths->state_dir(vm)));
        if (const auto move = record.read())
            return migrating.settle_off(record, *move);
        return fail(ESRCH, "is off; there is nothing to move but its ini file and its disks");
    }
    return migrating.run(*limits);
}

}  // namespace qemunit::ctl
