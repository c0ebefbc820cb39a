// SPDX-License-Identifier: MIT
#include "helper/lifecycle/storage_export.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/drive_nodes.h"
#include "common/time_units.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

constexpr std::string_view kExportIds = "qemunit-copy-";
constexpr std::string_view kCopiesFdName = "qemunit-copies";
// The caller has a deadline of its own.
constexpr uint64_t kExportTimeout = 3600 * kSecond;

std::size_t count_exports(const json &exports) {
    return static_cast<std::size_t>(std::ranges::count_if(
        exports, [](const json &of) { return string_at(of, "id").starts_with(kExportIds); }));
}

}  // namespace

void StorageExport::begin(const UnfinishedCopy &copy, const UniqueFd &listener, Done done) {
    done_ = std::move(done);
    images_ = copy.images;
    if (const auto written = mark_.write(copy); !written)
        return finish(written);
    ask("query-block-exports", nullptr, [this, &listener](const json &exports) {
        if (count_exports(exports) == images_.size())
            return finish({});
        start_server(listener);
    });
}

// One for which an earlier companion has not done all of this is started anew.
void StorageExport::start_server(const UniqueFd &listener) {
    qmp_.execute("nbd-server-stop", nullptr, kExportTimeout, [](const QmpClient::Reply &) {});
    ask(
        "getfd", {{"fdname", kCopiesFdName}},
        [this](const json &) {
            ask("nbd-server-start",
                {{"addr", {{"type", "fd"}, {"data", {{"str", kCopiesFdName}}}}},
                 {"max-connections", images_.size()}},
                [this](const json &) { add(0); });
        },
        UniqueFd(fcntl(listener.get(), F_DUPFD_CLOEXEC, 0)));
}

void StorageExport::add(std::size_t index) {
    if (index == images_.size())
        return finish({});
    const std::string &drive = images_[index].drive;
    ask("block-export-add",
        {{"type", "nbd"},
         {"id", std::string(kExportIds) + drive},
         {"node-name", image_node(drive)},
         {"name", drive},
         {"writable", true}},
        [this, index](const json &) { add(index + 1); });
}

void StorageExport::end(Done done) {
    done_ = std::move(done);
    qmp_.execute("nbd-server-stop", nullptr, kExportTimeout, [](const QmpClient::Reply &) {});
    ask("query-block-exports", nullptr, [this](const json &exports) {
        finish(exports.empty() ? Result<>() : fail(EBUSY, "QEMU still serves the disks here"));
    });
}

void StorageExport::ask(std::string_view command, json arguments,
                        std::function<void(const json &)> next, UniqueFd fd) {
    qmp_.execute(
        command, std::move(arguments), kExportTimeout,
        [this, name = std::string(command), next = std::move(next)](const QmpClient::Reply &reply) {
            if (reply)
                next(*reply);
            else
                finish(fail(EIO, fmt::format("{}: {}", name, reply.error().message)));
        },
        std::move(fd));
}

void StorageExport::finish(Result<> result) {
    if (const auto done = std::exchange(done_, {}))
        done(std::move(result));
}

}  // namespace qemunit::helper
