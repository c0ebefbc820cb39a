// SPDX-License-Identifier: MIT
//
// Images by the real qemu-img, and what it must never touch.
#include "helper/image/image.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "common/paths.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using Words = std::vector<std::string>;
using ImageMode = ImageOptions::Mode;

TEST(ImageOptionsTest, WhatTheGeneratorWrites) {
    const auto options =
        parse_image_options({"--vm=vm1", "--owner=joe", "--format=qcow2", "--size=21474836480",
                             "--backing-format=raw", "--backing-file=/srv/a=b c", "/srv/new"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->mode, ImageMode::create);
    EXPECT_EQ(options->vm, "vm1");
    EXPECT_EQ(options->owner, "joe");
    EXPECT_EQ(options->format, "qcow2");
    EXPECT_EQ(options->size, 21474836480u);
    EXPECT_EQ(options->backing_file, "/srv/a=b c");
    EXPECT_EQ(options->backing_format, "raw");
    EXPECT_EQ(options->path, "/srv/new");
}

TEST(ImageOptionsTest, HelpAndVersionNeedNothingElse) {
    EXPECT_EQ(parse_image_options({"--help"})->mode, ImageMode::help);
    EXPECT_EQ(parse_image_options({"-h"})->mode, ImageMode::help);
    EXPECT_EQ(parse_image_options({"--version"})->mode, ImageMode::version);
}

TEST(ImageOptionsTest, WhatIsMissing) {
    const auto image_fault = [](const Words &words) {
        const auto parsed = parse_image_options(words);
        return parsed ? "" : parsed.error().message;
    };
    const std::string path = "/a", vm = "--vm=a", owner = "--owner=b", format = "--format=raw",
                      size = "--size=1";
    EXPECT_EQ(image_fault({vm, owner, format, size, path}), "");
    EXPECT_EQ(image_fault({vm, owner, format, "--backing-file=/b", path}), "");
    EXPECT_EQ(image_fault({vm, format, size, path}), "");
    EXPECT_EQ(image_fault({owner, format, size, path}), "--vm='' is not the name of a VM");
    EXPECT_EQ(image_fault({vm, owner, size, path}), "--format= is needed; see --help");
    EXPECT_EQ(image_fault({vm, owner, format, path}),
              "--size= or --backing-file= is needed; see --help");
    for (const Words &images : {Words{}, Words{"a"}, Words{"/a", "/b"}, Words{""}}) {
        Words words = {vm, owner, format, size};
        words.insert(words.end(), images.begin(), images.end());
        EXPECT_EQ(image_fault(words), "one image is needed, by its absolute path; see --help");
    }
    EXPECT_EQ(image_fault({vm, owner, format, "--size=1G", path}),
              "--size='1G' is not a number of bytes");
    EXPECT_EQ(image_fault({vm, owner, format, "--size=", path}),
              "--size='' is not a number of bytes");
    for (const char *word : {"--nonsense", "--size", "-f", "--"})
        EXPECT_EQ(image_fault({word, vm, owner, format, size, path}),
                  "unknown option '" + std::string(word) + "'; see --help");
}

class CreateImageTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (access("/usr/bin/qemu-img", X_OK) != 0)
            GTEST_SKIP() << "qemu-img is not installed here";
    }

    ImageOptions options(const std::string &name, const std::string &format = "qcow2") const {
        ImageOptions made;
        made.vm = "vm1";
        made.owner = std::to_string(geteuid());
        made.format = format;
        made.size = 1 << 20;
        made.path = folder / name;
        return made;
    }
    // "" or the error.
    static std::string create(const ImageOptions &options) {
        const auto created = create_image(options);
        return created ? "" : created.error().message;
    }
    // What `qemu-img info --output=json` says of the image itself, as JSON. A newer one
    // (seen: 10.0) says the same words of the files below it as well.
    std::string info(const std::string &name, const std::string &key) const {
        const auto said =
            testing::run_program({"/usr/bin/qemu-img", "info", "--output=json", folder / name});
        const auto about = nlohmann::json::parse(said.output, nullptr, false);
        return about.is_object() && about.contains(key) ? about.at(key).dump() : said.output;
    }

    testing::TemporaryFolder folder;
};

TEST_F(CreateImageTest, AnImageOfItsSizeAndFormat) {
    EXPECT_EQ(create(options("a b,c:d.qcow2")), "");
    EXPECT_EQ(info("a b,c:d.qcow2", "format"), "\"qcow2\"");
    EXPECT_EQ(info("a b,c:d.qcow2", "virtual-size"), "1048576");
    EXPECT_EQ(create(options("a.img", "raw")), "");
    EXPECT_EQ(info("a.img", "virtual-size"), "1048576");
    EXPECT_EQ(folder.contents().size(), 2u);
}

