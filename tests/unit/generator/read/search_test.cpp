// SPDX-License-Identifier: MIT
//
// Precedence, masks and drop-ins over the search directories.
#include "generator/read/search.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

class SearchTest : public ::testing::Test {
  protected:
    // "NAME PATH", "NAME PATH masked", then "  DROP-IN" each; without the root.
    Texts found() {
        said.clear();
        Diagnostics diagnostics;
        Texts result;
        for (const VmSource &source : find_vms(root.path(), manager, diagnostics)) {
            result.push_back(source.name + " " + cut(source.path) +
                             (is_mask(source.path) ? " masked" : ""));
            for (const std::string &drop_in : source.drop_ins)
                result.push_back("  " + cut(drop_in));
        }
        for (Diagnostic &d : diagnostics) {
            d.where.path = cut(d.where.path);
            EXPECT_EQ(d.severity, Severity::error);
            said.push_back(to_string(d));
        }
        return result;
    }
    std::string cut(const std::string &path) const {
        EXPECT_TRUE(path.starts_with(root.path() + "/")) << path;
        return path.substr(root.path().size());
    }

    testing::TemporaryFolder root;
    Paths manager;
    Texts said;
};

TEST_F(SearchTest, NoDirectoryNoVms) {
    EXPECT_EQ(found(), Texts{});
    EXPECT_EQ(said, Texts{});
}

TEST_F(SearchTest, VmsOfAUser) {
    manager = testing::paths_of_joe();
    for (const char *folder : {"etc/qemunit/", "run/qemunit/", "usr/local/lib/qemunit/"})
        root.write(std::string(folder) + "system.ini", "x");
    const Texts folders = {"/usr/lib/qemunit/user/", "/etc/qemunit/user/",
                           "/run/user/1000/qemunit/", "/home/joe/.config/qemunit/"};
    for (const std::string &folder : folders) {
        root.write(folder.substr(1) + "a.ini", "x");
        EXPECT_EQ(found(), Texts{"a " + folder + "a.ini"});
    }
    root.write("etc/qemunit/user/vm.d/10.conf", "x");
    root.write("home/joe/.config/qemunit/a.ini.d/20.conf", "x");
    EXPECT_EQ(found(),
              (Texts{"a /home/joe/.config/qemunit/a.ini", "  /etc/qemunit/user/vm.d/10.conf",
                     "  /home/joe/.config/qemunit/a.ini.d/20.conf"}));
}

TEST_F(SearchTest, VmsAreSortedByName) {
    root.write("etc/qemunit/b.ini", "x");
    root.write("run/qemunit/c.ini", "x");
    root.write("usr/local/lib/qemunit/a.ini", "x");
    root.write("usr/lib/qemunit/d.ini", "x");
    EXPECT_EQ(found(), (Texts{"a /usr/local/lib/qemunit/a.ini", "b /etc/qemunit/b.ini",
                              "c /run/qemunit/c.ini", "d /usr/lib/qemunit/d.ini"}));
}

TEST_F(SearchTest, OfOneNameTheHighestDirectoryWins) {
    const Texts dirs = {"usr/lib/qemunit", "usr/local/lib/qemunit", "run/qemunit", "etc/qemunit"};
    for (const std::string &dir : dirs) {
        root.write(dir + "/a.ini", "x");
        EXPECT_EQ(found(), Texts{"a /" + dir + "/a.ini"});
    }
}

TEST_F(SearchTest, OnlyIniFilesCount) {
    for (const char *name : {"a.ini~", "b.ini.bak", "c.conf", ".d.ini", ".ini", "e.INI", "fini",
                             "g.ini.dpkg-old", "vm1.ini.d/a.conf"})
        root.write(std::string("etc/qemunit/") + name, "x");
    EXPECT_EQ(found(), Texts{});
    EXPECT_EQ(said, Texts{});
}

TEST_F(SearchTest, AnEmptyFileMasks) {
    root.write("usr/lib/qemunit/a.ini", "x");
    root.write("etc/qemunit/a.ini", "");
    EXPECT_EQ(found(), Texts{"a /etc/qemunit/a.ini masked"});
}

