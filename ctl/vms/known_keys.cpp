// SPDX-License-Identifier: MIT
#include "ctl/vms/known_keys.h"

#include <algorithm>
#include <filesystem>

#include "common/vm_name.h"
#include "ctl/ssh/known_hosts.h"
#include "ctl/ssh/ssh_facts.h"
#include "ctl/verbs/command_line.h"

namespace qemunit::ctl {

KnownKeys known_keys(const Invocation &invocation, sd_bus *bus, const std::string &vm) {
    namespace fs = std::filesystem;
    KnownKeys known;
    const auto folder = known_hosts_folder();
    std::error_code error;
    if (!folder || !fs::is_directory(*folder, error))
        return known;
    const auto words = exec_start_of(bus, service_unit(vm));
    const std::string uuid = words ? facts_of_words(*words).uuid : "";
    const bool is_of_user = invocation.bus == Invocation::Bus::user;
    const auto file = known_hosts_file(*folder, uuid, is_of_user ? "user" : "system", vm);
    if (!file)
        return known;
    known.is_by_name = uuid.empty();
    if (fs::exists(*file, error))
        known.file = *file;
    for (fs::recursive_directory_iterator entry(*folder, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code none;
        if (entry->is_symlink(none) && fs::read_symlink(entry->path(), none) == *file)
            known.links.push_back(entry->path());
    }
    std::ranges::sort(known.links);
    return known;
}

}  // namespace qemunit::ctl
