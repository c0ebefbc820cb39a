// SPDX-License-Identifier: MIT
//
// What the unit of a VM has of the VM's life: when it is up, how it is stopped, when it is idle.
#include <gtest/gtest.h>

#include "generator/units/render.h"
#include "tests/unit/generator/rendered.h"

namespace qemunit::generator {
namespace {

using testing::lines;
using testing::service;
using testing::Texts;

TEST(RenderLifeTest, HowTheGuestIsStopped) {
    const auto stop = [](const std::string &ini) {
        const std::string text = service("[VM]\n" + ini);
        const std::size_t at = text.find(" --stop");
        const std::string option =
            at == text.npos ? "" : text.substr(at, text.find(" \\\n", at) - at);
        Texts found = lines(text, {"KillSignal=", "TimeoutStopSec="});
        if (!option.empty())
            found.push_back(option);
        return found;
    };
    EXPECT_EQ(stop(""), Texts{});
    EXPECT_EQ(stop("Stop=quit\n"), Texts{" --stop=quit"});
    EXPECT_EQ(stop("Stop=hibernate\n"), Texts{" --stop=hibernate"});
    EXPECT_EQ(stop("StopTimeout=2min\n"), (Texts{"TimeoutStopSec=2min", " --stop-timeout=120"}));
    EXPECT_EQ(stop("StopTimeout=infinity\n"),
              (Texts{"TimeoutStopSec=infinity", " --stop-timeout=1000000000"}));
    EXPECT_EQ(stop("Stop=quit\nStopTimeout=5s\n"),
              (Texts{"TimeoutStopSec=5s", " --stop=quit --stop-timeout=5"}));
}

// systemd and the helper have to mean the same.
TEST(RenderLifeTest, HowLongStoppingMayTake) {
    const auto timeout = [](const std::string &ini) {
        const std::string text = service(ini);
        const std::size_t at = text.find(" --stop-timeout=");
        return at == text.npos
                   ? ""
                   : text.substr(at + 16, text.find_first_of(" \\\n", at + 16) - at - 16);
    };
    EXPECT_EQ(timeout(""), "");
    EXPECT_EQ(timeout("[Service]\nTimeoutStopSec=5min\n"), "300");
    EXPECT_EQ(timeout("[Service]\nTimeoutSec=90\n"), "90");
    EXPECT_EQ(timeout("[Service]\nTimeoutStopSec=5min\nTimeoutSec=1min\n"), "60");
    for (const char *none : {"0", "0s", "infinity"}) {
        EXPECT_EQ(timeout("[VM]\nStopTimeout=" + std::string(none) + "\n"), "1000000000");
        EXPECT_EQ(timeout("[Service]\nTimeoutStopSec=" + std::string(none) + "\n"), "1000000000");
    }
    EXPECT_EQ(timeout("[VM]\nStopTimeout=500ms\n"), "1");
}

TEST(RenderLifeTest, WhatCountsAsIdle) {
    const auto idle = [](const std::string &ini) {
        const std::string text = service("[VM]\n" + ini);
        const std::size_t at = text.find("--check-kvm") + 11;
        return text.substr(at, text.find(" \\\n", at) - at);
    };
    EXPECT_EQ(idle("IdleTimeout=5min\n"), " --idle-timeout=300");
    EXPECT_EQ(idle("IdleTimeout=5min\nStop=quit\n"), " --stop=quit --idle-timeout=300");
    EXPECT_EQ(idle("IdleTimeout=0\n"), "");
    EXPECT_EQ(idle("IdleTimeout=infinity\nStop=quit\n"), " --stop=quit");
}

TEST(RenderLifeTest, AGuestThatSaysThatItIsUpIsReachedByVsock) {
    const std::string ini = "[VM]\nVSockCID=42\n";
    const Texts names = {"RestrictAddressFamilies="};
    EXPECT_EQ(lines(service(ini), names), Texts{});
    EXPECT_EQ(lines(service(ini + "Ready=notify\n"), names),
              Texts{"RestrictAddressFamilies=AF_VSOCK"});
    EXPECT_NE(service(ini + "Ready=notify\n").find(" --ready=notify:42 "), std::string::npos);
}

TEST(RenderLifeTest, WhatTheCompanionWaitsFor) {
    const Texts names = {"TimeoutStartSec=", "    \"--ready", "    --ready"};
    EXPECT_EQ(lines(service("[VM]\nReady=serial:^login: \\$5%\n"), names),
              (Texts{"TimeoutStartSec=5min", "    \"--ready=serial:^login: \\\\$$5%%\" \\"}));
    EXPECT_EQ(lines(service("[VM]\nReady=serial:login:\nStartTimeout=10s\n"), names),
              (Texts{"TimeoutStartSec=10s", "    --ready=serial:login: \\"}));
    EXPECT_EQ(lines(service("[VM]\nReady=started\n"), names), Texts{});
    const std::string text = service("[VM]\nGuestAgent=yes\nReady=agent\n");
    EXPECT_EQ(lines(text, names), Texts{"TimeoutStartSec=5min"});
    EXPECT_NE(text.find(" --vm=vm1 --serial=serial --agent --ready=agent"), std::string::npos)
        << text;
}

}  // namespace
}  // namespace qemunit::generator
