// SPDX-License-Identifier: MIT
#include "ctl/verbs/drive_words.h"

#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

using Words = std::vector<std::string>;

TEST(DriveWordsTest, ASetByWhatTheHelperIsTold) {
    Words command{"/q",
                  "-drive",
                  "if=none,id=a,file.filename=/dev/fdset/1,format=raw",
                  "-drive",
                  "if=none,id=b,file.filename=/dev/fdset/3,format=raw",
                  "-drive",
                  "if=pflash,unit=0,file=/x"};
    name_files(command, files_of_helper({"/h", "--vm=v", "--drive-file=1:a:rw:raw,guessed:/a:b,c",
                                         "--backing-file=2:a:raw:/base",
                                         "--drive-file=3:b:r:raw:/b", "/q"}));
    EXPECT_EQ(command[2], "if=none,id=a,file.filename=/a:b,,c,format=raw");
    EXPECT_EQ(command[4], "if=none,id=b,file.filename=/b,format=raw");
    EXPECT_EQ(command[6], "if=pflash,unit=0,file=/x");
}

TEST(DriveWordsTest, ASetByWhatQemuWasTold) {
    Words command{"/q",
                  "-add-fd",
                  "fd=9,set=1,opaque=qemunit-medium:a:/a,,b",
                  "-add-fd",
                  "fd=8,set=2,opaque=qemunit-layer:a:/base",
                  "-name",
                  "guest=v",
                  "-drive",
                  "if=none,id=a,file.filename=/dev/fdset/1,format=qcow2,node-name=qemunit-image-a,"
                  "file.node-name=qemunit-file-a,auto-read-only=off,cache=none,"
                  "file.driver=host_device,backing.driver=raw,backing.file.filename=/dev/fdset/2"};
    name_files(command, files_of_qemu(command));
    leave_out_nodes(command);
    EXPECT_EQ(command.back(), "if=none,id=a,file.filename=/a,,b,format=qcow2,cache=none");
    // As 0.7.0 had it.
    Words old{"-drive", "if=none,id=a,file=/a,,b,format=qcow2,cache=none"};
    leave_out_nodes(old);
    EXPECT_EQ(old.back(), command.back());
}

}  // namespace
}  // namespace qemunit::ctl
