// SPDX-License-Identifier: MIT
#include "ctl/migrate/offer.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

MoveOffer an_offer() {
    return {.move = {"0123456789abcdef0123456789abcdef", "host1", "vm1"},
            .machine = "pc-q35-7.2",
            .accelerator = "kvm",
            .memory = 256u << 20,
            .facts = {.qemu_version = "7.2.22",
                      .cpu = "max",
                      .host_cpu = "model name : A\nflags : fpu\n",
                      .drives = {{.name = "root",
                                  .format = "qcow2",
                                  .is_writable = true,
                                  .size = 4096,
                                  .files = {{"/srv/a.qcow2", 7}, {"/srv/base.img", 8}}}},
                      .immovable = {}}};
}

class OfferTest : public ::testing::Test {
  protected:
    std::string refusal() const { return refusal_of(offer, here, room); }

    MoveOffer offer = an_offer();
    MoveFacts here = an_offer().facts;
    HostRoom room{.machines = {"q35", "pc-q35-7.2"}, .memory = 1u << 30};
};

TEST_F(OfferTest, WhatIsTheSameIsTaken) {
    EXPECT_EQ(refusal(), "");
    offer.machine = "pc-q35-9.0";
    EXPECT_EQ(refusal(), "QEMU 7.2.22 knows no machine pc-q35-9.0 here");
}

TEST_F(OfferTest, ADiskThatIsCopiedNeedsNoProofButRoom) {
    offer.copies_storage = true;
    offer.facts.drives[0].length = here.drives[0].length = 1u << 30;
    here.drives[0].files = {{"/srv/mine.qcow2", 0}};
    EXPECT_EQ(refusal(), "");
    here.drives[0].length = 1u << 20;
    EXPECT_EQ(refusal(),
              "[Drive root]: /srv/mine.qcow2 is 1048576 bytes large for the guest, and 1073741824 "
              "there; write Size=1G into the ini file here, and remove that file: it is made anew");
    here.drives[0].copy_refusal = "it has data";
    EXPECT_EQ(refusal(), "it has data");
    here.drives[0].is_writable = false;
    EXPECT_EQ(refusal(), "[Drive root] is ReadOnly=yes here, and not there");
    // What the guest cannot write to is not copied.
    offer.facts.drives[0].is_writable = false;
    EXPECT_NE(refusal(), "");
    const auto parsed = parse_offer(offer_json(offer).dump());
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->copies_storage);
    EXPECT_EQ(parsed->facts.drives[0].length, 1u << 30);
}

TEST_F(OfferTest, NoMoreDisksAreCopiedThanAMessageTakesAlong) {
    offer.copies_storage = true;
    const MovedDrive root = offer.facts.drives.front();
    for (int i = 1; i < 15; ++i) {
        offer.facts.drives.push_back(root);
        offer.facts.drives.back().name = "data" + std::to_string(i);
    }
    EXPECT_EQ(refusal_to_copy(offer), "");
    offer.facts.drives.push_back(root);
    offer.facts.drives.back().name = "last";
    offer.facts.drives.back().is_writable = false;
    EXPECT_EQ(refusal_to_copy(offer), "");
    offer.facts.drives.back().is_writable = true;
    EXPECT_EQ(refusal_to_copy(offer),
              "the guest can write to more than 15 drives, and --copy-storage takes no more along; "
              "[Drive last] is one too many: put its disks on storage that both hosts share, and "
              "move it without --copy-storage");
    offer.copies_storage = false;
    EXPECT_EQ(refusal_to_copy(offer), "");
}

TEST_F(OfferTest, QemuMustNotBeOlder) {
    here.qemu_version = "7.2.9";
    EXPECT_EQ(refusal(), "QEMU is older here (7.2.9) than there (7.2.22)");
    here.qemu_version = "10.0.3";
    EXPECT_EQ(refusal(), "");
}

