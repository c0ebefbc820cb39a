// SPDX-License-Identifier: MIT
//
// The catalogue of images, files of digests, and what is stored.
#include "ctl/new/images.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "ctl/new/catalogue.h"
#include "ctl/new/image_fetch.h"
#include "ctl/new/image_store.h"
#include "ctl/new/signature.h"
#include "ctl/new/sums.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

using testing::TemporaryFolder;
const std::string kDigest(64, 'a'), kLongDigest(128, 'b');

Catalogue catalogue_of(const std::string &text) {
    const TemporaryFolder folder;
    folder.write("images/debian-12.conf", text);
    Catalogue catalogue = read_catalogue({folder / "images"});
    for (std::string &fault : catalogue.faults)
        fault.erase(0, (folder / "images/").size());
    return catalogue;
}

std::string fault_of(const std::string &text) {
    const Catalogue catalogue = catalogue_of(text);
    EXPECT_TRUE(catalogue.images.empty());
    return catalogue.faults.empty() ? "" : catalogue.faults.front();
}

TEST(CatalogueTest, AFileIsAnImageForSeveralArchitectures) {
    const Catalogue catalogue = catalogue_of(
        "# a comment\n[Image]\nDescription = Debian 12\nUser=debian\nX-Mine=x\n"
        "Sums=https://example/SHA512SUMS\n\n[Image x86_64]\nURL=https://example/a.qcow2\n"
        "[Image aarch64]\nURL=https://example/b.qcow2\nFirmware=uefi\nSums=https://example/B\n");
    ASSERT_EQ(catalogue.faults, std::vector<std::string>{});
    const auto found = find_image(catalogue, "debian-12", "x86_64");
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->user == "debian" && found->description == "Debian 12" &&
                found->url == "https://example/a.qcow2" && found->firmware.empty() &&
                found->sums == "https://example/SHA512SUMS");
    const auto arm = find_image(catalogue, "debian-12", "aarch64");
    EXPECT_TRUE(arm->firmware == "uefi" && arm->sums == "https://example/B");
    EXPECT_EQ(find_image(catalogue, "debian-12", "riscv64").error().message,
              "the catalogue has debian-12 for aarch64 and x86_64 only, not for riscv64");
    EXPECT_EQ(
        find_image(catalogue, "debian-11", "x86_64").error().message,
        "there is no file debian-11, and no image of this name in the catalogue. Did you mean "
        "'debian-12'?");
}

TEST(CatalogueTest, SaysWhatIsWrong) {
    const std::string head = "[Image x86_64]\n", url = "URL=https://example/a\n";
    EXPECT_EQ(fault_of(head), "debian-12.conf:1: [Image x86_64]: URL= is missing");
    EXPECT_TRUE(fault_of(head + url).contains("one of SHA256=, SHA512= and Sums= is missing"));
    EXPECT_EQ(fault_of(head + "Url=x\n"),
              "debian-12.conf:2: unknown key 'Url'. Did you mean 'URL'?");
    EXPECT_EQ(fault_of(head + "URL=file:///etc/passwd\n"),
              "debian-12.conf:2: URL=file:///etc/passwd: not a URL of https or http");
    EXPECT_EQ(fault_of(head + url + "SHA256=12\n"),
              "debian-12.conf:3: SHA256=12: not the digits of one");
    EXPECT_EQ(fault_of(head + url + "SHA512=" + kDigest + "\n").substr(0, 25),
              "debian-12.conf:3: SHA512=");
    EXPECT_TRUE(fault_of(head + url + "Sums=http://example/s\n")
                    .contains("Sums= of http needs Signature= and SignedBy="));
    EXPECT_TRUE(fault_of(head + url +
                         "Sums=http://example/s\nSignature=http://example/g\n"
                         "SignedBy=-/keys\n")
                    .contains("Sums= of http needs"));
    EXPECT_TRUE(fault_of(head + url + "Sums=https://example/s\nSignature=https://example/g\n")
                    .contains("Signature= needs SignedBy="));
    EXPECT_TRUE(fault_of("[Image vax]\n").contains("[Image vax]: it is [Image]"));
    EXPECT_EQ(fault_of("URL=https://a/b\n"), "debian-12.conf:1: no section yet");
    EXPECT_EQ(fault_of("[Image]\n"), "debian-12.conf:1: there is no section [Image ARCHITECTURE]");
    EXPECT_EQ(fault_of(head + "Firmware=efi\n"),
              "debian-12.conf:2: Firmware=efi: not bios, uefi or uefi-secure");
}

