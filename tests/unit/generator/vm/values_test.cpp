// SPDX-License-Identifier: MIT
//
// Every type of value: what is accepted, and in which words the rest is refused.
#include "generator/vm/values.h"

#include <gtest/gtest.h>

namespace qemunit::generator {
namespace {

// The message of a bad value, "" of a good one.
template <typename T>
std::string fault(std::string_view text) {
    const auto parsed = parse_value(As<T>{}, text);
    return parsed ? "" : parsed.error();
}

TEST(ValuesTest, TextsAreLiteral) {
    EXPECT_EQ(parse_value(As<std::string>{}, " \"a\" %n \\ "), " \"a\" %n \\ ");
}

TEST(ValuesTest, BooleansAreSystemds) {
    for (const char *yes : {"1", "yes", "y", "true", "t", "on", "YES", "True", "oN"})
        EXPECT_EQ(parse_value(As<bool>{}, yes), true) << yes;
    for (const char *no : {"0", "no", "n", "false", "f", "off", "NO", "False", "oFF"})
        EXPECT_EQ(parse_value(As<bool>{}, no), false) << no;
    for (const char *bad : {"", "2", "yess", "ja", "yes ", "-1", "enabled"})
        EXPECT_EQ(fault<bool>(bad), "not a boolean; write yes or no.") << bad;
}

TEST(ValuesTest, SizesHaveTheBase1024) {
    const auto bytes = [](std::string_view text) {
        const auto size = parse_value(As<MemorySize>{}, text);
        return size ? size->bytes : 0;
    };
    EXPECT_EQ(bytes("1M"), uint64_t{1} << 20);
    EXPECT_EQ(bytes("512M"), uint64_t{512} << 20);
    EXPECT_EQ(bytes("2G"), uint64_t{2} << 30);
    EXPECT_EQ(bytes("3T"), uint64_t{3} << 40);
    EXPECT_EQ(bytes("2048K"), uint64_t{2} << 20);
    EXPECT_EQ(bytes("1048576"), uint64_t{1} << 20);
    EXPECT_EQ(bytes("1048577B"), (uint64_t{1} << 20) + 1);
    EXPECT_EQ(bytes("4194304T"), uint64_t{1} << 62);
    EXPECT_EQ(bytes("1.5G"), uint64_t{1536} << 20);
    EXPECT_EQ(bytes("0.25G"), uint64_t{256} << 20);
}

TEST(ValuesTest, BadSizes) {
    for (const char *bad :
         {"", "M", "B", "1.5", ".5G", "1.G", "1.5.5G", "1.2345G", "1g", "1 G", "1GB", "1GiB", "-1G",
          "+1G", "0x10M", "1GG", "1P", "much", "99999999999999999999"})
        EXPECT_EQ(fault<MemorySize>(bad), "not a size; write 512M or 2G.") << bad;
    EXPECT_EQ(fault<MemorySize>("512"),
              "less than a machine can start with (1M); did you forget the unit, as in 512M?");
    EXPECT_EQ(fault<MemorySize>("1048575"),
              "less than a machine can start with (1M); did you forget the unit, as in 1048575M?");
    EXPECT_EQ(fault<MemorySize>("1023K"),
              "less than a machine can start with (1M); did you forget the unit, as in 1023M?");
    EXPECT_EQ(fault<MemorySize>("4194305T"), "larger than any machine.");
    EXPECT_EQ(fault<MemorySize>("18446744073709551615"), "larger than any machine.");
    EXPECT_EQ(fault<MemorySize>("18446744073709551615G"), "larger than any machine.");
}

TEST(ValuesTest, DisksHaveWholeSectors) {
    EXPECT_EQ(parse_value(As<DiskSize>{}, "512")->bytes, 512u);
    EXPECT_EQ(parse_value(As<DiskSize>{}, "20G")->bytes, uint64_t{20} << 30);
    EXPECT_EQ(parse_value(As<DiskSize>{}, "1K")->bytes, 1024u);
    EXPECT_EQ(fault<DiskSize>("20"),
              "not whole sectors of 512 bytes; did you forget the unit, as in 20G?");
    EXPECT_EQ(fault<DiskSize>("513B"),
              "not whole sectors of 512 bytes; did you forget the unit, as in 513G?");
    EXPECT_EQ(fault<DiskSize>("0K"),
              "not whole sectors of 512 bytes; did you forget the unit, as in 0G?");
    EXPECT_EQ(fault<DiskSize>("big"), "not a size; write 512M or 2G.");
    EXPECT_EQ(fault<DiskSize>("4194305T"), "larger than any machine.");
}

TEST(ValuesTest, RatesHaveTheBase1000) {
    EXPECT_EQ(parse_value(As<Rate>{}, "500")->number, 500u);
    EXPECT_EQ(parse_value(As<Rate>{}, "2K")->number, 2000u);
    EXPECT_EQ(parse_value(As<Rate>{}, "10M")->number, 10'000'000u);
    EXPECT_EQ(parse_value(As<Rate>{}, "3G")->number, 3'000'000'000u);
    EXPECT_EQ(parse_value(As<Rate>{}, "1000T")->number, 1'000'000'000'000'000u);
    EXPECT_EQ(fault<Rate>("0"), "nothing at all; write nothing behind the '=' for no limit.");
    for (const char *bad : {"", "M", "1.5M", "-1", "10MB", "10 M", "fast", "infinity"})
        EXPECT_EQ(fault<Rate>(bad), "not a rate; write how many in a second, as 500 or 10M.")
            << bad;
    for (const char *bad : {"1001T", "1000000000000001", "18446744073709551615T"})
        EXPECT_EQ(fault<Rate>(bad), "more than QEMU can count (1000T).") << bad;
}

TEST(ValuesTest, NumbersOfCpus) {
    EXPECT_EQ(parse_value(As<CpuCount>{}, "1")->count, 1u);
    EXPECT_EQ(parse_value(As<CpuCount>{}, "1024")->count, 1024u);
    for (const char *bad :
         {"", "0", "1025", "-1", "+1", "1.5", "two", "1 ", "99999999999999999999"})
        EXPECT_EQ(fault<CpuCount>(bad), "not a number of CPUs from 1 to 1024.") << bad;
}

TEST(ValuesTest, Paths) {
    for (const char *good : {"/a", "a", "a/b.img", "/a b/c,d:e%f$g\"h'", "/dev/disk/by-id/x", "...",
                             "/a/..b/b..", "//a", "日本.img"})
        EXPECT_EQ(parse_value(As<FilePath>{}, good)->text, good);
    for (const char *bad : {"..", "../a", "/a/../b", "/a/..", "a/../../b"})
        EXPECT_EQ(fault<FilePath>(bad), "a path must not contain '..'; write it in full.") << bad;
    for (const char *bad : {"/", "/a/", "a/"})
        EXPECT_EQ(fault<FilePath>(bad), "the path of a folder, not of a file.") << bad;
}

TEST(ValuesTest, FoldersArePathsInFull) {
    for (const char *good : {"/srv", "/a b/c,d:e%f$g\"h'", "/日本"})
        EXPECT_EQ(parse_value(As<FolderPath>{}, good)->text, good);
    for (const char *bad : {"srv", "a/b", "."})
        EXPECT_EQ(fault<FolderPath>(bad),
                  "not an absolute path; write it in full, as in /srv/share.")
            << bad;
    EXPECT_EQ(fault<FolderPath>("/srv/"), "write it without the '/' at its end.");
    EXPECT_EQ(fault<FolderPath>("/srv/../a"), "a path must not contain '..'; write it in full.");
}

TEST(ValuesTest, ProgramsArePathsInFull) {
    EXPECT_EQ(parse_value(As<ProgramPath>{}, "/opt/my qemu")->text, "/opt/my qemu");
    EXPECT_EQ(fault<ProgramPath>("qemu-system-x86_64"),
              "not an absolute path; write it in full, as in /usr/bin/qemu-system-x86_64.");
    EXPECT_EQ(fault<ProgramPath>("/a/../b"), "a path must not contain '..'; write it in full.");
    EXPECT_EQ(fault<ProgramPath>("/usr/bin/"), "the path of a folder, not of a file.");
}

TEST(ValuesTest, QemuNamesCarryNoOptions) {
    for (const char *good : {"q35", "pc-i440fx-7.2", "virtio-net-pci", "a_b", "max+x"})
        EXPECT_EQ(parse_value(As<QemuName>{}, good)->text, good);
    for (const char *bad : {"q35,usb=on", "a=b", "a b", "q35;", "a/b", "ä", "a:b"})
        EXPECT_EQ(fault<QemuName>(bad),
                  "not a name; letters, digits, '_', '.', '-' and '+' only. Options go to "
                  "Arguments=.")
            << bad;
}

TEST(ValuesTest, Uuids) {
    for (const char *good :
         {"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"})
        EXPECT_EQ(parse_value(As<Uuid>{}, good)->text, good);
    for (const char *bad :
         {"", "6ba7b810", "6ba7b8109dad11d180b400c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c",
          "6ba7b810-9dad-11d1-80b4-00c04fd430c8-", "6ba7b810-9dad-11d1-80b4-00c04fd430c80",
          "6ba7b810-9dad-11d1-80b4-00c04fd430cg", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}",
          "6ba7b810 9dad 11d1 80b4 00c04fd430c8", "-6ba7b810-9dad-11d1-80b4-00c04fd430c8"})
        EXPECT_EQ(fault<Uuid>(bad), "not a UUID; `uuidgen` prints one.") << bad;
}

TEST(ValuesTest, Clocks) {
    for (const char *good : {"utc", "localtime", "2026-01-31", "2026-01-31T12:00:00"})
        EXPECT_EQ(parse_value(As<ClockBase>{}, good)->text, good);
    for (const char *bad :
         {"", "UTC", "now", "2026", "26-01-31", "2026-01-31 12:00:00", "2026-01-31T12:00",
          "2026-01-31T12:00:00Z", "2026-01-31,x=y", "2026/01/31", "yyyy-mm-dd"})
        EXPECT_EQ(fault<ClockBase>(bad),
                  "not a clock; write utc, localtime, or 2026-01-31T12:00:00.")
            << bad;
}

TEST(ValuesTest, ATimeSpanInSeconds) {
    const auto seconds = [](const char *text) {
        return parse_value(As<TimeSpan>{}, text)->seconds;
    };
    EXPECT_EQ(seconds("90"), 90u);
    EXPECT_EQ(seconds("1h 2min 3s"), 3723u);
    EXPECT_EQ(seconds("1500ms 700ms"), 2u);
    EXPECT_EQ(seconds("1.5h"), 5400u);
    EXPECT_EQ(seconds("infinity"), UINT64_MAX);
    EXPECT_EQ(fault<TimeSpan>("99999999999999999999"),
              "not a time span; write 90s, 5min or infinity.");
}

TEST(ValuesTest, TimeSpansAreSystemds) {
    for (const char *good :
         {"infinity", "0", "90", "90s", "5min", "1h 30min", "1h30min", "2 h", "2days", "1y 12month",
          "100ms", "5us", "3M", "2w\t1d", "55s 500ms", "1.5h"})
        EXPECT_EQ(parse_value(As<TimeSpan>{}, good)->text, good);
    for (const char *bad : {"", "s", "min5", "-1s", "+1s", "5 parsecs", "5minn", "1.", ".5s",
                            "1.2.3s", "never", "infinity 5s", "5s infinity", "1s,2s", "%t"})
        EXPECT_EQ(fault<TimeSpan>(bad), "not a time span; write 90s, 5min or infinity.") << bad;
}

TEST(ValuesTest, VsockCidsAreThoseOfGuests) {
    EXPECT_EQ(parse_value(As<VsockCid>{}, "3")->number, 3u);
    EXPECT_EQ(parse_value(As<VsockCid>{}, "4294967294")->number, 4294967294u);
    for (const char *bad : {"", "0", "1", "2", "4294967295", "4294967296", "-1", "0x10", "three"})
        EXPECT_EQ(fault<VsockCid>(bad), "not a CID of a guest, from 3 to 4294967294.") << bad;
}

TEST(ValuesTest, BootPositions) {
    EXPECT_EQ(parse_value(As<BootPosition>{}, "0")->number, 0u);
    EXPECT_EQ(parse_value(As<BootPosition>{}, "9999")->number, 9999u);
    for (const char *bad : {"", "10000", "-1", "first", "1 "})
        EXPECT_EQ(fault<BootPosition>(bad), "not a position from 0 to 9999.") << bad;
}

TEST(ValuesTest, NamesOfInterfaces) {
    for (const char *good : {"tap0", "vm1-lan", "br0.100", "a", "123456789012345", "_x", ".a"})
        EXPECT_EQ(parse_value(As<InterfaceName>{}, good)->text, good);
    for (const char *bad : {"", ".", "..", "-tap", "tap 0", "tap/0", "tap:0", "tap@0", "tap%d",
                            "1234567890123456", "tap,script=x", "täp"})
        EXPECT_EQ(fault<InterfaceName>(bad),
                  "not the name of an interface; letters, digits, '_', '.' and '-', at most 15 in "
                  "all.")
            << bad;
}

TEST(ValuesTest, MacAddresses) {
    for (const char *good : {"52:54:00:12:34:56", "AA:BB:CC:DD:EE:FF", "fe:00:00:00:00:00"})
        EXPECT_EQ(parse_value(As<MacAddress>{}, good)->text, good);
    for (const char *bad : {"", "52:54:00:12:34", "52:54:00:12:34:56:78", "525400123456",
                            "52-54-00-12-34-56", "52:54:00:12:34:5g", "52:54:00:12:34:56 "})
        EXPECT_EQ(fault<MacAddress>(bad), "not a MAC address; write it as in 52:54:00:12:34:56.")
            << bad;
    for (const char *bad : {"01:00:5e:00:00:01", "53:54:00:12:34:56", "ff:ff:ff:ff:ff:ff"})
        EXPECT_EQ(fault<MacAddress>(bad), "a multicast address, which no network card may have.")
            << bad;
}

TEST(ValuesTest, HostForwards) {
    const auto port = [](std::string_view text) {
        const auto forward = parse_value(As<HostForward>{}, text);
        return forward && forward->text == text ? forward->host_port : 0;
    };
    EXPECT_EQ(port("tcp::10022-:22"), 10022u);
    EXPECT_EQ(port("udp::53-:5353"), 53u);
    EXPECT_EQ(port("tcp:127.0.0.1:65535-10.0.2.15:1"), 65535u);
    EXPECT_EQ(port("tcp:0.0.0.0:80-:80"), 80u);
    const auto parts = parse_value(As<HostForward>{}, "udp:127.0.0.1:1053-10.0.2.15:53");
    EXPECT_EQ(parts->protocol, "udp");
    EXPECT_EQ(parts->host_address, "127.0.0.1");
    EXPECT_EQ(parts->guest_address, "10.0.2.15");
    EXPECT_EQ(parts->guest_port, 53u);
}

TEST(ValuesTest, BadHostForwards) {
    const auto said = [](std::string_view what) {
        return std::string(what) +
               "; write tcp::10022-:22, which is PROTOCOL:[HOST ADDRESS]:PORT-[GUEST "
               "ADDRESS]:PORT.";
    };
    for (const char *bad : {"", "10022:22", "TCP::1-:2", "sctp::1-:2", ":1-:2"})
        EXPECT_EQ(fault<HostForward>(bad), said("does not begin with tcp: or udp:")) << bad;
    for (const char *bad : {"tcp:", "tcp::10022", "tcp::10022:22"})
        EXPECT_EQ(fault<HostForward>(bad), said("no '-' between host and guest")) << bad;
    for (const char *bad : {"tcp:10022-:22", "tcp::10022-22", "tcp:-:22"})
        EXPECT_EQ(fault<HostForward>(bad), said("no ':' before a port")) << bad;
    for (const char *bad : {"tcp::-:22", "tcp::0-:22", "tcp::65536-:22", "tcp::ssh-:22",
                            "tcp::10022-:", "tcp::10022-:22,x=y", "tcp::1-:2-3", "tcp::+1-:2"})
        EXPECT_EQ(fault<HostForward>(bad), said("a port is not a number from 1 to 65535")) << bad;
    for (const char *bad : {"tcp:localhost:1-:2", "tcp:::1:1-:2", "tcp:127.0.0.1:1-guest:2",
                            "tcp:1.2.3:1-:2", "tcp:1.2.3.4,a=b:1-:2"})
        EXPECT_EQ(fault<HostForward>(bad), said("an address is neither empty nor IPv4")) << bad;
}

TEST(ValuesTest, FileModesAreOctal) {
    EXPECT_EQ(parse_value(As<FileMode>{}, "0660")->bits, 0660u);
    EXPECT_EQ(parse_value(As<FileMode>{}, "600")->bits, 0600u);
    EXPECT_EQ(parse_value(As<FileMode>{}, "0777")->bits, 0777u);
    EXPECT_EQ(parse_value(As<FileMode>{}, "0")->bits, 0u);
    for (const char *bad : {"", "0888", "1777", "04755", "rw-rw----", "0x1ff", "-1", "0660 "})
        EXPECT_EQ(fault<FileMode>(bad), "not an access mode; write it in octal, as in 0660.")
            << bad;
}

TEST(ValuesTest, AccountsAreNamesOrNumbers) {
    for (const char *good : {"root", "_apt", "my-user_1", "Upper", "0", "1000"})
        EXPECT_EQ(parse_value(As<AccountName>{}, good)->text, good);
    EXPECT_EQ(fault<AccountName>(std::string(31, 'a')), "");
    for (const std::string &bad :
         {std::string("-a"), std::string("a b"), std::string("a:b"), std::string("a.b"),
          std::string("ä"), std::string("%u"), std::string("0day"), std::string(32, 'a')})
        EXPECT_EQ(fault<AccountName>(bad), "not the name of a user or group.") << bad;
}

TEST(ValuesTest, NamesOfAnEnumeration) {
    EXPECT_EQ(parse_value(As<Architecture>{}, "x86_64"), Architecture::x86_64);
    EXPECT_EQ(parse_value(As<Architecture>{}, "amd64"), Architecture::x86_64);
    EXPECT_EQ(parse_value(As<Architecture>{}, "i386"), Architecture::i386);
    EXPECT_EQ(parse_value(As<Architecture>{}, "aarch64"), Architecture::aarch64);
    EXPECT_EQ(parse_value(As<Architecture>{}, "arm64"), Architecture::aarch64);
    EXPECT_EQ(parse_value(As<Architecture>{}, "arm"), Architecture::arm);
    EXPECT_EQ(parse_value(As<Architecture>{}, "riscv64"), Architecture::riscv64);
    EXPECT_EQ(parse_value(As<Accelerator>{}, "auto"), Accelerator::automatic);
    EXPECT_EQ(parse_value(As<Accelerator>{}, "kvm"), Accelerator::kvm);
    EXPECT_EQ(parse_value(As<Accelerator>{}, "tcg"), Accelerator::tcg);
    EXPECT_EQ(parse_value(As<Display>{}, "vnc"), Display::vnc);
    EXPECT_EQ(parse_value(As<DriveMedia>{}, "cdrom"), DriveMedia::cdrom);
    EXPECT_EQ(parse_value(As<NetworkType>{}, "none"), NetworkType::none);
    EXPECT_EQ(parse_value(As<SerialType>{}, "virtio"), SerialType::virtio);
    EXPECT_EQ(parse_value(As<DriveInterface>{}, "floppy"), DriveInterface::floppy);
    EXPECT_EQ(parse_value(As<Firmware>{}, "uefi-secure"), Firmware::uefi_secure);
    EXPECT_EQ(parse_value(As<WatchdogAction>{}, "inject-nmi"), WatchdogAction::inject_nmi);
    EXPECT_EQ(parse_value(As<WatchdogAction>{}, "yes"), WatchdogAction::reset);
    EXPECT_EQ(parse_value(As<PanicAction>{}, "restart"), PanicAction::restart);
    EXPECT_EQ(parse_value(As<Activation>{}, "socket"), Activation::socket);
    EXPECT_EQ(parse_value(As<DriveCache>{}, "directsync"), DriveCache::directsync);
    EXPECT_EQ(parse_value(As<DriveAio>{}, "io_uring"), DriveAio::io_uring);
    EXPECT_EQ(parse_value(As<NetworkType>{}, "passt"), NetworkType::passt);
    EXPECT_EQ(parse_value(As<ShareType>{}, "9p"), ShareType::ninep);
}

TEST(ValuesTest, OtherWordsAreAnsweredWithTheNames) {
    EXPECT_EQ(fault<Architecture>("x86-64"),
              "not one of x86_64, i386, aarch64, arm, riscv64, amd64, arm64. Did you mean "
              "'x86_64'?");
    EXPECT_EQ(fault<Accelerator>("KVM"), "not one of auto, kvm, tcg. Did you mean 'kvm'?");
    EXPECT_EQ(fault<Display>("gtk"), "not one of none, vnc, spice.");
    EXPECT_EQ(fault<DriveInterface>("virtoi"),
              "not one of virtio, scsi, nvme, ide, sata, usb, floppy, sd. Did you mean 'virtio'?");
    EXPECT_EQ(fault<DriveMedia>("dvd"), "not one of disk, cdrom.");
    EXPECT_EQ(fault<NetworkType>("tab"),
              "not one of user, tap, bridge, passt, none. Did you mean 'tap'?");
    EXPECT_EQ(fault<SerialType>("usb"), "not one of isa, virtio.");
    EXPECT_EQ(fault<Firmware>("efi"), "not one of bios, uefi, uefi-secure. Did you mean 'uefi'?");
    EXPECT_EQ(fault<WatchdogAction>("power-off"),
              "not one of no, reset, shutdown, poweroff, pause, inject-nmi, none, yes. Did you "
              "mean 'poweroff'?");
    EXPECT_EQ(fault<PanicAction>("resart"),
              "not one of fail, restart, pause. Did you mean 'restart'?");
    EXPECT_EQ(fault<Activation>("sockets"), "not one of none, socket. Did you mean 'socket'?");
    EXPECT_EQ(fault<DriveCache>("writeback "),
              "not one of writeback, writethrough, none, directsync, unsafe. Did you mean "
              "'writeback'?");
    EXPECT_EQ(fault<DriveAio>("io-uring"),
              "not one of threads, native, io_uring. Did you mean 'io_uring'?");
    EXPECT_EQ(fault<ShareType>("9P"), "not one of 9p, virtiofs, vfat. Did you mean '9p'?");
}

TEST(ValuesTest, MessagesUseTheFirstNameOfAValue) {
    EXPECT_EQ(name_of(Architecture::x86_64), "x86_64");
    EXPECT_EQ(name_of(Architecture::aarch64), "aarch64");
    EXPECT_EQ(name_of(Accelerator::automatic), "auto");
    EXPECT_EQ(name_of(DriveInterface::sata), "sata");
    EXPECT_EQ(name_of(WatchdogAction::reset), "reset");
    EXPECT_EQ(name_of(Firmware::uefi_secure), "uefi-secure");
    EXPECT_EQ(name_of(ShareType::ninep), "9p");
}

TEST(ValuesTest, WhenAVmIsReady) {
    const auto thing = [](std::string_view text) {
        return parse_value(As<ReadyWhen>{}, text)->thing;
    };
    EXPECT_EQ(thing("started"), ReadyWhen::Thing::started);
    EXPECT_EQ(thing("agent"), ReadyWhen::Thing::agent);
    EXPECT_EQ(thing("notify"), ReadyWhen::Thing::notify);
    EXPECT_EQ(thing("serial:login:"), ReadyWhen::Thing::serial_line);
    EXPECT_EQ(parse_value(As<ReadyWhen>{}, "serial:^(a|b): $")->expression, "^(a|b): $");
    for (const char *bad : {"", "Started", "login:", "serial", "agent:x"})
        EXPECT_EQ(fault<ReadyWhen>(bad), "not one of started, serial:REGEX, agent, notify.") << bad;
    EXPECT_EQ(fault<ReadyWhen>("serial:(a"),
              "not an extended regular expression: Unmatched ( or \\(.");
}

}  // namespace
}  // namespace qemunit::generator
