// SPDX-License-Identifier: MIT
//
// A folder of its own for each test, gone with it.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

namespace qemunit::testing {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = ::testing::TempDir() + "qemunit-test-XXXXXX";
        EXPECT_NE(mkdtemp(pattern.data()), nullptr);
        path_ = pattern;
        chmod(path_.c_str(), 0755);  // some tests read as another user
    }
    ~TemporaryFolder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    TemporaryFolder(const TemporaryFolder &) = delete;
    TemporaryFolder &operator=(const TemporaryFolder &) = delete;

    const std::string &path() const { return path_; }
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

    // With the folders above it. Returns the full path.
    std::string write(std::string_view name, std::string_view text) const {
        std::string path = make_room(name);
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    std::string link(std::string_view name, const std::string &target) const {
        std::string path = make_room(name);
        std::filesystem::create_symlink(target, path);
        return path;
    }
    std::string make_folder(std::string_view name) const {
        std::filesystem::create_directories(*this / name);
        return *this / name;
    }
    std::string read(std::string_view name) const { return read_file(*this / name); }

    // All that is in it: files with their texts, links as "-> TARGET".
    std::map<std::string, std::string> contents() const {
        namespace fs = std::filesystem;
        std::map<std::string, std::string> found;
        for (const auto &entry : fs::recursive_directory_iterator(path_)) {
            const std::string name = entry.path().string().substr(path_.size() + 1);
            if (entry.is_symlink())
                found[name] = "-> " + fs::read_symlink(entry.path()).string();
            else if (entry.is_regular_file())
                found[name] = read_file(entry.path());
        }
        return found;
    }

  private:
    std::string make_room(std::string_view name) const {
        std::string path = *this / name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        return path;
    }
    static std::string read_file(const std::string &path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::string path_;
};

}  // namespace qemunit::testing
