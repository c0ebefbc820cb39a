// SPDX-License-Identifier: MIT
#include "ctl/verbs/reload_plan.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

using Texts = std::vector<std::string>;
using nlohmann::json;

// As the helper runs it, and as the unit has it.
Texts running(const Texts &words) {
    Texts all{"/usr/bin/qemu", "-chardev", "socket,id=monitor,fd=3", "-name", "guest=vm1"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}
Texts configured(const Texts &words) {
    Texts all{"/usr/bin/qemu", "-chardev", "stdio,id=serial", "-name", "guest=vm1"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

// One line for each change.
Texts changes(const Texts &from, const Texts &to, const QemuState &state = {},
              const HelpersWords &words = {}) {
    const ReloadPlan found = plan_reload(running(from), configured(to), words, state);
    Texts lines;
    for (const Forward &forward : found.removed)
        lines.push_back("- " + forward.network + " " + forward.rule);
    for (const Forward &forward : found.added)
        lines.push_back("+ " + forward.network + " " + forward.rule);
    for (const auto &medium : found.media)
        lines.push_back(medium.drive + ": " + medium.file);
    if (found.memory)
        lines.push_back("memory " + std::to_string(*found.memory));
    if (found.processors)
        lines.push_back("processors " + std::to_string(*found.processors));
    for (const std::string &drive : found.detached)
        lines.push_back("detach " + drive);
    for (const HotDrive &drive : found.attached)
        lines.push_back("attach " + drive.name + " " + drive.path + " as " + drive.interface);
    for (const auto &size : found.sizes)
        lines.push_back("size " + size.drive + " " + std::to_string(size.bytes));
    for (const auto &limits : found.limits)
        lines.push_back("limits " + limits.drive + " " + limits.arguments.dump());
    for (const std::string &text : found.kept)
        lines.push_back("kept: " + text);
    for (const std::string &text : found.later)
        lines.push_back("later: " + text);
    return lines;
}

TEST(ReloadPlanTest, NothingIsNothing) {
    EXPECT_EQ(changes({"-smp", "1"}, {"-smp", "1"}), Texts{});
}

// The memory that another QEMU could take over, and the version of a machine that has gone on in
// one.
TEST(ReloadPlanTest, WhatTheHelperHasMadeOfTheMachineIsNoChange) {
    for (const char *machine :
         {"q35,graphics=off,aux-ram-share=on,memory-backend=pc.ram",
          "pc-q35-10.0,graphics=off,aux-ram-share=on,memory-backend=pc.ram"}) {
        EXPECT_EQ(changes({"-machine", machine}, {"-machine", "q35,graphics=off"}), Texts{});
        EXPECT_EQ(changes({"-machine", machine}, {"-machine", "pc,graphics=off"}).size(), 1u);
    }
}

TEST(ReloadPlanTest, WhatHasToWait) {
    EXPECT_EQ(changes({"-smp", "1", "-device", "a,id=x", "-snapshot"},
                      {"-smp", "2", "-device", "a,id=y"}),
              (Texts{"later: CPUs= in [VM]: 1 becomes 2",
                     "later: Arguments= in [VM] (-device a,id=y) comes",
                     "later: Arguments= in [VM] (-device a,id=x) goes",
                     "later: Arguments= in [VM] (-snapshot) goes"}));
}

// Once each, however many options it is made of; buses that come along are not said.
TEST(ReloadPlanTest, SectionsComeGoAndChange) {
    const Texts data{"-drive", "if=none,id=data,file=/d", "-device",
                     "virtio-blk-pci,drive=data,id=data"};
    EXPECT_EQ(changes({}, data), Texts{"later: [Drive data] comes"});  // of no format
    EXPECT_EQ(changes(data, {}), Texts{"later: [Drive data] goes"});
    EXPECT_EQ(changes(data, {"-drive", "if=none,id=data,file=/d", "-device",
                             "virtio-scsi-pci,id=qemunit-scsi", "-device",
                             "scsi-hd,bus=qemunit-scsi.0,drive=data,id=data"}),
              Texts{"later: [Drive data] changes"});
    EXPECT_EQ(changes({}, {"-netdev", "user,id=lan", "-device", "e1000,netdev=lan,id=lan"}),
              Texts{"later: [Network lan] comes"});
    EXPECT_EQ(changes({}, {"-chardev", "socket,id=qemunit-fs-src,path=/x", "-device",
                           "vhost-user-fs-pci,chardev=qemunit-fs-src,tag=s,id=src"}),
              Texts{"later: [Share src] comes"});
    EXPECT_EQ(changes({"-append", "quiet"}, {"-append", "quiet splash"}),
              Texts{"later: Append= in [Boot]: quiet becomes quiet splash"});
    EXPECT_EQ(changes({}, {"-fw_cfg", "name=opt/io.systemd.credentials/motd,file=/x"}),
              Texts{"later: [Credential motd] comes"});
    EXPECT_EQ(changes({}, {"-device", "i6300esb", "-action", "watchdog=reset"}),
              Texts{"later: Watchdog= in [VM] comes"});
}

TEST(ReloadPlanTest, WhetherKvmIsOfUseIsNoChange) {
    EXPECT_EQ(changes({"-accel", "tcg"}, {"-accel", "kvm", "-accel", "tcg"}), Texts{});
}

TEST(ReloadPlanTest, ForwardsAreHeldAgainstWhatQemuHas) {
    QemuState state;
    state.forwards = {{"lan", "tcp::10022-10.0.2.15:22"},
                      {"lan", "udp::53-10.0.2.15:53"},
                      {"other", "tcp::1-10.0.2.15:1"}};
    const std::string now = "user,id=lan,hostfwd=tcp::10022-:22";
    EXPECT_EQ(changes({"-netdev", now}, {"-netdev", now}, state),
              (Texts{"- lan udp::53-10.0.2.15:53"}));
    EXPECT_EQ(
        changes({"-netdev", now}, {"-netdev", "user,id=lan,hostfwd=tcp:127.0.0.1:80-:80"}, state),
        (Texts{"- lan tcp::10022-10.0.2.15:22", "- lan udp::53-10.0.2.15:53",
               "+ lan tcp:127.0.0.1:80-:80"}));
    EXPECT_EQ(changes({"-netdev", now}, {"-netdev", "user,id=lan,restrict=on"}, state),
              Texts{"later: [Network lan] changes"});
}

// Only those that QEMU has: of the others, the next start takes care.
TEST(ReloadPlanTest, EachCardsCableIsAsConfigured) {
    const Texts exec_start{"/lib/qemunit-helper", "--vm=a",        "--unplugged=wan",
                           "--unplugged=new",     "/usr/bin/qemu", "--unplugged=lan"};
    const HelpersWords words = helpers_words(exec_start);
    EXPECT_EQ(words.unplugged, (Texts{"wan", "new"}));
    const Texts cards{"-netdev", "user,id=lan", "-netdev", "tap,id=wan"};
    const ReloadPlan found = plan_reload(running(cards), configured(cards), words, {});
    EXPECT_EQ(found.plugged, Texts{"lan"});
    EXPECT_EQ(found.unplugged, Texts{"wan"});
    EXPECT_FALSE(found.empty());
    EXPECT_TRUE(plan_reload(running(cards), configured(cards), {}, {}).empty());
}

TEST(ReloadPlanTest, TheImageInACdDrive) {
    const std::string a = "if=none,id=cd,file=/a.iso,format=raw,media=cdrom";
    const std::string b = "if=none,id=cd,file=/b,,c.iso,format=raw,media=cdrom";
    const std::string none = "if=none,id=cd,media=cdrom";
    EXPECT_EQ(changes({"-drive", a}, {"-drive", b}), Texts{"cd: /b,c.iso"});
    EXPECT_EQ(changes({"-drive", a}, {"-drive", none}), Texts{"cd: "});
    EXPECT_EQ(changes({"-drive", none}, {"-drive", a}), Texts{"cd: /a.iso"});
    QemuState state;
    state.fd_sets = {
        {{"fdset-id", 1}, {"fds", {{{"fd", 9}, {"opaque", "qemunit-medium:cd:/b,c.iso"}}}}}};
    EXPECT_EQ(changes({"-drive", a}, {"-drive", b}, state), Texts{});
    EXPECT_EQ(changes({"-drive", a}, {"-drive", a}, state), Texts{"cd: /a.iso"});
    state = {};
    state.blocks = {{{"device", "cd"}, {"removable", true}}};
    EXPECT_EQ(changes({"-drive", a}, {"-drive", a}, state), Texts{"cd: /a.iso"});
}

TEST(ReloadPlanTest, ADiskIsNoMedium) {
    EXPECT_EQ(changes({"-drive", "id=a,file=/a"}, {"-drive", "id=a,file=/b"}),
              Texts{"later: [Drive a] changes"});
}

TEST(ReloadPlanTest, SizesAreThoseOfTheDrivesFiles) {
    const HelpersWords words = helpers_words(
        {"/lib/qemunit-helper", "--vm=a", "--drive-file=1:root:rw:qcow2,guessed:/srv/a:b.qcow2",
         "--drive-file=2:data:rw:raw:/srv/d", "--sized=1048576:qcow2:/srv/a:b.qcow2",
         "--sized=512:raw:/srv/other", "/usr/bin/qemu", "--sized=512:raw:/srv/d"});
    EXPECT_EQ(words.sizes, (std::map<std::string, uint64_t>{{"root", 1048576}}));
}

TEST(ReloadPlanTest, ADriveGrows) {
    const std::string root = "if=none,id=root,file.filename=/a,format=raw";
    const HelpersWords words{.unplugged = {}, .sizes = {{"root", 2u << 20}}};
    QemuState state;
    const auto changes_from = [&](uint64_t bytes, const std::string &drive) {
        state.blocks = {{{"device", "root"}, {"inserted", {{"image", {{"virtual-size", bytes}}}}}}};
        return changes({"-drive", drive}, {"-drive", drive}, state, words);
    };
    EXPECT_EQ(changes({"-drive", root}, {"-drive", root}, {}, words), Texts{});
    EXPECT_EQ(changes_from(2u << 20, root), Texts{});
    EXPECT_EQ(changes_from(1u << 20, root), Texts{"size root 2097152"});
    EXPECT_EQ(changes_from(3u << 20, root),
              Texts{"kept: drive root has 3M, while its Size= is 2M: a drive only grows"});
    EXPECT_EQ(
        changes_from(1u << 20, root + ",snapshot=on"),
        Texts{"kept: drive root has 1M, while its Size= is 2M: what is changed in a drive "
              "with Ephemeral=yes is thrown away; make the image larger while the VM is off"});
    // Another image waits for the next start, and is made then.
    EXPECT_EQ(changes({"-drive", root}, {"-drive", "if=none,id=root,file.filename=/b,format=raw"},
                      state, words),
              Texts{"later: [Drive root] changes"});
}

TEST(ReloadPlanTest, LimitsAreHeldAgainstThoseOfQemu) {
    const std::string plain = "if=none,id=root,file.filename=/a",
                      limited = plain + ",throttling.bps-read=5000000,throttling.iops-total=20";
    QemuState state;
    const auto block = [](const std::string &qdev, uint64_t read, uint64_t total) {
        return json::array({{{"device", "root"},
                             {"qdev", qdev},
                             {"inserted",
                              {{"bps", 0},
                               {"bps_rd", read},
                               {"bps_wr", 0},
                               {"iops", total},
                               {"iops_rd", 0},
                               {"iops_wr", 0}}}}});
    };
    const auto with = [&](const json &blocks, const std::string &from, const std::string &to) {
        state.blocks = blocks;
        return changes({"-drive", from}, {"-drive", to}, state);
    };
    const std::string device = "/machine/peripheral/root/virtio-backend";
    const std::string set = R"(limits root {"bps":0,"bps_rd":5000000,"bps_wr":0,"id":")" + device +
                            R"(","iops":20,"iops_rd":0,"iops_wr":0})";
    EXPECT_EQ(with(block(device, 0, 0), plain, limited), Texts{set});
    EXPECT_EQ(with(block(device, 0, 20), limited, limited), Texts{set});  // by hand
    EXPECT_EQ(with(block(device, 5000000, 20), plain, limited), Texts{});
    EXPECT_EQ(with(block("", 5000000, 20), limited, plain),
              Texts{R"(limits root {"bps":0,"bps_rd":0,"bps_wr":0,"device":"root","iops":0,)"
                    R"("iops_rd":0,"iops_wr":0})"});
    EXPECT_EQ(with(json(), plain, limited), Texts{});
    // By Arguments=.
    for (const std::string &by_hand : {plain + ",iops=20", plain + ",throttling.iops-total-max=20"})
        EXPECT_EQ(with(block(device, 0, 20), by_hand, by_hand), Texts{});
    EXPECT_EQ(changes({"-drive", plain, "-set", "drive.root.throttling.iops-total=20"},
                      {"-drive", plain, "-set", "drive.root.throttling.iops-total=20"}, state),
              Texts{});
}

