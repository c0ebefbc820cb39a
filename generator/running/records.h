// SPDX-License-Identifier: MIT
//
// What the generator has written for each VM, in a file for its next run: systemd removes the units
// of generators before it runs them, and a VM may still run with what stood in its own. Called by
// main.cpp and running_vms.h. Below the manager's own folder in /run, where no VM's user writes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/paths.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "generator/units/render.h"

namespace qemunit::generator {

// Of one VM. The texts are those of text_of(), "" for no units.
struct Record {
    std::string_view vm;
    std::string_view now;  // what its ini file gives
    // If it runs with something else: which run (an invocation id of systemd's), and with what.
    std::string_view invocation;
    std::string_view started;
};

// Where they are kept.
std::string records_path(const std::string &root, const Paths &paths);

std::string text_of(const Output &output);
Output output_of(std::string_view text);

// The file of the last run. None, or one that this program did not write: no records.
class LastRun {
  public:
    static std::unique_ptr<LastRun> read(const std::string &path);
    // The text of the file.
    explicit LastRun(std::string text);
    LastRun(const LastRun &) = delete;
    LastRun &operator=(const LastRun &) = delete;

    const Record *find(std::string_view vm) const;

  private:
    const std::string text_;
    std::map<std::string_view, Record> records_;
};

// The file for the next run. Two processes may add to one: each writes whole records.
class NextRun {
  public:
    static Result<NextRun> create(std::string path);

    void add(const Record &record);
    // What was added goes to the file.
    Result<> flush();
    // From now on it is what LastRun::read() finds.
    Result<> keep();

  private:
    NextRun(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    UniqueFd fd_;
    std::string buffer_;
    bool failed_ = false;
};

}  // namespace qemunit::generator
