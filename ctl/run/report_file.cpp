// SPDX-License-Identifier: MIT
#include "ctl/run/report_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>

#include "common/files/new_file.h"
#include "common/files/trusted_path.h"
#include "common/whole_number.h"
#include "ctl/run/memory_file.h"

namespace qemunit::ctl {

namespace {

// "/dev/fd/63", as a shell has it for >(COMMAND).
std::optional<int> own_descriptor(std::string_view path) {
    if (path == "/dev/stdout")
        return STDOUT_FILENO;
    if (path == "/dev/stderr")
        return STDERR_FILENO;
    for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"})
        if (path.starts_with(folder))
            return whole_number<int>(path.substr(folder.size()));
    return std::nullopt;
}

UniqueFd duplicate_of(int fd) {
    return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

// Where a file is written: what the folder is now counts, whoever renames or links something later.
struct Place {
    UniqueFd folder;
    std::string name;
};

Result<Place> place_of(const std::string &path) {
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error).lexically_normal();
    const std::string name = whole.filename().string();
    if (error || name.empty() || name == "." || name == "..")
        return fail_errno(error ? error.value() : EISDIR, "cannot write " + path);
    auto folder = open_folder_without_links(whole.parent_path());
    // That one says which link, and what to do.
    if (!folder && folder.error().code == ELOOP)
        return fail(ELOOP, "cannot write " + path + ": " + folder.error().message);
    if (!folder)
        return fail_errno(folder.error().code, "cannot write " + path);
    return Place{std::move(*folder), name};
}

// Only root makes one. Nothing, if there is none of that name.
Result<UniqueFd> open_device(const Place &place, const std::string &path) {
    const UniqueFd found(
        openat(place.folder.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!found || fstat(found.get(), &info) != 0)
        return UniqueFd();
    if (S_ISBLK(info.st_mode))
        return fail(EINVAL, "cannot write " + path + ": it is a block device");
    if (!S_ISCHR(info.st_mode))
        return UniqueFd();
    UniqueFd device = reopen(found, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return device ? Result<UniqueFd>(std::move(device)) : fail_errno(errno, "cannot write " + path);
}

mode_t mode_of_new_files() {
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

}  // namespace

Result<UniqueFd> open_folder_without_links(const std::filesystem::path &path) {
    auto found = find_path(path.string());
    if (found) {
        UniqueFd folder(openat(found->fd.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
        return folder ? Result<UniqueFd>(std::move(folder)) : fail_errno(errno, "cannot open it");
    }
    if (found.error().code != ENOENT || path == path.root_path())
        return std::unexpected(found.error());
    const auto above = open_folder_without_links(path.parent_path());
    if (!above)
        return std::unexpected(above.error());
    const std::string name = path.filename().string();
    if (mkdirat(above->get(), name.c_str(), 0777) != 0 && errno != EEXIST)
        return fail_errno(errno, "cannot make the folder " + path.string());
    UniqueFd folder(
        openat(above->get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder)
        return fail_errno(errno, "cannot open " + path.string());
    return folder;
}

Result<ReportFile> ReportFile::open(const std::string &path) {
    ReportFile report;
    report.path_ = path;
    if (path.empty())
        return report;
    if (const auto own = own_descriptor(path)) {
        report.file_ = duplicate_of(*own);
        if (!report.file_)
            return fail_errno(errno, "cannot write " + path);
        return report;
    }
    auto place = place_of(path);
    if (!place)
        return std::unexpected(place.error());
    auto device = open_device(*place, path);
    if (!device)
        return std::unexpected(device.error());
    report.file_ = std::move(*device);
    if (report.file_)
        return report;
    report.name_ = place->name;
    report.folder_ = std::move(place->folder);
    return report;
}

Result<> ReportFile::write(std::string_view text) const {
    const auto cannot = [this](int error) {
        return fail_errno(error, "cannot write " + path_);
    };
    if (file_) {
        auto written = append_bytes(file_.get(), text);
        return written ? written : cannot(written.error().code);
    }
    if (!folder_)
        return {};
    // Named, since only such a one can be renamed.
    auto file = NewFile::create(folder_.get(), name_, NewFile::Kind::named);
    if (!file)
        return cannot(file.error().code);
    if (auto written = append_bytes(file->fd(), text); !written)
        return cannot(written.error().code);
    if (fchmod(file->fd(), mode_of_new_files()) != 0)
        return cannot(errno);
    auto replaced = file->replace();
    return replaced ? replaced : cannot(replaced.error().code);
}

Result<UniqueFd> open_event_file(const std::string &path) {
    const auto own = own_descriptor(path);
    UniqueFd file;
    if (own) {
        file = duplicate_of(*own);
    } else {
        const auto place = place_of(path);
        if (!place)
            return std::unexpected(place.error());
        // Not emptied before it is known what it is.
        file.reset(openat(place->folder.get(), place->name.c_str(),
                          O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                          0666));
    }
    if (!file && errno == ELOOP)
        return fail(ELOOP, "cannot write " + path + ": it is a link; name what it leads to");
    if (!file && errno == ENXIO)
        return fail(ENXIO, "cannot write " + path + ": it is a fifo that nobody reads");
    struct stat info {};
    if (!file || fstat(file.get(), &info) != 0)
        return fail_errno(errno, "cannot write " + path);
    if (own || S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode))
        return file;
    if (!S_ISREG(info.st_mode))
        return fail(EINVAL, "cannot write " + path + ": it is no file");
    if (info.st_nlink != 1)
        return fail(EPERM, "cannot write " + path + ": it is a file with several names");
    if (ftruncate(file.get(), 0) != 0)
        return fail_errno(errno, "cannot write " + path);
    return file;
}

}  // namespace qemunit::ctl
