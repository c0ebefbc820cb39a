// SPDX-License-Identifier: MIT
//
// Who may connect to a VM's sockets, and which there are beside the first. Whole files stand in
// tests/golden.
#include "generator/units/socket_settings.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::from_ini;
using testing::from_ini_of_joe;
using testing::Texts;

std::string serial(const std::string &ini) {
    const auto [vm, said] = from_ini(ini);
    EXPECT_EQ(said, Texts{}) << ini;
    return serial_socket_settings(vm);
}

std::string monitor(const std::string &ini) {
    const auto [vm, said] = from_ini(ini);
    EXPECT_EQ(said, Texts{}) << ini;
    return monitor_socket_settings(vm);
}

TEST(SocketSettingsTest, TheSerialSocketChangesOnlyWhereTheIniSaysSo) {
    EXPECT_EQ(serial(""), "");
    EXPECT_EQ(serial("[Serial serial]\nLog=no\n"), "");
    EXPECT_EQ(serial("[Serial serial]\nSocketMode=0600\nSocketUser=joe\nSocketGroup=12\n"),
              "SocketMode=0600\nSocketUser=joe\nSocketGroup=12\n");
}

// Which may not be what another mode or group lets in.
TEST(SocketSettingsTest, QemunitdIsTheOwnerWhereItsGroupMayNotDo) {
    EXPECT_EQ(serial("[Serial serial]\nSocketMode=7\n"), "SocketMode=0007\nSocketUser=qemunitd\n");
    EXPECT_EQ(serial("[Serial serial]\nSocketGroup=staff\n"),
              "SocketUser=qemunitd\nSocketGroup=staff\n");
    EXPECT_EQ(serial("[Serial serial]\nSocketUser=joe\n"), "SocketUser=joe\n");
    EXPECT_EQ(serial("[Serial debug]\nSocketGroup=staff\n"),
              "ListenStream=/run/qemunit/vm1/debug.sock\n"
              "SocketMode=0000\n"
              "ExecStartPost=/bin/chmod 0660 /run/qemunit/vm1/serial.sock\n"
              "ExecStartPost=/bin/chown qemunitd:staff /run/qemunit/vm1/debug.sock\n"
              "ExecStartPost=/bin/chmod 0660 /run/qemunit/vm1/debug.sock\n");
}

TEST(SocketSettingsTest, AFurtherPortIsAFurtherSocket) {
    EXPECT_EQ(serial("[Serial debug]\n"), "ListenStream=/run/qemunit/vm1/debug.sock\n");
}

TEST(SocketSettingsTest, AChannelIsASocketToo) {
    EXPECT_EQ(serial("[VM]\nGuestAgent=yes\n[Serial debug]\n[Channel a]\n"),
              "ListenStream=/run/qemunit/vm1/debug.sock\n"
              "ListenStream=/run/qemunit/vm1/a.sock\n"
              "ListenStream=/run/qemunit/vm1/agent.sock\n");
}

// One socket unit has one mode for all its sockets: that is nobody's, and each has its own after
// systemd has made it, the mode after the owner.
TEST(SocketSettingsTest, NoSocketIsOpenBeforeItHasItsOwnAccess) {
    EXPECT_EQ(serial("[Serial debug]\nSocketMode=0666\nSocketUser=joe\n"),
              "ListenStream=/run/qemunit/vm1/debug.sock\n"
              "SocketMode=0000\n"
              "ExecStartPost=/bin/chmod 0660 /run/qemunit/vm1/serial.sock\n"
              "ExecStartPost=/bin/chown joe /run/qemunit/vm1/debug.sock\n"
              "ExecStartPost=/bin/chmod 0666 /run/qemunit/vm1/debug.sock\n");
    EXPECT_EQ(serial("[VM]\nGuestAgent=yes\n"
                     "[Serial serial]\nSocketMode=0666\nSocketUser=joe\nSocketGroup=staff\n"
                     "[Serial debug]\n"),
              "ListenStream=/run/qemunit/vm1/debug.sock\n"
              "ListenStream=/run/qemunit/vm1/agent.sock\n"
              "SocketMode=0000\n"
              "ExecStartPost=/bin/chown joe:staff /run/qemunit/vm1/serial.sock\n"
              "ExecStartPost=/bin/chmod 0666 /run/qemunit/vm1/serial.sock\n"
              "ExecStartPost=/bin/chmod 0660 /run/qemunit/vm1/debug.sock "
              "/run/qemunit/vm1/agent.sock\n");
    EXPECT_EQ(serial("[Serial serial]\nSocketMode=0666\n"
                     "[Serial debug]\nSocketMode=0600\nSocketUser=ann\n"),
              "ListenStream=/run/qemunit/vm1/debug.sock\n"
              "SocketMode=0000\n"
              "ExecStartPost=/bin/chown qemunitd /run/qemunit/vm1/serial.sock\n"
              "ExecStartPost=/bin/chmod 0666 /run/qemunit/vm1/serial.sock\n"
              "ExecStartPost=/bin/chown ann /run/qemunit/vm1/debug.sock\n"
              "ExecStartPost=/bin/chmod 0600 /run/qemunit/vm1/debug.sock\n");
}

TEST(SocketSettingsTest, TheMonitorsAccessLeavesTheDaemonsSocketAlone) {
    EXPECT_EQ(monitor(""), "");
    EXPECT_EQ(monitor("[Monitor]\n"), "");
    EXPECT_EQ(monitor("[Monitor]\nSocketGroup=staff\n"),
              "SocketMode=0000\n"
              "ExecStartPost=/bin/chown :staff /run/qemunit/vm1/monitor.sock "
              "/run/qemunit/vm1/qmp.sock\n"
              "ExecStartPost=/bin/chmod 0660 /run/qemunit/vm1/monitor.sock "
              "/run/qemunit/vm1/qmp.sock\n"
              "ExecStartPost=/bin/chown qemunitd:root /run/qemunit/vm1/control.sock "
              "/run/qemunit/vm1/companion.sock\n"
              "ExecStartPost=/bin/chmod 0600 /run/qemunit/vm1/control.sock "
              "/run/qemunit/vm1/companion.sock\n");
    EXPECT_TRUE(monitor("[Monitor]\nSocketMode=0666\nSocketUser=joe\n")
                    .starts_with("SocketMode=0000\nExecStartPost=/bin/chown joe "));
}

TEST(SocketSettingsTest, AUsersControlSocketIsNotOpenedUpEither) {
    const auto [vm, said] = from_ini_of_joe("[Monitor]\nSocketMode=0666\n");
    EXPECT_EQ(said, Texts{});
    EXPECT_EQ(monitor_socket_settings(vm),
              "SocketMode=0000\n"
              "ExecStartPost=/bin/chmod 0666 /run/user/1000/qemunit/vm1/monitor.sock "
              "/run/user/1000/qemunit/vm1/qmp.sock\n"
              "ExecStartPost=/bin/chmod 0600 /run/user/1000/qemunit/vm1/control.sock "
              "/run/user/1000/qemunit/vm1/companion.sock\n");
}

}  // namespace
}  // namespace qemunit::generator
