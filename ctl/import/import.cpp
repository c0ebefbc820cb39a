// SPDX-License-Identifier: MIT
#include "ctl/import/import.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "common/files/new_file.h"
#include "common/unique_fd.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/import/conversion.h"
#include "ctl/import/host_surroundings.h"
#include "ctl/import/imported_vm.h"
#include "ctl/import/libvirt.h"
#include "ctl/import/proxmox.h"
#include "ctl/import/quickemu.h"
#include "ctl/import/shell.h"
#include "ctl/import/state_copy.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr int kSomethingLost = 1;

Result<unsigned> line_of(const Invocation &invocation) {
    if (!invocation.has("--line"))
        return 0u;
    const std::string text = invocation.value("--line");
    const auto line = whole_number<unsigned>(text, {.least = 1});
    if (!line)
        return fail(EINVAL, fmt::format("--line={}: not the number of a line", text));
    return *line;
}

Result<ImportedVm> import_script(const Invocation &invocation, const std::string &text,
                                 const Surroundings &surroundings) {
    const auto line = line_of(invocation);
    if (!line)
        return std::unexpected(line.error());
    const auto words = choose_command(qemu_commands(text, surroundings.home), *line);
    if (!words)
        return std::unexpected(words.error());
    return import_command(*words, surroundings);
}

// One word is a file, unless it is a QEMU.
bool is_script(const std::vector<std::string> &arguments) {
    return arguments.size() == 1 && !is_qemu_program(arguments.front());
}

Result<ImportedVm> import_vm(const Invocation &invocation, std::string &heading) {
    const auto kinds = {"--libvirt", "--quickemu", "--proxmox", "--pid"};
    std::string kind;
    for (const char *option : kinds)
        if (invocation.has(option)) {
            if (!kind.empty() || !invocation.arguments.empty())
                return fail(EINVAL,
                            "one VM at a time: --libvirt=, --quickemu=, --proxmox=, --pid= "
                            "or a command behind --");
            kind = option;
        }
    Surroundings surroundings = host_surroundings(invocation);
    if (kind == "--pid") {
        const std::string pid = invocation.value("--pid");
        const auto command = command_of_process(pid);
        if (!command)
            return std::unexpected(command.error());
        surroundings.folder = command->folder;
        heading = "process " + pid;
        return import_command(command->words, surroundings);
    }
    if (!kind.empty()) {
        const std::string path = invocation.value(kind);
        const auto text = read_input(path);
        if (!text)
            return std::unexpected(text.error());
        heading = path == "-" ? "standard input" : path;
        if (path != "-")
            surroundings.folder = fs::absolute(path).parent_path();
        auto vm = kind == "--libvirt"    ? import_libvirt(*text, surroundings)
                  : kind == "--quickemu" ? import_quickemu(*text, surroundings)
                                         : import_proxmox(*text, surroundings);
        if (!vm)
            return fail(vm.error().code, heading + ": " + vm.error().message);
        return vm;
    }
    const std::vector<std::string> &arguments = invocation.arguments;
    if (is_script(arguments) || (arguments.empty() && isatty(STDIN_FILENO) == 0)) {
        const std::string path = arguments.empty() ? "-" : arguments.front();
        const auto text = read_input(path);
        if (!text)
            return std::unexpected(text.error());
        heading = path == "-" ? "a script" : path;
        return import_script(invocation, *text, surroundings);
    }
    if (arguments.empty())
        return fail(EINVAL,
                    "which VM? It is: qemunitctl import -- qemu-system-x86_64 …, or one of "
                    "--libvirt=FILE, --quickemu=FILE, --proxmox=FILE and --pid=PID");
    if (invocation.has("--line"))
        return fail(EINVAL, "--line= is for scripts");
    heading = "a command line";
    return import_command(arguments, surroundings);
}

// The name that the VM gets: that of the ini file, also where the shell writes it.
std::string name_of_output(const std::string &file) {
    std::error_code error;
    const fs::path path =
        file.empty() ? fs::read_symlink("/proc/self/fd/1", error) : fs::path(file);
    const std::string stem = path.stem();
    return path.extension() == ".ini" && is_vm_name(stem) ? stem : "";
}

Result<> write_new(const std::string &path, std::string_view text) {
    const fs::path place(path);
    const std::string folder = place.has_parent_path() ? place.parent_path().string() : ".";
    const UniqueFd opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return fail_errno(errno, "cannot write " + path);
    auto file = NewFile::create(opened.get(), place.filename());
    if (!file)
        return fail_errno(file.error().code, "cannot write " + path);
    while (!text.empty()) {
        const ssize_t n = write(file->fd(), text.data(), text.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "cannot write " + path);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (fchmod(file->fd(), 0644) != 0 || fsync(file->fd()) != 0)
        return fail_errno(errno, "cannot write " + path);
    if (auto published = file->publish(); !published)
        return published.error().code == EEXIST
                   ? fail(EEXIST, path + " is there already; nothing was written")
                   : fail_errno(published.error().code, "cannot write " + path);
    return {};
}

}  // namespace

Result<int> run_import(const Invocation &invocation) {
    const std::string output = invocation.value("--output");
    if (invocation.has("--output") && output.empty())
        return fail(EINVAL, "--output=: which file?");
    std::string heading;
    auto vm = import_vm(invocation, heading);
    if (!vm)
        return std::unexpected(vm.error());
    std::string name = name_of_output(output);
    const bool with_state = invocation.has("--with-state");
    if (with_state && (output.empty() || name.empty()))
        return fail(EINVAL, "--with-state needs the name of the VM, by -o /etc/qemunit/NAME.ini");
    if (name.empty())
        name = vm->name;
    if (!output.empty() && access(output.c_str(), F_OK) == 0)
        return fail(EEXIST, output + " is there already; nothing was written");
    std::optional<StateCopy> state;
    if (with_state) {
        auto copied = StateCopy::make(invocation, name, *vm);
        if (!copied)
            return std::unexpected(copied.error());
        state.emplace(std::move(*copied));
    } else {
        vm->lose_state(host_surroundings(invocation).state + "/" + (name.empty() ? "NAME" : name));
    }
    if (!name.empty())
        vm->replace_in_arguments(kNamePlace, "/" + name + "/");
    else if (vm->text("").contains(kNamePlace))
        vm->changed("NAME in a path below stands for the name of the VM, which -o would have said");
    const std::string text = vm->text(fmt::format("Imported by qemunitctl from {}.", heading));
    if (output.empty())
        fmt::print("{}", text);
    else if (auto written = write_new(output, text); !written)
        return std::unexpected(written.error());
    if (state)
        state->keep();
    std::fflush(stdout);
    if (vm->is_whole())
        return 0;
    fmt::print(stderr, "qemunitctl: {} of the VM {} lost; the lines \"# lost:\" of {} say what\n",
               vm->lost_count() == 1 ? "a part" : fmt::format("{} parts", vm->lost_count()),
               vm->lost_count() == 1 ? "was" : "were", output.empty() ? "the ini file" : output);
    return kSomethingLost;
}

}  // namespace qemunit::ctl
