// SPDX-License-Identifier: MIT
//
// Which files the other VMs need: what their ini files name, what lies in their folders, and all
// that these images are layers on. For `remove` and `rename`, which ask before they touch a file.
// Of an image, only the header is read.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/paths.h"

namespace qemunit::ctl {

class ImageNeeds {
  public:
    // `folders`: "/var/lib/qemunit", where the folder of each VM is.
    static ImageNeeds of_others(const Paths &paths, const std::string &folders,
                                const std::string &vm);

    // "the VM 'b' names it"; "" if nobody needs it.
    std::string reason(const struct stat &info) const;

  private:
    using Id = std::pair<dev_t, ino_t>;
    explicit ImageNeeds(bool is_of_user) : is_of_user_(is_of_user) {}
    void add_inis(const Paths &paths, const std::string &folders, const std::string &vm);
    void add_folders(const std::string &folders, const std::string &vm);
    void add_path(const std::string &path, const std::string &reason);
    void add_layers(int image, std::string path, const std::string &vm);

    bool is_of_user_;
    std::map<Id, std::string> needed_;
};

// The backing files in an image's header, as far as they can be followed; `image` is open.
std::vector<std::string> layers_by_header(int image, std::string path, bool is_of_user);

}  // namespace qemunit::ctl
