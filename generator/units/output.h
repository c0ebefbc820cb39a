// SPDX-License-Identifier: MIT
//
// Writes what render() made below an output directory. Each file appears whole or not at
// all, also when two generators run at once or one is killed.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"
#include "generator/units/render.h"

namespace qemunit::generator {

class OutputFolder {
  public:
    static Result<OutputFolder> open(const std::string &path);

    // What exists already is written anew; a link stays.
    Result<> write(const Output &output) const;

  private:
    OutputFolder(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    Result<> make_parent(const std::string &path) const;
    Result<> write_file(const OutputFile &file) const;
    std::unexpected<Error> fail(std::string_view what, std::string_view path) const;

    std::string path_;
    UniqueFd fd_;
};

}  // namespace qemunit::generator