TEST_F(SearchTest, ALinkToDevNullMasks) {
    root.write("usr/lib/qemunit/a.ini", "x");
    root.link("run/qemunit/a.ini", "/dev/null");
    EXPECT_EQ(found(), Texts{"a /run/qemunit/a.ini masked"});
    root.write("etc/qemunit/a.ini", "x");
    EXPECT_EQ(found(), Texts{"a /etc/qemunit/a.ini"});
}

TEST_F(SearchTest, OtherLinksAreFollowed) {
    root.write("elsewhere/real", "x");
    root.write("elsewhere/empty", "");
    root.link("etc/qemunit/a.ini", root / "elsewhere/real");
    root.link("etc/qemunit/b.ini", root / "elsewhere/empty");
    root.link("etc/qemunit/c.ini", root / "gone");
    root.link("etc/qemunit/d.ini", "d.ini");
    EXPECT_EQ(found(), (Texts{"a /etc/qemunit/a.ini", "b /etc/qemunit/b.ini masked",
                              "c /etc/qemunit/c.ini", "d /etc/qemunit/d.ini"}));
}

TEST_F(SearchTest, TheDirectoryMayBeALink) {
    root.write("elsewhere/a.ini", "x");
    root.link("etc/qemunit", root / "elsewhere");
    EXPECT_EQ(found(), Texts{"a /etc/qemunit/a.ini"});
}

TEST_F(SearchTest, DropInsAreSortedByFileNameOverAllFolders) {
    root.write("usr/lib/qemunit/a.ini", "x");
    root.write("etc/qemunit/a.ini.d/30-c.conf", "x");
    root.write("run/qemunit/a.ini.d/10-a.conf", "x");
    root.write("usr/lib/qemunit/a.ini.d/20-b.conf", "x");
    root.write("usr/local/lib/qemunit/vm.d/15-all.conf", "x");
    root.write("etc/qemunit/b.ini.d/10-other.conf", "x");
    EXPECT_EQ(found(),
              (Texts{"a /usr/lib/qemunit/a.ini", "  /run/qemunit/a.ini.d/10-a.conf",
                     "  /usr/local/lib/qemunit/vm.d/15-all.conf",
                     "  /usr/lib/qemunit/a.ini.d/20-b.conf", "  /etc/qemunit/a.ini.d/30-c.conf"}));
}

TEST_F(SearchTest, OfDropInsOfOneNameTheHighestDirectoryWins) {
    root.write("etc/qemunit/a.ini", "x");
    const Texts dirs = {"usr/lib/qemunit", "usr/local/lib/qemunit", "run/qemunit", "etc/qemunit"};
    for (const std::string &dir : dirs) {
        root.write(dir + "/vm.d/10.conf", "x");
        EXPECT_EQ(found()[1], "  /" + dir + "/vm.d/10.conf");
    }
    for (const std::string &dir : dirs) {
        root.write(dir + "/a.ini.d/10.conf", "x");
        EXPECT_EQ(found(), (Texts{"a /etc/qemunit/a.ini", "  /" + dir + "/a.ini.d/10.conf"}));
    }
}

TEST_F(SearchTest, ADropInIsMaskedLikeAFile) {
    root.write("etc/qemunit/a.ini", "x");
    root.write("usr/lib/qemunit/vm.d/10.conf", "x");
    root.write("usr/lib/qemunit/vm.d/20.conf", "x");
    root.write("usr/lib/qemunit/vm.d/30.conf", "x");
    root.link("etc/qemunit/vm.d/10.conf", "/dev/null");
    root.write("etc/qemunit/a.ini.d/20.conf", "");
    EXPECT_EQ(found(), (Texts{"a /etc/qemunit/a.ini", "  /usr/lib/qemunit/vm.d/30.conf"}));
}

TEST_F(SearchTest, OtherFilesAreNoDropIns) {
    root.write("etc/qemunit/a.ini", "x");
    for (const char *name : {"a.ini.d/10.ini", "a.ini.d/.20.conf", "a.ini.d/30.conf~",
                             "vm.d/README", "a.d/40.conf", "a.ini.conf"})
        root.write(std::string("etc/qemunit/") + name, "x");
    EXPECT_EQ(found(), Texts{"a /etc/qemunit/a.ini"});
}

TEST_F(SearchTest, AVmOfTheNameVmIsPossible) {
    root.write("etc/qemunit/vm.ini", "x");
    root.write("etc/qemunit/vm.ini.d/10.conf", "x");
    EXPECT_EQ(found(), (Texts{"vm /etc/qemunit/vm.ini", "  /etc/qemunit/vm.ini.d/10.conf"}));
}

