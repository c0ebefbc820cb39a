// SPDX-License-Identifier: MIT
#include "ctl/import/imported_vm.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "common/ascii.h"
#include "common/shared_names.h"
#include "common/utf8.h"
#include "common/vm_name.h"
#include "ctl/output/printable.h"

namespace qemunit::ctl {

namespace {

constexpr std::string_view kKinds[] = {"VM",      "CPU",        "Memory",  "Boot",      "Drive",
                                       "Network", "HostDevice", "Screen",  "Sound",     "Serial",
                                       "Monitor", "Share",      "Channel", "CloudInit", "Unit",
                                       "Service", "Install"};
// Of [VM], in the order of the man page; Arguments= last.
constexpr std::string_view kVmKeys[] = {
    "Description", "Architecture", "Machine",     "MachineOption", "DeviceProperty", "GuestOS",
    "Accelerator", "CPU",          "CPUs",        "Memory",        "UUID",           "Firmware",
    "TPM",         "RNG",          "Balloon",     "GuestAgent",    "VSockCID",       "Clock",
    "Watchdog",    "Display",      "Keyboard",    "QEMU",          "User",           "Stop",
    "OnPanic",     "OnReboot",     "StartPaused", "Debugger",      "LoadSnapshot"};
// Names of sockets of a VM, which no device can have.
constexpr std::string_view kTaken[] = {"serial", "monitor", "qmp", "control", "companion", "agent"};
constexpr std::size_t kNoteMax = 500;

std::string_view kind_of(std::string_view title) {
    return title.substr(0, title.find(' '));
}

std::size_t rank_of(std::string_view title) {
    return static_cast<std::size_t>(std::ranges::find(kKinds, kind_of(title)) - kKinds);
}

bool is_control_byte(char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

// One line of a comment, whatever the text holds.
std::string comment(std::string_view text) {
    std::string line = printable_text(text);
    std::ranges::replace_if(line, is_control_byte, ' ');
    if (line.size() > kNoteMax)
        line = std::string(whole_characters(line, kNoteMax)) + "…";
    return "# " + line + "\n";
}

}  // namespace

bool is_ini_value(std::string_view value) {
    const auto is_bad = [](char c) {
        return is_control_byte(c) && c != '\t';
    };
    return std::ranges::none_of(value, is_bad) && is_whole_utf8(value) &&
           (value.empty() || (std::string_view(" \t").find(value.front()) == value.npos &&
                              std::string_view(" \t").find(value.back()) == value.npos));
}

std::string argument_word(std::string_view word) {
    std::string quoted;
    bool needs_quotes = word.empty();
    for (const char c : word) {
        if (is_control_byte(c)) {
            quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
            continue;
        }
        needs_quotes = needs_quotes || c == ' ' || c == '"' || c == '\'';
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return needs_quotes ? "\"" + quoted + "\"" : quoted;
}

// As the generator writes paths (append_quoted_path() in unit_text.cpp): systemd takes a colon for
// the one before the destination, and a percent sign for a specifier.
std::string service_path(std::string_view path) {
    std::string text;
    bool needs_quotes = false;
    for (const char c : path) {
        needs_quotes = needs_quotes || !is_alphanumeric_or(c, "_-+=,./@%");
        if (c == '\\' || c == ':')
            text += '\\';
        if (c == '"')
            text += R"("'"'")";
        else
            text += c;
        if (c == '%')
            text += c;
    }
    return needs_quotes ? "\"" + text + "\"" : text;
}

std::string memory_text(uint64_t bytes) {
    constexpr uint64_t kMiB = 1 << 20, kGiB = 1 << 30;
    if (bytes % kGiB == 0)
        return fmt::format("{}G", bytes / kGiB);
    return bytes % kMiB == 0 ? fmt::format("{}M", bytes / kMiB) : fmt::to_string(bytes);
}

ImportedVm::Section &ImportedVm::section(std::string_view title) {
    const auto found = std::ranges::find(sections_, title, &Section::title);
    if (found != sections_.end())
        return *found;
    sections_.push_back({std::string(title), {}});
    return sections_.back();
}

const ImportedVm::Section *ImportedVm::find(std::string_view title) const {
    const auto found = std::ranges::find(sections_, title, &Section::title);
    return found == sections_.end() ? nullptr : &*found;
}

void ImportedVm::open_section(std::string_view title) {
    section(title);
}

void ImportedVm::set(std::string_view title, std::string_view key, std::string value) {
    remove(title, key);
    add(title, key, std::move(value));
}

void ImportedVm::add(std::string_view title, std::string_view key, std::string value) {
    if (!is_ini_value(value))
        return lost(fmt::format("{}= in [{}]: no line can hold this value: {}", key, title, value));
    if (value.empty())
        return;
    section(title).settings.emplace_back(key, std::move(value));
}

void ImportedVm::remove(std::string_view title, std::string_view key) {
    if (find(title))
        std::erase_if(section(title).settings,
                      [&](const auto &setting) { return setting.first == key; });
}

bool ImportedVm::has_section(std::string_view title) const {
    return find(title) != nullptr;
}

bool ImportedVm::has(std::string_view title, std::string_view key) const {
    const Section *found = find(title);
    return found && std::ranges::any_of(found->settings,
                                        [&](const auto &setting) { return setting.first == key; });
}

std::string ImportedVm::get(std::string_view title, std::string_view key) const {
    if (const Section *found = find(title))
        for (const auto &[known, value] : found->settings)
            if (known == key)
                return value;
    return "";
}

std::vector<std::string> ImportedVm::sections(std::string_view kind) const {
    std::vector<std::string> names;
    for (const Section &section : sections_)
        if (kind_of(section.title) == kind && section.title.size() > kind.size())
            names.push_back(section.title.substr(kind.size() + 1));
    return names;
}

void ImportedVm::argument(const std::vector<std::string> &words) {
    if (!std::ranges::all_of(words, [](const std::string &word) { return is_whole_utf8(word); }))
        return lost(fmt::format("{}: a word of it is not UTF-8", words.front()));
    argument_lines_.push_back(words);
    arguments_.insert(arguments_.end(), words.begin(), words.end());
}

void ImportedVm::replace_in_arguments(std::string_view from, const std::string &to) {
    const auto replace = [&](std::string &word) {
        for (std::size_t at = 0; (at = word.find(from, at)) != word.npos; at += to.size())
            word.replace(at, from.size(), to);
    };
    for (auto &line : argument_lines_)
        std::ranges::for_each(line, replace);
    std::ranges::for_each(arguments_, replace);
    std::ranges::for_each(notes_, replace);
}

void ImportedVm::open_path(const std::string &path, bool is_written) {
    if (path.starts_with("/usr/") || path == "/dev/null" || path == "/dev/urandom" ||
        path == "/dev/random" || path == "/dev/zero")
        return;
    const std::string key = is_written ? "BindPaths" : "BindReadOnlyPaths";
    const std::string value = service_path(path);
    if (!path.starts_with('/') || !is_ini_value(value))
        return lost(fmt::format("{}: this path cannot be opened for QEMU", path));
    if (const Section *service = find("Service"))
        for (const auto &[known, text] : service->settings)
            if (known == key && text == value)
                return;
    add("Service", key, value);
    if (path.starts_with("/dev/") && !path.starts_with("/dev/hugepages") &&
        !path.starts_with("/dev/shm"))
        add("Service", "DeviceAllow", value + (is_written ? " rw" : " r"));
}

void ImportedVm::need_network() {
    set("Service", "PrivateNetwork", "no");
    set("Service", "RestrictAddressFamilies", "AF_INET AF_INET6");
    set("Service", "IPAddressAllow", "any");
}

std::string ImportedVm::device_name(std::string_view wanted, std::string_view otherwise) {
    const auto is_free = [&](std::string_view text) {
        return is_device_name(text) && !text.starts_with(kOwnIds) &&
               std::ranges::find(kTaken, text) == std::end(kTaken) &&
               std::ranges::find(names_, text) == names_.end();
    };
    std::string chosen(wanted);
    if (!is_free(chosen))
        chosen = otherwise;
    const std::string_view begin = is_device_name(otherwise) ? otherwise.substr(0, 20) : "device";
    for (unsigned number = 1; !is_free(chosen); ++number)
        chosen = fmt::format("{}{}", begin, number);
    names_.push_back(chosen);
    return chosen;
}

void ImportedVm::note(std::string text) {
    notes_.push_back(std::move(text));
}

void ImportedVm::lost(std::string what) {
    what = "lost: " + std::move(what);
    if (std::ranges::find(notes_, what) != notes_.end())
        return;
    ++lost_;
    note(std::move(what));
}

void ImportedVm::changed(std::string what) {
    what = "changed: " + std::move(what);
    if (std::ranges::find(notes_, what) == notes_.end())
        note(std::move(what));
}

void ImportedVm::lose_state(const std::string &state) {
    if (!uefi_variables.empty())
        lost(
            fmt::format("the UEFI variables, among them what to boot: copy {} to "
                        "{}/uefi-variables.fd, or import with --with-state",
                        uefi_variables, state));
    if (!tpm_state.empty())
        lost(
            fmt::format("the state of the TPM: copy what is in {} to {}/tpm, or import with "
                        "--with-state",
                        tpm_state, state));
}

std::string ImportedVm::text(std::string_view heading) const {
    std::string text = heading.empty() ? "" : comment(heading);
    for (const std::string &line : notes_)
        text += comment(line);
    std::vector<const Section *> ordered;
    for (const Section &section : sections_)
        ordered.push_back(&section);
    std::ranges::sort(ordered, {}, [&](const Section *section) {
        return std::pair(rank_of(section->title), section - sections_.data());
    });
    const auto append = [&](std::string_view key, std::string_view value) {
        text += fmt::format("{}={}\n", key, value);
    };
    if (!find("VM"))
        text += (text.empty() ? "" : "\n") + std::string("[VM]\n");
    for (const Section *section : ordered) {
        text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section->title);
        if (section->title != "VM") {
            for (const auto &[key, value] : section->settings)
                append(key, value);
            continue;
        }
        for (const std::string_view key : kVmKeys)
            for (const auto &[known, value] : section->settings)
                if (known == key)
                    append(key, value);
        for (const auto &words : argument_lines_) {
            std::string line;
            for (const std::string &word : words)
                line += (line.empty() ? "" : " ") + argument_word(word);
            append("Arguments", line);
        }
    }
    return text;
}

}  // namespace qemunit::ctl
