// SPDX-License-Identifier: MIT
#include "ctl/migrate/host_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "common/files/account.h"
#include "common/files/trusted_path.h"
#include "common/qmp/qmp_client.h"
#include "common/unique_fd.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/upgrade/installed_qemu.h"
#include "ctl/verbs/command_line.h"
#include "ctl/verbs/drive_words.h"
#include "ctl/verbs/hot_drives.h"
#include "ctl/vm/qemu_process.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

// As for `clone` (ctl/new/disk_copy.cpp).
constexpr char kQemuAccount[] = "qemunit";

std::string option_of(const Words &command, std::string_view option) {
    const auto found = std::ranges::find(command, option);
    return found != command.end() && found + 1 != command.end() ? *(found + 1) : std::string();
}

// What of /proc/cpuinfo makes two processors different for a guest.
std::string host_cpu() {
    std::ifstream file("/proc/cpuinfo");
    std::string text;
    for (std::string line; std::getline(file, line) && !line.empty();)
        for (const char *field : {"model name", "flags", "Features", "CPU implementer", "CPU part"})
            if (line.starts_with(field))
                text += line + "\n";
    return text;
}

uint64_t free_memory() {
    std::ifstream file("/proc/meminfo");
    constexpr std::string_view kAvailable = "MemAvailable:";
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(kAvailable)) {
            std::string_view rest = std::string_view(line).substr(kAvailable.size());
            rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
            return whole_number(rest.substr(0, rest.find(' '))).value_or(0) << 10;
        }
    return 0;
}

// Who can change where the path leads gets nothing opened but what was looked at.
Result<> look_at_drive(MovedDrive &drive) {
    const std::string &path = drive.files.front().path;
    const auto failed = [&] {
        return fail_errno(errno, fmt::format("[Drive {}]: cannot look at {}", drive.name, path));
    };
    const UniqueFd found(open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status {};
    if (!found || fstat(found.get(), &status) != 0)
        return failed();
    drive.size = static_cast<uint64_t>(status.st_size);
    if (S_ISBLK(status.st_mode)) {
        const UniqueFd device = reopen(found, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        const off_t size = device ? lseek(device.get(), 0, SEEK_END) : -1;
        if (size < 0)
            return failed();
        drive.size = static_cast<uint64_t>(size);
    }
    return {};
}

// As whom files are opened that root alone does not rule. One that exists only while the VM runs
// has no rights here.
Result<Account> account_of(sd_bus *bus, const std::string &vm) {
    if (geteuid() != 0)
        return find_account(std::to_string(geteuid()));
    const auto property = service_property(bus, service_unit(vm), "User", "s");
    const char *name = nullptr;
    if (property && sd_bus_message_read(property->get(), "s", &name) >= 0 && *name != '\0')
        if (auto account = find_account(name))
            return account;
    return find_account(kQemuAccount);
}

// QEMU's answer, as JSON.
Result<json> ask_qemu(sd_bus *bus, const std::string &vm, const char *command,
                      const std::string &arguments = "") {
    const auto reply = ask_vm(bus, vm, "Execute", {command, arguments});
    if (!reply)
        return std::unexpected(reply.error());
    return parse_json(*reply);
}

std::string new_token() {
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != ssize_t{sizeof bytes})
        return {};
    std::string token;
    for (const unsigned char byte : bytes)
        token += fmt::format("{:02x}", byte);
    return token;
}

// An ini that has been changed since does not say what the guest has.
Result<> check_unchanged(const std::vector<DriveOfSet> &drives, const Words &running) {
    const FilesOfSets files = files_of_qemu(running);
    for (const DriveOfSet &drive : drives)
        if (const auto open = files.find(drive.set);
            open == files.end() || open->second != drive.drive.files.front().path)
            return fail(ESTALE,
                        fmt::format("[Drive {}] of the ini file is not what the guest was started "
                                    "with; put that back, and: systemctl daemon-reload",
                                    drive.drive.name));
    return {};
}

// The QEMU over there is started with what the ini says.
Result<> check_nothing_attached(sd_bus *bus, const std::string &vm) {
    const auto sets = ask_qemu(bus, vm, "query-fdsets"), blocks = ask_qemu(bus, vm, "query-block");
    for (const auto *answer : {&sets, &blocks})
        if (!*answer)
            return std::unexpected(answer->error());
    for (const auto &[name, origin] : attached_drives(*sets, *blocks))
        return fail(
            ENOTSUP,
            fmt::format(
                "it has drive '{}', which was plugged in since the VM was started, and a VM "
                "with such a drive cannot move; take it out first: {}",
                name,
                origin.empty() ? "DetachDrive of org.qemunit1(5)"
                               : "its section of the ini file, and systemctl reload"));
    return {};
}

}  // namespace

std::string name_of_this_host() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 && is_move_word(name) ? name : "localhost";
}

