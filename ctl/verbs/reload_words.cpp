// SPDX-License-Identifier: MIT
#include "ctl/verbs/reload_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.h"
#include "ctl/verbs/drive_words.h"

namespace qemunit::ctl {

namespace {

// What the helper has put the memory into, for another QEMU (helper/start/shared_memory.h). The
// object itself stands before the generator's options.
void leave_out_shared_memory(std::vector<std::string> &words) {
    const auto machine = std::ranges::find(words, "-machine");
    if (machine == words.end() || machine + 1 == words.end())
        return;
    std::string &value = *(machine + 1);
    for (const std::string_view part : {",aux-ram-share=on", ",memory-backend=pc.ram"})
        if (const std::size_t at = value.find(part); at != value.npos)
            value.erase(at, part.size());
}

// Whatever set a file is in, and whatever the helper has added: the words for the same ini are the
// same. Limits of drives are compared with what QEMU says.
std::vector<std::string> comparable(std::vector<std::string> words) {
    take_limits(words);
    leave_out_shared_memory(words);
    name_files(words, files_of_qemu(words));
    leave_out_nodes(words);
    leave_out_taps(words);
    return words;
}

// QEMU's options from -name on, the generator's first one; the helper adds options before it.
std::vector<QemuOption> options_of(const std::vector<std::string> &words) {
    std::vector<QemuOption> options;
    auto word = std::ranges::find(words, "-name");
    for (; word != words.end(); ++word) {
        QemuOption option{.name = *word, .value = {}, .parts = {}};
        if (word + 1 != words.end() && !(word + 1)->starts_with('-'))
            option.value = *++word;
        option.parts = split_parts(option.value);
        options.push_back(std::move(option));
    }
    return options;
}

}  // namespace

std::vector<QemuOption> comparable_options(const std::vector<std::string> &command) {
    return options_of(comparable(command));
}

std::vector<std::string> without(const QemuOption &option,
                                 std::initializer_list<std::string_view> keys) {
    std::vector<std::string> rest;
    for (const std::string &text : option.parts)
        if (std::ranges::find(keys, text.substr(0, text.find('='))) == keys.end())
            rest.push_back(text);
    return rest;
}

bool is_cdrom(const QemuOption &option) {
    return option.name == "-drive" && option.part("media") == "cdrom";
}

bool is_user_network(const QemuOption &option) {
    return option.name == "-netdev" && option.parts.front() == "user";
}

bool is_same_thing(const QemuOption &a, const QemuOption &b) {
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

void LaterChanges::add(const std::string &word, const std::string &how) {
    if (word.empty())
        return;
    const auto known = std::ranges::find(changes_, word, &Change::first);
    if (known == changes_.end())
        changes_.emplace_back(word, how);
    else if (known->second != how)
        known->second = "changes";
}

std::vector<std::string> LaterChanges::texts() const {
    std::vector<std::string> texts;
    for (const auto &[word, how] : changes_)
        texts.push_back(how == "comes" || how == "goes" || how == "changes"
                            ? fmt::format("{} {}", word, how)
                            : fmt::format("{}: {}", word, how));
    return texts;
}

}  // namespace qemunit::ctl
