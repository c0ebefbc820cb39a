// SPDX-License-Identifier: MIT
#include "ctl/run/initrd.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>

#include "common/run/protocol.h"
#include "ctl/run/architecture.h"
#include "ctl/run/cpio.h"
#include "ctl/run/memory_file.h"
#include "ctl/vm/whole_file.h"

namespace qemunit::ctl {

Result<UniqueFd> make_initrd(const RunRequest &request, const std::vector<Module> &modules,
                             const std::string &job) {
    const std::string path = init_for(request.architecture);
    const auto init = read_whole(path);
    if (!init && init.error().code == ENOENT && !request.architecture.empty())
        return fail(ENOENT,
                    fmt::format("{} is not there, the program that is first in a guest of {}: "
                                "it is qemunit-init of the package for that architecture",
                                path, request.architecture));
    if (!init)
        return std::unexpected(init.error());
    auto file = make_memory_file("initrd");
    if (!file)
        return file;
    if (!request.initrd.empty())
        if (auto copied = append_file(file->get(), request.initrd); !copied)
            return std::unexpected(copied.error());
    const auto size = std::filesystem::file_size(fmt::format("/proc/self/fd/{}", file->get()));
    Cpio archive;
    archive.add_folder("dev");
    archive.add_file(std::string_view(run::kInitPath).substr(1), *init, 0755);
    archive.add_file(std::string_view(run::kJobPath).substr(1), job, 0600);
    if (!modules.empty())
        archive.add_folder("qemunit-modules");
    for (const Module &module : modules)
        archive.add_file(module.path, module.content, 0644);
    const std::string fill(size % 4 == 0 ? 0 : 4 - size % 4, '\0');
    for (const std::string &part : {fill, archive.end()})
        if (auto appended = append_bytes(file->get(), part); !appended)
            return std::unexpected(appended.error());
    if (auto sealed = seal(file->get()); !sealed)
        return std::unexpected(sealed.error());
    return file;
}

Result<UniqueFd> copy_kernel(const std::string &path) {
    auto file = make_memory_file("kernel");
    if (!file)
        return file;
    if (auto copied = append_file(file->get(), path); !copied)
        return std::unexpected(copied.error());
    if (auto sealed = seal(file->get()); !sealed)
        return std::unexpected(sealed.error());
    return file;
}

}  // namespace qemunit::ctl
