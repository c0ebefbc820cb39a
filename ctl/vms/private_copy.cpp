// SPDX-License-Identifier: MIT
#include "ctl/vms/private_copy.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "ctl/new/child.h"
#include "ctl/vms/file_replacement.h"

namespace qemunit::ctl {

namespace {

Result<> write_private(const std::string &path, const std::string &text) {
    struct stat like {};
    like.st_uid = geteuid();
    like.st_gid = getegid();
    like.st_mode = S_IRUSR | S_IWUSR;
    return write_file_like(like, path, text, Replaces::no);
}

}  // namespace

PrivateCopy::PrivateCopy(const Paths &paths, const std::string &vm)
    : is_of_user_(paths.is_of_user()), folder_(paths.runtime + "/qemunit-edit.XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr)
        folder_.clear();
    path_ = folder_ + "/" + vm + ".ini";
}

PrivateCopy::~PrivateCopy() {
    std::error_code error;
    if (!is_kept_ && !folder_.empty())
        std::filesystem::remove_all(folder_, error);
}

Result<> PrivateCopy::begin(const std::string &text, const std::string &drop_ins) const {
    if (folder_.empty())
        return fail_errno(errno, "cannot make a folder for a copy");
    // The generator reads those beside the file.
    if (!drop_ins.empty() && symlink(drop_ins.c_str(), (path_ + ".d").c_str()) != 0)
        return fail_errno(errno, "cannot make a copy");
    return write_private(path_, text);
}

Result<> PrivateCopy::add_drop_in(const std::string &name, const std::string &text) const {
    return write_private(path_ + ".d/" + name, text);
}

PrivateCopy::Checked PrivateCopy::check() const {
    std::vector<std::string> command{std::string(kGeneratorPath), "--check"};
    if (is_of_user_)
        command.emplace_back("--user");
    command.insert(command.end(), {"--", path_});
    const auto ended = run_child(command);
    if (!ended)
        return {false, ended.error().message + "\n"};
    Checked checked{ended->status == 0, ended->errors};
    if (!checked.said.empty())
        checked.said += "\n";
    else if (!checked.is_good)
        checked.said = fmt::format("{} failed\n", kGeneratorPath);
    const std::string folder = folder_ + "/";
    for (std::size_t at = 0; (at = checked.said.find(folder)) != checked.said.npos;)
        checked.said.erase(at, folder.size());
    return checked;
}

std::string PrivateCopy::keep() {
    is_kept_ = true;
    return fmt::format("what you wrote is in {}", path_);
}

}  // namespace qemunit::ctl
