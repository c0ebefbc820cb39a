// SPDX-License-Identifier: MIT
#include "ctl/backup/manifest.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "common/ascii.h"
#include "common/vm_name.h"

namespace qemunit::ctl {

using nlohmann::ordered_json;

namespace {

constexpr int kManifestVersion = 1;
constexpr std::size_t kNameMost = 255;

ordered_json file_object(const BackedUpFile &file) {
    return {{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}};
}

std::string text_of(const ordered_json &object, const char *key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() && found->is_string()
               ? found->get<std::string>()
               : "";
}

uint64_t count_of(const ordered_json &object, const char *key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() && found->is_number_unsigned()
               ? found->get<uint64_t>()
               : 0;
}

bool is_sha256(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

// "root.qcow2", "tpm/tpm2-00.permall"
bool is_file_name(std::string_view name) {
    const std::size_t slash = name.find('/');
    return slash == name.npos
               ? is_plain_name(name) && name != kManifestName
               : is_plain_name(name.substr(0, slash)) && is_plain_name(name.substr(slash + 1));
}

Result<BackedUpFile> read_file(const ordered_json &object) {
    BackedUpFile file{text_of(object, "name"), count_of(object, "bytes"),
                      text_of(object, "sha256")};
    if (!is_file_name(file.name))
        return fail(EINVAL, fmt::format("'{}' is no name of a file in a backup", file.name));
    if (!is_sha256(file.sha256))
        return fail(EINVAL, fmt::format("the sum of '{}' is none", file.name));
    return file;
}

const ordered_json &list_of(const ordered_json &object, const char *key) {
    static const ordered_json kNone = ordered_json::array();
    const auto found = object.find(key);
    return found != object.end() && found->is_array() ? *found : kNone;
}

}  // namespace

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameMost && !name.starts_with('.') &&
           std::ranges::all_of(
               name, [](char c) { return c != '/' && c != '\0' && c >= ' ' && c != 127; });
}

bool is_format_of_backups(std::string_view format) {
    return format == "qcow2" || format == "raw";
}

std::string manifest_text(const Manifest &manifest) {
    ordered_json disks = ordered_json::array(), files = ordered_json::array();
    for (const BackedUpDisk &disk : manifest.disks)
        disks.push_back({{"name", disk.name},
                         {"format", disk.format},
                         {"size", disk.size},
                         {"file", file_object(disk.file)}});
    for (const BackedUpFile &file : manifest.files)
        files.push_back(file_object(file));
    ordered_json object{{"version", kManifestVersion},
                        {"vm", manifest.vm},
                        {"checkpoint", manifest.checkpoint},
                        {"state", manifest.state}};
    if (!manifest.since.empty()) {
        object["since"] = manifest.since;
        object["since-sha256"] = manifest.since_sha256;
    }
    object["disks"] = std::move(disks);
    object["files"] = std::move(files);
    return object.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
    const ordered_json object = ordered_json::parse(text, nullptr, false);
    if (!object.is_object())
        return fail(EINVAL, "it is no JSON object");
    if (count_of(object, "version") != kManifestVersion)
        return fail(EINVAL, "it is of a newer version of qemunit");
    Manifest manifest{.vm = text_of(object, "vm"),
                      .checkpoint = text_of(object, "checkpoint"),
                      .since = text_of(object, "since"),
                      .since_sha256 = text_of(object, "since-sha256"),
                      .state = text_of(object, "state"),
                      .disks = {},
                      .files = {}};
    if (!is_vm_name(manifest.vm) || !is_plain_name(manifest.checkpoint))
        return fail(EINVAL, "it names no VM, or no checkpoint");
    if (!manifest.since.empty() &&
        (!is_plain_name(manifest.since) || !is_sha256(manifest.since_sha256)))
        return fail(EINVAL, "what it is made on is no backup");
    for (const ordered_json &disk : list_of(object, "disks")) {
        const auto at = disk.is_object() ? disk.find("file") : disk.end();
        auto file = read_file(disk.is_object() && at != disk.end() ? *at : ordered_json());
        if (!file)
            return std::unexpected(file.error());
        BackedUpDisk taken{text_of(disk, "name"), text_of(disk, "format"), count_of(disk, "size"),
                           std::move(*file)};
        if (!is_plain_name(taken.name) || !is_format_of_backups(taken.format))
            return fail(EINVAL, fmt::format("'{}' is no disk of a backup", taken.name));
        manifest.disks.push_back(std::move(taken));
    }
    for (const ordered_json &entry : list_of(object, "files")) {
        auto file = read_file(entry);
        if (!file)
            return std::unexpected(file.error());
        manifest.files.push_back(std::move(*file));
    }
    return manifest;
}

}  // namespace qemunit::ctl
