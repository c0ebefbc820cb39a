// SPDX-License-Identifier: MIT
#include "helper/start/shared_memory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using Words = std::vector<std::string>;

// Of this program, by which the test finds it.
[[gnu::used]] const char kOfThisProgram[] = "aux-ram-share";

TEST(SharedMemoryTest, AProgramIsKnownByItsConstants) {
    EXPECT_STREQ(kOfThisProgram, "aux-ram-share");
    EXPECT_TRUE(hands_over_guests("/proc/self/exe"));
    EXPECT_FALSE(hands_over_guests("/bin/true"));
    EXPECT_FALSE(hands_over_guests("/nowhere"));
    const testing::TemporaryFolder folder;
    for (const std::string &text : {std::string("#!/bin/sh\n# aux-ram-share\n"), std::string(),
                                    std::string("\x7f"
                                                "ELF\2"),
                                    std::string(4096, '\x7f')}) {
        std::ofstream(folder / "program") << text;
        EXPECT_FALSE(hands_over_guests(folder / "program"));
    }
}

// The name is that of the memory in a state that was saved without an object.
TEST(SharedMemoryTest, IsAnObjectOfQemusOwnName) {
    Words words{"/usr/bin/qemu", "-machine", "q35,hpet=off", "-m", "1024M,slots=16,maxmem=2G"};
    EXPECT_TRUE(share_memory(words));
    EXPECT_EQ(words, (Words{"/usr/bin/qemu", "-object",
                            "memory-backend-memfd,id=pc.ram,size=1024M,share=on", "-machine",
                            "q35,hpet=off,aux-ram-share=on,memory-backend=pc.ram", "-m",
                            "1024M,slots=16,maxmem=2G"}));
}

TEST(SharedMemoryTest, IsTheObjectThatIsThere) {
    const std::string object = "memory-backend-memfd,id=memory,size=1024M,share=on,prealloc=on";
    Words words{"/usr/bin/qemu", "-object", object, "-machine", "q35,memory-backend=memory", "-m",
                "1024M"};
    EXPECT_TRUE(share_memory(words));
    EXPECT_EQ(words[2], object);
    EXPECT_EQ(words[4], "q35,memory-backend=memory,aux-ram-share=on");
}

TEST(SharedMemoryTest, LeavesAloneWhatItDoesNotUnderstand) {
    for (Words words : {Words{"/usr/bin/qemu", "-machine", "q35"},
                        Words{"/usr/bin/qemu", "-machine", "q35,memory-backend=x", "-m", "1G"},
                        Words{"/usr/bin/qemu", "-object", "memory-backend-ram,id=x,share=off",
                              "-machine", "q35,memory-backend=x", "-m", "1G"},
                        Words{"/usr/bin/qemu", "-object", "memory-backend-file,id=x,share=on",
                              "-machine", "q35,memory-backend=x", "-m", "1G"}}) {
        const Words before = words;
        EXPECT_FALSE(share_memory(words));
        EXPECT_EQ(words, before);
    }
}

}  // namespace
}  // namespace qemunit::helper
