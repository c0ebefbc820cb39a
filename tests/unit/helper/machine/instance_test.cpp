// SPDX-License-Identifier: MIT
//
// What a client of machinectl's is answered, where nobody has to be asked.
#include "helper/machine/instance.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

using nlohmann::json;

json about(const std::string &method, const json &parameters = json::object()) {
    return answer_about_interface({{"method", method}, {"parameters", parameters}});
}

TEST(MachineInstance, MethodsAreMembersOfOurs) {
    const auto member = [](const std::string &method) {
        return std::string(member_for("io.systemd.MachineInstance." + method));
    };
    EXPECT_EQ(member("PowerOff"), "PowerOff");
    EXPECT_EQ(member("Reboot"), "Reset");
    EXPECT_EQ(member("Pause"), "Pause");
    EXPECT_EQ(member("Resume"), "Resume");
    EXPECT_EQ(member("Terminate"), "Quit");
    EXPECT_EQ(member("Describe"), "State");
    EXPECT_EQ(member("AddStorage"), "");
    EXPECT_EQ(member("Execute"), "");
    for (const char *other : {"", "PowerOff", ".PowerOff", "io.systemd.MachineInstancePowerOff",
                              "io.systemd.MachineInstance", "io.systemd.MachineInstance.",
                              "io.systemd.Machine.PowerOff"})
        EXPECT_EQ(member_for(other), "") << other;
}

TEST(MachineInstance, WhatItIsNotIsSaid) {
    EXPECT_TRUE(about("io.systemd.MachineInstance.PowerOff").is_null());
    EXPECT_EQ(about("io.systemd.MachineInstance.SetMemory")["error"],
              "io.systemd.MachineInstance.NotSupported");
    for (const char *unknown : {"io.systemd.MachineInstance.Execute", "org.qemunit1.VM.Quit", ""})
        EXPECT_EQ(about(unknown)["error"], "org.varlink.service.MethodNotFound") << unknown;
    EXPECT_EQ(answer_about_interface({{"method", 1}})["error"],
              "org.varlink.service.MethodNotFound");
    EXPECT_EQ(answer_about_interface(json::object())["error"],
              "org.varlink.service.MethodNotFound");
}

TEST(MachineInstance, TheInterfaceDescribesItself) {
    const json info = about("org.varlink.service.GetInfo");
    EXPECT_EQ(info["parameters"]["interfaces"][1], "io.systemd.MachineInstance");
    const json described = about("org.varlink.service.GetInterfaceDescription",
                                 {{"interface", "io.systemd.MachineInstance"}});
    EXPECT_TRUE(described["parameters"]["description"].get<std::string>().starts_with(
        "interface io.systemd.MachineInstance\n"));
    EXPECT_EQ(about("org.varlink.service.GetInterfaceDescription", {{"interface", "x"}})["error"],
              "org.varlink.service.InterfaceNotFound");
    EXPECT_EQ(about("org.varlink.service.GetInterfaceDescription", 7)["error"],
              "org.varlink.service.InterfaceNotFound");
}

}  // namespace
}  // namespace qemunit::helper
