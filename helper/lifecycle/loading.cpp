// SPDX-License-Identifier: MIT
#include "helper/lifecycle/loading.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "common/timer.h"
#include "helper/lifecycle/state_source.h"

namespace qemunit::helper {

namespace {

constexpr uint64_t kLoadCommandTimeout = 20 * kSecond;
constexpr uint64_t kLoadLookInterval = 20 * kMillisecond;

}  // namespace

void Loading::begin(std::function<void(Result<>)> done) {
    done_ = std::move(done);
    look();
}

// QEMU does not answer while it reads a file.
void Loading::look() {
    qmp_.execute("query-status", nullptr, kLoadCommandTimeout,
                 [this](const QmpClient::Reply &reply) {
                     if (!reply && reply.error().kind == QmpError::Kind::timeout)
                         look_again();
                     else if (!reply)
                         give_up("query-status", reply.error().message);
                     else if (string_at(*reply, "status") != "inmigrate")
                         std::exchange(done_, nullptr)({});
                     else if (std::exchange(has_begun_, true))
                         look_again();
                     else
                         look_for_beginning();
                 });
}

void Loading::look_again() {
    if (auto timer =
            start_timer(event_, monotonic_now(event_) + kLoadLookInterval, [this] { look(); }))
        next_look_ = std::move(*timer);
}

// QEMU refuses a second `migrate-incoming`, so this asks whether there was a first one.
void Loading::look_for_beginning() {
    qmp_.execute("query-migrate", nullptr, kLoadCommandTimeout,
                 [this](const QmpClient::Reply &reply) {
                     const std::string status = reply ? string_at(*reply, "status") : "";
                     if (!reply)
                         give_up("query-migrate", reply.error().message);
                     else if (status.empty() || status == "none")
                         read_header();
                     else
                         look();
                 });
}

void Loading::read_header() {
    auto file = saved_.open();
    if (!file || !*file) {
        give_up("open", file ? saved_.path() + " is gone" : file.error().message);
        return;
    }
    file_ = std::move(*file);
    header_ = read_state_header(file_.get());
    if (!header_) {
        send_file();
        return;
    }
    ask_hardware(qmp_, kLoadCommandTimeout, [this](const Result<Hardware> &started) {
        if (!started) {
            give_up("compare", started.error().message);
            return;
        }
        started_ = *started;
        compare(*started_);
    });
}

// QEMU does not see that another image is in a drive, and the guest would write on that image what
// it remembers of the one before.
void Loading::compare(const Hardware &started) {
    const std::string difference = difference_since_save(header_->hardware, started);
    const std::string changed = changed_image(header_->images, images_);
    if (!difference.empty())
        give_up("compare", difference, Fault::refused);
    else if (!changed.empty())
        give_up("compare", changed, Fault::unfit);
    else
        take_out(emptied_drives(header_->hardware, started));
}

void Loading::take_out(std::set<std::string> drives) {
    if (drives.empty()) {
        send_file();
        return;
    }
    const std::string drive = drives.extract(drives.begin()).value();
    qmp_.execute("eject", {{"id", drive}, {"force", true}}, kLoadCommandTimeout,
                 [this, drives](const QmpClient::Reply &reply) {
                     if (reply)
                         take_out(drives);
                     else
                         give_up("eject", reply.error().message);
                 });
}

void Loading::send_file() {
    const off_t offset = header_ ? kStateHeaderSize : 0;
    if (takes_files(qmp_.version())) {
        load(file_source(saved_.path(), offset));
        return;
    }
    if (lseek(file_.get(), offset, SEEK_SET) < 0) {
        give_up("getfd", strerror(errno));
        return;
    }
    qmp_.execute(
        "getfd", {{"fdname", kStateFdName}}, kLoadCommandTimeout,
        [this](const QmpClient::Reply &reply) {
            if (reply)
                load(fd_source());
            else
                give_up("getfd", reply.error().message);
        },
        std::move(file_));
}

// A QEMU that cannot load a state ends, and its event is all that tells this from a QEMU that
// somebody has killed.
// late-block-activate: QEMU writes nothing in the images before the guest runs, not even in their
// bitmaps, so that a state which is not used after all fits them still. What a paused guest has,
// others may want to use before it runs.
void Loading::load(const nlohmann::json &source) {
    nlohmann::json capabilities = nlohmann::json::array();
    capabilities.push_back({{"capability", "events"}, {"state", true}});
    if (!header_ || !header_->paused)
        capabilities.push_back({{"capability", "late-block-activate"}, {"state", true}});
    qmp_.execute("migrate-set-capabilities", {{"capabilities", std::move(capabilities)}},
                 kLoadCommandTimeout, [this, source](const QmpClient::Reply &) { give(source); });
}

void Loading::give(nlohmann::json source) {
    on_given_();
    qmp_.execute("migrate-incoming", std::move(source), kLoadCommandTimeout,
                 [this](const QmpClient::Reply &reply) {
                     if (reply || reply.error().kind == QmpError::Kind::timeout)
                         look();
                     else
                         give_up("migrate-incoming", reply.error().message,
                                 reply.error().kind == QmpError::Kind::monitor ? Fault::refused
                                                                               : Fault::none);
                 });
}

void Loading::give_up(std::string_view command, const std::string &why, Fault fault) {
    fault_ = fault;
    std::exchange(done_, nullptr)(
        fail(EIO, fmt::format("cannot load the machine's state: {}: {}", command, why)));
}

}  // namespace qemunit::helper
