// SPDX-License-Identifier: MIT
#include "ctl/monitor/command_names.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

using Names = std::vector<std::string>;

// Pieces of what QEMU 7.2.22 prints.
constexpr char kHelp[] =
    "balloon target -- request VM to change its memory allocation (in MB)\n"
    "block_job_cancel [-f] device -- stop an active background block operation (use -f\n"
    "\t\t\t if you want to abort the operation immediately\n"
    "\n"
    "cont|c  -- resume emulation\n"
    "device_add driver[,prop=value][,...] -- add device, like -device on the command line\n"
    "drive_add [-n] [[<domain>:]<bus>:]<slot>\n"
    "[file=file][,if=type][,bus=n]\n"
    "help|? [cmd] -- show the help\n"
    "sendkey keys [hold_ms] -- send keys to the VM (e.g. 'sendkey ctrl-alt-f1')\n";

constexpr char kInfoHelp[] =
    "info balloon  -- show balloon information\n"
    "info status  -- show the current VM status (running|paused)\n"
    "info stats target [names] [provider] -- show statistics for the given target\n"
    "\t\t\tinfo nothing\n";

TEST(CompletionTest, NamesOutOfTheHelp) {
    EXPECT_EQ(command_names(kHelp), (Names{"balloon", "block_job_cancel", "c", "cont", "device_add",
                                           "drive_add", "help", "sendkey"}));
    EXPECT_EQ(command_names(kInfoHelp, "info"), (Names{"balloon", "stats", "status"}));
    EXPECT_EQ(command_names(""), Names{});
}

TEST(CompletionTest, InsertsWhatIsCertain) {
    const Names names{"savevm", "screendump", "sendkey", "set_link", "stop"};
    EXPECT_EQ(complete("sa", names).insert, "vevm ");
    EXPECT_EQ(complete("stop", names).insert, " ");
    EXPECT_EQ(complete("x", names).insert, "");
    EXPECT_EQ(complete("x", names).choices, Names{});
    EXPECT_EQ(complete("info s", {}).insert, "");
}

TEST(CompletionTest, ThenTellsTheChoices) {
    const Names names{"stats", "status", "usb"};
    EXPECT_EQ(complete("s", names).insert, "tat");
    EXPECT_EQ(complete("s", names).choices, Names{});
    EXPECT_EQ(complete("stat", names).insert, "");
    EXPECT_EQ(complete("stat", names).choices, (Names{"stats", "status"}));
    EXPECT_EQ(complete("", names).choices, names);
}

}  // namespace
}  // namespace qemunit::ctl
