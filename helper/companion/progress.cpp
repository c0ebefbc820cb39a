// SPDX-License-Identifier: MIT
#include "helper/companion/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace qemunit::helper {

namespace {

namespace fs = std::filesystem;

// proc(5), /proc/PID/task/TID/status.
struct Thread {
    char state = '?';
    uint64_t switches = 0;  // how often the thread gave up its CPU, or lost it
};

Thread thread_at(const fs::path &folder) {
    Thread thread;
    std::ifstream status(folder / "status");
    for (std::string word; status >> word;) {
        uint64_t number = 0;
        if (word == "State:")
            status >> thread.state;
        else if (word.ends_with("voluntary_ctxt_switches:") && status >> number)
            thread.switches += number;
    }
    return thread;
}

bool waits_for_disk(const fs::path &tasks) {
    std::error_code error;
    for (fs::directory_iterator task(tasks, error), end; !error && task != end;
         task.increment(error))
        if (thread_at(task->path()).state == 'D')
            return true;
    return false;
}

}  // namespace

bool Progress::has_moved() {
    const fs::path tasks = fmt::format("/proc/{}/task", process_);
    const Thread main = thread_at(tasks / fmt::to_string(process_));
    const bool has_run = std::exchange(switches_, main.switches) != main.switches;
    return has_run || main.state == 'R' || waits_for_disk(tasks);
}

}  // namespace qemunit::helper