TEST_F(CreateImageTest, WithoutAnOwnerItIsOfWhoMadeIt) {
    ImageOptions mine = options("a.img");
    mine.owner.clear();
    ASSERT_EQ(create(mine), "");
    struct stat status {};
    ASSERT_EQ(stat((folder / "a.img").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, geteuid());
}

TEST_F(CreateImageTest, NobodyElseReadsIt) {
    ASSERT_EQ(create(options("a.img")), "");
    struct stat status {};
    ASSERT_EQ(stat((folder / "a.img").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(CreateImageTest, ItIsItsOwners) {
    if (geteuid() != 0)
        GTEST_SKIP() << "only root gives files away";
    for (const char *owner : {"nobody", "12345"}) {
        ImageOptions given = options(owner);
        given.owner = owner;
        ASSERT_EQ(create(given), "");
    }
    struct stat status {};
    ASSERT_EQ(stat((folder / "nobody").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 65534u);
    ASSERT_EQ(stat((folder / "12345").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 12345u);
    EXPECT_EQ(status.st_gid, 12345u);
}

TEST_F(CreateImageTest, WhatIsThereStays) {
    for (const std::string text : {"a guest's disk", ""}) {
        folder.write("a.img", text);
        EXPECT_EQ(create(options("a.img")), "");
        EXPECT_EQ(folder.read("a.img"), text);
    }
    ImageOptions unusable = options("a.img");
    unusable.owner = "no-such-user";
    EXPECT_EQ(create(unusable), "");
    EXPECT_EQ(folder.contents().size(), 1u);
}

TEST_F(CreateImageTest, ALayerOverABackingFile) {
    ImageOptions base = options("base", "raw");
    base.size = 3 << 20;
    ASSERT_EQ(create(base), "");
    ImageOptions layer = options("layer");
    layer.size.reset();
    layer.backing_file = base.path;
    layer.backing_format = "raw";
    EXPECT_EQ(create(layer), "");
    EXPECT_EQ(info("layer", "virtual-size"), "3145728");
    EXPECT_EQ(info("layer", "backing-filename"), "\"" + base.path + "\"");
    EXPECT_EQ(info("layer", "backing-filename-format"), "\"raw\"");
    layer.path = folder / "larger";
    layer.size = 5 << 20;
    EXPECT_EQ(create(layer), "");
    EXPECT_EQ(info("larger", "virtual-size"), "5242880");
}

// By its name it would be raw, and the guest see the header.
TEST_F(CreateImageTest, ABackingFileThatIsNotWhatItsNameSays) {
    ASSERT_EQ(create(options("noble.img")), "");
    ImageOptions layer = options("layer");
    layer.backing_file = folder / "noble.img";
    layer.backing_format = "raw";
    layer.backing_format_is_guessed = true;
    EXPECT_EQ(create(layer),
              "cannot create " + layer.path + ": " + layer.backing_file +
                  " is qcow2 by its content, but raw by its name, which counts: write "
                  "BackingFormat=qcow2, or BackingFormat=raw if that is right all the same "
                  "(whoever can write to a raw disk can make it look like that).");
    EXPECT_FALSE(folder.contents().contains("layer"));
    layer.backing_format_is_guessed = false;
    EXPECT_EQ(create(layer), "");
}

TEST_F(CreateImageTest, WhatACutShortRunLeftIsReplaced) {
    folder.write(".a.img.new", "half");
    EXPECT_EQ(create(options("a.img")), "");
    EXPECT_EQ(info("a.img", "format"), "\"qcow2\"");
    EXPECT_EQ(folder.contents().size(), 1u);
}

TEST_F(CreateImageTest, WhatQemuImgRefusesIsNotThere) {
    EXPECT_EQ(create(options("a.img", "nonsense")),
              "cannot create " + (folder / "a.img") + ": qemu-img failed");
    EXPECT_EQ(create(options("gone/a.img")), "cannot create " + (folder / "gone/a.img") +
                                                 ": cannot open " + (folder / "gone") +
                                                 ": No such file or directory");
    ImageOptions layer = options("layer");
    layer.backing_file = folder / "gone";
    layer.backing_format = "raw";
    EXPECT_EQ(create(layer), "cannot create " + (folder / "layer") + ": cannot open " +
                                 (folder / "gone") + ": No such file or directory");
    // Larger than a file can be: it fails when the file is there already.
    ImageOptions huge = options("huge.img", "raw");
    huge.size = uint64_t{1} << 62;
    EXPECT_EQ(create(huge), "cannot create " + (folder / "huge.img") + ": qemu-img failed");
    EXPECT_TRUE(folder.contents().empty());
}

TEST_F(CreateImageTest, ALinkThatLeadsNowhereIsNoImage) {
    folder.link("a.img", folder / "gone.img");
    EXPECT_EQ(create(options("a.img")),
              (folder / "a.img") +
                  " is a link that leads nowhere: remove it, and the image is made here, or make "
                  "what it leads to");
    EXPECT_EQ(folder.contents().size(), 1u);
    folder.write("gone.img", "a guest's disk");
    EXPECT_EQ(create(options("a.img")), "");
    EXPECT_EQ(folder.read("gone.img"), "a guest's disk");
}

// Somebody who can write in the folder, as the user of a VM can in its own, and is fast.
TEST_F(CreateImageTest, ALinkInThePlaceOfTheTemporaryFileIsNotFollowed) {
    const std::string victim = folder.write("victim", "another VM's disk");
    const std::string trap = folder / ".a.img.new";
    for (int round = 0; round < 20; ++round) {
        std::atomic<bool> is_over = false;
        std::thread somebody([&] {
            while (!is_over)
                if (symlink(victim.c_str(), trap.c_str()) != 0)
                    std::this_thread::yield();
        });
        create(options("a.img"));
        is_over = true;
        somebody.join();
        ASSERT_EQ(folder.read("victim"), "another VM's disk") << "round " << round;
        unlink(trap.c_str());
        unlink((folder / "a.img").c_str());
    }
}

// Root creates it for somebody who owns a folder on the way, and could lead anywhere.
TEST_F(CreateImageTest, ALinkInAFolderOfSomebodyIsNotFollowed) {
    if (geteuid() != 0)
        GTEST_SKIP() << "only root has rights that others have not";
    folder.make_folder("of-nobody");
    folder.make_folder("elsewhere");
    ASSERT_EQ(chown((folder / "of-nobody").c_str(), 65534, 65534), 0);
    folder.link("of-nobody/disks", folder / "elsewhere");
    ImageOptions led_away = options("of-nobody/disks/a.img");
    led_away.owner = "nobody";
    EXPECT_EQ(
        create(led_away),
        "cannot create " + led_away.path + ": cannot open " + (folder / "of-nobody/disks") +
            ": 'disks' in it is no real folder or file, and lies in a folder that others than "
            "root can change; name the path that it leads to");
    EXPECT_EQ(folder.contents().size(), 1u);
    ImageOptions plain = options("of-nobody/a.img");
    plain.owner = "nobody";
    EXPECT_EQ(create(plain), "");
}

// What the VM's user cannot read, an image made for that user does not tell of.
TEST_F(CreateImageTest, ABackingFileIsOpenedWithTheRightsOfTheOwner) {
    if (geteuid() != 0)
        GTEST_SKIP() << "only root has rights that others have not";
    folder.make_folder("of-nobody");
    ASSERT_EQ(chown((folder / "of-nobody").c_str(), 65534, 65534), 0);
    const std::string secret = folder.write("secret", std::string(4096, 's'));
    ASSERT_EQ(chmod(secret.c_str(), 0600), 0);
    folder.link("of-nobody/base", secret);
    ImageOptions layer = options("of-nobody/layer");
    layer.owner = "nobody";
    layer.size.reset();
    layer.backing_file = folder / "of-nobody/base";
    layer.backing_format = "raw";
    const std::string said = create(layer);
    EXPECT_NE(said.find("Permission denied"), std::string::npos) << said;
    EXPECT_FALSE(folder.contents().contains("of-nobody/layer"));
    ASSERT_EQ(chmod(secret.c_str(), 0644), 0);
    EXPECT_EQ(create(layer), "");
}

TEST_F(CreateImageTest, AnUnknownOwner) {
    ImageOptions given = options("a.img");
    given.owner = "no-such-user";
    const auto created = create_image(given);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, ENOENT);
    EXPECT_EQ(created.error().message, "there is no user 'no-such-user'");
    EXPECT_TRUE(folder.contents().empty());
}

// The program itself; it lies beside the helper.
TEST(ImageProgramTest, ExitCodes) {
    const std::string program =
        std::filesystem::path(QEMUNIT_HELPER).replace_filename("qemunit-image");
    if (access(program.c_str(), X_OK) != 0)
        GTEST_SKIP() << program << " is not built";
    EXPECT_EQ(testing::run_program({program, "--help"}).output, image_help());
    EXPECT_EQ(testing::run_program({program, "--version"}).output,
              "qemunit-image " + std::string(kVersion) + "\n");
    testing::ProgramResult result = testing::run_program({program, "--nonsense"});
    EXPECT_EQ(result.exit_code, 64);
    EXPECT_EQ(result.errors, "<3>qemunit-image: unknown option '--nonsense'; see --help\n");
    result = testing::run_program(
        {program, "--vm=a", "--owner=no-such-user", "--format=raw", "--size=512", "/gone/a.img"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.errors, "<3>qemunit-image: there is no user 'no-such-user'\n");
}

}  // namespace
}  // namespace qemunit::helper
