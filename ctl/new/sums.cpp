// SPDX-License-Identifier: MIT
#include "ctl/new/sums.h"

#include <fmt/format.h>

#include <optional>
#include <sstream>
#include <vector>

#include "ctl/new/catalogue.h"

namespace qemunit::ctl {

namespace {

struct Sum {
    std::string digest, file;
};

std::string last_part(const std::string &path) {
    return path.substr(path.rfind('/') + 1);
}

// "HEX  name", "HEX *name", "HEX", "SHA256 (name) = HEX".
std::optional<Sum> parse_sum(std::string line) {
    while (line.ends_with('\r') || line.ends_with(' '))
        line.pop_back();
    if (const std::size_t end = line.find(") = "); line.starts_with("SHA") && end != line.npos) {
        const std::size_t begin = line.find(" (");
        const auto digest = parse_digest(std::string_view(line).substr(end + 4));
        if (!digest || begin == line.npos || begin > end)
            return std::nullopt;
        return Sum{*digest, last_part(line.substr(begin + 2, end - begin - 2))};
    }
    const std::size_t space = std::min(line.find(' '), line.size());
    const auto digest = parse_digest(std::string_view(line).substr(0, space));
    if (!digest)
        return std::nullopt;
    const std::size_t name = std::min(line.find_first_not_of(" *", space), line.size());
    return Sum{*digest, last_part(line.substr(name))};
}

}  // namespace

Result<std::string> digest_in(std::string_view sums, std::string_view file) {
    std::vector<Sum> all;
    std::istringstream lines{std::string(sums)};
    std::optional<std::string> found;
    for (std::string line; std::getline(lines, line);)
        if (auto sum = parse_sum(std::move(line))) {
            if (sum->file == file) {
                if (found && *found != sum->digest &&
                    found->substr(0, 6) == sum->digest.substr(0, 6))
                    return fail(EBADMSG, fmt::format("two digests of {}", file));
                if (!found || sum->digest.starts_with("sha512:"))
                    found = sum->digest;
            }
            all.push_back(std::move(*sum));
        }
    if (found)
        return *found;
    if (all.size() == 1)
        return all.front().digest;
    return fail(ENOENT, fmt::format("no digest of {}", file));
}

}  // namespace qemunit::ctl
