// SPDX-License-Identifier: MIT
//
// What the generator has written for each VM, kept in a file for its next run: systemd removes the
// units of generators before it runs them, and a VM may still run with the old ones. Called by
// main.cpp and running_vms.h. The file is in the manager's own folder in /run, where no VM's user
// can write.
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

// What is kept of one VM. The texts are those of text_of(), "" for no units.
struct Record {
    std::string_view vm;
    std::string_view now;  // what its ini file gives
    // If the VM runs with other units: its systemd invocation id, and these units.
    std::string_view invocation;
    std::string_view started;
};

// Where the records are kept.
std::string records_path(const std::string &root, const Paths &paths);

std::string text_of(const Output &output);
Output output_of(std::string_view text);

// The file of the last run. If there is none, or another program wrote it, there are no records.
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

// The file for the next run. Two processes may write to one file: each writes whole records.
class NextRun {
  public:
    static Result<NextRun> create(std::string path);

    void add(const Record &record);
    // Writes the records that were added to the file.
    Result<> flush();
    // Puts the file where LastRun::read() of the next run finds it.
    Result<> keep();

  private:
    NextRun(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    UniqueFd fd_;
    std::string buffer_;
    bool failed_ = false;
};

}  // namespace qemunit::generator
