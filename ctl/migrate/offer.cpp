// SPDX-License-Identifier: MIT
#include "ctl/migrate/offer.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/files/disk_image.h"
#include "common/helper_options.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/verbs/drive_words.h"

namespace qemunit::ctl {

namespace {

using nlohmann::json;

constexpr int kOfferVersion = 3;
// What QEMU needs beside the guest's memory.
constexpr uint64_t kQemuMemory = 64u << 20;
constexpr std::size_t kMostDrives = 256;
// A message of D-Bus takes 16 descriptors along (dbus-daemon(1), max_message_unix_fds): that of the
// move itself, and one of each disk.
constexpr std::size_t kMostCopies = 15;

uint64_t offered_number(const json &object, const char *key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

bool depends_on_host(std::string_view cpu) {
    const std::string_view model = cpu.substr(0, cpu.find(','));
    return model == "host" || model == "max" || model.empty();
}

std::string copy_refusal(const MovedDrive &drive, const MovedDrive &here) {
    if (!here.is_writable)
        return fmt::format("[Drive {}] is ReadOnly=yes here, and not there", drive.name);
    if (!here.copy_refusal.empty())
        return here.copy_refusal;
    if (here.length != drive.length)
        return fmt::format(
            "[Drive {}]: {} is {} bytes large for the guest, and {} there; write Size={} into the "
            "ini file here, and remove that file: it is made anew",
            drive.name, here.files.front().path, here.length, drive.length,
            disk_size_text(drive.length));
    return {};
}

std::string drive_refusal(const MovedDrive &drive, const MoveFacts &here, bool is_vouched_for,
                          bool is_copied) {
    const auto same = std::ranges::find(here.drives, drive.name, &MovedDrive::name);
    if (same == here.drives.end())
        return fmt::format("the ini file here has no [Drive {}]", drive.name);
    if (is_copied)
        return copy_refusal(drive, *same);
    if (same->format != drive.format)
        return fmt::format("[Drive {}] has Format={} here, and {} there", drive.name, same->format,
                           drive.format);
    if (same->files.size() != drive.files.size())
        return fmt::format(
            "[Drive {}] has {} images below each other here, and {} there (BackingFile=, "
            "BackingLayer=)",
            drive.name, same->files.size(), drive.files.size());
    for (std::size_t i = 0; i < drive.files.size() && !is_vouched_for; ++i)
        if (drive.files[i].proof == 0 || same->files[i].proof != drive.files[i].proof)
            return fmt::format(
                "[Drive {}]: nothing shows that {} is the file that the guest has there ({}); put "
                "it on storage that both hosts share, with its locks. If it is the same one, a "
                "block device for example, say so: --shared-storage{}",
                drive.name, same->files[i].path, drive.files[i].path,
                drive.is_writable ? ". If it is to be copied to this host: --copy-storage" : "");
    // That of other formats grows meanwhile.
    if (drive.format == "raw" && same->size != drive.size)
        return fmt::format(
            "[Drive {}]: {} is not the image that the guest has: it has {} bytes, and "
            "{} there",
            drive.name, same->files.front().path, same->size, drive.size);
    return {};
}

// Of -drive: what QEMU is given by the ini's keys. Everything else is of Arguments=, and in no list
// of drives.
bool is_drive_of_ini(std::string_view value) {
    if (value.starts_with("if=pflash,unit=0,") || value.starts_with("if=pflash,unit=1,"))
        return true;  // which goes along with the memory
    if (value.starts_with(fmt::format("if=none,id={},", kSeedId)))
        return true;
    if (!value.starts_with("if=none,") && !value.starts_with("if=sd,"))
        return false;
    return std::ranges::all_of(split_parts(value), [](const std::string &part) {
        const std::size_t equals = std::min(part.find('='), part.size());
        const std::string key = part.substr(0, equals);
        const std::string_view set =
            std::string_view(part).substr(std::min(equals + 1, part.size()));
        if (key == "file.filename" || key.ends_with(".file.filename"))
            return set.starts_with("/dev/fdset/");
        if (key == "file.driver" || key.ends_with(".file.driver"))
            return set.starts_with("host_");
        return key != "file" && key != "driver" && !key.ends_with("data-file") &&
               key.find("data-file.") == key.npos;
    });
}

bool has_disk_of_arguments(const std::vector<std::string> &words) {
    constexpr std::string_view kDisks[] = {"blockdev", "hda", "hdb",        "hdc",     "hdd",
                                           "cdrom",    "fda", "fdb",        "sd",      "mtdblock",
                                           "pflash",   "set", "readconfig", "snapshot"};
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view option = words[i];
        if (!option.starts_with('-'))
            continue;
        option.remove_prefix(option.starts_with("--") ? 2 : 1);
        if (std::ranges::find(kDisks, option) != std::end(kDisks) ||
            (option == "drive" && (i + 1 == words.size() || !is_drive_of_ini(words[i + 1]))))
            return true;
    }
    return false;
}

}  // namespace

json offer_json(const MoveOffer &offer) {
    json drives = json::array();
    for (const MovedDrive &drive : offer.facts.drives) {
        json files = json::array();
        for (const MovedFile &file : drive.files)
            files.push_back({{"path", file.path}, {"proof", file.proof}});
        drives.push_back({{"name", drive.name},
                          {"format", drive.format},
                          {"writable", drive.is_writable},
                          {"size", drive.size},
                          {"length", drive.length},
                          {"files", std::move(files)}});
    }
    return {{"offer", kOfferVersion},        {"token", offer.move.token},
            {"host", offer.move.host},       {"vm", offer.move.vm},
            {"machine", offer.machine},      {"accelerator", offer.accelerator},
            {"memory", offer.memory},        {"qemu", offer.facts.qemu_version},
            {"cpu", offer.facts.cpu},        {"host_cpu", offer.facts.host_cpu},
            {"drives", std::move(drives)},   {"shared", offer.has_shared_storage},
            {"copied", offer.copies_storage}};
}

Result<MoveOffer> parse_offer(std::string_view text) {
    const json object = parse_json(text);
    if (!object.is_object() || offered_number(object, "offer") != kOfferVersion)
        return fail(EPROTO,
                    "the other host's qemunitctl speaks another language; both need the "
                    "same version of qemunit");
    MoveOffer offer{
        .move = {string_at(object, "token"), string_at(object, "host"), string_at(object, "vm")},
        .machine = string_at(object, "machine"),
        .accelerator = string_at(object, "accelerator"),
        .memory = offered_number(object, "memory"),
        .facts = {.qemu_version = string_at(object, "qemu"),
                  .cpu = string_at(object, "cpu"),
                  .host_cpu = string_at(object, "host_cpu"),
                  .drives = {},
                  .immovable = {}}};
    const auto drives = object.find("drives");
    if (!is_move_token(offer.move.token) || !is_move_word(offer.move.host) ||
        !is_vm_name(offer.move.vm) || !is_move_word(offer.machine) ||
        (offer.accelerator != "kvm" && offer.accelerator != "tcg") || offer.memory == 0 ||
        drives == object.end() || !drives->is_array() || drives->size() > kMostDrives)
        return fail(EPROTO, "what the other host says of the VM cannot be understood");
    for (const json &drive : *drives) {
        const json files = drive.is_object() ? drive.value("files", json()) : json();
        if (!files.is_array() || files.empty() || files.size() > kMostDrives)
            return fail(EPROTO, "what the other host says of a drive cannot be understood");
        const auto writable = drive.find("writable");
        MovedDrive moved{.name = string_at(drive, "name"),
                         .format = string_at(drive, "format"),
                         .is_writable = writable == drive.end() || !writable->is_boolean() ||
                                        writable->get<bool>(),
                         .size = offered_number(drive, "size"),
                         .length = offered_number(drive, "length"),
                         .files = {}};
        for (const json &file : files) {
            if (!file.is_object())
                return fail(EPROTO, "what the other host says of an image cannot be understood");
            moved.files.push_back({string_at(file, "path"), offered_number(file, "proof")});
        }
        offer.facts.drives.push_back(std::move(moved));
    }
    const auto is_true = [&](const char *key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_boolean() && found->get<bool>();
    };
    offer.has_shared_storage = is_true("shared");
    offer.copies_storage = is_true("copied");
    return offer;
}

std::string refusal_to_leave(const MoveFacts &facts) {
    if (facts.immovable.empty())
        return {};
    return fmt::format("it has {}, which cannot move to another host", facts.immovable.front());
}

std::string refusal_to_copy(const MoveOffer &offer) {
    std::size_t copies = 0;
    for (const MovedDrive &drive : offer.facts.drives)
        if (is_copied(offer, drive) && ++copies > kMostCopies)
            return fmt::format(
                "the guest can write to more than {} drives, and --copy-storage takes no more "
                "along; [Drive {}] is one too many: put its disks on storage that both hosts "
                "share, and move it without --copy-storage",
                kMostCopies, drive.name);
    return {};
}

std::string refusal_of(const MoveOffer &offer, const MoveFacts &here, const HostRoom &room) {
    if (const std::string stays = refusal_to_leave(here); !stays.empty())
        return stays;
    if (is_older(here.qemu_version, offer.facts.qemu_version))
        return fmt::format("QEMU is older here ({}) than there ({})", here.qemu_version,
                           offer.facts.qemu_version);
    if (std::ranges::find(room.machines, offer.machine) == room.machines.end())
        return fmt::format("QEMU {} knows no machine {} here", here.qemu_version, offer.machine);
    if (here.cpu != offer.facts.cpu)
        return fmt::format("the ini file here gives the guest another CPU ({}) than it has ({})",
                           here.cpu, offer.facts.cpu);
    if (depends_on_host(offer.facts.cpu)) {
        if (offer.accelerator == "kvm" && here.host_cpu != offer.facts.host_cpu)
            return fmt::format(
                "CPU={} is what the host's processor is, and that is another one "
                "here; give the VM a model that both have, in both ini files, such "
                "as CPU=x86-64-v2-AES, and start it anew",
                offer.facts.cpu);
        if (offer.accelerator == "tcg" && here.qemu_version != offer.facts.qemu_version)
            return fmt::format(
                "CPU={} is another one with another QEMU ({} here, {} there); give "
                "the VM a model by its name, in both ini files, and start it anew",
                offer.facts.cpu, here.qemu_version, offer.facts.qemu_version);
    }
    if (room.memory < offer.memory + kQemuMemory)
        return fmt::format("it needs {} MiB of memory, and {} MiB are free here",
                           (offer.memory + kQemuMemory) >> 20, room.memory >> 20);
    for (const MovedDrive &drive : offer.facts.drives)
        if (std::string why =
                drive_refusal(drive, here, offer.has_shared_storage, is_copied(offer, drive));
            !why.empty())
            return why;
    for (const MovedDrive &drive : here.drives)
        if (std::ranges::find(offer.facts.drives, drive.name, &MovedDrive::name) ==
            offer.facts.drives.end())
            return fmt::format("the guest has no [Drive {}], which the ini file here has",
                               drive.name);
    return {};
}

bool is_older(std::string_view one, std::string_view other) {
    while (!one.empty() || !other.empty()) {
        const std::size_t end = std::min(one.find('.'), one.size()),
                          other_end = std::min(other.find('.'), other.size());
        const uint64_t number = whole_number(one.substr(0, end)).value_or(0),
                       other_number = whole_number(other.substr(0, other_end)).value_or(0);
        if (number != other_number)
            return number < other_number;
        one.remove_prefix(std::min(end + 1, one.size()));
        other.remove_prefix(std::min(other_end + 1, other.size()));
    }
    return false;
}

std::vector<std::string> immovable_parts(const std::vector<std::string> &exec_start) {
    std::vector<std::string> parts;
    const auto has = [&](std::string_view word, const char *part) {
        if (std::ranges::any_of(exec_start, [&](const std::string &given) {
                return given.find(word) != std::string::npos;
            }))
            parts.emplace_back(part);
    };
    has("tpm-emulator", "a TPM");
    has("vhost-user-fs", "a [Share] by virtiofs");
    has("-virtfs", "a [Share] by 9p");
    has("virtio-9p", "a [Share] by 9p");
    has("\"driver\":\"vvfat\"", "a [Share] by vvfat");
    has("fat:", "a [Share] by vvfat");
    has("vfio-pci", "a device of the host");
    has("usb-host", "a device of the host");
    has("snapshot=on", "a drive with Ephemeral=yes");
    if (has_disk_of_arguments(exec_start))
        parts.emplace_back("a disk by Arguments=, of which nothing is known");
    return parts;
}

// "--drive-file=1:root:rw:qcow2:/srv/a.qcow2", "--backing-file=2:root:raw:/srv/base.img"
std::vector<DriveOfSet> drives_of(const std::vector<std::string> &exec_start) {
    using namespace helper_option;
    std::vector<DriveOfSet> drives;
    for (const std::string &word : exec_start) {
        const bool is_image = takes_value(word, kDriveFile);
        if (!is_image && !takes_value(word, kBackingFile) && !takes_value(word, kBackingLayer))
            continue;
        std::string_view rest = value_of(word);
        const auto next = [&rest] {
            const std::size_t end = std::min(rest.find(':'), rest.size());
            const std::string field(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            return field;
        };
        const std::string set = next(), name = next(), access = is_image ? next() : "",
                          format = next(), path(rest);
        if (is_image) {
            drives.push_back({"/dev/fdset/" + set,
                              {.name = name,
                               .format = format.substr(0, format.find(',')),
                               .is_writable = access != "r",
                               .files = {{path}}}});
        } else if (const auto drive = std::ranges::find(
                       drives, name, [](const DriveOfSet &of) { return of.drive.name; });
                   drive != drives.end()) {
            drive->drive.files.push_back({path});
        }
    }
    return drives;
}

}  // namespace qemunit::ctl
