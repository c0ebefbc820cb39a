// SPDX-License-Identifier: MIT
#include "ctl/verbs/reload_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "common/concat.h"
#include "common/files/disk_image.h"
#include "common/host_forward.h"
#include "common/qemu_options/machine_version.h"
#include "common/qmp/medium_name.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "ctl/verbs/drive_words.h"
#include "ctl/verbs/ini_words.h"
#include "ctl/verbs/reload_sizes.h"
#include "ctl/verbs/reload_words.h"

namespace qemunit::ctl {

namespace {

using Option = QemuOption;

constexpr std::string_view kFileName = "file.filename";

class Comparison {
  public:
    Comparison(const std::vector<std::string> &running, const std::vector<std::string> &configured,
               const HelpersWords &words, const QemuState &state)
        : running_(comparable_options(running)),
          configured_(comparable_options(configured)),
          words_(words),
          state_(state) {
        std::vector<std::string> command = configured;
        limits_ = take_limits(command);
        for (Option &option : running_)
            for (const Option &other : configured_)
                if (option.name == "-machine" && other.name == "-machine")
                    settle_machine(option, other);
    }

    ReloadPlan run() {
        for (Option &option : configured_)
            for (Option &other : running_)
                if (!other.is_matched && option.name == other.name && option.value == other.value) {
                    option.is_matched = other.is_matched = true;
                    compare_live(option, other);
                    break;
                }
        compare_hot_drives();
        for (Option &option : configured_)
            if (!option.is_matched)
                compare_changed(option);
        for (const Option &option : running_)
            // The helper may have left KVM out; a change of it waits for the next start in any
            // case.
            if (!option.is_matched && option.name != "-accel" && option.name != "-incoming")
                later(option, "goes");
        for (std::string &text : later_.texts())
            plan_.later.push_back(std::move(text));
        return std::move(plan_);
    }

  private:
    // A guest that has gone on in another QEMU has the version that it began with.
    static void settle_machine(Option &running, const Option &configured) {
        if (running.parts.empty() || configured.parts.empty() ||
            !is_version_of(running.parts.front(), configured.parts.front()))
            return;
        running.value.replace(0, running.parts.front().size(), configured.parts.front());
        running.parts.front() = configured.parts.front();
    }

    // The option is equal on both command lines, but QEMU may have been told otherwise since.
    void compare_live(const Option &option, const Option &other) {
        if (is_user_network(option))
            compare_forwards(option);
        else if (is_cdrom(option))
            compare_media(option, other);
        else if (option.name == "-drive") {
            compare_size(option);
            compare_limits(option.part("id"));
        } else
            compare_sizes(option, other);
    }

    // Drives that are not on the command line of the QEMU that runs.
    void compare_hot_drives() {
        auto present = attached_drives(state_.fd_sets, state_.blocks);
        for (Option &drive : configured_)
            if (drive.name == "-drive" && !drive.is_matched)
                compare_hot_drive(drive, present);
        keep_images_in_use(present);
        for (const auto &[name, origin] : present)
            if (origin.empty())
                plan_.kept.push_back(fmt::format(
                    "drive {}, which is not of the ini: it was attached by AttachDrive, "
                    "and DetachDrive takes it out",
                    name));
            else
                plan_.detached.push_back(name);
    }

    // Takes the drive out of `present`.
    void compare_hot_drive(Option &drive, std::map<std::string, std::string> &present) {
        const std::string id = drive.part("id");
        const auto device = std::ranges::find_if(configured_, [&](const Option &option) {
            return option.name == "-device" && !option.is_matched && option.part("drive") == id;
        });
        if (device == configured_.end() || std::ranges::any_of(running_, [&](const Option &other) {
                return is_same_thing(drive, other);
            }))
            return;
        const auto wanted = hot_drive(drive, *device, words_.files);
        const auto there = present.find(id);
        const std::string controller = device->part("bus");
        if (!wanted || (!controller.empty() && !runs_device(controller))) {
            if (there != present.end() && !there->second.empty())
                present.erase(there);  // it waits, as the rest of what has changed
            return;
        }
        drive.is_matched = device->is_matched = true;
        if (there == present.end()) {
            attach(*wanted);
        } else if (there->second.empty()) {
            plan_.kept.push_back(fmt::format(
                "drive {}, which AttachDrive has attached: that of the ini is another one, and has "
                "its place when DetachDrive has taken this one out",
                id));
            present.erase(there);
        } else if (const std::string differing = differences(there->second, *wanted);
                   !differing.empty()) {
            // What a guest has mounted is not pulled out because of a key.
            plan_.kept.push_back(
                fmt::format("drive {}, of which {} changed: take the section out and reload first",
                            id, differing));
            present.erase(there);
        } else {
            present.erase(there);
            if (is_leaving(id))
                plan_.kept.push_back(fmt::format(
                    "drive {}, which the guest was asked to let go of, and may any time: it is "
                    "plugged in anew by the reload after that",
                    id));
            compare_size(drive);
            compare_limits(id);
        }
    }

