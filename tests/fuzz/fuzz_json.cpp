// SPDX-License-Identifier: MIT
//
// Any bytes from a client with a QMP monitor of its own (OpenQMP). The first says in how many
// pieces the rest arrives.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "bus/sessions/json_splitter.h"
#include "common/qmp/qmp_client.h"
#include "tests/fuzz/require.h"

using namespace qemunit;
using namespace qemunit::bus;
using fuzz::require;

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

struct Split {
    std::vector<std::string> values;
    std::size_t rest;
};

Split split(std::string_view bytes, std::size_t piece) {
    JsonSplitter splitter;
    Split result{};
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
        splitter.take(bytes.substr(0, piece));
        while (auto value = splitter.next())
            result.values.push_back(std::move(*value));
    }
    result.rest = splitter.size();
    return result;
}

void takes_each_byte_once(std::string_view bytes, const Split &split) {
    for (const std::string &value : split.values) {
        bytes.remove_prefix(std::min(bytes.find_first_not_of(kBlanks), bytes.size()));
        require(!value.empty() && bytes.starts_with(value), "a value is the next of the text",
                value);
        bytes.remove_prefix(value.size());
    }
    require(split.rest <= bytes.size(), "what is kept is the end of the text", bytes);
    bytes.remove_suffix(split.rest);
    require(bytes.find_first_not_of(kBlanks) == bytes.npos, "nothing but blanks is lost", bytes);
}

// A whole object is one value, whatever stands in its strings and right behind it.
void gives_a_command_back(const Split &split, std::string_view bytes) {
    std::string command = R"({"execute":")";
    for (const char c : bytes)
        command += c == '"' || c == '\\' || c == '\xff' ? 'x' : c;
    command += "\"}";
    JsonSplitter splitter;
    splitter.take("\xff" + command);
    require(splitter.next() == "\xff", "0xff begins anew");
    require(splitter.next() == command, "a command comes as it was sent", command);
    for (const std::string &value : split.values)
        if (const auto parsed = parse_json(value); parsed.is_object()) {
            const std::string text = json_text(parsed);
            splitter.take(text + text);
            require(splitter.next() == text && splitter.next() == text, "two need nothing between",
                    text);
        }
    require(splitter.size() == 0, "nothing is left");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char *>(data + 1), size - 1);
    const Split at_once = split(bytes, bytes.size());
    const Split in_pieces = split(bytes, bytes.size() / (1u + data[0] % 32) + 1);
    require(at_once.values == in_pieces.values && at_once.rest == in_pieces.rest,
            "the pieces do not matter");
    takes_each_byte_once(bytes, at_once);
    gives_a_command_back(at_once, bytes);
    return 0;
}