TEST(ReloadPlanTest, DrivesComeAndGo) {
    const std::string drive = "if=none,id=data,file.filename=/d,format=raw",
                      device = "virtio-blk-pci,drive=data,id=data";
    const Texts data{"-drive", drive, "-device", device};
    EXPECT_EQ(changes({}, data), Texts{"attach data /d as virtio"});

    QemuState state;
    const auto attached = [&state](const std::string &origin) {
        state.fd_sets = {{{"fdset-id", 5}, {"fds", {{{"opaque", "qemunit-drive:data" + origin}}}}}};
        state.blocks = {{{"device", ""},
                         {"qdev", "/machine/peripheral/qemunit-hot-data/virtio-backend"},
                         {"inserted", {{"image", {{"virtual-size", 1u << 20}}}}}}};
    };
    attached(":" + drive + " " + device);
    EXPECT_EQ(changes({}, data, state), Texts{});
    EXPECT_EQ(changes({}, {}, state), Texts{"detach data"});
    state.nodes = nlohmann::json::parse(R"([{"node-name":"qemunit-out-data"}])");
    EXPECT_EQ(changes({}, data, state),
              Texts{"kept: drive data, which the guest was asked to let go of, and may any time: "
                    "it is plugged in anew by the reload after that"});
    state.nodes = nlohmann::json();
    EXPECT_EQ(changes({}, data, state, {.sizes = {{"data", 2u << 20}}}),
              Texts{"size data 2097152"});
    const Texts other{"-drive", drive + ",readonly=on,throttling.iops-total=5", "-device", device};
    EXPECT_EQ(changes({}, other, state),
              Texts{"kept: drive data, of which ReadOnly= changed: take the section out and reload "
                    "first"});
    // In the words of another version of qemunit.
    attached(":if=none,id=data,file=/d,format=raw,cache=writeback virtio-blk-pci,id=data");
    EXPECT_EQ(changes({}, data, state), Texts{});
    attached(":something else");
    EXPECT_EQ(changes({}, data, state),
              Texts{"kept: drive data, of which its keys changed: take the section out and reload "
                    "first"});
    // The section has another name, or the image is in use.
    attached(":" + drive + " " + device);
    const Texts renamed{"-drive", "if=none,id=new,file.filename=/d,format=raw", "-device",
                        "virtio-blk-pci,drive=new,id=new"};
    EXPECT_EQ(changes({}, renamed, state),
              Texts{"kept: drive data, whose image [Drive new] has by now: take that section out "
                    "and reload first"});
    {
        Texts both = data;
        both.insert(both.end(), renamed.begin(), renamed.end());
        EXPECT_EQ(changes(data, both, {}),
                  Texts{"later: [Drive new] comes, whose image drive data has until then"});
    }
    EXPECT_EQ(changes({}, {"-drive", drive + ",throttling.iops-total=5", "-device", device}),
              (Texts{"attach data /d as virtio",
                     R"(limits data {"bps":0,"bps_rd":0,"bps_wr":0,"id":"/machine/peripheral/)"
                     R"(qemunit-hot-data/virtio-backend","iops":5,"iops_rd":0,"iops_wr":0})"}));
    // What QEMU never says.
    state.blocks[0]["inserted"]["iops"] = "5";
    EXPECT_EQ(changes({}, data, state), Texts{});
    // What the guest has let go, while no qemunitd closed the image.
    state.blocks = json::array();
    EXPECT_EQ(changes({}, {}, state), Texts{});
    EXPECT_EQ(changes({}, data, state), Texts{"attach data /d as virtio"});

    attached("");
    EXPECT_EQ(
        changes({}, {}, state),
        Texts{"kept: drive data, which is not of the ini: it was attached by AttachDrive, and "
              "DetachDrive takes it out"});
    EXPECT_EQ(changes({}, data, state),
              Texts{"kept: drive data, which AttachDrive has attached: that of the ini is another "
                    "one, and has its place when DetachDrive has taken this one out"});
}

