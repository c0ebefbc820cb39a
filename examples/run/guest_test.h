// SPDX-License-Identifier: MIT
//
// Tests of GoogleTest that run in a VM of their own each, by qemunitctl run:
//
//   #include <qemunit/guest_test.h>
//
//   QEMUNIT_GUEST_TEST(Mounts, HaveATmpfs) {
//       EXPECT_EQ(mount("none", "/mnt", "tmpfs", 0, ""), 0);
//   }
//
// The program runs itself in the guest, for this one test, and what it said there is the failure's
// text. A skipped test is skipped here as well. Options for all VMs stand in $QEMUNIT_RUN_OPTIONS,
// as for a shell: --kernel=FILE --memory=512M. No process is forked in a test: the guest is the
// sandbox.
#ifndef QEMUNIT_GUEST_TEST_H
#define QEMUNIT_GUEST_TEST_H

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace qemunit_guest {

inline bool is_guest() {
    return std::getenv("QEMUNIT_IN_GUEST") != nullptr;
}

// For a shell.
inline std::string quoted(const std::string &word) {
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

inline std::string this_program() {
    char path[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    return size > 0 && size < static_cast<ssize_t>(sizeof path)
               ? std::string(path, static_cast<std::size_t>(size))
               : std::string();
}

struct Ended {
    int status = -1;     // as of a shell
    std::string output;  // standard output and error
};

inline Ended run_in_guest(const std::string &test) {
    const char *options = std::getenv("QEMUNIT_RUN_OPTIONS");
    const std::string command = "exec qemunitctl run --timeout=5min --env=QEMUNIT_IN_GUEST=1 " +
                                std::string(options ? options : "") + " -- " +
                                quoted(this_program()) + " " + quoted("--gtest_filter=" + test) +
                                " </dev/null 2>&1";
    Ended ended;
    std::FILE *const output = popen(command.c_str(), "r");
    if (output == nullptr)
        return ended;
    char piece[4096];
    for (std::size_t n = 0; (n = std::fread(piece, 1, sizeof piece, output)) > 0;)
        ended.output.append(piece, n);
    const int status = pclose(output);
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ended;
}

// A guest that has run no test at all has not passed it.
inline bool has_passed(const Ended &ended) {
    return ended.status == 0 && ended.output.find("[  PASSED  ] 1 test.") != std::string::npos;
}

inline bool was_skipped(const Ended &ended) {
    return ended.status == 0 &&
           ended.output.find("[  SKIPPED ] 1 test, listed below:") != std::string::npos;
}

}  // namespace qemunit_guest

#define QEMUNIT_GUEST_TEST(suite, name)                                   \
    static void suite##_##name##_in_guest();                              \
    TEST(suite, name) {                                                   \
        if (qemunit_guest::is_guest())                                    \
            return suite##_##name##_in_guest();                           \
        const auto ended = qemunit_guest::run_in_guest(#suite "." #name); \
        if (qemunit_guest::was_skipped(ended))                            \
            GTEST_SKIP() << ended.output;                                 \
        EXPECT_TRUE(qemunit_guest::has_passed(ended))                     \
            << "In the guest, with status " << ended.status << ":\n"      \
            << ended.output;                                              \
    }                                                                     \
    static void suite##_##name##_in_guest()

#endif
