// SPDX-License-Identifier: MIT
//
// A file whose file system, a program by FUSE, opens it and then never answers who reads. For tests
// of what reads files of others.
#pragma once

#include <string>
#include <thread>

#include "common/unique_fd.h"

namespace qemunit::e2e {

class SilentFile {
  public:
    // `size`: what stat(2) says.
    explicit SilentFile(std::string path, unsigned size = 1 << 20);
    // Whoever reads gets an error.
    ~SilentFile();
    SilentFile(const SilentFile &) = delete;
    SilentFile &operator=(const SilentFile &) = delete;

    // Whether this system has FUSE.
    bool is_there() const { return is_mounted_; }
    const std::string &path() const { return path_; }
    // Until that many have begun to read; false after a while.
    bool wait_for_readers(int readers);

  private:
    void serve();
    void answer(unsigned long long unique, int error, const void *data, unsigned long size);

    const std::string path_;
    const unsigned size_;
    UniqueFd device_, begun_;
    bool is_mounted_ = false;
    std::thread thread_;
};

}  // namespace qemunit::e2e
