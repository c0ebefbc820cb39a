// SPDX-License-Identifier: MIT
//
// What `qemunitctl import` knows of this machine, for readers that are pure: tests bring their own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace qemunit::ctl {

struct ImageFacts {
    std::string format;  // by the content, in QEMU's words: "raw" if it has the mark of none
    struct Layer {
        std::string path, format;
    };
    std::vector<Layer> layers;  // what it is a layer on, each on the next one
};

struct Surroundings {
    std::string folder = "/";             // what a relative path is relative to
    std::string architecture = "x86_64";  // of this machine
    std::string home = "/root";
    std::string state;  // "/var/lib/qemunit": where the VMs have their state directories
    // nullopt: there is no such image, or it may not be read.
    std::function<std::optional<ImageFacts>(const std::string &path)> image;
    std::function<bool(const std::string &path)> exists;
    // The text of a small file; "" if there is none.
    std::function<std::string(const std::string &path)> read;
};

// Absolute, without "." and "..".
std::string absolute_path(const Surroundings &surroundings, const std::string &path);

// What stands for the name of a VM in a path, until it is known.
inline constexpr char kNamePlace[] = "/NAME/";

}  // namespace qemunit::ctl
