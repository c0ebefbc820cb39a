// SPDX-License-Identifier: MIT
#include "ctl/vms/rename_text.h"

#include <algorithm>

#include "ctl/vms/ini_lines.h"

namespace qemunit::ctl {

namespace {

bool is_said(const std::vector<std::string> &all, const std::string &section,
             std::string_view key) {
    return std::ranges::any_of(all, [&](const std::string &text) {
        return std::ranges::any_of(ini_lines(text), [&](const IniLine &line) {
            return line.section == section && line.key == key && !line.value.empty();
        });
    });
}

}  // namespace

std::string moved_text(std::string_view text, const std::string &from_state,
                       const std::string &to_state) {
    const std::string from = from_state + "/", to = to_state + "/";
    auto lines = ini_lines(text);
    for (IniLine &line : lines) {
        std::string value = line.value;
        for (std::size_t at = 0; (at = value.find(from, at)) != value.npos; at += to.size())
            value.replace(at, from.size(), to);
        if (value != line.value)
            set_value(line, value);
    }
    return joined(lines);
}

std::string pinned_text(std::string_view text, const std::vector<std::string> &all,
                        const MadeOfName &made) {
    auto lines = ini_lines(text);
    for (const auto &[card, mac] : made.macs)
        if (const std::string section = "Network " + card; !is_said(all, section, "MAC"))
            add_key(lines, section, "MAC", mac);
    if (!made.hostname.empty() && !is_said(all, "CloudInit", "Hostname"))
        add_key(lines, "CloudInit", "Hostname", made.hostname);
    return joined(lines);
}

}  // namespace qemunit::ctl
