// SPDX-License-Identifier: MIT
//
// An XML document as a tree, by expat. For `qemunitctl import --libvirt`. A document with a DTD is
// refused, so that there are no entities, and nothing else is ever read for it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

struct XmlElement {
    std::string name;  // with its prefix: "qemu:arg"
    std::vector<std::pair<std::string, std::string>> attributes;
    std::string text;  // without that of its children, and without white space around it
    std::vector<XmlElement> children;

    std::string attribute(std::string_view wanted) const;
    // The first child of this name; an element without anything if there is none.
    const XmlElement &child(std::string_view wanted) const;
    std::vector<const XmlElement *> all(std::string_view wanted) const;
    bool has(std::string_view wanted) const;
};

Result<XmlElement> parse_xml(std::string_view text);

}  // namespace qemunit::ctl
