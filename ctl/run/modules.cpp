// SPDX-License-Identifier: MIT
#include "ctl/run/modules.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <utility>

#include "common/unique_fd.h"
#include "ctl/run/memory_file.h"
#include "ctl/vm/whole_file.h"

namespace qemunit::ctl {

namespace {

// "kernel/fs/9p/9p.ko.xz" -> "9p"; modprobe takes "-" and "_" for the same.
std::string name_of_module(std::string_view path) {
    std::string name(path.substr(path.rfind('/') + 1));
    name.resize(std::min(name.find(".ko"), name.size()));
    std::ranges::replace(name, '-', '_');
    return name;
}

struct Packing {
    std::string_view suffix;
    const char *program;
};
constexpr Packing kPackings[] = {{".xz", "xz"}, {".zst", "zstd"}, {".gz", "gzip"}};

// By a program whose output is a file in memory: it never waits for us, nor one for the others.
class Unpacking {
  public:
    static Result<Unpacking> start(const std::string &path, const char *program) {
        auto output = make_memory_file("module");
        if (!output)
            return std::unexpected(output.error());
        const pid_t child = fork();
        if (child < 0)
            return fail_errno(errno, std::string("cannot run ") + program);
        if (child == 0) {
            const int input = open(path.c_str(), O_RDONLY | O_CLOEXEC);
            if (input < 0 || dup2(input, STDIN_FILENO) < 0 ||
                dup2(output->get(), STDOUT_FILENO) < 0)
                _exit(EXIT_FAILURE);
            execlp(program, program, "-dc", nullptr);
            _exit(127);
        }
        return Unpacking(path, program, child, std::move(*output));
    }
    Unpacking(Unpacking &&other) noexcept
        : path_(std::move(other.path_)),
          program_(other.program_),
          child_(std::exchange(other.child_, -1)),
          output_(std::move(other.output_)) {}
    Unpacking &operator=(Unpacking &&) = delete;
    ~Unpacking() { wait(); }

    Result<std::string> finish() {
        if (const int status = wait(); status != 0)
            return fail(EIO, fmt::format("cannot unpack {} with {}{}", path_, program_,
                                         WIFEXITED(status) && WEXITSTATUS(status) == 127
                                             ? ", which is not installed"
                                             : ""));
        return read_whole(fmt::format("/proc/self/fd/{}", output_.get()));
    }

  private:
    Unpacking(std::string path, const char *program, pid_t child, UniqueFd output)
        : path_(std::move(path)), program_(program), child_(child), output_(std::move(output)) {}

    int wait() {
        int status = 0;
        while (child_ > 0 && waitpid(child_, &status, 0) < 0 && errno == EINTR) {
        }
        child_ = -1;
        return status;
    }

    std::string path_;
    const char *program_;
    pid_t child_;
    UniqueFd output_;
};

}  // namespace

std::vector<std::string> modules_in_order(std::string_view modules_dep,
                                          const std::vector<std::string> &names) {
    struct Line {
        std::string_view path;
        std::vector<std::string_view> needs;
    };
    std::map<std::string, Line> lines;
    while (!modules_dep.empty()) {
        const std::size_t end = std::min(modules_dep.find('\n'), modules_dep.size());
        std::string_view text = modules_dep.substr(0, end);
        modules_dep.remove_prefix(std::min(end + 1, modules_dep.size()));
        const std::size_t colon = text.find(':');
        if (colon == text.npos)
            continue;
        Line line{text.substr(0, colon), {}};
        text.remove_prefix(colon + 1);
        while (!text.empty()) {
            const std::size_t space = std::min(text.find(' '), text.size());
            if (space > 0)
                line.needs.push_back(text.substr(0, space));
            text.remove_prefix(std::min(space + 1, text.size()));
        }
        lines.insert_or_assign(name_of_module(line.path), std::move(line));
    }
    std::vector<std::string> ordered;
    std::set<std::string_view> seen;
    const auto add = [&](std::string_view path) {
        if (seen.insert(path).second)
            ordered.emplace_back(path);
    };
    for (const std::string &name : names) {
        const auto line = lines.find(name);
        if (line == lines.end())
            continue;
        // The last one is needed by those before (modules.dep(5)).
        for (const std::string_view need : std::views::reverse(line->second.needs))
            add(need);
        add(line->second.path);
    }
    return ordered;
}

Result<std::vector<Module>> read_modules(const std::string &folder,
                                         const std::vector<std::string> &names) {
    std::vector<Module> modules;
    if (access(folder.c_str(), F_OK) != 0)
        return modules;
    const auto table = read_whole(folder + "/modules.dep");
    if (!table)
        return std::unexpected(table.error());
    struct Begun {
        std::string path;
        std::optional<Unpacking> unpacking;
    };
    // All at once, in the order in which they are loaded.
    std::vector<Begun> begun;
    for (const std::string &path : modules_in_order(*table, names)) {
        const auto *const packing = std::ranges::find_if(
            kPackings, [&](const Packing &known) { return path.ends_with(known.suffix); });
        Begun one{path, std::nullopt};
        if (packing != std::end(kPackings)) {
            auto started = Unpacking::start(folder + "/" + path, packing->program);
            if (!started)
                return std::unexpected(started.error());
            one.unpacking.emplace(std::move(*started));
        }
        begun.push_back(std::move(one));
    }
    for (Begun &one : begun) {
        auto content =
            one.unpacking ? one.unpacking->finish() : read_whole(folder + "/" + one.path);
        if (!content)
            return std::unexpected(content.error());
        modules.push_back(
            {fmt::format("qemunit-modules/{}.ko", name_of_module(one.path)), std::move(*content)});
    }
    return modules;
}

}  // namespace qemunit::ctl
