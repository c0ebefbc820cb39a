// SPDX-License-Identifier: MIT
#include "ctl/run/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/time_units.h"
#include "common/whole_number.h"
#include "ctl/new/request.h"
#include "ctl/run/architecture.h"
#include "ctl/vm/timeout.h"

namespace qemunit::ctl {

namespace {

std::string absolute(const std::string &folder, const std::string &path) {
    std::string text = (std::filesystem::path(folder) / path).lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/'))
        text.pop_back();
    return text;
}

// The guest's init gets it in lines that end with a NUL, the ini in lines that end with a newline.
Result<> check_text(std::string_view option, std::string_view text) {
    if (text.find('\n') != text.npos)
        return fail(EINVAL, fmt::format("{} must not have more than one line", option));
    return {};
}

Result<RunShare> parse_share(const std::string &text, const std::string &folder) {
    RunShare share{text, false};
    if (text.ends_with(":ro")) {
        share.read_only = true;
        share.path.resize(text.size() - 3);
    }
    if (share.path.empty())
        return fail(EINVAL, "--share= needs a folder");
    share.path = absolute(folder, share.path);
    if (share.path == "/")
        return fail(EINVAL, "--share=/ would cover the guest's root; that is --root=/");
    return share;
}

Result<std::string> parse_variable(const std::string &text, const char *(*variable)(const char *)) {
    const std::string name = text.substr(0, text.find('='));
    if (name.empty())
        return fail(EINVAL, fmt::format("--env={}: not the name of a variable", text));
    if (name.size() < text.size())
        return text;
    const char *value = variable(name.c_str());
    if (value == nullptr)
        return fail(EINVAL, fmt::format("--env={0}: there is no such variable here; to give one, "
                                        "write --env={0}=VALUE",
                                        text));
    return name + "=" + value;
}

}  // namespace

Result<RunRequest> parse_run_request(const Invocation &invocation, const std::string &folder,
                                     const char *(*variable)(const char *)) {
    RunRequest request;
    const auto path_of = [&](std::string_view option) {
        const std::string value = invocation.value(option);
        return value.empty() ? value : absolute(folder, value);
    };
    if (const std::string name = invocation.value("--arch"); !name.empty()) {
        request.architecture = architecture_named(name);
        if (request.architecture.empty())
            return fail(EINVAL, fmt::format("--arch={}: none of x86_64, i386, aarch64, arm and "
                                            "riscv64",
                                            name));
    }
    request.kernel = path_of("--kernel");
    request.host_kernel = invocation.has("--host-kernel");
    if (request.host_kernel && !request.kernel.empty())
        return fail(EINVAL, "--kernel and --host-kernel exclude each other");
    const bool is_foreign =
        !request.architecture.empty() && request.architecture != architecture_of_this_machine();
    if (is_foreign && request.host_kernel)
        return fail(EINVAL, "--arch and --host-kernel exclude each other");
    request.modules = path_of("--modules");
    request.initrd = path_of("--initrd");
    request.root = path_of("--root");
    request.image = path_of("--image");
    if (!request.root.empty() && !request.image.empty())
        return fail(EINVAL, "--root and --image exclude each other");
    const bool has_root =
        !request.root.empty() || !request.initrd.empty() || !request.image.empty();
    if (is_foreign && !has_root)
        return fail(EINVAL,
                    fmt::format("no program of this machine runs on {}: name a tree of that "
                                "architecture by --root=, --initrd= or --image=",
                                request.architecture));
    if (!has_root)
        request.root = "/";
    request.output = path_of("--output");
    request.events = invocation.value("--events") == "-" ? std::string("-") : path_of("--events");
    for (const std::string &text : invocation.values("--share")) {
        auto share = parse_share(text, folder);
        if (!share)
            return std::unexpected(share.error());
        request.shares.push_back(std::move(*share));
    }
    request.memory = invocation.value("--memory", request.memory);
    if (!parse_size(request.memory))
        return fail(EINVAL,
                    fmt::format("--memory={}: not a size; write 512M or 2G", request.memory));
    request.cpus = invocation.value("--cpus", request.cpus);
    if (!whole_number<unsigned>(request.cpus, {.least = 1, .most = 1024}))
        return fail(EINVAL, fmt::format("--cpus={}: not a number of CPUs", request.cpus));
    request.append = invocation.value("--append");
    request.ini = invocation.value("--ini");
    request.timeout = invocation.value("--timeout");
    if (!request.timeout.empty()) {
        const auto seconds = parse_timeout(request.timeout);
        if (!seconds)
            return std::unexpected(seconds.error());
        request.timeout_usec = *seconds * kSecond;
    }
    for (const std::string &text : invocation.values("--env")) {
        auto set = parse_variable(text, variable);
        if (!set)
            return std::unexpected(set.error());
        request.environment.push_back(std::move(*set));
    }
    request.has_network = invocation.has("--network");
    request.has_terminal = invocation.has("--terminal");
    request.shows_console = invocation.has("--console");
    request.has_debugger = invocation.has("--gdb");
    request.junit = path_of("--junit");
    request.command = invocation.arguments;
    if (request.command.empty())
        return fail(EINVAL, "which command? It is: qemunitctl run [OPTION...] -- COMMAND...");
    for (const auto &[option, text] :
         {std::pair("--append", &request.append), std::pair("--memory", &request.memory)})
        if (auto checked = check_text(option, *text); !checked)
            return std::unexpected(checked.error());
    return request;
}

}  // namespace qemunit::ctl