    bool is_leaving(const std::string &drive) const {
        return state_.nodes.is_array() &&
               std::ranges::any_of(state_.nodes, [&](const nlohmann::json &node) {
                   return node.is_object() &&
                          string_at(node, "node-name") == concat(kLeavingDrives, drive);
               });
    }

    // "File= and ReadOnly="; "" if it is the same drive, whatever words an older qemunit has
    // for it.
    static std::string differences(const std::string &origin, const HotDrive &wanted) {
        if (origin == wanted.origin)
            return {};
        const auto there = drive_of_origin(origin);
        if (!there)
            return "its keys";
        const auto keys = differing_keys(*there, wanted);
        return fmt::to_string(fmt::join(keys, " and "));
    }

    // QEMU opens no image twice to write it: a section that has another name by now would be
    // refused when the drive is out already.
    void keep_images_in_use(std::map<std::string, std::string> &present) {
        for (auto there = present.begin(); there != present.end();) {
            const auto drive = drive_of_origin(there->second);
            const auto next = !drive
                                  ? plan_.attached.end()
                                  : std::ranges::find(plan_.attached, drive->path, &HotDrive::path);
            if (next == plan_.attached.end()) {
                ++there;
                continue;
            }
            plan_.kept.push_back(
                fmt::format("drive {}, whose image [Drive {}] has by now: take that section out "
                            "and reload first",
                            there->first, next->name));
            leave_out(next);
            there = present.erase(there);
        }
        for (const Option &option : running_) {
            const std::string path =
                option.name == "-drive" ? option.part(kFileName) : std::string();
            const auto next = std::ranges::find_if(plan_.attached, [&](const HotDrive &drive) {
                return drive.path == path && !drive.read_only;
            });
            if (path.empty() || next == plan_.attached.end())
                continue;
            plan_.later.push_back(
                fmt::format("[Drive {}] comes, whose image drive {} has until "
                            "then",
                            next->name, option.part("id")));
            leave_out(next);
        }
    }

    void leave_out(std::vector<HotDrive>::iterator drive) {
        std::erase_if(plan_.limits, [&](const ReloadPlan::Limits &limits) {
            return limits.drive == drive->name;
        });
        plan_.attached.erase(drive);
    }

    // It has no limits then.
    void attach(const HotDrive &drive) {
        plan_.attached.push_back(drive);
        if (const auto size = words_.sizes.find(drive.name); size != words_.sizes.end())
            plan_.attached.back().size = size->second;
        const DriveLimits &limits = limits_[drive.name];
        if (std::ranges::none_of(limits, [](const auto &limit) { return limit.second != 0; }))
            return;
        nlohmann::json arguments = limits;
        arguments["id"] = device_of(drive);
        plan_.limits.push_back({drive.name, std::move(arguments)});
    }

    // By the name of its bus: "qemunit-scsi.0".
    bool runs_device(const std::string &bus) const {
        const std::string id = bus.substr(0, bus.rfind('.'));
        return std::ranges::any_of(running_, [&](const Option &option) {
            return option.name == "-device" && option.part("id") == id;
        });
    }

