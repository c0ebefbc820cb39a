// SPDX-License-Identifier: MIT
#include "ctl/verbs/reload_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/ascii.h"
#include "common/helper_options.h"
#include "common/host_forward.h"
#include "common/qmp/medium_name.h"
#include "common/qmp/qmp_client.h"
#include "ctl/verbs/drive_words.h"
#include "ctl/verbs/ini_words.h"

namespace qemunit::ctl {

namespace {

using Option = QemuOption;

constexpr std::string_view kFileName = "file.filename";

// Whatever set a file is in, and whatever the helper has added: the words for the same ini are the
// same.
std::vector<std::string> comparable(std::vector<std::string> words) {
    name_files(words, files_of_qemu(words));
    leave_out_nodes(words);
    leave_out_taps(words);
    return words;
}

// The parts without those of these keys.
std::vector<std::string> without(const Option &option,
                                 std::initializer_list<std::string_view> keys) {
    std::vector<std::string> rest;
    for (const std::string &text : option.parts)
        if (std::ranges::find(keys, text.substr(0, text.find('='))) == keys.end())
            rest.push_back(text);
    return rest;
}

// QEMU's options from -name on, the generator's first one; the helper adds options before it.
std::vector<Option> options_of(const std::vector<std::string> &words) {
    std::vector<Option> options;
    auto word = std::ranges::find(words, "-name");
    for (; word != words.end(); ++word) {
        Option option{.name = *word, .value = {}, .parts = {}};
        if (word + 1 != words.end() && !(word + 1)->starts_with('-'))
            option.value = *++word;
        option.parts = split_parts(option.value);
        options.push_back(std::move(option));
    }
    return options;
}

bool is_cdrom(const Option &option) {
    return option.name == "-drive" && option.part("media") == "cdrom";
}

bool is_user_network(const Option &option) {
    return option.name == "-netdev" && option.parts.front() == "user";
}

// Whether the two are one thing, perhaps with other settings.
bool is_same_thing(const Option &a, const Option &b) {
    return a.name == b.name && a.part("id") == b.part("id");
}

std::optional<uint64_t> bytes_of(const std::string &size) {
    uint64_t number = 0;
    std::size_t i = 0;
    for (; i < size.size() && is_digit(size[i]) && i < 12; ++i)
        number = number * 10 + static_cast<uint64_t>(size[i] - '0');
    const std::size_t unit = std::string_view("MGT").find(i < size.size() ? size[i] : 'M');
    if (i == 0 || size.size() > i + 1 || unit == std::string_view::npos)
        return std::nullopt;
    return number << (20 + 10 * unit);
}

// The changes that have to wait, each section and key once, though it may give several options.
class Later {
  public:
    // `how`: "comes", "goes", "changes", or both values.
    void add(const std::string &word, const std::string &how) {
        if (word.empty())
            return;
        const auto known = std::ranges::find(changes_, word, &Change::first);
        if (known == changes_.end())
            changes_.emplace_back(word, how);
        else if (known->second != how)
            known->second = "changes";
    }

    std::vector<std::string> texts() const {
        std::vector<std::string> texts;
        for (const auto &[word, how] : changes_)
            texts.push_back(how == "comes" || how == "goes" || how == "changes"
                                ? fmt::format("{} {}", word, how)
                                : fmt::format("{}: {}", word, how));
        return texts;
    }

  private:
    using Change = std::pair<std::string, std::string>;
    std::vector<Change> changes_;
};

class Comparison {
  public:
    Comparison(const std::vector<std::string> &running, const std::vector<std::string> &configured,
               const QemuState &state)
        : running_(options_of(comparable(running))),
          configured_(options_of(comparable(configured))),
          state_(state) {}

    ReloadPlan run() {
        for (Option &option : configured_)
            for (Option &other : running_)
                if (!other.is_matched && option.name == other.name && option.value == other.value) {
                    option.is_matched = other.is_matched = true;
                    compare_live(option, other);
                    break;
                }
        for (Option &option : configured_)
            if (!option.is_matched)
                compare_changed(option);
        for (const Option &option : running_)
            // The helper may have left KVM out; a change of it waits for the next start in any
            // case.
            if (!option.is_matched && option.name != "-accel" && option.name != "-incoming")
                later(option, "goes");
        plan_.later = later_.texts();
        return std::move(plan_);
    }

  private:
    // The option is equal on both command lines, but QEMU may have been told otherwise since.
    void compare_live(const Option &option, const Option &other) {
        if (is_user_network(option))
            compare_forwards(option);
        else if (is_cdrom(option))
            compare_media(option, other);
        else if (option.name == "-m")
            compare_memory(option, other);
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
        if (option.name == "-m" && compare_memory(option, *other))
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

    // Whether the balloon alone can make the change: it takes memory from the guest, and gives back
    // no more than the guest began with.
    bool compare_memory(const Option &option, const Option &other) {
        const auto wanted = bytes_of(option.value), most = bytes_of(other.value);
        const auto actual =
            state_.balloon.is_object() ? state_.balloon.find("actual") : state_.balloon.end();
        if (!wanted || !most || *wanted > *most || actual == state_.balloon.end() ||
            !actual->is_number_unsigned())
            return false;
        if (actual->get<uint64_t>() != *wanted)
            plan_.balloon = *wanted;
        return true;
    }

    std::vector<Option> running_, configured_;
    const QemuState &state_;
    ReloadPlan plan_;
    Later later_;
};

}  // namespace

std::vector<std::string> unplugged_cards(const std::vector<std::string> &exec_start) {
    std::vector<std::string> cards;
    // The helper's options end where QEMU begins.
    for (std::size_t i = 1; i < exec_start.size() && exec_start[i].starts_with('-'); ++i)
        if (helper_option::takes_value(exec_start[i], helper_option::kUnplugged))
            cards.emplace_back(helper_option::value_of(exec_start[i]));
    return cards;
}

ReloadPlan plan_reload(const std::vector<std::string> &running,
                       const std::vector<std::string> &configured,
                       const std::vector<std::string> &unplugged, const QemuState &state) {
    ReloadPlan plan = Comparison(running, configured, state).run();
    for (const Option &option : options_of(running))
        if (option.name == "-netdev") {
            const std::string card = option.part("id");
            const bool is_out = std::ranges::find(unplugged, card) != unplugged.end();
            (is_out ? plan.unplugged : plan.plugged).push_back(card);
        }
    if (!running.empty() && !configured.empty() && running.front() != configured.front())
        plan.later.push_back(
            fmt::format("QEMU itself: {} becomes {}", running.front(), configured.front()));
    return plan;
}

}  // namespace qemunit::ctl