TEST(ReloadPlanTest, OnlyDrivesThatAttachDriveCanMake) {
    const std::string drive = "if=none,id=data,file.filename=/d,format=";
    const auto comes = [&](const std::string &drive_words, const std::string &device,
                           const HelpersWords &words = {}, const Texts &from = {}) {
        return changes(from, {"-drive", drive + drive_words, "-device", device}, {}, words);
    };
    const std::string virtio = "virtio-blk-pci,drive=data,id=data",
                      scsi = "scsi-hd,bus=qemunit-scsi.0,drive=data,id=data";
    const Texts later{"later: [Drive data] comes"}, attach{"attach data /d as virtio"};
    EXPECT_EQ(comes("qcow2,readonly=on,discard=unmap", virtio + ",serial=a"), attach);
    for (const char *words : {"vmdk", "raw,cache=none", "raw,snapshot=on", "raw,aio=native"})
        EXPECT_EQ(comes(words, virtio), later) << words;
    for (const std::string &device :
         {virtio + ",bootindex=1", virtio + ",num-queues=2", virtio + ",iothread=a", scsi,
          std::string("nvme,drive=data,id=data,serial=data")})
        EXPECT_EQ(comes("raw", device), later) << device;
    EXPECT_EQ(comes("raw", scsi, {}, {"-device", "virtio-scsi-pci,id=qemunit-scsi"}),
              (Texts{"attach data /d as scsi"}));
    EXPECT_EQ(comes("qcow2", virtio, {.files = {.layered = {"data"}}}), later);
}

