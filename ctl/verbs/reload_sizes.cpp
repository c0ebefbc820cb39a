// SPDX-License-Identifier: MIT
#include "ctl/verbs/reload_sizes.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/whole_number.h"
#include "ctl/verbs/reload_words.h"

namespace qemunit::ctl {

using nlohmann::json;

namespace {

std::string first(const QemuOption &option) {
    return option.parts.empty() ? "" : option.parts.front();
}

bool is_same_beside_first(const QemuOption &a, const QemuOption &b) {
    return a.parts.size() == b.parts.size() && !a.parts.empty() &&
           std::equal(a.parts.begin() + 1, a.parts.end(), b.parts.begin() + 1);
}

std::optional<uint64_t> number_in(const json &object, const char *key) {
    const json number = object.is_object() ? object.value(key, json()) : json();
    return number.is_number_unsigned() ? std::optional(number.get<uint64_t>()) : std::nullopt;
}

}  // namespace

SizeChange processors_change(const QemuOption &wanted, const QemuOption &started,
                             const json &slots) {
    const auto want = whole_number<uint64_t>(first(wanted)),
               least = whole_number<uint64_t>(first(started));
    if (!want || !least || !slots.is_array() || !is_same_beside_first(wanted, started))
        return {};
    uint64_t now = 0, most = 0;
    for (const json &slot : slots) {
        const uint64_t count = number_in(slot, "vcpus-count").value_or(1);
        most += count;
        now += slot.is_object() && slot.contains("qom-path") ? count : 0;
    }
    if (*want < *least || *want > most)
        return {};
    return {true, *want == now ? std::nullopt : want};
}

SizeChange memory_change(const QemuOption &wanted, const QemuOption &started, const json &memory,
                         const json &balloon) {
    // What QEMU plugs in at a time, see SetMemory in org.qemunit1(5).
    constexpr uint64_t kStep = uint64_t{128} << 20;
    const auto want = bytes_of(first(wanted)), begun = bytes_of(first(started));
    if (!want || !begun || !is_same_beside_first(wanted, started))
        return {};
    const uint64_t now = number_in(memory, "base-memory").value_or(*begun) +
                         number_in(memory, "plugged-memory").value_or(0);
    const auto actual = number_in(balloon, "actual");
    const uint64_t has = actual.value_or(now);
    if (*want == has)
        return {true, std::nullopt};
    const auto most = bytes_of(started.part("maxmem")).value_or(*begun);
    const bool can_be =
        *want <= now ? actual.has_value() : *want <= most && (*want - now) % kStep == 0;
    return can_be ? SizeChange{true, want} : SizeChange{};
}

}  // namespace qemunit::ctl
