// SPDX-License-Identifier: MIT
#include "bus/monitor/usernet_sockets.h"

#include <filesystem>

namespace qemunit::bus {

std::map<std::string, std::string> usernet_sockets(const Paths &paths, const std::string &vm) {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> sockets;
    // "vm1:" of "vm1:lan.sock": no name of a VM has a colon.
    const std::string begin = vm + ":";
    std::error_code error;
    for (fs::directory_iterator entry(paths.runtime + "/qemunit", error), end;
         !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().stem();
        std::error_code ignored;
        if (name.starts_with(begin) && entry->path().extension() == ".sock" &&
            entry->is_socket(ignored))
            sockets.emplace(name.substr(begin.size()), entry->path());
    }
    return sockets;
}

}  // namespace qemunit::bus