TEST(ReloadPlanTest, WhatTheHelperIsToldOfFiles) {
    const DriveFiles files =
        helpers_words({"/lib/qemunit-helper", "--drive-file=1:root:rw:qcow2,guessed:/srv/a",
                       "--made=/srv/d", "--backing-file=2:root:raw:/srv/b",
                       "--drive-file=3:data:r:raw:/srv/,guessed:d", "/usr/bin/qemu"})
            .files;
    EXPECT_EQ(files.guessed, (std::set<std::string>{"root"}));
    EXPECT_EQ(files.layered, (std::set<std::string>{"root"}));
    EXPECT_EQ(files.made, (std::set<std::string>{"/srv/d"}));
}

TEST(ReloadPlanTest, MemoryGoesIntoABalloon) {
    QemuState state;
    EXPECT_EQ(changes({"-m", "1G"}, {"-m", "512M"}, state),
              Texts{"later: Memory= in [VM]: 1G becomes 512M"});
    state.balloon = {{"actual", 1u << 30}};
    EXPECT_EQ(changes({"-m", "1G"}, {"-m", "512M"}, state), Texts{"memory 536870912"});
    EXPECT_EQ(changes({"-m", "1G"}, {"-m", "2G"}, state),
              Texts{"later: Memory= in [VM]: 1G becomes 2G"});
    EXPECT_EQ(changes({"-m", "1G"}, {"-m", "1G"}, state), Texts{});
    state.balloon = {{"actual", 1u << 29}};
    EXPECT_EQ(changes({"-m", "1G"}, {"-m", "1G"}, state), Texts{"memory 1073741824"});
}

