// SPDX-License-Identifier: MIT
#include "helper/hibernation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <utility>

#include "common/timer.h"

namespace qemunit {

namespace {

using nlohmann::json;

constexpr uint64_t kCommandTimeout = 20 * kSecond;
// Bytes a second; QEMU's default is for networks, and slower than a disk.
constexpr uint64_t kBandwidth = 10ull << 30;
constexpr const char *kFdName = "hibernation";
constexpr uint64_t kLookInterval = 20 * kMillisecond;

// QEMU 8.2 knows files (qapi/migration.json), and 11 no more takes one for a stream with an fd.
bool takes_files(const std::string &version) {
    unsigned major = 0, minor = 0;
    const char *const end = version.data() + version.size();
    const auto [dot, error] = std::from_chars(version.data(), end, major);
    if (error == std::errc{} && dot != end)
        std::from_chars(dot + 1, end, minor);
    return std::pair(major, minor) >= std::pair(8u, 2u);
}

// It opens the file itself: in the sandbox, it has the folder that the companion has. Not as a URI,
// in which ",offset=" would be more than a name.
json file_source(const std::string &path) {
    return {
        {"channels",
         json::array({{{"channel-type", "main"},
                       {"addr", {{"transport", "file"}, {"filename", path}, {"offset", 0}}}}})}};
}

json fd_source() {
    return {{"uri", fmt::format("fd:{}", kFdName)}};
}

}  // namespace

void Hibernation::begin(std::function<void(Result<>)> done) {
    done_ = std::move(done);
    save();
}

bool Hibernation::open_file(int flags) {
    file_.reset(::open((state_file_ + ".new").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags,
                       S_IRUSR | S_IWUSR));
    return static_cast<bool>(file_);
}

void Hibernation::save() {
    if (!open_file(O_CREAT | O_TRUNC)) {
        give_up(fmt::format("cannot create {}.new: {}", state_file_, strerror(errno)));
        return;
    }
    step("query-migrate", nullptr, [this] { send_file(); });
}

// Only a migration on its way out, or done, counts: a guest that was resumed has "completed" one
// on its way in. It must not be begun again: QEMU refuses that while it runs, and afterwards the
// file is all there is.
void Hibernation::go_on(std::function<void(Result<>)> done) {
    done_ = std::move(done);
    qmp_.execute("query-migrate", nullptr, kCommandTimeout, [this](const QmpClient::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : "";
        if (status == "completed") {
            look_for_end();
        } else if (status == "" || status == "none" || status == "failed" ||
                   status == "cancelled" || !open_file(0)) {
            was_running_ = true;  // the guest was stopped for it, or is about to be
            save();
        } else {
            was_running_ = true;
            migrates_ = true;
        }
    });
}

void Hibernation::look_for_end() {
    qmp_.execute("query-status", nullptr, kCommandTimeout, [this](const QmpClient::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : "";
        const bool is_saved = status == "postmigrate" || status == "finish-migrate";
        was_running_ = true;
        if (!is_saved)
            save();
        else if (open_file(0))
            finish();
        else if (access(state_file_.c_str(), F_OK) == 0)  // it has its name already
            std::exchange(done_, nullptr)({});
        else
            save();
    });
}

void Hibernation::send_file() {
    if (takes_files(qmp_.version())) {
        set_up();
        return;
    }
    UniqueFd copy(fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
    step(
        "getfd", {{"fdname", kFdName}}, [this] { set_up(); }, std::move(copy));
}

void Hibernation::set_up() {
    step("migrate-set-capabilities",
         {{"capabilities", json::array({{{"capability", "events"}, {"state", true}}})}}, [this] {
             step("migrate-set-parameters", {{"max-bandwidth", kBandwidth}}, [this] { migrate(); });
         });
}

void Hibernation::migrate() {
    step("stop", nullptr, [this] {
        was_running_ = true;
        migrates_ = true;
        step("migrate",
             takes_files(qmp_.version()) ? file_source(state_file_ + ".new") : fd_source(), [] {});
    });
}

void Hibernation::on_event(const QmpEvent &event) {
    if (!migrates_ || event.name != "MIGRATION")
        return;
    const std::string status = string_at(event.data, "status");
    if (status == "completed")
        finish();
    else if (status == "failed" || status == "cancelled")
        qmp_.execute(
            "query-migrate", nullptr, kCommandTimeout, [this](const QmpClient::Reply &reply) {
                const std::string why = reply ? string_at(*reply, "error-desc") : "";
                give_up("cannot save the machine's state" + (why.empty() ? why : ": " + why));
            });
}

void Hibernation::finish() {
    migrates_ = false;
    const std::string temporary = state_file_ + ".new";
    if (fsync(file_.get()) != 0 || rename(temporary.c_str(), state_file_.c_str()) != 0) {
        give_up(fmt::format("cannot write {}: {}", state_file_, strerror(errno)));
        return;
    }
    file_.reset();
    std::exchange(done_, nullptr)({});
}

void Hibernation::give_up(std::string why) {
    migrates_ = false;
    file_.reset();
    unlink((state_file_ + ".new").c_str());
    if (std::exchange(was_running_, false))
        qmp_.execute("cont", nullptr, kCommandTimeout, [](const QmpClient::Reply &) {});
    if (auto done = std::exchange(done_, nullptr))
        done(fail(EIO, std::move(why)));
}

void Hibernation::step(std::string_view command, json arguments, std::function<void()> next,
                       UniqueFd fd) {
    qmp_.execute(
        command, std::move(arguments), kCommandTimeout,
        [this, name = std::string(command), next = std::move(next)](const QmpClient::Reply &reply) {
            if (reply)
                next();
            else
                give_up(fmt::format("cannot save the machine's state: {}: {}", name,
                                    reply.error().message));
        },
        std::move(fd));
}

void Loading::begin(std::function<void(Result<>)> done) {
    done_ = std::move(done);
    look();
}

// QEMU does not answer while it reads a file.
void Loading::look() {
    qmp_.execute("query-status", nullptr, kCommandTimeout, [this](const QmpClient::Reply &reply) {
        if (!reply && reply.error().kind == QmpError::Kind::timeout)
            look();
        else if (!reply)
            give_up("query-status", reply.error());
        else if (string_at(*reply, "status") != "inmigrate")
            std::exchange(done_, nullptr)({});
        else if (std::exchange(has_begun_, true))
            look_again();
        else
            look_for_beginning();
    });
}

void Loading::look_again() {
    if (auto timer = start_timer(event_, monotonic_now(event_) + kLookInterval, [this] { look(); }))
        next_look_ = std::move(*timer);
}

// QEMU refuses it a second time.
void Loading::look_for_beginning() {
    qmp_.execute("query-migrate", nullptr, kCommandTimeout, [this](const QmpClient::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : "";
        if (!reply)
            give_up("query-migrate", reply.error());
        else if (status.empty() || status == "none")
            send_file();
        else
            look();
    });
}

void Loading::send_file() {
    if (takes_files(qmp_.version())) {
        load(file_source(state_.path()));
        return;
    }
    qmp_.execute(
        "getfd", {{"fdname", kFdName}}, kCommandTimeout,
        [this](const QmpClient::Reply &reply) {
            if (reply)
                load(fd_source());
            else
                give_up("getfd", reply.error());
        },
        state_.open());
}

void Loading::load(json source) {
    qmp_.execute("migrate-incoming", std::move(source), kCommandTimeout,
                 [this](const QmpClient::Reply &reply) {
                     if (reply)
                         look();
                     else
                         give_up("migrate-incoming", reply.error());
                 });
}

void Loading::give_up(std::string_view command, const QmpError &error) {
    std::exchange(done_, nullptr)(
        fail(EIO, fmt::format("cannot load the machine's state: {}: {}", command, error.message)));
}

}  // namespace qemunit