TEST(CatalogueTest, AFileHidesThoseOfItsNameBehindIt) {
    const TemporaryFolder folder;
    const auto image = [](const std::string &user) {
        return "[Image x86_64]\nURL=https://example/a\nSHA256=" + kDigest + "\nUser=" + user + "\n";
    };
    folder.write("etc/one.conf", image("mine"));
    folder.write("usr/one.conf", image("theirs"));
    folder.write("usr/two.conf", image("theirs"));
    folder.link("etc/two.conf", "/dev/null");
    folder.write("usr/three.conf", image("theirs"));
    folder.write("etc/three.conf", "");
    folder.write("usr/.hidden.conf", image("theirs"));
    folder.write("usr/readme.txt", "text");
    const Catalogue catalogue = read_catalogue({folder / "etc", folder / "none", folder / "usr"});
    ASSERT_EQ(catalogue.images.size(), 1u);
    EXPECT_EQ(catalogue.images[0].user, "mine");
    EXPECT_TRUE(catalogue.faults.empty());
    EXPECT_EQ(catalogue_folders(Paths{}).front(), "/etc/qemunit/images");
    EXPECT_EQ(catalogue_folders({.scope = Scope::user, .config = "/home/joe/.config"}).front(),
              "/home/joe/.config/qemunit/images");
}

TEST(CatalogueTest, TheOneThatIsShippedIsRight) {
    const Catalogue catalogue = read_catalogue({QEMUNIT_SOURCE_DIR "/ctl/images"});
    EXPECT_EQ(catalogue.faults, std::vector<std::string>{});
    EXPECT_GT(catalogue.images.size(), 15u);
    for (const char *name : {"debian-12", "debian-13", "debian-sid", "ubuntu-24.04"})
        EXPECT_TRUE(find_image(catalogue, name, "x86_64")) << name;
    for (const CatalogueImage &image : catalogue.images) {
        EXPECT_TRUE(image.url.starts_with("https://")) << image.source;
        EXPECT_TRUE(image.architecture == "x86_64" || image.firmware == "uefi") << image.source;
    }
}

TEST(CatalogueTest, WhoIsOnTheWay) {
    EXPECT_TRUE(is_protected("https://example/a"));
    EXPECT_TRUE(is_protected("http://127.0.0.1:8000/a"));
    EXPECT_TRUE(is_protected("http://localhost/a"));
    EXPECT_FALSE(is_protected("http://127.0.0.1.example/a"));
    EXPECT_FALSE(is_protected("http://localhost.example/a"));
    EXPECT_FALSE(is_protected("http://localhost@example/a"));
    EXPECT_FALSE(is_protected("http://127.0.0.1:80@example/a"));
    EXPECT_FALSE(is_protected("http://localhost:@example/a"));
    EXPECT_TRUE(is_protected("http://[::1]:80/a"));
    EXPECT_FALSE(is_protected("http://example/a"));
}

TEST(SumsTest, OfEachKind) {
    const auto digest = [](const std::string &text) {
        return digest_in(text, "a.img").value_or("none");
    };
    const std::string is = "sha256:" + kDigest, other(64, 'c');
    EXPECT_EQ(digest(kDigest + "  a.img\n" + other + "  b.img\n"), is);
    EXPECT_EQ(digest(other + " *b.img\n" + kDigest + " *./a.img\n"), is);
    EXPECT_EQ(
        digest("# x\r\nSHA256 (b.img) = " + other + "\r\nSHA256 (a.img) = " + kDigest + "\r\n"),
        is);
    EXPECT_EQ(digest(kLongDigest + "\n"), "sha512:" + kLongDigest);
    EXPECT_EQ(digest(kDigest + "  a-2026.img\n"), is);  // of what a link of that name leads to
    EXPECT_EQ(digest(kDigest + "  b.img\n" + other + "  c.img\n"), "none");
    EXPECT_EQ(digest(kDigest + "  a.img\n" + other + "  a.img\n"), "none");
    EXPECT_EQ(digest(kDigest + "  xa.img\n" + other + "  a.img.xz\n"), "none");
    EXPECT_EQ(digest("<html>no</html>\n"), "none");
    EXPECT_EQ(digest(""), "none");
}