    void compare_changed(Option &option) {
        const auto other = std::ranges::find_if(running_, [&](const Option &candidate) {
            return !candidate.is_matched && is_same_thing(option, candidate);
        });
        if (other == running_.end()) {
            if (option.name != "-accel")
                later(option, "comes");
            return;
        }
        other->is_matched = true;
        if (is_user_network(option) && is_user_network(*other) &&
            without(option, {"hostfwd"}) == without(*other, {"hostfwd"}))
            return compare_forwards(option);
        if (is_cdrom(option) && is_cdrom(*other) &&
            without(option, {kFileName, "format"}) == without(*other, {kFileName, "format"}))
            return compare_media(option, *other);
        if (compare_sizes(option, *other) || is_memory_object(option, *other))
            return;
        const IniWord word = ini_word(option);
        later_.add(word.text, word.has_value
                                  ? fmt::format("{} becomes {}", other->value, option.value)
                                  : "changes");
    }

    void later(const Option &option, const char *how) { later_.add(ini_word(option).text, how); }

    void compare_forwards(const Option &network) {
        const std::string id = network.part("id");
        std::vector<HostForward> wanted, present;
        for (const std::string &part : network.parts)
            if (part.starts_with("hostfwd="))
                if (auto forward = parse_host_forward(part.substr(part.find('=') + 1)))
                    wanted.push_back(std::move(*forward));
        for (const Forward &forward : state_.forwards)
            if (auto parsed = parse_host_forward(forward.rule); parsed && forward.network == id)
                present.push_back(std::move(*parsed));
        // If the ini names no address of the guest, QEMU's answer has it all the same.
        const auto is_same = [](const HostForward &want, const HostForward &is) {
            return want.protocol == is.protocol && want.host_port == is.host_port &&
                   want.guest_port == is.guest_port &&
                   (want.host_address == is.host_address ||
                    (want.is_for_all_addresses() && is.is_for_all_addresses())) &&
                   (want.guest_address.empty() || want.guest_address == is.guest_address);
        };
        for (const HostForward &is : present)
            if (std::ranges::none_of(wanted, [&](const auto &want) { return is_same(want, is); }))
                plan_.removed.push_back({id, is.text});
        for (const HostForward &want : wanted)
            if (std::ranges::none_of(present, [&](const auto &is) { return is_same(want, is); }))
                plan_.added.push_back({id, want.text});
    }

    void compare_media(const Option &drive, const Option &other) {
        const std::string id = drive.part("id"), wanted = drive.part(kFileName);
        std::string present = other.part(kFileName);
        const std::string file = file_in(id);
        if (state_.fd_sets.is_array())
            for (const auto &set : state_.fd_sets)
                if (const auto name = medium_in_set(set, id);
                    name && (file.empty() || file == set_path(set)))
                    present = *name;
        if (state_.blocks.is_array())
            for (const auto &block : state_.blocks)
                if (block.is_object() && string_at(block, "device") == id &&
                    !block.contains("inserted"))
                    present.clear();
        if (present != wanted)
            plan_.media.push_back({id, wanted});
    }

    // Of a drive whose image is the one of the ini.
    void compare_size(const Option &drive) {
        const std::string id = drive.part("id");
        const auto wanted = words_.sizes.find(id);
        const auto present = size_of(id);
        if (wanted == words_.sizes.end() || !present || wanted->second == *present)
            return;
        const auto keep = [&](const char *why) {
            plan_.kept.push_back(fmt::format("drive {} has {}, while its Size= is {}: {}", id,
                                             disk_size_text(*present),
                                             disk_size_text(wanted->second), why));
        };
        if (wanted->second < *present)
            keep("a drive only grows");
        else if (drive.part("snapshot") == "on")
            keep(
                "what is changed in a drive with Ephemeral=yes is thrown away; make the image "
                "larger while the VM is off");
        else
            plan_.sizes.push_back({id, wanted->second});
    }

    std::optional<uint64_t> size_of(const std::string &drive) const {
        const nlohmann::json *block = block_of(drive);
        const auto size = nlohmann::json::json_pointer("/inserted/image/virtual-size");
        if (!block || !block->contains(size) || !(*block)[size].is_number_unsigned())
            return std::nullopt;
        return (*block)[size].get<uint64_t>();
    }