TEST(ReloadPlanTest, MemoryIsPluggedInWhereThereIsRoom) {
    const std::string started = "1G,slots=16,maxmem=4G";
    const auto to = [&](const std::string &words, const QemuState &state) {
        return changes({"-m", started}, {"-m", words}, state);
    };
    QemuState state;
    state.memory = {{"base-memory", 1u << 30}, {"plugged-memory", 0u}};
    EXPECT_EQ(to(started, state), Texts{});
    EXPECT_EQ(to("1536M,slots=16,maxmem=4G", state), Texts{"memory 1610612736"});
    for (const char *words : {"1500M,slots=16,maxmem=4G", "5G,slots=16,maxmem=4G",
                              "512M,slots=16,maxmem=4G", "2G,slots=16,maxmem=8G"})
        EXPECT_EQ(to(words, state).size(), 1u) << words;
    // The ini says less again, which takes a balloon.
    state.memory["plugged-memory"] = 1u << 30;
    EXPECT_EQ(to(started, state), Texts{});
    state.balloon = {{"actual", 2u << 30}};
    EXPECT_EQ(to(started, state), Texts{"memory 1073741824"});
    // The object that the memory is says its size as well.
    EXPECT_EQ(changes({"-object", "memory-backend-memfd,id=qemunit-memory,size=1G,share=on", "-m",
                       started},
                      {"-object", "memory-backend-memfd,id=qemunit-memory,size=3G,share=on", "-m",
                       "3G,slots=16,maxmem=4G"},
                      state),
              Texts{"memory 3221225472"});
}

