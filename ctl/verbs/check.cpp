// SPDX-License-Identifier: MIT
#include "ctl/verbs/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "common/did_you_mean.h"
#include "common/paths.h"
#include "common/vm_name.h"

namespace qemunit::ctl {

namespace {

// Of each VM, the file that counts.
std::map<std::string, std::string> find_ini_files(const Paths &paths) {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> files;
    for (const std::string &dir : paths.config_dirs()) {
        std::error_code error;
        for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
             entry.increment(error))
            if (entry->path().extension() == ".ini")
                files.try_emplace(entry->path().stem(), entry->path());
    }
    return files;
}

Result<std::string> file_of(const std::string &argument, const Paths &paths,
                            const std::map<std::string, std::string> &files) {
    if (argument.contains('/') || argument.ends_with(".ini") || !is_vm_name(argument))
        return argument;
    if (const auto known = files.find(argument); known != files.end())
        return known->second;
    std::vector<std::string_view> names;
    for (const auto &[name, path] : files)
        names.push_back(name);
    return fail(ENOENT,
                fmt::format("{}: there is no {}.ini in {}.{}", argument, argument,
                            fmt::join(paths.config_dirs(), ", "), did_you_mean(argument, names)));
}

}  // namespace

Result<int> run_check(const Invocation &invocation) {
    const Paths paths = paths_of(invocation);
    const auto known = find_ini_files(paths);
    std::vector<std::string> command{std::string(kGeneratorPath), "--check"};
    if (paths.is_of_user())
        command.emplace_back("--user");
    command.emplace_back("--");
    if (invocation.arguments.empty())
        for (const auto &[name, path] : known)
            command.push_back(path);
    for (const std::string &argument : invocation.arguments) {
        auto path = file_of(argument, paths, known);
        if (!path)
            return std::unexpected(path.error());
        command.push_back(std::move(*path));
    }
    if (invocation.arguments.empty() && known.empty())
        return 0;
    std::vector<char *> argv;
    for (std::string &word : command)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(argv.front(), argv.data());
    return fail_errno(errno, "cannot run " + command.front());
}

}  // namespace qemunit::ctl