TEST_F(OfferTest, ACpuThatIsTheHostsNeedsTheSameHost) {
    here.host_cpu = "model name : B\n";
    EXPECT_EQ(refusal(),
              "CPU=max is what the host's processor is, and that is another one here; give the VM "
              "a model that both have, in both ini files, such as CPU=x86-64-v2-AES, and start it "
              "anew");
    offer.facts.cpu = here.cpu = "qemu64";
    EXPECT_EQ(refusal(), "");
    here.cpu = "host";
    EXPECT_EQ(refusal(),
              "the ini file here gives the guest another CPU (host) than it has (qemu64)");
}

TEST_F(OfferTest, AnEmulatedCpuIsQemus) {
    offer.accelerator = "tcg";
    here.host_cpu = "model name : B\n";
    EXPECT_EQ(refusal(), "");
    here.qemu_version = "10.0.3";
    EXPECT_EQ(refusal(),
              "CPU=max is another one with another QEMU (10.0.3 here, 7.2.22 there); give the VM a "
              "model by its name, in both ini files, and start it anew");
}

TEST_F(OfferTest, MemoryHasToBeFree) {
    room.memory = 100u << 20;
    EXPECT_EQ(refusal(), "it needs 320 MiB of memory, and 100 MiB are free here");
}

TEST_F(OfferTest, TheDisksAreTheSame) {
    MovedDrive &mine = here.drives.front(), &theirs = offer.facts.drives.front();
    mine.size = 1;  // it grows
    EXPECT_EQ(refusal(), "");
    mine.format = theirs.format = "raw";
    EXPECT_EQ(refusal(),
              "[Drive root]: /srv/a.qcow2 is not the image that the guest has: it has 1 bytes, and "
              "4096 there");
    mine.format = "qcow2";
    EXPECT_EQ(refusal(), "[Drive root] has Format=qcow2 here, and raw there");
    here.drives.clear();
    EXPECT_EQ(refusal(), "the ini file here has no [Drive root]");
    offer.facts.drives.clear();
    here.drives.push_back({.name = "more", .files = {{"/srv/more"}}});
    EXPECT_EQ(refusal(), "the guest has no [Drive more], which the ini file here has");
}

TEST_F(OfferTest, EachFileOfADriveIsProvenToBeTheSame) {
    const std::string unproven =
        "is the file that the guest has there (/srv/base.img); put it on storage that both hosts "
        "share, with its locks. If it is the same one, a block device for example, say so: "
        "--shared-storage";
    MovedFile &mine = here.drives.front().files[1], &theirs = offer.facts.drives.front().files[1];
    offer.facts.drives.front().is_writable = false;  // which changes nothing
    mine = {"/data/base.img", 0};                    // not seen
    EXPECT_EQ(refusal(), "[Drive root]: nothing shows that /data/base.img " + unproven);
    theirs.proof = 0;  // nor could it be
    EXPECT_EQ(refusal(), "[Drive root]: nothing shows that /data/base.img " + unproven);
    offer.has_shared_storage = true;
    EXPECT_EQ(refusal(), "");
    here.drives.front().files.pop_back();
    EXPECT_EQ(refusal(),
              "[Drive root] has 1 images below each other here, and 2 there (BackingFile=, "
              "BackingLayer=)");
}

TEST_F(OfferTest, ADiskOfArgumentsIsNotMoved) {
    const auto has_disk = [](const std::vector<std::string> &words) {
        return !immovable_parts(words).empty();
    };
    EXPECT_FALSE(has_disk({"--drive-file=1:root:rw:qcow2:/srv/a.qcow2", "/usr/bin/qemu", "-drive",
                           "if=pflash,unit=1,file=/var/lib/qemunit/vm1/uefi-variables.fd", "-drive",
                           "if=none,id=root,file.filename=/dev/fdset/1,format=qcow2,"
                           "file.driver=host_device,backing.driver=raw,"
                           "backing.file.filename=/dev/fdset/2",
                           "-drive", "if=none,id=cd,media=cdrom", "-drive",
                           "if=none,id=qemunit-seed,file=/run/credentials/x,format=raw"}));
    for (const char *value :
         {"file=/srv/b.img", "if=none,id=b,file=/srv/b.img", "if=none,id=b,driver=nbd,host=h",
          "if=none,id=b,file.driver=nbd,file.host=h", "if=none,id=b,file.filename=/srv/b.img",
          "if=none,id=b,file.filename=/dev/fdset/1,backing.file.filename=/srv/b.img", "if=virtio",
          "if=none,id=b,file.filename=/dev/fdset/1,data-file.filename=/srv/b.img"}) {
        EXPECT_TRUE(has_disk({"qemu", "-drive", value})) << value;
        EXPECT_TRUE(has_disk({"qemu", "--drive", value})) << value;
    }
    for (const char *option :
         {"-hda", "--hdb", "-cdrom", "-blockdev", "-set", "-readconfig", "-snapshot"})
        EXPECT_TRUE(has_disk({"qemu", option, "x"})) << option;
}

