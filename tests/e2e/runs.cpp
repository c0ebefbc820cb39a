// SPDX-License-Identifier: MIT
#include "tests/e2e/runs.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/e2e/ctl.h"

namespace qemunit::e2e {

namespace fs = std::filesystem;

std::string kernel_words() {
    const char *folder = std::getenv("QEMUNIT_LINUX_GUEST");
    const fs::path modules = fs::path(kGuestDir) / "modules-9p";
    if (folder && !fs::exists(modules))
        fs::copy(fs::path(folder) / "modules-9p", modules, fs::copy_options::recursive);
    return "--kernel=" + kGuestDir + "/vmlinuz-9p --modules=" + modules.string();
}

RunFolder::RunFolder() {
    fs::create_directories(kPath);
}

RunFolder::~RunFolder() {
    fs::remove_all(kPath);
}

Finished RunFolder::run(const std::string &words) const {
    return e2e::run(
        {"sh", "-c",
         std::string("cd ") + kPath + " && qemunitctl run " + kernel_words() + " " + words},
        "", Deadline(kRunPatience));
}

std::set<std::string> traces_of_runs() {
    std::set<std::string> found;
    for (const char *folder :
         {"/run", "/run/qemunit", "/run/systemd/transient", "/run/systemd/dynamic-uid", "/tmp",
          "/var/tmp", "/var/lib/qemunit", "/var/lib/private"})
        if (fs::exists(folder))
            for (const auto &entry : fs::directory_iterator(folder))
                found.insert(entry.path().string());
    const Finished processes = run_words("pgrep -fa qemu-run-|vmlinuz-9p");
    if (!processes.output.empty())
        found.insert(processes.output);
    return found;
}

// systemd removes folders some time after the unit.
void expect_no_traces(const std::set<std::string> &before) {
    const Deadline deadline;
    std::set<std::string> now;
    do
        now = traces_of_runs();
    while (now != before && !deadline.passed());
    EXPECT_EQ(now, before);
}

std::string units_of_runs() {
    return run_words("systemctl list-units --all --plain --no-legend qemu-run-* qemu-runnet-*")
        .output;
}

void expect_no_unit() {
    const Deadline deadline;
    std::string units;
    do
        units = units_of_runs();
    while (!units.empty() && !deadline.passed());
    EXPECT_EQ(units, "");
}

}  // namespace qemunit::e2e
