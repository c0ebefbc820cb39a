// SPDX-License-Identifier: MIT
#include "common/qemu_options/properties.h"

#include <algorithm>

namespace qemunit {

namespace {

// Up to the next comma that is not doubled, without the doubling.
std::string next_part(std::string_view &text) {
    std::string part;
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c == ',') {
            if (!text.starts_with(','))
                return part;
            text.remove_prefix(1);
        }
        part += c;
    }
    return part;
}

std::string doubled(std::string_view text) {
    std::string result;
    for (const char c : text) {
        result += c;
        if (c == ',')
            result += c;
    }
    return result;
}

}  // namespace

bool is_on(std::string_view value) {
    return value == "on" || value == "yes" || value == "true" || value == "y" || value == "1";
}

Properties Properties::parse(std::string_view text, std::string_view implied) {
    Properties properties;
    for (bool is_first = true; !text.empty(); is_first = false) {
        std::string part = next_part(text);
        const std::size_t equals = part.find('=');
        if (equals != part.npos)
            properties.add(part.substr(0, equals), part.substr(equals + 1));
        else if (is_first && !implied.empty())
            properties.add(std::string(implied), std::move(part));
        else if (part.starts_with("no") && part.size() > 2 && part != "nodelay" && part != "nowait")
            properties.add(part.substr(2), "off");
        else if (part == "nowait")
            properties.add("wait", "off");
        else if (!part.empty())
            properties.add(std::move(part), "on");
    }
    return properties;
}

std::string Properties::get(std::string_view name) const {
    std::string value;
    for (const auto &[known, text] : all_)
        if (known == name)
            value = text;
    return value;
}

bool Properties::has(std::string_view name) const {
    return std::ranges::any_of(all_, [&](const auto &one) { return one.first == name; });
}

std::string Properties::take(std::string_view name) {
    std::string value = get(name);
    std::erase_if(all_, [&](const auto &one) { return one.first == name; });
    return value;
}

std::vector<std::string> Properties::take_all(std::string_view name) {
    std::vector<std::string> values;
    for (const auto &[known, text] : all_)
        if (known == name)
            values.push_back(text);
    take(name);
    return values;
}

bool Properties::take_bool(std::string_view name, bool otherwise) {
    return has(name) ? is_on(take(name)) : otherwise;
}

void Properties::add(std::string name, std::string value) {
    all_.emplace_back(std::move(name), std::move(value));
}

void Properties::set(std::string_view name, std::string value) {
    take(name);
    add(std::string(name), std::move(value));
}

std::string Properties::text(std::string_view implied) const {
    std::string text;
    const auto append = [&](const std::string &part) {
        text += (text.empty() ? "" : ",") + part;
    };
    if (!implied.empty() && has(implied))
        append(doubled(get(implied)));
    for (const auto &[name, value] : all_)
        if (implied.empty() || name != implied)
            append(name + "=" + doubled(value));
    return text;
}

}  // namespace qemunit
