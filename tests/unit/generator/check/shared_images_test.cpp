// SPDX-License-Identifier: MIT
#include "generator/check/shared_images.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

class SharedImagesTest : public ::testing::Test {
  protected:
    // What is said of the drive, if a VM with the other one runs.
    Texts said(const std::string &keys, const std::string &others) const {
        Vm vm = testing::from_ini("[Drive a]\n" + keys).vm,
           other = testing::from_ini("[Drive b]\n" + others).vm;
        other.name = "other";
        Diagnostics diagnostics;
        check_shared_images(vm, other, diagnostics);
        Texts texts;
        for (const Diagnostic &diagnostic : diagnostics)
            texts.push_back(std::to_string(diagnostic.where.line) + ": " + diagnostic.message);
        return texts;
    }
    testing::TemporaryFolder folder;
};

TEST_F(SharedImagesTest, TheSameFileByWhateverName) {
    const std::string image = folder.write("a.qcow2", "x"), link = folder.link("link.qcow2", image);
    const std::string said_of_it = "2: File=" + link +
                                   ": the VM 'other', which runs, has the same image (File= in "
                                   "[Drive b]), and ";
    const std::string cure =
        ": stop it, give this VM an image of its own, or have both only read it.";
    const std::string own = "File=" + link + "\n", its = "File=" + image + "\n";
    EXPECT_EQ(said(own, its), Texts{said_of_it + "writes it" + cure});
    EXPECT_EQ(said(own + "ReadOnly=yes\n", its), Texts{said_of_it + "writes it" + cure});
    EXPECT_EQ(said(own, its + "Ephemeral=yes\n"), Texts{said_of_it + "reads it" + cure});
    EXPECT_EQ(said(own + "ReadOnly=yes\n", its + "Media=cdrom\n"), Texts{});
    EXPECT_EQ(said(own, "File=" + folder.write("b", "x") + "\n"), Texts{});
    EXPECT_EQ(said("File=" + (folder / "gone") + "\n", its), Texts{});
    EXPECT_EQ(said(own, "File=b.qcow2\nBackingFile=" + image + "\n").size(), 1u);
}

}  // namespace
}  // namespace qemunit::generator
