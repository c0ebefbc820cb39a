// SPDX-License-Identifier: MIT
#include "helper/hardware.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "common/medium_name.h"
#include "common/timer.h"

namespace qemunit {

using nlohmann::json;

namespace {

constexpr uint64_t kCommandTimeout = 20 * kSecond;
constexpr std::string_view kHotDrive = "qemunit-hot-";  // of AttachDrive, see org.qemunit1(5)

// "/machine/peripheral/root/virtio-backend", which a virtio disk has for its name, -> "root"
std::string device_id(std::string_view name) {
    constexpr std::string_view kFolder = "/machine/peripheral/";
    if (name.starts_with(kFolder)) {
        name.remove_prefix(kFolder.size());
        name = name.substr(0, name.find('/'));
    }
    return std::string(name);
}

// What is behind "/dev/fdset/3", if a name was given with the descriptor.
std::string name_of_file(const std::string &file, const std::string &drive, const json &fd_sets) {
    constexpr std::string_view kFolder = "/dev/fdset/";
    if (!file.starts_with(kFolder) || !fd_sets.is_array())
        return file;
    for (const json &set : fd_sets)
        if (set.is_object() && set.value("fdset-id", json()).dump() == file.substr(kFolder.size()))
            if (const auto name = medium_in_set(set, drive))
                return *name;
    return file;
}

std::string described(const std::string &device) {
    return device.starts_with(kHotDrive)
               ? fmt::format("the drive '{}'", device.substr(kHotDrive.size()))
               : fmt::format("the device '{}'", device);
}

// Three of four may be gone already when the last answer comes.
struct Question {
    std::function<void(Result<Hardware>)> done;
    json block, fd_sets, with_id, without_id;
    unsigned open = 4;
};

void ask_part(QmpClient &qmp, const std::shared_ptr<Question> &question, std::string_view command,
              json arguments, json Question::*part) {
    qmp.execute(
        command, std::move(arguments), kCommandTimeout,
        [question, part, name = std::string(command)](const QmpClient::Reply &reply) {
            --question->open;
            if (!question->done)
                return;
            if (!reply) {
                std::exchange(question->done, nullptr)(
                    fail(EIO, fmt::format("{}: {}", name, reply.error().message)));
                return;
            }
            (*question).*part = *reply;
            if (question->open == 0)
                std::exchange(question->done, nullptr)(hardware_of(
                    question->block, question->fd_sets, question->with_id, question->without_id));
        });
}

}  // namespace

Hardware hardware_of(const json &block, const json &fd_sets, const json &with_id,
                     const json &without_id) {
    Hardware hardware;
    for (const bool named : {true, false}) {
        const json &list = named ? with_id : without_id;
        if (!list.is_array())
            continue;
        for (const json &child : list) {
            const std::string type = string_at(child, "type");
            if (type.starts_with("child<"))
                hardware.devices.insert(string_at(child, "name") + (named ? "" : " " + type));
        }
    }
    if (!block.is_array())
        return hardware;
    for (const json &drive : block) {
        if (!drive.is_object())
            continue;
        const std::string qdev = string_at(drive, "qdev");
        const std::string id = device_id(qdev.empty() ? string_at(drive, "device") : qdev);
        const json inserted = drive.value("inserted", json());
        const json removable = drive.value("removable", json());
        hardware.media[id] = {name_of_file(string_at(inserted, "file"), id, fd_sets),
                              removable.is_boolean() && removable.get<bool>()};
    }
    return hardware;
}

void ask_hardware(QmpClient &qmp, std::function<void(Result<Hardware>)> done) {
    const auto question = std::make_shared<Question>(Question{.done = std::move(done)});
    ask_part(qmp, question, "query-block", nullptr, &Question::block);
    ask_part(qmp, question, "query-fdsets", nullptr, &Question::fd_sets);
    ask_part(qmp, question, "qom-list", {{"path", "/machine/peripheral"}}, &Question::with_id);
    ask_part(qmp, question, "qom-list", {{"path", "/machine/peripheral-anon"}},
             &Question::without_id);
}

std::string hardware_text(const Hardware &hardware) {
    json media = json::object();
    for (const auto &[drive, medium] : hardware.media)
        media[drive] = {{"file", medium.file}, {"removable", medium.removable}};
    return json_text({{"devices", hardware.devices}, {"media", media}});
}

std::optional<Hardware> parse_hardware(std::string_view text) {
    const json value = parse_json(text);
    const json devices = value.is_object() ? value.value("devices", json()) : json();
    const json media = value.is_object() ? value.value("media", json()) : json();
    if (!devices.is_array() || !media.is_object())
        return std::nullopt;
    Hardware hardware;
    for (const json &device : devices) {
        if (!device.is_string())
            return std::nullopt;
        hardware.devices.insert(device.get<std::string>());
    }
    for (const auto &[drive, medium] : media.items()) {
        const json removable = medium.is_object() ? medium.value("removable", json()) : json();
        if (!removable.is_boolean())
            return std::nullopt;
        hardware.media[drive] = {string_at(medium, "file"), removable.get<bool>()};
    }
    return hardware;
}

std::string misfit(const Hardware &then, const Hardware &now) {
    for (const std::string &device : now.devices)
        if (!then.devices.contains(device))
            return described(device) + " was plugged in while the VM ran";
    for (const std::string &device : then.devices)
        if (!now.devices.contains(device))
            return described(device) + " was unplugged while the VM ran";
    for (const auto &[drive, medium] : now.media) {
        const auto before = then.media.find(drive);
        if (before == then.media.end() || before->second.file == medium.file ||
            (medium.file.empty() && medium.removable))
            continue;
        return fmt::format("the image in drive '{}' is {} now, and was {} when the VM started",
                           drive, medium.file.empty() ? "none" : medium.file,
                           before->second.file.empty() ? "none" : before->second.file);
    }
    return {};
}

std::set<std::string> emptied_drives(const Hardware &saved, const Hardware &started) {
    std::set<std::string> drives;
    for (const auto &[drive, medium] : saved.media) {
        const auto now = started.media.find(drive);
        if (medium.removable && medium.file.empty() && now != started.media.end() &&
            !now->second.file.empty())
            drives.insert(drive);
    }
    return drives;
}

}  // namespace qemunit
