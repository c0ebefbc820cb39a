// SPDX-License-Identifier: MIT
#include "ctl/new/scratch.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace qemunit::ctl {

Scratch::Scratch(const std::string &runtime) : path_(runtime + "/qemunit-check.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr)
        path_.clear();
    else
        chmod(path_.c_str(), 0755);
}

Scratch::~Scratch() {
    std::error_code error;
    if (!path_.empty())
        std::filesystem::remove_all(path_, error);
}

std::string Scratch::write(const std::string &name, const std::string &text) const {
    if (path_.empty())
        return "";
    std::string path = path_ + "/" + name;
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    return !file || chmod(path.c_str(), 0644) != 0 ? "" : path;
}

}  // namespace qemunit::ctl