TEST_F(SearchTest, ANameThatIsNoneIsReportedAndLeftOut) {
    root.write("etc/qemunit/my vm.ini", "x");
    root.write("etc/qemunit/a.ini", "x");
    EXPECT_EQ(found(), Texts{"a /etc/qemunit/a.ini"});
    EXPECT_EQ(said,
              Texts{"/etc/qemunit/my vm.ini: 'my vm' is no name for a VM: letters, digits, "
                    "'_', '.' and '-', a letter or digit first, at most 64 in all. Rename the "
                    "file."});
}

TEST_F(SearchTest, BadNamesAreShownWithoutControlCharacters) {
    root.write("etc/qemunit/a\x1b[2J\xff.ini", "x");
    found();
    EXPECT_EQ(said,
              Texts{"/etc/qemunit/a?[2J?.ini: 'a?[2J?' is no name for a VM: letters, digits, "
                    "'_', '.' and '-', a letter or digit first, at most 64 in all. Rename the "
                    "file."});
}

TEST_F(SearchTest, BadNamesAreReportedInOrder) {
    for (const char *name : {"e e", "-b", "d@d", "_a", "c:c"})
        root.write(std::string("etc/qemunit/") + name + ".ini", "x");
    root.write("run/qemunit/a a.ini", "x");
    root.write("run/qemunit/" + std::string(65, 'z') + ".ini", "x");
    EXPECT_EQ(found(), Texts{});
    Texts paths;
    for (const std::string &text : said)
        paths.push_back(text.substr(0, text.find(": ")));
    EXPECT_EQ(paths, (Texts{"/etc/qemunit/-b.ini", "/etc/qemunit/_a.ini", "/etc/qemunit/c:c.ini",
                            "/etc/qemunit/d@d.ini", "/etc/qemunit/e e.ini", "/run/qemunit/a a.ini",
                            "/run/qemunit/" + std::string(65, 'z') + ".ini"}));
}

TEST_F(SearchTest, AFolderThatIsNoneHoldsNothing) {
    root.write("etc/qemunit", "a file");
    root.write("usr/lib/qemunit/a.ini", "x");
    root.write("usr/lib/qemunit/a.ini.d", "a file");
    EXPECT_EQ(found(), Texts{"a /usr/lib/qemunit/a.ini"});
    EXPECT_EQ(said, Texts{});
}

TEST_F(SearchTest, ASingleFileHasTheDropInsBesideIt) {
    const std::string path = root.write("home/joe/test.ini", "x");
    root.write("home/joe/test.ini.d/20.conf", "x");
    root.write("home/joe/test.ini.d/10.conf", "x");
    root.write("home/joe/vm.d/10.conf", "x");
    Diagnostics diagnostics;
    const VmSource source = single_file(path, diagnostics);
    EXPECT_TRUE(diagnostics.empty());
    EXPECT_EQ(source.name, "test");
    EXPECT_EQ(source.path, path);
    EXPECT_FALSE(is_mask(source.path));
    EXPECT_EQ(source.drop_ins, (Texts{path + ".d/10.conf", path + ".d/20.conf"}));
}

TEST_F(SearchTest, ASingleFileMayHaveAnySuffix) {
    Diagnostics diagnostics;
    EXPECT_EQ(single_file(root.write("a", "x"), diagnostics).name, "a");
    EXPECT_EQ(single_file(root / "gone.ini", diagnostics).name, "gone");
    EXPECT_FALSE(is_mask(root / "gone.ini"));
    EXPECT_TRUE(diagnostics.empty());
}

TEST_F(SearchTest, ASingleFileHasAVmsNameAllTheSame) {
    Diagnostics diagnostics;
    const std::string path = root.write("my vm.ini", "x");
    single_file(path, diagnostics);
    ASSERT_EQ(diagnostics.size(), 1u);
    EXPECT_EQ(to_string(diagnostics.front()),
              path +
                  ": 'my vm' is no name for a VM: letters, digits, '_', '.' and '-', a letter "
                  "or digit first, at most 64 in all. Rename the file.");
}

}  // namespace
}  // namespace qemunit::generator
