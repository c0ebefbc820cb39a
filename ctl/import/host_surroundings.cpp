// SPDX-License-Identifier: MIT
#include "ctl/import/host_surroundings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/files/disk_image.h"
#include "common/unique_fd.h"
#include "common/whole_number.h"
#include "ctl/new/catalogue.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTextMax = 4 << 20;
constexpr std::size_t kLayersMost = 16;

std::string format_of_file(int file) {
    const std::string format = format_by_content(file);
    return format.empty() ? "raw" : format;
}

std::optional<ImageFacts> look_at_image(const std::string &path) {
    const UniqueFd file = open_image(path);
    if (!file)
        return std::nullopt;
    ImageFacts facts{format_of_file(file.get()), {}};
    std::string image = path;
    BackingFile below = backing_by_content(file.get());
    while (!below.path.empty() && facts.layers.size() < kLayersMost) {
        image = below.path.starts_with('/')
                    ? below.path
                    : (fs::path(image).parent_path() / below.path).lexically_normal().string();
        const UniqueFd layer = open_image(image);
        facts.layers.push_back({image, !below.format.empty() ? below.format
                                       : layer               ? format_of_file(layer.get())
                                                             : "raw"});
        below = layer ? backing_by_content(layer.get()) : BackingFile{};
    }
    return facts;
}

Result<std::string> read_all(int file, const std::string &name) {
    std::string text;
    char buffer[65536];
    for (;;) {
        const ssize_t n = read(file, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "cannot read " + name);
        if (n == 0)
            return text;
        text.append(buffer, static_cast<std::size_t>(n));
        if (text.size() > kTextMax)
            return fail(EFBIG, name + " is too large for what describes a VM");
    }
}

}  // namespace

Surroundings host_surroundings(const Invocation &invocation) {
    std::error_code error;
    const char *home = std::getenv("HOME");
    return {.folder = fs::current_path(error).string(),
            .architecture = own_architecture(),
            .home = home != nullptr ? home : "/",
            .state = fs::path(paths_of(invocation).state_dir("vm")).parent_path(),
            .image = look_at_image,
            .exists = [](const std::string &path) { return access(path.c_str(), F_OK) == 0; },
            .read =
                [](const std::string &path) {
                    return read_input(path).value_or("");
                }};
}

Result<RunningCommand> command_of_process(const std::string &pid) {
    if (!whole_number(pid, {.least = 1}))
        return fail(EINVAL, fmt::format("--pid={}: not a PID", pid));
    const std::string folder = "/proc/" + pid;
    const UniqueFd file(open((folder + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return errno == ENOENT ? fail(ESRCH, fmt::format("--pid={}: there is no such process", pid))
                               : fail_errno(errno, "cannot read " + folder + "/cmdline");
    auto text = read_all(file.get(), folder + "/cmdline");
    if (!text)
        return std::unexpected(text.error());
    RunningCommand command;
    for (std::size_t begin = 0; begin < text->size();) {
        const std::size_t end = std::min(text->find('\0', begin), text->size());
        command.words.push_back(text->substr(begin, end - begin));
        begin = end + 1;
    }
    std::error_code error;
    command.folder = fs::read_symlink(folder + "/cwd", error);
    if (error)
        return fail(error.value(),
                    fmt::format("cannot see which folder the process {} is in, which "
                                "its relative paths count from: {}",
                                pid, error.message()));
    return command;
}

Result<std::string> read_input(const std::string &path) {
    if (path == "-")
        return read_all(STDIN_FILENO, "standard input");
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file)
        return fail_errno(errno, "cannot open " + path);
    return read_all(file.get(), path);
}

}  // namespace qemunit::ctl
