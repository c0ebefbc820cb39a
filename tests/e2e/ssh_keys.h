// SPDX-License-Identifier: MIT
//
// Keys of the one who calls ssh, and the guests' keys that ssh keeps.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>

#include "tests/e2e/process.h"

namespace qemunit::e2e {

// Gone with their folder: keys of the caller, in the place where ssh looks.
class Keys {
  public:
    explicit Keys(std::string home) : folder_(std::move(home) + "/.ssh") {
        std::filesystem::create_directories(folder_);
        const Finished made = run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path()});
        EXPECT_TRUE(made.ok()) << made;
    }
    ~Keys() {
        std::filesystem::remove_all(folder_);
        std::filesystem::remove_all(known_hosts().parent_path());
    }
    Keys(const Keys &) = delete;
    Keys &operator=(const Keys &) = delete;
    std::string path() const { return folder_ + "/id_ed25519"; }
    const std::string &folder() const { return folder_; }
    // Of ssh's, a file for each VM.
    std::filesystem::path known_hosts() const {
        return std::filesystem::path(folder_).parent_path() / ".local/state/qemunit/known_hosts";
    }

  private:
    std::string folder_;
};

}  // namespace qemunit::e2e
