// SPDX-License-Identifier: MIT
#include "generator/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/unique_fd.h"
#include "generator/check/checks.h"
#include "generator/qemu/arguments.h"
#include "generator/read/configure.h"
#include "generator/read/ini.h"
#include "generator/vm/enumerations.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

constexpr std::size_t kIniMax = 1 << 20;  // bytes; systemd's own limit for a line

// Of QEMU's command line, in bytes: what one word may have (execve(2), MAX_ARG_STRLEN with its
// NUL), and what is sure to fit a line of a unit file, whatever has to be escaped in it.
constexpr std::size_t kWordMax = (128 << 10) - 1;
constexpr std::size_t kCommandMax = 256 << 10;

// Nothing and a diagnostic if it cannot be read; "" if it is a mask. Never waits: a fifo is
// refused, not opened.
std::optional<std::string> read_file(const std::string &path, Diagnostics &diagnostics) {
    const auto error = [&](std::string message) {
        diagnostics.push_back({{path, 0}, Severity::error, std::move(message)});
        return std::nullopt;
    };
    const auto unreadable = [&](int code) {
        std::error_code no_link;
        const auto target = std::filesystem::read_symlink(path, no_link);
        const std::string link =
            no_link ? "" : fmt::format("it is a link to {}: ", target.string());
        return error(fmt::format("Cannot read the file: {}{}.", link, std::strerror(code)));
    };
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd)
        return unreadable(errno);
    struct stat info {};
    if (fstat(fd.get(), &info) != 0)
        return unreadable(errno);
    if (is_mask(info))
        return "";
    if (!S_ISREG(info.st_mode))
        return error("Not a regular file.");
    if (info.st_size > static_cast<off_t>(kIniMax))
        return error(fmt::format("Larger than {} bytes; this is no ini file.", kIniMax));

    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
        const ssize_t n = read(fd.get(), text.data() + filled, text.size() - filled);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return unreadable(errno);
        if (n == 0)
            break;
        filled += static_cast<std::size_t>(n);
    }
    text.resize(filled);
    return text;
}

// A command line that is longer would fail no earlier than at the start, without a reason given.
void check_length(const Vm &vm, Architecture host, Diagnostics &diagnostics) {
    const auto error = [&](std::string message) {
        diagnostics.push_back({{vm.source_path, 0}, Severity::error, std::move(message)});
    };
    std::size_t total = 0;
    for (const std::string &word : qemu_arguments(vm, host)) {
        total += word.size();
        if (word.size() > kWordMax)
            error(
                fmt::format("The word '{}' of QEMU's command line would have {} bytes; the "
                            "kernel takes {}.",
                            printable(shorten(word)), word.size(), kWordMax));
    }
    if (total > kCommandMax)
        error(fmt::format("QEMU's command line would have {} bytes; {} are the most.", total,
                          kCommandMax));
}

}  // namespace

std::optional<Vm> load_vm(const VmSource &source, const std::string &root, const Paths &paths,
                          Architecture host, const std::optional<HostId> &host_id,
                          FirmwareCatalog &firmware, Diagnostics &diagnostics) {
    Diagnostics found;
    std::vector<IniFile> files;
    std::vector<std::string> sources = {source.path};
    sources.insert(sources.end(), source.drop_ins.begin(), source.drop_ins.end());
    std::size_t bytes = 0;
    for (const std::string &path : sources)
        if (const auto text = read_file(path, found)) {
            if (text->empty() && &path == &sources.front())
                return std::nullopt;
            bytes += text->size();
            files.push_back(parse_ini(path, *text, found));
        }

    // A file that could not be read may make the others contradict each other, which would mislead.
    const bool is_complete = files.size() == sources.size();
    Vm vm;
    if (is_complete) {
        vm = configure(source.name, files, paths, found, host_id);
        check_vm(vm, host, found);
    }
    if (is_complete && vm.firmware != Firmware::bios) {
        if (auto uefi = firmware.find(vm, host))
            vm.uefi = std::move(*uefi);
        else
            found.push_back({vm.location("VM", "Firmware"), Severity::error,
                             fmt::format("Firmware={}: {}", name_of(vm.firmware), uefi.error())});
    }
    if (bytes > kWordMax / 2 && is_complete && !has_errors(found))
        check_length(vm, host, found);
    vm.source_path = source.path.starts_with(root) ? source.path.substr(root.size()) : source.path;
    // The order in which a reader goes through the files.
    const auto position = [&](const Diagnostic &d) {
        return std::pair(std::ranges::find(sources, d.where.path) - sources.begin(), d.where.line);
    };
    std::ranges::stable_sort(found, {}, position);
    const bool usable = is_complete && !has_errors(found);
    std::ranges::move(found, std::back_inserter(diagnostics));
    return usable ? std::optional(std::move(vm)) : std::nullopt;
}

}  // namespace qemunit::generator
