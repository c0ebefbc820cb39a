// SPDX-License-Identifier: MIT
#include "helper/fetch/fetch_options.h"

#include <fmt/format.h>

#include "common/options.h"
#include "common/whole_number.h"

namespace qemunit::helper {

namespace {

Result<uint64_t> parse_max_size(std::string_view text) {
    const auto size = whole_number(text, {.least = 1});
    return size ? Result<uint64_t>(*size)
                : fail(EINVAL, fmt::format("--max-size='{}' is no number of bytes", text));
}

Result<unsigned> parse_stall(std::string_view text) {
    const auto seconds = whole_number<unsigned>(text, {.least = 1, .most = 3600});
    return seconds ? Result<unsigned>(*seconds)
                   : fail(EINVAL, fmt::format("--stall='{}' is no number of seconds", text));
}

constexpr Option<FetchOptions> kFetchOptions[] = {
    {{.name = "--url", .value = "URL", .help = "What to download, by http or https"},
     set_text<&FetchOptions::url>},
    {{.name = "--to", .value = "NAME", .help = "Of a file in the current folder"},
     set_text<&FetchOptions::to>},
    {{.name = "--max-size", .value = "BYTES", .help = "Nothing larger is downloaded"},
     set_parsed<&FetchOptions::max_size, parse_max_size>},
    {{.name = "--stall",
      .value = "SECONDS",
      .help = "How long less than 1 kB may come in a second"},
     set_parsed<&FetchOptions::stall, parse_stall>},
    {kHelpOption, set_to<&FetchOptions::mode, FetchOptions::Mode::help>, true},
    {kVersionOption, set_to<&FetchOptions::mode, FetchOptions::Mode::version>, true},
};

}  // namespace

std::string fetch_help() {
    return options_help(
        R"(qemunit-fetch --url=URL --to=NAME [OPTION]...

Downloads a file into the current folder, and goes on where an earlier run was cut short. Run by
qemunitctl in a unit without privileges. Checks nothing of what the file is.

)",
        kFetchOptions, "\nSee qemunitctl(1).\n");
}

Result<FetchOptions> parse_fetch_options(const std::vector<std::string> &arguments) {
    FetchOptions options;
    const auto operands = take_options(kFetchOptions, arguments, Operands::anywhere, options);
    if (!operands)
        return std::unexpected(operands.error());
    if (options.mode != FetchOptions::Mode::fetch)
        return options;
    if (!operands->empty())
        return fail(EINVAL, fmt::format("unexpected '{}'; see --help", operands->front()));
    if (!options.url.starts_with("https://") && !options.url.starts_with("http://"))
        return fail(EINVAL, fmt::format("--url='{}' is neither https nor http", options.url));
    if (options.to.empty() || options.to.starts_with('.') || options.to.contains('/'))
        return fail(EINVAL, fmt::format("--to='{}' is no name of a file", options.to));
    return options;
}

}  // namespace qemunit::helper
