// SPDX-License-Identifier: MIT
//
// What no single line shows, in the exact words of each message.
#include "generator/check/checks.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::error;
using testing::said;
using testing::Texts;
using testing::warning;

TEST(ContradictionsTest, AKernelsCompanionsNeedTheKernel) {
    EXPECT_EQ(said("[Boot]\nAppend=quiet\n"),
              error(2, "Append= needs Kernel=: only QEMU's own loader hands it over."));
    EXPECT_EQ(said("[Boot]\nInitrd=/i\n"),
              error(2, "Initrd= needs Kernel=: only QEMU's own loader hands it over."));
    EXPECT_EQ(said("[Boot]\nAppend=a\nInitrd=/i\n").size(), 2u);
    EXPECT_EQ(said("[Boot]\nAppend=a\nInitrd=/i\nKernel=/k\n"), Texts{});
    EXPECT_EQ(said("[Boot]\nAppend=a\nAppend=\n"), Texts{});
}

TEST(ContradictionsTest, AShimIsBetweenFirmwareAndKernel) {
    const Texts alone = error(
        2, "Shim= needs Kernel= and Firmware=uefi-secure: the firmware checks that kernel by it.");
    EXPECT_EQ(said("[Boot]\nShim=/s\n"), alone);
    EXPECT_EQ(said("[Boot]\nShim=/s\nKernel=/k\n"), alone);
    EXPECT_EQ(said("[Boot]\nShim=/s\n[VM]\nFirmware=uefi-secure\n"), alone);
    for (const std::string firmware : {"uefi", "uefi-secure"})
        EXPECT_EQ(said("[Boot]\nShim=/s\nKernel=/k\n[VM]\nFirmware=" + firmware + "\n"), Texts{});
}

TEST(ContradictionsTest, OneNameIsOneDevice) {
    EXPECT_EQ(said("[Drive a]\nFile=/a\n[Network a]\n"),
              error(3, "The name 'a' is taken by section [Drive a]: QEMU's ids are unique."));
    EXPECT_EQ(said("[Network a]\n[Serial a]\n"),
              error(2, "The name 'a' is taken by section [Network a]: QEMU's ids are unique."));
    EXPECT_EQ(said("[Channel a]\n[Share a]\nPath=/a\n"),
              error(1, "The name 'a' is taken by section [Share a]: QEMU's ids are unique."));
    EXPECT_EQ(said("[Credential a]\nText=x\n[Drive a]\nFile=/a\n"), Texts{});
    EXPECT_EQ(said("[VM]\n[Drive serial]\nFile=/a\n"),
              Texts{"error: vm1.ini: The name 'serial' is taken by section [Drive serial]: QEMU's "
                    "ids are unique."});
    EXPECT_EQ(said("[Drive qemunit-scsi]\nFile=/a\n"),
              error(1, "Device names that begin with 'qemunit-' are our own."));
}

TEST(ContradictionsTest, AKeyboardIsForAScreen) {
    EXPECT_EQ(said("[VM]\nKeyboard=de\n"),
              error(2, "Keyboard= needs Display=vnc or Display=spice."));
    EXPECT_EQ(said("[VM]\nKeyboard=de\nDisplay=vnc\n"), Texts{});
}

TEST(ContradictionsTest, MicrovmHasNoPlaceForPciDevices) {
    const std::string microvm = "[VM]\nMachine=microvm\n";
    EXPECT_EQ(said(microvm + "TPM=yes\n"),
              error(3, "TPM=yes: the machine 'microvm' has no place for a TPM."));
    EXPECT_EQ(said(microvm + "Watchdog=yes\n"),
              error(3, "Watchdog=reset: the machine 'microvm' has no PCI bus for it."));
    EXPECT_EQ(said(microvm + "OnPanic=pause\n"),
              error(3,
                    "OnPanic=pause: the machine 'microvm' has no PCI bus for the panic "
                    "device."));
    EXPECT_EQ(said("[VM]\nArchitecture=riscv64\nTPM=yes\n"),
              error(3, "TPM=yes: the machine 'virt' has no place for a TPM."));
    EXPECT_EQ(said(microvm + "TPM=no\nWatchdog=no\nRNG=yes\nBalloon=yes\n"), Texts{});
}