TEST(ReloadPlanTest, ProcessorsComeUpToTheMaximumAndGoDownToThoseOfTheStart) {
    QemuState state;
    EXPECT_EQ(changes({"-smp", "1,maxcpus=3"}, {"-smp", "2,maxcpus=3"}, state),
              Texts{"later: CPUs= in [VM], or [CPU]: 1,maxcpus=3 becomes 2,maxcpus=3"});
    const nlohmann::json taken = {{"vcpus-count", 1u}, {"qom-path", "/machine/x"}},
                         empty = {{"vcpus-count", 1u}};
    state.processors = {empty, empty, taken};
    const auto from_one_to = [&](const std::string &words) {
        return changes({"-smp", "1,maxcpus=3"}, {"-smp", words}, state);
    };
    EXPECT_EQ(from_one_to("1,maxcpus=3"), Texts{});
    EXPECT_EQ(from_one_to("3,maxcpus=3"), Texts{"processors 3"});
    state.processors = {taken, taken, taken};
    EXPECT_EQ(from_one_to("3,maxcpus=3"), Texts{});
    EXPECT_EQ(from_one_to("1,maxcpus=3"), Texts{"processors 1"});
    EXPECT_EQ(changes({"-smp", "2,maxcpus=3"}, {"-smp", "1,maxcpus=3"}, state),
              Texts{"later: CPUs= in [VM], or [CPU]: 2,maxcpus=3 becomes 1,maxcpus=3"});
    EXPECT_EQ(from_one_to("3,maxcpus=4"),
              Texts{"later: CPUs= in [VM], or [CPU]: 1,maxcpus=3 becomes 3,maxcpus=4"});
}

}  // namespace
}  // namespace qemunit::ctl
