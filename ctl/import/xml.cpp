// SPDX-License-Identifier: MIT
#include "ctl/import/xml.h"

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <memory>

namespace qemunit::ctl {

namespace {

constexpr std::size_t kDepthMax = 64, kElementsMax = 100'000;

struct FreeParser {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

class TreeBuilder {
  public:
    explicit TreeBuilder(XML_Parser parser) : parser_(parser) {
        XML_SetUserData(parser, this);
        XML_SetElementHandler(parser, begin, end);
        XML_SetCharacterDataHandler(parser, add_text);
        XML_SetStartDoctypeDeclHandler(parser, refuse_doctype);
    }

    XmlElement root;
    std::string refused;

  private:
    static void begin(void *user, const XML_Char *name, const XML_Char **attributes) {
        auto *self = static_cast<TreeBuilder *>(user);
        if (self->open_.size() >= kDepthMax || ++self->elements_ > kElementsMax)
            return self->refuse("it is larger than any VM");
        XmlElement element{name, {}, {}, {}};
        for (; *attributes != nullptr; attributes += 2)
            element.attributes.emplace_back(attributes[0], attributes[1]);
        self->open_.push_back(std::move(element));
    }

    static void end(void *user, const XML_Char *) {
        auto *self = static_cast<TreeBuilder *>(user);
        if (self->open_.empty())
            return;
        XmlElement element = std::move(self->open_.back());
        self->open_.pop_back();
        const auto is_space = [](char c) {
            return c == ' ' || c == '\n' || c == '\t' || c == '\r';
        };
        const auto last = std::find_if_not(element.text.rbegin(), element.text.rend(), is_space);
        element.text.erase(last.base(), element.text.end());
        element.text.erase(element.text.begin(), std::ranges::find_if_not(element.text, is_space));
        if (self->open_.empty())
            self->root = std::move(element);
        else
            self->open_.back().children.push_back(std::move(element));
    }

    static void add_text(void *user, const XML_Char *text, int length) {
        auto *self = static_cast<TreeBuilder *>(user);
        if (!self->open_.empty())
            self->open_.back().text.append(text, static_cast<std::size_t>(length));
    }

    static void refuse_doctype(void *user, const XML_Char *, const XML_Char *, const XML_Char *,
                               int) {
        static_cast<TreeBuilder *>(user)->refuse("it has a DTD, which libvirt writes none of");
    }

    void refuse(std::string why) {
        refused = std::move(why);
        XML_StopParser(parser_, XML_FALSE);
    }

    XML_Parser parser_;
    std::vector<XmlElement> open_;
    std::size_t elements_ = 0;
};

// Newer versions of expat have another function for files of more than 4 GiB, and say so of this one.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
XML_Size line_of(XML_Parser parser) {
    return XML_GetCurrentLineNumber(parser);
}
#pragma GCC diagnostic pop

}  // namespace

std::string XmlElement::attribute(std::string_view wanted) const {
    for (const auto &[known, value] : attributes)
        if (known == wanted)
            return value;
    return "";
}

const XmlElement &XmlElement::child(std::string_view wanted) const {
    static const XmlElement kNone{};
    const auto found = std::ranges::find(children, wanted, &XmlElement::name);
    return found == children.end() ? kNone : *found;
}

std::vector<const XmlElement *> XmlElement::all(std::string_view wanted) const {
    std::vector<const XmlElement *> found;
    for (const XmlElement &one : children)
        if (one.name == wanted)
            found.push_back(&one);
    return found;
}

bool XmlElement::has(std::string_view wanted) const {
    return std::ranges::find(children, wanted, &XmlElement::name) != children.end();
}

Result<XmlElement> parse_xml(std::string_view text) {
    const std::unique_ptr<XML_ParserStruct, FreeParser> parser(XML_ParserCreate(nullptr));
    if (!parser || text.size() > INT_MAX)
        return fail(ENOMEM, "cannot read the XML");
    TreeBuilder builder(parser.get());
    if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE) ==
        XML_STATUS_OK)
        return std::move(builder.root);
    if (!builder.refused.empty())
        return fail(EINVAL, "this XML is not read: " + builder.refused);
    return fail(EINVAL,
                fmt::format("line {}: this is no XML: {}", line_of(parser.get()),
                            XML_ErrorString(XML_GetErrorCode(parser.get()))));
}

}  // namespace qemunit::ctl