Result<MoveOffer> offer_of(sd_bus *bus, const std::string &vm, const std::string &to,
                           ImageProofs &proofs) {
    const auto exec_start = exec_start_of(bus, service_unit(vm));
    if (!exec_start)
        return std::unexpected(exec_start.error());
    const auto pid = main_pid(bus, vm);
    if (!pid)
        return std::unexpected(pid.error());
    if (*pid == 0)
        return fail(ESRCH, "is not running");
    const Words running = command_of_process(*pid);
    const auto version = vm_text(bus, vm, "QEMUVersion");
    const auto kvm = ask_qemu(bus, vm, "query-kvm");
    const auto memory = ask_qemu(bus, vm, "query-memory-size-summary");
    const auto machine = machine_of(bus, vm);
    for (const auto *answer : {&kvm, &memory})
        if (!*answer)
            return std::unexpected(answer->error());
    for (const auto *text : {&version, &machine})
        if (!*text)
            return std::unexpected(text->error());
    MoveOffer offer{.move = {new_token(), name_of_this_host(), to},
                    .machine = *machine,
                    .accelerator = kvm->is_object() && kvm->value("enabled", false) ? "kvm" : "tcg",
                    .memory = 0,
                    .facts = {.qemu_version = *version,
                              .cpu = option_of(running, "-cpu"),
                              .host_cpu = host_cpu(),
                              .drives = {},
                              .immovable = immovable_parts(running)}};
    for (const char *part : {"base-memory", "plugged-memory"})
        if (const auto size = memory->find(part);
            size != memory->end() && size->is_number_unsigned())
            offer.memory += size->get<uint64_t>();
    if (auto plain = check_nothing_attached(bus, vm); !plain)
        return std::unexpected(plain.error());
    std::vector<DriveOfSet> drives = drives_of(*exec_start);
    if (auto unchanged = check_unchanged(drives, running); !unchanged)
        return std::unexpected(unchanged.error());
    const auto account = account_of(bus, vm);
    if (!account)
        return std::unexpected(account.error());
    for (DriveOfSet &drive : drives) {
        if (auto looked = look_at_drive(drive.drive); !looked)
            return std::unexpected(looked.error());
        for (MovedFile &file : drive.drive.files)
            file.proof = proofs.leave(*account, file.path);
        offer.facts.drives.push_back(std::move(drive.drive));
    }
    return offer;
}

Result<> learn_lengths(sd_bus *bus, const std::string &vm, MoveOffer &offer) {
    const auto blocks = ask_qemu(bus, vm, "query-block");
    if (!blocks)
        return std::unexpected(blocks.error());
    const json::json_pointer place("/inserted/image/virtual-size");
    for (MovedDrive &drive : offer.facts.drives)
        for (const json &block : *blocks)
            if (string_at(block, "device") == drive.name && block.contains(place) &&
                block[place].is_number_unsigned())
                drive.length = block[place].get<uint64_t>();
    return {};
}

Result<std::vector<DriveOfSet>> missing_images(sd_bus *bus, const std::string &vm,
                                               const MoveOffer &offer) {
    const auto exec_start = exec_start_of(bus, service_unit(vm));
    if (!exec_start)
        return std::unexpected(exec_start.error());
    std::vector<DriveOfSet> drives = drives_of(*exec_start);
    std::erase_if(drives, [&](const DriveOfSet &here) {
        const auto there =
            std::ranges::find(offer.facts.drives, here.drive.name, &MovedDrive::name);
        return there == offer.facts.drives.end() || !is_copied(offer, *there) ||
               access(here.drive.files.front().path.c_str(), F_OK) == 0 || errno != ENOENT;
    });
    return drives;
}

Result<Receiver> receiver_of(sd_bus *bus, const std::string &vm, const MoveOffer &offer,
                             const std::optional<UnfinishedCopy> &unfinished) {
    const auto exec_start = exec_start_of(bus, service_unit(vm));
    if (!exec_start)
        return std::unexpected(exec_start.error());
    const Words command = command_by_hand(*exec_start);
    if (command.empty())
        return fail(ENOENT,
                    fmt::format("no VM '{}' is configured here, or its ini file has errors; "
                                "see: qemunitctl check {}",
                                vm, vm));
    Receiver receiver;
    receiver.facts.cpu = option_of(command, "-cpu");
    receiver.facts.host_cpu = host_cpu();
    receiver.facts.immovable = immovable_parts(*exec_start);
    auto qemu = installed_qemu(command.front());
    if (!qemu)
        return std::unexpected(qemu.error());
    receiver.facts.qemu_version = std::move(qemu->version);
    receiver.room.machines = std::move(qemu->machines);
    receiver.room.memory = free_memory();
    const auto account = account_of(bus, vm);
    if (!account)
        return std::unexpected(account.error());
    for (DriveOfSet &drive : drives_of(*exec_start)) {
        if (auto looked = look_at_drive(drive.drive); !looked)
            return fail(looked.error().code,
                        looked.error().message +
                            (looked.error().code == ENOENT && !offer.copies_storage
                                 ? "; if the disks are to be copied to this host: --copy-storage"
                                 : ""));
        const auto there =
            std::ranges::find(offer.facts.drives, drive.drive.name, &MovedDrive::name);
        std::vector<MovedFile> &files = drive.drive.files;
        if (there != offer.facts.drives.end() && is_copied(offer, *there)) {
            CopyTarget target =
                copy_target(drive.drive.name, files.front().path, drive.drive.format, unfinished);
            drive.drive.length = target.length;
            drive.drive.copy_refusal = std::move(target.refusal);
            receiver.copies.push_back(std::move(target.image));
        }
        for (std::size_t i = 0;
             there != offer.facts.drives.end() && i < files.size() && i < there->files.size(); ++i)
            if (is_proven(*account, files[i].path, there->files[i].proof))
                files[i].proof = there->files[i].proof;
        receiver.facts.drives.push_back(std::move(drive.drive));
    }
    return receiver;
}

}  // namespace qemunit::ctl
