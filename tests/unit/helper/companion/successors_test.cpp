// SPDX-License-Identifier: MIT
//
// The supervisor's part in a succession, with a script in place of qemunit-helper.
#include "helper/companion/successors.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>

#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

// A companion that is killed before the new QEMU's helper has answered leaves nobody who knows it.
TEST(SuccessorsTest, TheNewProcessIsKnownAtOnce) {
    const testing::TemporaryFolder folder;
    folder.write("qemunit-helper", "#!/bin/sh\nexit 0\n");
    chmod((folder / "qemunit-helper").c_str(), S_IRWXU);
    CompanionCommand command;
    command.fds.insert_or_assign(kept_image_fd(1), UniqueFd(dup(STDIN_FILENO)));
    Successors successors(folder / "qemunit-companion", command);
    ASSERT_TRUE(successors.are_possible());

    std::signal(request_signal(), SIG_IGN);
    const pid_t companion = fork();
    if (companion == 0) {
        CompanionSetup setup;
        successors.enter(setup, {});
        SuccessorRequest request{
            .process = 4711,
            .order = {.machine = "pc-q35-10.0", .accelerator = "tcg", .socket = "/tmp/cpr"},
            .fds = {}};
        request.fds.insert_or_assign(kAnswerFd, UniqueFd(dup(STDIN_FILENO)));
        _exit(send_request(setup.successors.get(), getppid(), request) ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(waitpid(companion, &status, 0), companion);
    ASSERT_EQ(status, 0);
    Handover handover;
    successors.serve(handover);
    EXPECT_GT(handover.successor, 1);
}

}  // namespace
}  // namespace qemunit::helper
