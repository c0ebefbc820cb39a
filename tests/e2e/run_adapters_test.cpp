// SPDX-License-Identifier: MIT
//
// `qemunitctl run` in test frameworks: the examples, as they are installed.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/runs.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

TEST(RunAdapters, CTest) {
    if (!run_words("cmake --version").ok())
        GTEST_SKIP() << "there is no cmake here";
    const RunFolder folder;
    const std::string words = kernel_words();
    const std::string kernel = words.substr(0, words.find(' ')),
                      modules = words.substr(words.find(' ') + 1);
    write_file("/srv/run/CMakeLists.txt",
               "cmake_minimum_required(VERSION 3.25)\nproject(example LANGUAGES NONE)\n"
               "enable_testing()\n"
               "list(APPEND CMAKE_MODULE_PATH " QEMUNIT_EXAMPLES
               "/run)\n"
               "include(QemunitRun)\n"
               "qemunit_add_test(NAME good COMMAND sh -c \"test $(id -u) = 0\" OPTIONS " +
                   modules + ")\nqemunit_add_test(NAME bad COMMAND false OPTIONS " + modules +
                   ")\n");
    const Finished made = run(
        {"sh", "-c",
         "cd /srv/run && cmake -B build -DQEMUNIT_KERNEL=" + kernel.substr(kernel.find('=') + 1) +
             " && ctest --test-dir build; cat build/Testing/Temporary/LastTestsFailed.log"},
        "", Deadline(2 * kRunPatience));
    expect_contains(made.output, "50% tests passed, 1 tests failed out of 2");
    EXPECT_TRUE(made.output.ends_with("2:bad\n")) << made;
}

TEST(RunAdapters, Pytest) {
    if (!run_words("python3 -m pytest --version").ok())
        GTEST_SKIP() << "there is no pytest here (python3-pytest)";
    const RunFolder folder;
    const std::string words = kernel_words();
    fs::copy_file(QEMUNIT_EXAMPLES "/run/conftest.py", "/srv/run/conftest.py");
    write_file("/srv/run/test_guest.py",
               "def test_output(guest):\n"
               "    done = guest('sh', '-c', 'cat; echo file >$QEMUNIT_OUTPUT/file; exit 3', "
               "input='typed')\n"
               "    assert (done.stdout, done.returncode) == ('typed', 3)\n"
               "    assert (guest.output / 'file').read_text() == 'file\\n'\n"
               "def test_failing(guest):\n"
               "    assert guest('false').returncode == 0\n"
               "def test_broken(guest):\n"
               "    guest('true', options=['--kernel=/nosuch'])\n");
    const Finished done = run({"sh", "-c",
                               "cd /srv/run && QEMUNIT_RUN_OPTIONS='" + words +
                                   "' exec python3 -m pytest -p no:cacheprovider -q"},
                              "", Deadline(3 * kRunPatience));
    EXPECT_EQ(done.status, 1) << done;
    expect_contains(done.output, "2 failed, 1 passed");
    expect_contains(done.output, "FAILED test_guest.py::test_failing - AssertionError");
    expect_contains(done.output, "cannot read the kernel /nosuch");
}

TEST(RunAdapters, GoogleTest) {
    const RunFolder folder;
    const std::string words = kernel_words();
    const Finished done = run({"env", "QEMUNIT_RUN_OPTIONS=" + words, QEMUNIT_EXAMPLE_GUEST_TEST},
                              "", Deadline(3 * kRunPatience));
    EXPECT_EQ(done.status, 1) << done;
    expect_contains(done.output, "[       OK ] Mounts.HideWhatIsBelow");
    expect_contains(done.output, "[       OK ] Host.IsAsEver");
    expect_contains(done.output, "[  SKIPPED ] Skipping.IsSeenHere");
    expect_contains(done.output, "In the guest, with status 1:\n");
    expect_contains(done.output, "the init of qemunit is\n");
    expect_contains(done.output, " 1 FAILED TEST\n");
    const Finished broken = run({"env", "QEMUNIT_RUN_OPTIONS=--kernel=/nosuch",
                                 QEMUNIT_EXAMPLE_GUEST_TEST, "--gtest_filter=Mounts.*"});
    EXPECT_EQ(broken.status, 1) << broken;
    expect_contains(broken.output, "In the guest, with status 125:\nqemunitctl run: cannot read");
}

// What stands in the example before the program, with the kernel of these tests.
std::string words_of_example(const std::string &sed, const std::string &file) {
    std::string words = trimmed(run({"sed", "-n", sed, QEMUNIT_EXAMPLES "/run/" + file}).output);
    std::erase_if(words, [](char c) { return c == '"' || c == ','; });
    const std::size_t end = words.find(" --timeout=");
    EXPECT_TRUE(words.starts_with("qemunitctl run --timeout=")) << words;
    return end == words.npos ? words : words.insert(end, " " + kernel_words());
}

// A test program as both build it: an absolute path in a folder of the user's own, with arguments
// that look like options, in the folder of the package.
TEST(RunAdapters, GoAndCargoRunAProgramWithItsArguments) {
    const UserSession user("runadapter");
    const std::string program = user.home() + "/build/x.test";
    user.write(program, "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\"; cat testdata/file; exit 7\n");
    user.write(user.home() + "/package/testdata/file", "of the package\n");
    fs::permissions(user.home() + "/build", fs::perms(0700));
    fs::permissions(program, fs::perms(0700));
    for (const std::string &words :
         {words_of_example("s/^exec go test -exec '\\(.*\\)' .*/\\1/p", "go-test"),
          words_of_example("s/^runner = \\[\\(.*\\)\\]/\\1/p", "cargo-config.toml")}) {
        const Finished done =
            user.run({"sh", "-c",
                      "cd package && exec " + words + " " + program +
                          " -test.paniconexit0 -test.timeout=10m0s -test.run 'A|B c' --nocapture"},
                     "", Deadline(kRunPatience));
        EXPECT_EQ(done.status, 7) << done;
        EXPECT_EQ(done.output, program +
                                   "\n-test.paniconexit0\n-test.timeout=10m0s\n-test.run\nA|B c\n"
                                   "--nocapture\nof the package\n");
    }
}

}  // namespace
}  // namespace qemunit::e2e
