// SPDX-License-Identifier: MIT
#include "ctl/upgrade/installed_qemu.h"

#include <unistd.h>

#include <algorithm>

#include "common/files/account.h"
#include "ctl/new/child.h"

namespace qemunit::ctl {

namespace {

constexpr int kProbePatience = 60'000;  // ms
// As for `clone` (ctl/new/disk_copy.cpp).
constexpr char kQemuAccount[] = "qemunit";

}  // namespace

Result<QemuProgram> installed_qemu(const std::string &path) {
    ChildSetting setting{.silent_ms = kProbePatience, .total_ms = kProbePatience};
    if (geteuid() == 0) {
        auto account = find_account(kQemuAccount);
        if (!account)
            return std::unexpected(account.error());
        setting.account = std::move(*account);
    }
    const auto version = run_child({path, "--version"}, {}, -1, setting);
    std::string help;
    const auto machines = run_child(
        {path, "-machine", "help"},
        [&](std::string_view line) { help += std::string(line) + "\n"; }, -1, setting);
    for (const auto *answer : {&version, &machines})
        if (!*answer)
            return std::unexpected(answer->error());
    return QemuProgram{version_in(version->output), machines_in(help)};
}

std::vector<std::string> machines_in(std::string_view help) {
    std::vector<std::string> names;
    while (!help.empty()) {
        const std::size_t end = std::min(help.find('\n'), help.size());
        const std::string_view line = help.substr(0, end);
        help.remove_prefix(std::min(end + 1, help.size()));
        if (const std::size_t space = line.find(' '); space != line.npos && space > 0)
            names.emplace_back(line.substr(0, space));
    }
    return names;
}

std::string version_in(std::string_view text) {
    constexpr std::string_view kVersionWord = "version ";
    const std::size_t at = text.find(kVersionWord);
    if (at == text.npos)
        return {};
    text.remove_prefix(at + kVersionWord.size());
    return std::string(text.substr(0, text.find_first_not_of("0123456789.")));
}

}  // namespace qemunit::ctl