    // QEMU has limits only while there is an image.
    void compare_limits(const std::string &drive) {
        const auto wanted = limits_.find(drive);
        const nlohmann::json *block = block_of(drive);
        if (wanted == limits_.end() || !block || !block->contains("inserted") ||
            has_limits_by_hand(drive))
            return;
        const nlohmann::json &inserted = (*block)["inserted"];
        // QEMU finds a device by its path, and one of the board's own by its drive.
        const std::string device = string_at(*block, "qdev");
        nlohmann::json arguments =
            device.empty() ? nlohmann::json{{"device", drive}} : nlohmann::json{{"id", device}};
        bool is_same = true;
        for (const auto &[name, limit] : wanted->second) {
            is_same = is_same && limit_in(inserted, name) == limit;
            arguments[name] = limit;
        }
        if (!is_same)
            plan_.limits.push_back({drive, std::move(arguments)});
    }

    static uint64_t limit_in(const nlohmann::json &inserted, const std::string &name) {
        const auto found = inserted.is_object() ? inserted.find(name) : inserted.end();
        return found != inserted.end() && found->is_number_integer() ? found->get<uint64_t>() : 0;
    }

    // By Arguments=: "-set drive.root.throttling.iops-total=100", or a -drive with QEMU's older
    // "iops=100". What their whole is, QEMU knows, and no key says it.
    bool has_limits_by_hand(const std::string &drive) const {
        const std::string setting = "drive." + drive + ".throttling.";
        return std::ranges::any_of(configured_, [&](const Option &option) {
            return (option.name == "-set" && option.value.starts_with(setting)) ||
                   (option.name == "-drive" && option.part("id") == drive &&
                    std::ranges::any_of(option.parts, [](const std::string &part) {
                        return part.starts_with("bps") || part.starts_with("iops") ||
                               part.starts_with("throttling.");
                    }));
        });
    }

    // Of query-block; null if QEMU has no such drive.
    const nlohmann::json *block_of(const std::string &drive) const {
        if (state_.blocks.is_array())
            for (const auto &block : state_.blocks)
                if (block.is_object() &&
                    (string_at(block, "device") == drive || is_attached_drive(block, drive)))
                    return &block;
        return nullptr;
    }

    // "/dev/fdset/3", if QEMU says so: a set that is in no drive any more may still be listed.
    std::string file_in(const std::string &drive) const {
        if (state_.blocks.is_array())
            for (const auto &block : state_.blocks)
                if (block.is_object() && string_at(block, "device") == drive &&
                    block.contains("inserted"))
                    return string_at(block["inserted"], "file");
        return {};
    }
    static std::string set_path(const nlohmann::json &set) {
        return "/dev/fdset/" + set.value("fdset-id", nlohmann::json()).dump();
    }

    // Whether the running VM can have what the ini says.
    bool compare_sizes(const Option &option, const Option &other) {
        if (option.name != "-smp" && option.name != "-m")
            return false;
        const bool is_memory = option.name == "-m";
        const SizeChange change = is_memory
                                      ? memory_change(option, other, state_.memory, state_.balloon)
                                      : processors_change(option, other, state_.processors);
        if (change.value)
            (is_memory ? plan_.memory : plan_.processors) = change.value;
        return change.is_live;
    }

    // The memory itself, where it is an object: its size is that of -m.
    static bool is_memory_object(const Option &option, const Option &other) {
        return option.name == "-object" && option.part("id") == kMemoryId &&
               without(option, {"size"}) == without(other, {"size"});
    }

    std::vector<Option> running_, configured_;
    std::map<std::string, DriveLimits> limits_;
    const HelpersWords &words_;
    const QemuState &state_;
    ReloadPlan plan_;
    LaterChanges later_;
};

}  // namespace

ReloadPlan plan_reload(const std::vector<std::string> &running,
                       const std::vector<std::string> &configured, const HelpersWords &words,
                       const QemuState &state) {
    ReloadPlan plan = Comparison(running, configured, words, state).run();
    for (const Option &option : comparable_options(running))
        if (option.name == "-netdev") {
            const std::string card = option.part("id");
            const bool is_out = std::ranges::find(words.unplugged, card) != words.unplugged.end();
            (is_out ? plan.unplugged : plan.plugged).push_back(card);
        }
    if (!running.empty() && !configured.empty() && running.front() != configured.front())
        plan.later.push_back(
            fmt::format("QEMU itself: {} becomes {}", running.front(), configured.front()));
    return plan;
}

}  // namespace qemunit::ctl