TEST(ContradictionsTest, APlaceInTheOrderIsForOne) {
    EXPECT_EQ(said("[Drive a]\nFile=/a\nBootIndex=1\n[Network b]\nBootIndex=1\n"),
              error(5, "BootIndex=1 is taken by section [Drive a]."));
    EXPECT_EQ(said("[Boot]\nOrder=a\n[Drive a]\nFile=/a\nBootIndex=1\n"),
              error(5, "BootIndex=1: Order= in [Boot] has a place for 'a' already."));
    EXPECT_EQ(said("[Boot]\nOrder=a\n[Drive a]\nFile=/a\n[Network b]\nBootIndex=0\n"),
              error(6, "BootIndex=0 is taken by Order= in [Boot]."));
    EXPECT_EQ(said("[Boot]\nOrder=a\n[Drive a]\nFile=/a\n[Network b]\nBootIndex=1\n"), Texts{});
    const std::string kernel = "[Boot]\nKernel=/k\n";
    EXPECT_EQ(said(kernel + "[Drive a]\nFile=/a\nBootIndex=0\n"),
              error(5, "BootIndex=0 is taken by Kernel= in [Boot]."));
    EXPECT_EQ(said(kernel + "Order=a\n[Drive a]\nFile=/a\n[Network b]\nBootIndex=1\n"),
              error(7, "BootIndex=1 is taken by Order= in [Boot]."));
    EXPECT_EQ(said("[Drive a]\nFile=/a\nInterface=floppy\nBootIndex=1\n"),
              error(4, "BootIndex= is not for floppies; use Order= in [Boot]."));
    EXPECT_EQ(said("[Drive a]\nFile=/a\nBootIndex=1\n[Network b]\nBootIndex=0\n"), Texts{});
}

TEST(ContradictionsTest, TheOrderNamesDevicesOfTheVm) {
    EXPECT_EQ(said("[Boot]\nOrder=root\nOrder=lan\n[Network lan]\n"),
              error(3, "Order=: no drive and no network card is called 'root'."));
    EXPECT_EQ(said("[Boot]\nOrder=cdx\n"),
              error(2, "Order=: no drive and no network card is called 'cdx'."));
    // Letters stand alone.
    EXPECT_EQ(said("[Boot]\nOrder=c d\n").size(), 2u);
    EXPECT_EQ(said("[Boot]\nOrder=debug\n[Serial debug]\n").size(), 1u);
    EXPECT_EQ(said("[Boot]\nOrder=f\n[Drive f]\nFile=/f\nInterface=floppy\n"),
              error(2, "Order=: 'f' is a floppy, which has a letter only; write a."));
    EXPECT_EQ(said("[Boot]\nOrder=a\n[Drive f]\nFile=/f\nInterface=floppy\n"), Texts{});
}

TEST(ContradictionsTest, AGuestThatHibernatesFindsAllAsItWas) {
    const std::string hibernate = "[VM]\nStop=hibernate\n";
    EXPECT_EQ(said(hibernate + "LoadSnapshot=clean\n"),
              error(3,
                    "LoadSnapshot= and Stop=hibernate exclude each other: the VM can start from "
                    "one state only."));
    EXPECT_EQ(said(hibernate + "[Drive a]\nFile=/a\nEphemeral=yes\n"),
              error(5,
                    "Ephemeral=yes and Stop=hibernate exclude each other: what the guest wrote "
                    "would be missing when it resumes."));
    EXPECT_EQ(said(hibernate + "[Share s]\nPath=/s\nType=virtiofs\n"),
              Texts{"warning: vm1.ini:5: Type=virtiofs: not every virtiofsd can be saved (Debian "
                    "12's cannot); where it cannot, the guest is shut down instead of "
                    "hibernating."});
}

