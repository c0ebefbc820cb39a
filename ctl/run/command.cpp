// SPDX-License-Identifier: MIT
#include "ctl/run/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/paths.h"
#include "ctl/run/memory_file.h"
#include "ctl/vm/whole_file.h"

namespace qemunit::ctl {

namespace {

std::string text_in_memory(int file) {
    return read_whole(fmt::format("/proc/self/fd/{}", file)).value_or("");
}

}  // namespace

Result<RunCommand> ask_generator(const std::string &id, const std::string &ini, bool of_user) {
    auto input = make_memory_file("ini"), output = make_memory_file("command"),
         errors = make_memory_file("errors");
    for (const auto *file : {&input, &output, &errors})
        if (!*file)
            return std::unexpected(file->error());
    if (auto written = append_bytes(input->get(), ini); !written)
        return std::unexpected(written.error());
    const std::string program(kGeneratorPath);
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot run " + program);
    if (child == 0) {
        if (dup2(input->get(), STDIN_FILENO) < 0 || dup2(output->get(), STDOUT_FILENO) < 0 ||
            dup2(errors->get(), STDERR_FILENO) < 0)
            _exit(EXIT_FAILURE);
        execl(program.c_str(), program.c_str(), "--run", id.c_str(), of_user ? "--user" : nullptr,
              nullptr);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const std::string said = text_in_memory(errors->get());
    if (status != 0)
        return fail(EINVAL, said.empty() ? fmt::format("{} failed", program)
                                         : fmt::format("the VM cannot be so:\n{}", said));
    RunCommand command;
    std::string text = text_in_memory(output->get());
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\0'), rest.size());
        command.words.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (command.words.size() < 2)
        return fail(EPROTO, fmt::format("{} is of another version", program));
    command.unit = command.words.front();
    command.words.erase(command.words.begin());
    return command;
}

}  // namespace qemunit::ctl
