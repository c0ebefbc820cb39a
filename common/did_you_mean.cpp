// SPDX-License-Identifier: MIT
#include "common/did_you_mean.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/ascii.h"

namespace qemunit {

namespace {

// Levenshtein's distance, with two neighbours that changed places as one fault ("optimal string
// alignment"); a change of case counts half a letter, so results are doubled.
std::size_t edit_distance2(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j)
        row[j] = 2 * j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = std::exchange(above, row);
        row[0] = 2 * i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t change = 2;
            if (a[i - 1] == b[j - 1])
                change = 0;
            else if (to_lower(a[i - 1]) == to_lower(b[j - 1]))
                change = 1;
            row[j] = std::min({above[j - 1] + change, above[j] + 2, row[j - 1] + 2});
            if (i > 1 && j > 1 && to_lower(a[i - 1]) == to_lower(b[j - 2]) &&
                to_lower(a[i - 2]) == to_lower(b[j - 1]))
                row[j] = std::min(row[j], before[j - 2] + 2);
        }
    }
    return row.back();
}

}  // namespace

std::string_view closest(std::string_view word, std::span<const std::string_view> candidates) {
    constexpr std::size_t kLongest = 64;
    if (word.empty() || word.size() > kLongest)
        return {};
    std::string_view best;
    // A third of the letters may be wrong, but at least one.
    std::size_t best_distance = 2 * std::max<std::size_t>(1, word.size() / 3) + 1;
    for (std::string_view candidate : candidates) {
        if (candidate.size() > kLongest)
            continue;
        if (to_lower(word) == to_lower(candidate))
            return candidate;
        if (const std::size_t d = edit_distance2(word, candidate); d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
    const std::string_view best = closest(word, candidates);
    return best.empty() ? "" : " Did you mean '" + std::string(best) + "'?";
}

}  // namespace qemunit
