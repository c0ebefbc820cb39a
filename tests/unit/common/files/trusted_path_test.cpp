// SPDX-License-Identifier: MIT
//
// What root follows, and what it does not. "nobody" stands for the user of a VM.
#include "common/files/trusted_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "tests/unit/common/files/roots_folder.h"

namespace qemunit {
namespace {

namespace fs = std::filesystem;

class TrustedPathTest : public RootsFolderTest {
  protected:
    void fill() override {
        fs::create_directories(root + "/real/below");
        write("real/below/file", "plain");
        write("real/secret", "secret");
        ASSERT_EQ(chmod((root + "/real/secret").c_str(), 0600), 0);
        fs::create_directories(root + "/nobodys/below");
        write("nobodys/below/file", "nobody's");
        for (const char *path : {"/nobodys", "/nobodys/below"})
            ASSERT_EQ(chown((root + path).c_str(), kNobody, kNobody), 0);
    }
    void write(const std::string &name, const std::string &text) const {
        const UniqueFd file(open((root + "/" + name).c_str(), O_WRONLY | O_CREAT, 0644));
        ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void link(const std::string &name, const std::string &target) const {
        fs::create_symlink(target, root + "/" + name);
    }
    // The text, or the error's.
    std::string read_for(const Account &account, const std::string &name) const {
        const auto file = open_for(account, root + "/" + name, O_RDONLY);
        if (!file)
            return std::strerror(file.error().code);
        char text[64];
        const ssize_t n = read(file->get(), text, sizeof text);
        return {text, n < 0 ? 0 : static_cast<std::size_t>(n)};
    }
    // "root's", "others'", or the error's text.
    std::string find(const std::string &name) const {
        const auto found = find_path(root + "/" + name);
        if (!found)
            return std::strerror(found.error().code);
        return found->is_only_roots ? "root's" : "others'";
    }

    const Account nobody{"nobody", kNobody, kNobody, {kNobody}};
    const std::string kRefused = std::strerror(ELOOP);
};

TEST_F(TrustedPathTest, RootsLinksAreFollowed) {
    link("absolute", root + "/real");
    link("relative", "real/below");
    link("up", "real/below/..");
    link("chain", "absolute/below");
    EXPECT_EQ(find("real/below/file"), "root's");
    EXPECT_EQ(find("absolute/below/file"), "root's");
    EXPECT_EQ(find("relative/file"), "root's");
    EXPECT_EQ(find("up/below//./file"), "root's");
    EXPECT_EQ(find("chain/file"), "root's");
    EXPECT_EQ(find("real/below/../below/file"), "root's");
    link("loop", "loop");
    EXPECT_EQ(find("loop"), std::strerror(ELOOP));
    EXPECT_EQ(find("gone/file"), std::strerror(ENOENT));
    EXPECT_EQ(find("real/secret/file"), std::strerror(ENOTDIR));
}

TEST_F(TrustedPathTest, LinksOfOthersAreNot) {
    EXPECT_EQ(find("nobodys"), "root's");
    EXPECT_EQ(find("nobodys/below"), "others'");
    EXPECT_EQ(find("nobodys/below/file"), "others'");
    link("nobodys/away", "/");
    link("nobodys/below/file2", root + "/real/secret");
    link("nobodys/back", ".");
    EXPECT_EQ(find("nobodys/away"), kRefused);
    EXPECT_EQ(find("nobodys/away/etc/passwd"), kRefused);
    EXPECT_EQ(find("nobodys/below/file2"), kRefused);
    EXPECT_EQ(find("nobodys/back/below"), kRefused);
    // Where the parent of a folder of somebody's is, that somebody says.
    EXPECT_EQ(find("nobodys/below/../below"), kRefused);
    // A link of root's into such a folder ends there like any other path.
    link("into", "nobodys/below");
    EXPECT_EQ(find("into/file"), "others'");
    link("into-link", "nobodys/away");
    EXPECT_EQ(find("into-link"), kRefused);
}

TEST_F(TrustedPathTest, AFolderThatOthersMayWriteIsNotRoots) {
    link("real/link", "below");
    EXPECT_EQ(find("real/link"), "root's");
    for (const mode_t mode : {0775, 0757, 01777}) {
        ASSERT_EQ(chmod((root + "/real").c_str(), mode), 0);
        EXPECT_EQ(find("real/link"), kRefused) << std::oct << mode;
        EXPECT_EQ(find("real/below"), "others'") << std::oct << mode;
    }
}

TEST_F(TrustedPathTest, FilesAreOpenedWithTheRightsOfWhoCouldHavePutThemThere) {
    EXPECT_EQ(read_for(nobody, "real/secret"), "secret");
    EXPECT_EQ(read_for(nobody, "nobodys/below/file"), "nobody's");
    link("nobodys/mine", "below/file");
    EXPECT_EQ(read_for(nobody, "nobodys/mine"), "nobody's");
    link("nobodys/secret", root + "/real/secret");
    link("nobodys/shadow", "/etc/shadow");
    EXPECT_EQ(read_for(nobody, "nobodys/secret"), std::strerror(EACCES));
    EXPECT_EQ(read_for(nobody, "nobodys/shadow"), std::strerror(EACCES));
    // What this process has open is not for others.
    const UniqueFd folder(open((root + "/real").c_str(), O_PATH | O_DIRECTORY));
    ASSERT_EQ(chmod((root + "/real").c_str(), 0711), 0);
    link("nobodys/magic", "/proc/self/fd/" + std::to_string(folder.get()));
    EXPECT_EQ(read_for(nobody, "nobodys/magic/below/file"), std::strerror(ELOOP));
    // And afterwards this is root again.
    EXPECT_EQ(read_for(nobody, "real/secret"), "secret");
    EXPECT_EQ(open_for(nobody, root + "/nobodys/shadow", O_RDONLY).error().message,
              "cannot open " + root +
                  "/nobodys/shadow as user 'nobody', since others than root can change where it "
                  "leads: Permission denied");
}

TEST_F(TrustedPathTest, AccountsByNameAndNumber) {
    EXPECT_EQ(find_account("nobody")->uid, kNobody);
    EXPECT_EQ(find_account("65534")->uid, kNobody);
    EXPECT_EQ(find_account("123456")->groups, std::vector<gid_t>{123456});
    EXPECT_EQ(find_account("no-such-user").error().message, "there is no user 'no-such-user'");
}

}  // namespace
}  // namespace qemunit