TEST_F(OfferTest, WhatCannotMoveDoesNot) {
    here.immovable = {"a TPM"};
    EXPECT_EQ(refusal(), "it has a TPM, which cannot move to another host");
    EXPECT_EQ(immovable_parts({"-tpmdev", "tpm-emulator,id=tpm", "-drive",
                               "if=none,id=a,file.filename=/dev/fdset/1,snapshot=on"}),
              (std::vector<std::string>{"a TPM", "a drive with Ephemeral=yes"}));
}

TEST_F(OfferTest, GoesThroughALine) {
    const std::string text = offer_json(offer).dump();
    const auto parsed = parse_offer(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(offer_json(*parsed), offer_json(offer));
    for (const char *wrong : {"", "{}", "[]", R"({"offer":1})", R"({"offer":2})"})
        EXPECT_FALSE(parse_offer(wrong)) << wrong;
    for (const char *member :
         {"token", "host", "vm", "machine", "accelerator", "memory", "drives"}) {
        auto cut = offer_json(offer);
        cut.erase(member);
        EXPECT_FALSE(parse_offer(cut.dump())) << member;
    }
    auto hostile = offer_json(offer);
    hostile["vm"] = "x;reboot";
    EXPECT_FALSE(parse_offer(hostile.dump()));
    hostile = offer_json(offer);
    hostile["drives"][0] = 1;
    EXPECT_FALSE(parse_offer(hostile.dump()));
    for (const char *files : {"1", "[]", "[1]", "{}"}) {
        hostile = offer_json(offer);
        hostile["drives"][0]["files"] = nlohmann::json::parse(files);
        EXPECT_FALSE(parse_offer(hostile.dump())) << files;
    }
    // Who does not say that a drive is not written to has one that is.
    auto silent = offer_json(offer);
    silent["drives"][0].erase("writable");
    EXPECT_TRUE(parse_offer(silent.dump())->facts.drives.front().is_writable);
}

TEST(OfferWordsTest, OfExecStart) {
    const auto drives = drives_of(
        {"/usr/lib/qemunit/qemunit-helper", "--drive-file=1:root:r:raw,guessed:/a:b.img",
         "--drive-file=2:data:rw:qcow2:/srv/d.qcow2", "--backing-file=3:data:qcow2:/srv/b:c",
         "--backing-layer=4:data:raw:/srv/base.img", "/usr/bin/qemu"});
    ASSERT_EQ(drives.size(), 2u);
    EXPECT_EQ(drives[0].set, "/dev/fdset/1");
    ASSERT_EQ(drives[0].drive.files.size(), 1u);
    EXPECT_EQ(drives[0].drive.files[0].path, "/a:b.img");
    ASSERT_EQ(drives[1].drive.files.size(), 3u);
    EXPECT_EQ(drives[1].drive.files[0].path, "/srv/d.qcow2");
    EXPECT_EQ(drives[1].drive.files[1].path, "/srv/b:c");
    EXPECT_EQ(drives[1].drive.files[2].path, "/srv/base.img");
    EXPECT_EQ(drives[0].drive.format, "raw");
    EXPECT_FALSE(drives[0].drive.is_writable);
    EXPECT_TRUE(drives[1].drive.is_writable);
    EXPECT_FALSE(is_older("10.0", "7.2.22"));
    EXPECT_TRUE(is_older("7.2", "7.2.1"));
    EXPECT_FALSE(is_older("7.2.1", "7.2.1"));
}

}  // namespace
}  // namespace qemunit::ctl
