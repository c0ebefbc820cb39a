// SPDX-License-Identifier: MIT
//
// An ini file as lines, to change some of them and leave comments, order and spaces as they are.
// For `clone` and `rename`; the generator has the real reader. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qemunit::ctl {

struct IniLine {
    std::string text;        // without the newline
    std::string section;     // that it stands in, or that it begins: "Drive root"
    std::string key, value;  // "" if it is no assignment
};

std::vector<IniLine> ini_lines(std::string_view text);
std::string joined(const std::vector<IniLine> &lines);

void set_value(IniLine &line, std::string_view value);
// Behind the last key of the section, whose header has to be there.
void add_key(std::vector<IniLine> &lines, const std::string &section, const std::string &key,
             const std::string &value);
void drop_key(std::vector<IniLine> &lines, std::string_view section, std::string_view key);

// A drive by an ini file and its drop-ins, in the order in which they count.
struct NamedDrive {
    std::string name;  // "root"
    std::string file, backing_file;
    std::vector<std::string> layers;
    bool is_read_only = false, is_ephemeral = false, is_cdrom = false;

    bool is_written() const { return !is_read_only && !is_ephemeral && !is_cdrom; }
};
std::vector<NamedDrive> named_drives(const std::vector<std::string> &texts);

// Whatever in an ini file may be the path of a file, relative ones too: rather too many than one
// missing.
std::vector<std::string> possible_paths(std::string_view text);

}  // namespace qemunit::ctl
