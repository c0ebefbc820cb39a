// SPDX-License-Identifier: MIT
#include "bus/monitor/drive_release.h"

#include <utility>

#include "bus/monitor/hot_drive.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// QEMU's answers come in the order of the commands: that to query-fdsets here stands for the
// whole.
void remove_images(VmMonitor &monitor, const std::string &name, uint64_t deadline,
                   VmMonitor::ReplyCallback done) {
    monitor.execute(
        "query-fdsets", nullptr, deadline,
        [&monitor, name, deadline, done = std::move(done)](const VmMonitor::Reply &sets) {
            if (!sets)
                return done(sets);
            for (const json &set : *sets)
                if (is_image_of(set, name))
                    monitor.execute("remove-fd", {{"fdset-id", set.value("fdset-id", json())}},
                                    deadline, [](const VmMonitor::Reply &) {});
            monitor.execute("query-fdsets", nullptr, deadline,
                            [done](const VmMonitor::Reply &reply) { done(reply); });
        });
}

// The error that the node is gone: somebody else has removed it meanwhile.
bool is_gone(const QmpError &error) {
    return error.kind == QmpError::Kind::monitor &&
           error.message.find("Failed to find node") != std::string::npos;
}

}  // namespace

void release_drive(VmMonitor &monitor, const std::string &name, uint64_t deadline,
                   VmMonitor::ReplyCallback done) {
    const std::string id = hot_drive_id(name);
    monitor.execute(
        "query-named-block-nodes", {{"flat", true}}, deadline,
        [&monitor, name, id, deadline, done = std::move(done)](const VmMonitor::Reply &nodes) {
            if (!nodes)
                return done(nodes);
            bool is_there = false, is_marked = false;
            for (const json &node : *nodes) {
                const std::string its_name = node.is_object() ? string_at(node, "node-name") : "";
                is_there = is_there || its_name == id;
                is_marked = is_marked || its_name == leaving_mark(name);
            }
            const auto remove = [&monitor, name, deadline, is_marked, done] {
                if (is_marked)
                    monitor.execute("blockdev-del", {{"node-name", leaving_mark(name)}}, deadline,
                                    [](const VmMonitor::Reply &) {});
                remove_images(monitor, name, deadline, done);
            };
            if (!is_there)
                return remove();
            monitor.execute("blockdev-del", {{"node-name", id}}, deadline,
                            [remove, done](const VmMonitor::Reply &deleted) {
                                if (deleted || is_gone(deleted.error()))
                                    remove();
                                else
                                    done(deleted);
                            });
        });
}

std::string drive_let_go(const QmpEvent &event) {
    return event.name == "DEVICE_DELETED" ? hot_drive_name(string_at(event.data, "device")) : "";
}

}  // namespace qemunit::bus