TEST(SignatureTest, AKeyringMayBeText) {
    EXPECT_EQ(unarmored("\x99\x01keys"), "\x99\x01keys");
    EXPECT_EQ(unarmored("-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\naGVsbG8g\nd29ybGQ=\n"
                        "=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"),
              "hello world");
}

TEST(ImageStoreTest, KeepsOnlyWhatIsRight) {
    const TemporaryFolder folder;
    const auto keep = [&](const std::string &text, const std::string &digest) {
        const UniqueFd file(open(folder.write("download", text).c_str(), O_RDONLY | O_CLOEXEC));
        return keep_image(folder / "store", file.get(), "debian-12", "x86_64", digest);
    };
    const std::string hello =
        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    const auto wrong = keep("hallo", hello);
    ASSERT_FALSE(wrong);
    EXPECT_TRUE(wrong.error().message.contains("it is not the image that it should be: " + hello +
                                               " was expected"))
        << wrong.error().message;
    EXPECT_TRUE(std::filesystem::is_empty(folder / "store"));
    const auto kept = keep("hello", hello);
    ASSERT_TRUE(kept) << kept.error().message;
    EXPECT_EQ(*kept, folder / "store/debian-12+x86_64+2cf24dba5fb0a30e.img");
    EXPECT_EQ(*keep("hello", hello), *kept);
    EXPECT_EQ(folder.read("store/debian-12+x86_64+2cf24dba5fb0a30e.img"), "hello");

    folder.write("store/other.img", "x");
    EXPECT_EQ(stored_images(folder / "store").size(), 1u);
    EXPECT_EQ(find_stored(folder / "store", "debian-12", "x86_64")->path, *kept);
    EXPECT_TRUE(find_stored(folder / "store", "debian-12", "x86_64", hello));
    EXPECT_FALSE(find_stored(folder / "store", "debian-12", "x86_64", "sha256:" + kDigest));
    EXPECT_FALSE(find_stored(folder / "store", "debian-12", "aarch64"));
}

TEST(ImagesTest, AsATableAndForPrograms) {
    Catalogue catalogue;
    catalogue.images = {{.name = "debian-12",
                         .architecture = "x86_64",
                         .description = "Debian 12",
                         .url = "https://example/a",
                         .user = "debian"},
                        {.name = "fedora-44", .architecture = "x86_64", .description = "Fedora"}};
    const std::vector<StoredImage> stored = {
        {.path = "/s/debian",
         .name = "debian-12",
         .architecture = "x86_64",
         .bytes = 5 << 20,
         .made = 1000},
        {.path = "/s/old", .name = "own", .architecture = "x86_64", .bytes = 1 << 20, .made = 500}};
    EXPECT_EQ(images_text(catalogue, stored, 1000 + 3600),
              "IMAGE      ARCHITECTURE  SIZE  AGE      DESCRIPTION\n"
              "debian-12  x86_64        5.0M  1h       Debian 12\n"
              "fedora-44  x86_64        -     -        Fedora\n"
              "own        x86_64        1.0M  1h 8min  /s/old\n");
    const std::string json = images_json(catalogue, stored, 1000 + 3600);
    EXPECT_TRUE(json.contains("\"name\": \"debian-12\"") &&
                json.contains("\"path\": \"/s/debian\"") && json.contains("\"age_sec\": 3600") &&
                json.contains("\"path\": null"))
        << json;
}

TEST(ImageOfUrlTest, HasANameFromTheUrl) {
    EXPECT_EQ(image_of_url("https://example/x/My%20Disk.qcow2?a=/b", "").name, "My20Disk.qcow2");
    EXPECT_EQ(image_of_url("https://example/", "").name, "image");
    EXPECT_EQ(image_of_url("https://example/..", "").name, "image");
}

}  // namespace
}  // namespace qemunit::ctl
