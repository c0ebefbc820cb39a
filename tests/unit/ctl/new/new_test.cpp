// SPDX-License-Identifier: MIT
//
// `qemunitctl new`: its options, images by their content, and the ini file that comes out.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <regex>

#include "ctl/arguments.h"
#include "ctl/new/free_port.h"
#include "ctl/new/image.h"
#include "ctl/new/image_users.h"
#include "ctl/new/ini_place.h"
#include "ctl/new/new_vm.h"
#include "ctl/new/report.h"
#include "ctl/new/request.h"
#include "ctl/new/ssh_keys.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

using testing::TemporaryFolder;
using namespace std::literals;

constexpr char kKey[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4h3kqk1vQ3mX0o0m8kzq0f3v0y2mJ1m9l2p5mX0000 joe@host";

std::string fault_of_new(std::vector<std::string> words) {
    words.insert(words.begin(), "new");
    const auto invocation = parse_invocation(words);
    if (!invocation)
        return invocation.error().message;
    const auto request = parse_request(*invocation);
    return request ? "" : request.error().message;
}

TEST(NewRequestTest, ArgumentsThatAreImpossible) {
    EXPECT_EQ(fault_of_new({"vm1", "a.img"}), "");
    EXPECT_EQ(fault_of_new({"vm1", "--install=a.iso"}), "");
    EXPECT_EQ(fault_of_new({"vm1", "a.iso", "--install"}), "");
    EXPECT_TRUE(fault_of_new({"../vm1", "a.img"}).starts_with("'../vm1' is no name of a VM"));
    EXPECT_TRUE(fault_of_new({"vm1"}).starts_with("which image? It is: qemunitctl new NAME IMAGE"));
    EXPECT_TRUE(fault_of_new({"vm1", "--install"}).starts_with("which image?"));
    EXPECT_EQ(fault_of_new({"vm1", "a", "--size=lots"}),
              "--size=lots: not a size; write 512M or 2G");
    EXPECT_EQ(fault_of_new({"vm1", "a", "--size=20"}),
              "--size=20: not whole sectors of 512 bytes; did you forget the unit, as in 20G?");
    EXPECT_TRUE(fault_of_new({"vm1", "a", "--size=0"}).starts_with("--size=0: not whole sectors"));
    EXPECT_EQ(fault_of_new({"vm1", "a", "--size=99999999T"}),
              "--size=99999999T: not a size; write 512M or 2G");
    EXPECT_TRUE(
        fault_of_new({"vm1", "a", "--memory=2"}).starts_with("--memory=2: less than a machine"));
    EXPECT_EQ(fault_of_new({"vm1", "a", "--cpus=0"}),
              "--cpus=0: not a number of CPUs from 1 to 1024");
    EXPECT_EQ(fault_of_new({"vm1", "a", "--cpus=-1"}),
              "--cpus=-1: not a number of CPUs from 1 to 1024");
    EXPECT_EQ(fault_of_new({"vm1", "a", "--firmware=efi"}),
              "--firmware=efi: not bios, uefi or uefi-secure");
    EXPECT_TRUE(
        fault_of_new({"vm1", "a", "--login=Joe"}).starts_with("--login=Joe: no name of a user"));
    EXPECT_EQ(fault_of_new({"vm1", "a", "--bridge=a/b"}), "--bridge=a/b: no name of an interface");
    EXPECT_EQ(fault_of_new({"vm1", "a", "--bridge="}), "--bridge=: no name of an interface");
    EXPECT_EQ(fault_of_new({"--user", "vm1", "a", "--bridge=br0"}),
              "--bridge= takes root; VMs of a user have a user network");
    EXPECT_EQ(fault_of_new({"vm1", "a", "--install=b"}),
              "two images are named, one of them by --install=");
    EXPECT_EQ(fault_of_new({"vm1", "a", "--install", "--full-copy"}),
              "--install and --full-copy exclude each other");
    EXPECT_EQ(fault_of_new({"vm1", "a", "--dry-run", "--start"}),
              "--dry-run and --start exclude each other");
    EXPECT_EQ(parse_size("20G"), uint64_t{20} << 30);
    EXPECT_EQ(parse_size(""), std::nullopt);
    EXPECT_EQ(parse_size("G"), std::nullopt);
}

// A name says nothing.
TEST(NewImageTest, IsWhatItsContentSays) {
    const TemporaryFolder folder;
    const auto read = [&](const std::string &name, const std::string &text) {
        return read_image(folder.write(name, text));
    };
    const auto says = [&](const std::string &name, const std::string &text) {
        const auto image = read(name, text);
        return image ? "" : image.error().message;
    };
    std::string qcow2 = "QFI\xfb\0\0\0\3"s + std::string(16, '\0') + "\0\0\0\0\xc0\0\0\0"s;
    qcow2.resize(1024);
    const auto layered = read("debian.img", qcow2);
    ASSERT_TRUE(layered) << layered.error().message;
    EXPECT_EQ(layered->format, "qcow2");
    EXPECT_EQ(layered->size, uint64_t{3} << 30);
    EXPECT_FALSE(layered->is_iso);

    std::string raw(4096, '\0');
    EXPECT_FALSE(read("disk.qcow2", raw)->has_boot_sector);
    raw.replace(510, 2, "\x55\xaa");
    const auto disk = read("disk.iso", raw);
    ASSERT_TRUE(disk) << disk.error().message;
    EXPECT_TRUE(disk->format == "raw" && disk->size == 4096 && disk->has_boot_sector);
    EXPECT_FALSE(disk->is_iso);
    std::string iso(64 * 1024, '\0');
    iso.replace(0x8001, 5, "CD001");
    EXPECT_TRUE(read("cd.qcow2", iso)->is_iso);

    EXPECT_TRUE(says("none", "").ends_with("is no disk image: it has not even one sector"));
    EXPECT_TRUE(says("cut", raw.substr(0, 4000))
                    .ends_with("its 4000 bytes are no whole sectors of 512; is it complete?"));
    EXPECT_TRUE(says("a.img",
                     "\xfd"
                     "7zXZ\0"s +
                         raw)
                    .contains("is compressed with xz; unpack it first: xz -dk"));
    EXPECT_TRUE(says("b.img", "\x28\xb5\x2f\xfd"s + raw).contains("with zstd"));
    EXPECT_TRUE(says("c.img", "\x1f\x8b"s + raw).contains("with gzip"));
    EXPECT_TRUE(says("d.vmdk", "# Disk DescriptorFile\n"s + raw).contains("only describes"));
    EXPECT_TRUE(says("a\nb", raw).contains("rename the file"));
    EXPECT_TRUE(read_image(folder / "gone").error().message.contains("No such file"));
    EXPECT_TRUE(read_image(folder.path()).error().message.contains("neither a file nor"));
    const std::string pipe = folder / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_TRUE(read_image(pipe).error().message.contains("neither a file nor"));
    // The layer stays one when the link leads elsewhere.
    EXPECT_EQ(read_image(folder.link("latest", folder / "disk.iso"))->path,
              std::filesystem::canonical(folder / "disk.iso"));
}

std::string layer_on(const std::string &backing) {
    std::string header = "QFI\xfb\0\0\0\2"s;  // version 2: the header has 72 bytes
    const auto big = [&](uint64_t number, int bytes) {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
            header += static_cast<char>(number >> shift & 0xff);
    };
    big(80, 8);
    big(backing.size(), 4);
    big(16, 4);
    big(1 << 20, 8);
    header.resize(80);
    header += backing;
    header.resize(1024);
    return header;
}

TEST(NewImageTest, TakesOnlyLayersThatLieBesideIt) {
    const TemporaryFolder folder;
    std::string raw(4096, '\0');
    const std::string base = std::filesystem::canonical(folder.write("base.img", raw));
    const auto layer = read_image(folder.write("layer", layer_on("base.img")));
    ASSERT_TRUE(layer) << layer.error().message;
    EXPECT_EQ(layer->layers, std::vector{base});
    const auto two = read_image(folder.write("two", layer_on(folder / "layer")));
    ASSERT_TRUE(two) << two.error().message;
    EXPECT_EQ(two->layers.size(), 2u);
    for (const std::string lower : {"/etc/passwd", "../../etc/passwd", "nbd:localhost:10809",
                                    "json:{\"file.filename\":\"/etc/passwd\"}"}) {
        const auto stranger = read_image(folder.write("stranger", layer_on(lower)));
        EXPECT_FALSE(stranger) << lower;
    }
    folder.link("link", "/etc/passwd");
    const auto linked = read_image(folder.write("stranger", layer_on("link")));
    ASSERT_FALSE(linked);
    EXPECT_TRUE(
        linked.error().message.contains("is a layer on /etc/passwd, which is in another "
                                        "folder"))
        << linked.error().message;
    EXPECT_TRUE(read_image(folder.write("self", layer_on("self")))
                    .error()
                    .message.contains("is a layer on itself"));
}

TEST(NewImageTest, WhoWritesToIt) {
    EXPECT_EQ(written_files("[VM]\nFile=no\n[Drive a]\nFile=/a\n\n[Drive b]\n File = b.img \n"
                            "ReadOnly=no\n[Drive c]\nReadOnly=yes\nFile=/c\n[Drive d]\nFile=/d\n"
                            "Ephemeral=on\n[Drive e]\nFile=/e\nMedia=cdrom\n[Drive f]\n"
                            "File=/f\nBackingFile=/g\n"),
              (std::vector<std::string>{"/a", "b.img", "/f"}));
    const TemporaryFolder folder;
    const std::string disk = folder.write("state/one/root.qcow2", "x"),
                      base = folder.write("base.img", "x");
    folder.write("etc/one.ini", "[Drive root]\nFile=root.qcow2\nBackingFile=" + base + "\n");
    const auto writer = [&](const std::string &image) {
        return writer_of(image, {folder / "none", folder / "etc"}, folder / "state/new");
    };
    EXPECT_EQ(writer(disk), "one");
    EXPECT_EQ(writer(folder.link("link", disk)), "one");
    EXPECT_EQ(writer(base), "");
}

TEST(NewKeysTest, AreLinesOfPublicKeys) {
    const TemporaryFolder folder;
    const auto read =
        read_keys(folder.write("two.pub", "# mine\n" + std::string(kKey) + "\r\n" + kKey + "\n\n"));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, std::vector<std::string>{kKey});
    const auto secret =
        read_keys(folder.write("id", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"));
    EXPECT_TRUE(secret.error().message.contains("is a private key, which stays with you"));
    EXPECT_TRUE(read_keys(folder.write("none", "x"))
                    .error()
                    .message.contains("none:1: not a public key of SSH"));

    folder.write(".ssh/id_ed25519.pub", std::string(kKey) + "\n");
    folder.write(".ssh/known_hosts", "host " + std::string(kKey) + "\n");
    folder.write(".ssh/id_ed25519-cert.pub", "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1l\n");
    folder.link(".ssh/x.pub", "/etc/passwd");
    EXPECT_EQ(keys_of({"joe", folder.path(), std::nullopt}), std::vector<std::string>{kKey});
    EXPECT_EQ(keys_of({"joe", folder / "gone", std::nullopt}), std::vector<std::string>{});
}

NewVm debian() {
    NewVm vm{.name = "web_1.test",
             .made_from = "/srv/debian.img",
             .memory = "2G",
             .cpus = "2",
             .size = uint64_t{20} << 30,
             .ssh_port = 10022,
             .login = "joe",
             .keys = {kKey}};
    vm.image = {.path = "/srv/debian.img", .format = "qcow2", .size = uint64_t{3} << 30};
    return vm;
}

TEST(NewVmTest, ALayerAsIni) {
    EXPECT_EQ(ini_text(debian()),
              "# Made by qemunitctl new from /srv/debian.img. See qemunit.ini(5).\n"
              "[VM]\nMemory=2G\nCPUs=2\nHardware=0.8\n"
              "\n[Drive root]\nFile=root.qcow2\nBackingFile=/srv/debian.img\nBackingFormat=qcow2\n"
              "Size=20G\n"
              "\n[Network lan]\nHostForward=tcp:127.0.0.1:10022-:22\n"
              "\n[CloudInit]\nHostname=web-1-test\nUser=joe\nSSHKey=" +
                  std::string(kKey) + "\n");
}

TEST(NewVmTest, ACopyAndABridgeAsIni) {
    NewVm vm = debian();
    vm.disk = NewVm::Disk::copy;
    vm.image.format = "raw";
    vm.bridge = "br0";
    vm.firmware = "uefi";
    vm.uuid = random_uuid();
    EXPECT_TRUE(std::regex_match(
        vm.uuid,
        std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")));
    EXPECT_NE(vm.uuid, random_uuid());
    const std::string text = ini_text(vm);
    EXPECT_TRUE(text.contains("\nUUID=" + vm.uuid + "\n")) << text;
    EXPECT_TRUE(text.contains("Firmware=uefi\n")) << text;
    EXPECT_TRUE(text.contains("GuestAgent=yes\n")) << text;
    EXPECT_TRUE(text.contains("\nFile=root.img\nFormat=raw\n")) << text;
    EXPECT_TRUE(text.contains("\nType=bridge\nBridge=br0\n")) << text;
    EXPECT_FALSE(text.contains("BackingFile") || text.contains("Size=") ||
                 text.contains("HostForward"))
        << text;
}

TEST(NewVmTest, ACdAsIni) {
    NewVm vm = debian();
    vm.disk = NewVm::Disk::install;
    vm.image = {.path = "/srv/cd.iso", .format = "raw", .is_iso = true};
    const std::string text = ini_text(vm);
    EXPECT_TRUE(text.contains("Display=vnc\n")) << text;
    EXPECT_TRUE(text.contains("[Drive cd]\nFile=/srv/cd.iso\nFormat=raw\nMedia=cdrom\n")) << text;
    EXPECT_TRUE(text.contains("Order=root cd\n")) << text;
    EXPECT_FALSE(text.contains("CloudInit") || text.contains("BackingFile")) << text;
}

// What is written is what the generator reads, but for what it is to learn yet.
TEST(NewVmTest, TheGeneratorHasNothingToSay) {
    const TemporaryFolder folder;
    for (const NewVm::Disk disk : {NewVm::Disk::layer, NewVm::Disk::copy, NewVm::Disk::install}) {
        NewVm vm = debian();
        vm.disk = disk;
        vm.image.path = folder.write("image", std::string(4096, '\0'));
        vm.image.format = "raw";
        vm.image.layers = {vm.image.path};
        vm.uuid = random_uuid();
        const auto checked = testing::run_program(
            {QEMUNIT_GENERATOR, "--check", folder.write("vm1.ini", ini_text(vm))}, {});
        EXPECT_EQ(checked.exit_code, 0) << checked.output << checked.errors;
    }
}

TEST(NewVmTest, SaysWhatComesNext) {
    NewVm vm = debian();
    EXPECT_EQ(next_text(vm, Paths{}, false),
              "Next:\n  systemctl daemon-reload && systemctl start qemu@web_1.test\n"
              "  qemunitctl ssh web_1.test\n  qemunitctl console web_1.test\n");
    EXPECT_EQ(next_text(vm, Paths{.scope = Scope::user}, true),
              "Next:\n  qemunitctl --user ssh web_1.test\n  qemunitctl --user console web_1.test\n"
              "  systemctl --user stop qemu@web_1.test\n");
    EXPECT_TRUE(
        report_text(vm, "/etc/qemunit/web_1.test.ini").contains("login    joe, with 1 ssh key\n"));
}

TEST(NewPlaceTest, NeverWritesOverAFile) {
    const TemporaryFolder folder;
    const Paths paths{.config = folder / "etc", .runtime = folder / "run"};
    const auto written = write_ini(paths, "vm1", "[VM]\n");
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(*written, folder / "etc/qemunit/vm1.ini");
    struct stat info {};
    ASSERT_EQ(stat(written->c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0644u);
    EXPECT_EQ(write_ini(paths, "vm1", "other").error().code, EEXIST);
    EXPECT_EQ(folder.contents().at("etc/qemunit/vm1.ini"), "[VM]\n");
    EXPECT_EQ(folder.contents().size(), 1u);
    EXPECT_TRUE(check_name_is_free(paths, "vm2"));
    EXPECT_TRUE(
        check_name_is_free(paths, "vm1")
            .error()
            .message.contains("there is a VM 'vm1' already, " + folder / "etc/qemunit/vm1.ini"));
    folder.link("etc/qemunit/masked.ini", "/dev/null");
    EXPECT_FALSE(check_name_is_free(paths, "masked"));
    EXPECT_EQ(write_ini(paths, "masked", "other").error().code, EEXIST);
    folder.write("run/qemunit/packaged.ini", "[VM]\n");
    EXPECT_FALSE(check_name_is_free(paths, "packaged"));
    folder.write("run/qemunit/running/serial.sock", "");
    EXPECT_TRUE(check_name_is_free(paths, "running").error().message.contains("still runs"));
}

TEST(NewPortTest, IsOneThatNoVmWants) {
    const TemporaryFolder folder;
    folder.write("etc/qemunit/a.ini", "[Network lan]\n HostForward = tcp:127.0.0.1:10022-:22 \n");
    folder.write("etc/qemunit/b.ini.d/x.conf", "[Network lan]\nHostForward=tcp::10023-:80\n");
    folder.write("etc/qemunit/notes.txt", "HostForward=tcp::10024-:80\n");
    const Paths paths{.config = folder / "etc", .runtime = folder / "run"};
    EXPECT_EQ(wanted_ports({folder / "etc/qemunit"}), (std::set<unsigned>{10022, 10023}));
    const auto port = find_free_port(paths);
    ASSERT_TRUE(port);
    EXPECT_GE(*port, 10024u);
    EXPECT_GE(*find_free_port({.scope = Scope::user, .config = folder / "etc"}), 10072u);
}

}  // namespace
}  // namespace qemunit::ctl
