// SPDX-License-Identifier: MIT
//
// What an interface's XML says, to be compared with another one's: the members, each with its
// arguments and annotations. Tests of qemunitd, with and without a bus, use it. Reads sd-bus's XML
// and ours.
#pragma once

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace qemunit {

// An element with its attributes in one order: sd-bus writes them in another than people do.
inline std::string in_order(const std::string &element) {
    std::istringstream words(element);
    std::vector<std::string> sorted{std::istream_iterator<std::string>(words), {}};
    std::sort(sorted.begin() + 1, sorted.end());
    std::string text;
    for (const std::string &word : sorted)
        text += word + " ";
    return text;
}

// Without comments.
inline std::set<std::string> members_of(std::string xml, const std::string &interface) {
    for (std::size_t begin; (begin = xml.find("<!--")) != xml.npos;)
        xml.erase(begin, xml.find("-->", begin) + 3 - begin);
    std::set<std::string> members;
    std::string member;
    bool is_ours = false;
    for (std::size_t at = 0; (at = xml.find('<', at)) != xml.npos; ++at) {
        std::string element = xml.substr(at, xml.find('>', at) - at);
        if (element.ends_with('/'))
            element.pop_back();
        const bool is_part = element.starts_with("<arg") || element.starts_with("<annotation");
        if (!is_part && !member.empty())
            members.insert(std::exchange(member, ""));
        if (element.starts_with("<interface "))
            is_ours = element.find("\"" + interface + "\"") != element.npos;
        else if (element == "</interface")
            is_ours = false;
        else if (is_ours && !element.starts_with("</"))
            member += in_order(element);
    }
    return members;
}

}  // namespace qemunit
