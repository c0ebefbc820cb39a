// SPDX-License-Identifier: MIT
//
// qemunit-recipes(7), as it is written: each recipe is taken from the page's source, its files are
// written, its commands typed, and what it promises is looked at. The page says how blocks are
// marked.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <vector>

#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

struct Step {
    std::string kind;  // "file", "run", "look", "do", "check"
    std::string text;  // of its block, or the command
};
struct Recipe {
    std::string heading;
    std::vector<Step> steps;
};
std::ostream &operator<<(std::ostream &stream, const Recipe &recipe) {
    return stream << recipe.heading;
}

std::vector<Recipe> recipes() {
    constexpr std::string_view kFence = "```", kMark = "; ", kHeading = "# ";
    std::istringstream page(read_file(QEMUNIT_MAN_PAGES "/qemunit-recipes.7.scd"));
    std::vector<Recipe> all;
    std::string mark;
    bool is_in_block = false;
    for (std::string line; std::getline(page, line);) {
        if (line == kFence) {
            is_in_block = !is_in_block;
            if (is_in_block)
                all.back().steps.push_back({std::exchange(mark, ""), ""});
        } else if (is_in_block) {
            all.back().steps.back().text += line + "\n";
        } else if (line.starts_with(kHeading)) {
            all.push_back({line.substr(kHeading.size()), {}});
        } else if (line.starts_with(kMark) && !all.empty()) {
            mark = line.substr(kMark.size());
            const std::size_t space = mark.find(' ');
            if (space != std::string::npos) {
                all.back().steps.push_back({mark.substr(0, space), mark.substr(space + 1)});
                mark.clear();
            }
        }
    }
    std::erase_if(all, [](const Recipe &recipe) { return recipe.steps.empty(); });
    return all;
}

// What the commands of checks mean. No process waits longer than a minute.
constexpr std::string_view kWords = R"sh(set -euo pipefail
as() { setpriv --reuid="$1" --regid="$(id -g "$1")" --init-groups "${@:2}"; }
not() { ! "$@"; }
wait_until() { timeout 60 bash -c "until $1; do :; done"; }
file_begins_with() { head -c 8 "$1" | grep -q "$2"; }
type_in_guest() {
    wait_until "journalctl -u qemu@$1 -o cat | grep -q '^guest#'"
    (timeout 60 qemunitctl console "$1" || true) < <(printf '%s\n' "$2") | sed "/^$3/q"
}
)sh";

// "# systemctl start …": without the prompts.
std::string typed(const std::string &block) {
    std::istringstream lines(block);
    std::string commands;
    for (std::string line; std::getline(lines, line);)
        commands +=
            (line.starts_with("# ") || line.starts_with("$ ") ? line.substr(2) : line) + "\n";
    return commands;
}

class Recipes : public testing::TestWithParam<Recipe> {
  protected:
    // Whatever image a recipe is for, here it is a Linux without one.
    void SetUp() override {
        fs::create_directories("/etc/qemunit/vm.d");
        fs::create_directories("/etc/systemd/network");
        write_file(kDropIn, "[VM]\nAccelerator=tcg\nMemory=256M\nStop=quit\n[Boot]\nKernel=" +
                                kGuestDir + "/vmlinuz\nInitrd=" + kGuestDir +
                                "/initrd\nAppend=console=ttyS0 loglevel=1\n");
    }
    void TearDown() override {
        run_words("systemctl stop qemu@web");
        fs::remove("/etc/qemunit/web.ini");
        fs::remove_all("/etc/qemunit/vm.d");
        run_words("systemctl daemon-reload");
        run_words("systemctl reset-failed");
        run_words("systemctl clean --what=state qemu@web");
    }
    static constexpr const char *kDropIn = "/etc/qemunit/vm.d/00-recipes.conf";
};

void do_step(const Step &step) {
    SCOPED_TRACE(step.kind + ": " + step.text);
    const auto succeeds = [&](const std::string &commands) {
        const Finished done = run({"bash", "-c", std::string(kWords) + commands});
        EXPECT_TRUE(done.ok()) << done;
    };
    if (step.kind == "file") {
        const std::string path = step.text.substr(2, step.text.find('\n') - 2);
        ASSERT_TRUE(path.starts_with("/etc/")) << "the first line does not say which file it is";
        write_file(path, step.text);
    } else if (step.kind == "run") {
        succeeds(typed(step.text));
    } else if (step.kind == "look") {
        const Finished read = run({"bash", "-n", "-c", typed(step.text)});
        EXPECT_TRUE(read.ok()) << read;
    } else if (step.kind == "do" || step.kind == "check") {
        succeeds(step.text);
    } else {
        ADD_FAILURE() << "nothing before this block says what it is";
    }
}

TEST_P(Recipes, DoWhatTheySay) {
    for (const Step &step : GetParam().steps) {
        do_step(step);
        if (HasFailure())
            break;
    }
    if (HasFailure())
        std::cout << run_words("systemctl status --no-pager --full --lines=30 qemu@web").output;
}

INSTANTIATE_TEST_SUITE_P(, Recipes, testing::ValuesIn(recipes()), [](const auto &recipe) {
    std::string name;
    for (const char c : recipe.param.heading)
        name += c == ' ' || c == '\'' ? '_' : c;
    return name;
});

}  // namespace
}  // namespace qemunit::e2e