TEST(ContradictionsTest, ADescriptionDoesNotContinue) {
    EXPECT_EQ(said("[VM]\nDescription=a\\\n"),
              error(2, "Description= must not end with a backslash."));
    EXPECT_EQ(said("[VM]\nDescription=a\\\\\n"), Texts{});
}

TEST(ContradictionsTest, NobodyIsIdleForLessThanASecond) {
    EXPECT_EQ(said("[VM]\nIdleTimeout=20ms\n"),
              error(2, "IdleTimeout=20ms: too short; write 1s or more, or 0 for never."));
    EXPECT_EQ(said("[VM]\nIdleTimeout=0\n"), Texts{});
}

TEST(ContradictionsTest, WhoShallSayThatTheVmIsReadyMustBeThere) {
    EXPECT_EQ(said("[VM]\nReady=agent\n"), error(2, "Ready=agent needs GuestAgent=yes."));
    EXPECT_EQ(said("[VM]\nReady=agent\nGuestAgent=yes\n"), Texts{});
    EXPECT_EQ(said("[VM]\nReady=serial:x\n[Serial serial]\nDirect=yes\n"),
              error(2,
                    "Ready=serial: needs the relay of the first serial port; take Direct=yes out "
                    "of [Serial serial]."));
    EXPECT_EQ(said("[VM]\nReady=serial:x\n[Serial serial]\nLog=no\n[Serial b]\nDirect=yes\n"),
              Texts{});
    EXPECT_EQ(said("[VM]\nReady=started\n[Serial serial]\nDirect=yes\n"), Texts{});
    EXPECT_EQ(said("[VM]\nReady=notify\n"),
              error(2, "Ready=notify needs VSockCID=, by which the guest says it."));
    EXPECT_EQ(said("[VM]\nReady=notify\nVSockCID=3\nLoadSnapshot=a\n[Drive a]\nFile=a.qcow2\n"),
              error(2,
                    "Ready=notify and LoadSnapshot= exclude each other: a guest in a snapshot "
                    "says that it is up to a VM that has ended."));
    EXPECT_EQ(said("[VM]\nReady=notify\nVSockCID=42\n"), Texts{});
    EXPECT_EQ(said("[VM]\nReady=notify\nVSockCID=42\n"
                   "[Credential vmm.notify_socket]\nText=vsock-stream:2:9999\n"),
              error(4,
                    "[Credential vmm.notify_socket] and Ready=notify exclude each other: the "
                    "guest has one place to say that it is up."));
}

TEST(ContradictionsTest, OneLimitForStopping) {
    EXPECT_EQ(said("[Service]\nTimeoutStopSec=2min\n"), Texts{});
    EXPECT_EQ(said("[VM]\nStopTimeout=120s\n[Service]\nTimeoutStopSec=2min\n"), Texts{});
    EXPECT_EQ(said("[VM]\nStopTimeout=1min\n[Service]\nTimeoutStopSec=2min\n"),
              warning(4,
                      "TimeoutStopSec=2min in [Service] comes after StopTimeout=1min, "
                      "which has no effect; write one of them."));
    EXPECT_EQ(said("[VM]\nStopTimeout=1min\n[Service]\nTimeoutSec=2min\n"),
              warning(4,
                      "TimeoutSec=2min in [Service] comes after StopTimeout=1min, "
                      "which has no effect; write one of them."));
    EXPECT_EQ(said("[Service]\nTimeoutStopSec=1.5min\n"), Texts{});
    EXPECT_EQ(said("[Service]\nTimeoutStopSec=1.5555min\n"),
              warning(2,
                      "TimeoutStopSec=1.5555min: qemunit-helper, which shuts the guest "
                      "down within that time, does not understand it; write "
                      "StopTimeout= in [VM]."));
}

}  // namespace
}  // namespace qemunit::generator
