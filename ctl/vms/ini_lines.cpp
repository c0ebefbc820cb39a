// SPDX-License-Identifier: MIT
#include "ctl/vms/ini_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "common/ascii.h"

namespace qemunit::ctl {

namespace {

std::string_view bare(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == text.npos)
        return {};
    return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

bool says_yes(std::string_view value) {
    const std::string word = to_lower(value);
    return word == "yes" || word == "y" || word == "true" || word == "t" || word == "on" ||
           word == "1";
}

constexpr std::string_view kDrive = "Drive ";
// Their values are one path, spaces and all.
constexpr std::string_view kPathKeys[] = {"File",     "BackingFile", "BackingLayer",  "Kernel",
                                          "Initrd",   "Shim",        "Path",          "UserData",
                                          "MetaData", "SSHKey",      "NetworkConfig", "QEMU"};

NamedDrive &drive_named(std::vector<NamedDrive> &drives, std::string_view name) {
    const auto known = std::ranges::find(drives, name, &NamedDrive::name);
    if (known != drives.end())
        return *known;
    drives.emplace_back().name = name;
    return drives.back();
}

}  // namespace

std::vector<IniLine> ini_lines(std::string_view text) {
    std::vector<IniLine> lines;
    std::string section;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        IniLine line{.text = std::string(text.substr(begin, end - begin)),
                     .section = {},
                     .key = {},
                     .value = {}};
        std::string_view words = bare(line.text);
        if (begin == 0 && words.starts_with("\xef\xbb\xbf"))
            words.remove_prefix(3);
        const std::size_t equals = words.find('=');
        if (words.starts_with('['))
            section = words.ends_with(']') ? bare(words.substr(1, words.size() - 2)) : "";
        else if (equals != words.npos && !words.starts_with('#') && !words.starts_with(';')) {
            line.key = bare(words.substr(0, equals));
            line.value = bare(words.substr(equals + 1));
        }
        line.section = section;
        lines.push_back(std::move(line));
        begin = end + 1;
    }
    return lines;
}

std::string joined(const std::vector<IniLine> &lines) {
    std::string text;
    for (const IniLine &line : lines)
        text += (&line == lines.data() ? "" : "\n") + line.text;
    return text;
}

void set_value(IniLine &line, std::string_view value) {
    std::size_t begin = line.text.find('=') + 1;
    while (begin < line.text.size() && (line.text[begin] == ' ' || line.text[begin] == '\t'))
        ++begin;
    const bool has_return = line.text.ends_with('\r');
    line.text.erase(begin);
    line.text += value;
    if (has_return)
        line.text += '\r';
    line.value = value;
}

void add_key(std::vector<IniLine> &lines, const std::string &section, const std::string &key,
             const std::string &value) {
    auto at = std::ranges::find_if(lines, [&](const IniLine &line) {
        return line.section == section && bare(line.text).starts_with('[');
    });
    if (at == lines.end())
        return;
    for (auto line = at + 1; line != lines.end() && line->section == section; ++line) {
        if (bare(line->text).starts_with('['))
            break;
        if (!line->key.empty())
            at = line;
    }
    const std::string end = at->text.ends_with('\r') ? "\r" : "";
    lines.insert(at + 1, IniLine{key + "=" + value + end, section, key, value});
}

void drop_key(std::vector<IniLine> &lines, std::string_view section, std::string_view key) {
    std::erase_if(lines,
                  [&](const IniLine &line) { return line.section == section && line.key == key; });
}

std::vector<NamedDrive> named_drives(const std::vector<std::string> &texts) {
    std::vector<NamedDrive> drives;
    for (const std::string &text : texts)
        for (const IniLine &line : ini_lines(text)) {
            if (!line.section.starts_with(kDrive) || line.key.empty())
                continue;
            NamedDrive &drive = drive_named(drives, bare(line.section.substr(kDrive.size())));
            if (line.key == "File")
                drive.file = line.value;
            else if (line.key == "BackingFile")
                drive.backing_file = line.value;
            else if (line.key == "BackingLayer" && line.value.empty())
                drive.layers.clear();
            else if (line.key == "BackingLayer")
                drive.layers.push_back(line.value);
            else if (line.key == "ReadOnly")
                drive.is_read_only = says_yes(line.value);
            else if (line.key == "Ephemeral")
                drive.is_ephemeral = says_yes(line.value);
            else if (line.key == "Media")
                drive.is_cdrom = line.value == "cdrom";
        }
    return drives;
}

std::vector<std::string> possible_paths(std::string_view text) {
    std::vector<std::string> paths;
    const auto add = [&](std::string_view path) {
        if (!path.empty() && std::ranges::find(paths, path) == paths.end())
            paths.emplace_back(path);
    };
    for (const IniLine &line : ini_lines(text)) {
        if (std::ranges::find(kPathKeys, line.key) != std::end(kPathKeys))
            add(line.value);
        // "-drive file=/srv/a.img,format=raw", "/srv:/mnt"
        constexpr std::string_view kEnds = " \t\"',=:";
        for (std::size_t at = 0; (at = line.value.find('/', at)) != line.value.npos;) {
            const std::size_t end =
                std::min(line.value.find_first_of(kEnds, at), line.value.size());
            if (at == 0 || kEnds.contains(line.value[at - 1]))
                add(std::string_view(line.value).substr(at, end - at));
            at = end;
        }
    }
    return paths;
}

}  // namespace qemunit::ctl
