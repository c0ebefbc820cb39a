// SPDX-License-Identifier: MIT
#include "helper/lifecycle/hardware.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "common/qmp/host_devices.h"
#include "common/qmp/hot_devices.h"
#include "common/qmp/medium_name.h"
#include "common/shared_names.h"

namespace qemunit::helper {

using nlohmann::json;

namespace {

// "/machine/peripheral/root/virtio-backend", which a virtio disk has for its name, -> "root"
std::string device_id(std::string_view name) {
    constexpr std::string_view kFolder = "/machine/peripheral/";
    if (name.starts_with(kFolder)) {
        name.remove_prefix(kFolder.size());
        name = name.substr(0, name.find('/'));
    }
    return std::string(name);
}

// The image itself, of a drive whose layers QEMU was told: it then describes the whole as
// "json:{…}" (bdrv_refresh_filename() in its block.c).
std::string image_of(const std::string &file) {
    constexpr std::string_view kJson = "json:";
    if (!file.starts_with(kJson))
        return file;
    const json value = parse_json(file.substr(kJson.size()));
    const json image = value.is_object() ? value.value("file", json()) : json();
    const std::string name = image.is_object() ? string_at(image, "filename") : "";
    return name.empty() ? file : name;
}

// The file behind "/dev/fdset/3", if a name was given with the descriptor.
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
    const std::string text = hot_device_text(device);
    return text.empty() ? fmt::format("the device '{}'", device) : text;
}

Hardware without(Hardware hardware, const std::set<std::string> &media) {
    for (const std::string &drive : media)
        hardware.media[drive].file.clear();
    return hardware;
}

std::string shown(const std::string &file) {
    return file.empty() ? "no image" : file;
}

std::string difference(const Hardware &before, const Hardware &now) {
    for (const std::string &device : now.devices)
        if (!before.devices.contains(device))
            return described(device) + " was plugged in";
    for (const std::string &device : before.devices)
        if (!now.devices.contains(device))
            return described(device) + " was unplugged";
    for (const auto &[drive, medium] : now.media)
        if (const auto then = before.media.find(drive);
            then != before.media.end() && then->second.file != medium.file)
            return fmt::format("the drive '{}' was changed from {} to {}", drive,
                               shown(then->second.file), shown(medium.file));
    return {};
}

// Sends one command after the other, and holds the answers so far.
struct Question {
    QmpClient &qmp;
    uint64_t timeout_usec;
    std::function<void(Result<Hardware>)> done;
    std::vector<json> answers = {};
};

struct Command {
    const char *name;
    const char *path;  // of qom-list
};
constexpr Command kCommands[] = {{"query-block", nullptr},
                                 {"query-fdsets", nullptr},
                                 {"qom-list", "/machine/peripheral"},
                                 {"qom-list", "/machine/peripheral-anon"}};

void ask_next(const std::shared_ptr<Question> &question) {
    const std::vector<json> &answers = question->answers;
    if (answers.size() == std::size(kCommands)) {
        question->done(hardware_of(answers[0], answers[1], answers[2], answers[3]));
        return;
    }
    const Command &command = kCommands[answers.size()];
    question->qmp.execute(command.name, command.path ? json{{"path", command.path}} : json(),
                          question->timeout_usec, [question, &command](QmpClient::Reply reply) {
                              if (!reply) {
                                  question->done(fail(EIO, fmt::format("{}: {}", command.name,
                                                                       reply.error().message)));
                                  return;
                              }
                              question->answers.push_back(std::move(*reply));
                              ask_next(question);
                          });
}

}  // namespace

Hardware hardware_of(const json &block, const json &fd_sets, const json &with_id,
                     const json &without_id) {
    Hardware hardware;
    for (const json *list : {&with_id, &without_id})
        if (const std::string names = host_devices_in(*list); !names.empty())
            hardware.of_host += (hardware.of_host.empty() ? "" : ", ") + names;
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
        hardware.media[id] = {name_of_file(image_of(string_at(inserted, "file")), id, fd_sets),
                              removable.is_boolean() && removable.get<bool>()};
    }
    return hardware;
}

void ask_hardware(QmpClient &qmp, uint64_t timeout_usec,
                  std::function<void(Result<Hardware>)> done) {
    ask_next(std::make_shared<Question>(Question{qmp, timeout_usec, std::move(done)}));
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

std::string difference_since_start(const Hardware &started, const Hardware &now) {
    const std::string found = difference(without(started, emptied_drives(now, started)), now);
    return found.empty() ? found : found + " since the VM was started";
}

std::string difference_since_save(const Hardware &saved, const Hardware &started) {
    const std::string found = difference(saved, without(started, emptied_drives(saved, started)));
    return found.empty() ? found : found + " since the state was saved";
}

}  // namespace qemunit::helper
