// SPDX-License-Identifier: MIT
//
// Any bytes as a guest's console. The first two say where the rest is cut in two.
#include <vector>

#include "common/console/console_lines.h"
#include "generator/vm/text.h"
#include "tests/fuzz/require.h"

using namespace qemunit;
using fuzz::require;

namespace {

std::vector<std::string> lines(std::initializer_list<std::string_view> pieces) {
    std::vector<std::string> result;
    ConsoleLines console([&](const std::string &line) { result.push_back(line); });
    for (std::string_view piece : pieces)
        console.feed(piece);
    console.flush_partial();
    return result;
}

// U+0080 to U+009F, which text_fault() lets pass: journald shows them as "[blob data]".
bool has_c1_control(std::string_view line) {
    for (std::size_t i = 0; (i = line.find('\xc2', i)) != line.npos; ++i)
        if (static_cast<unsigned char>(line[i + 1]) < 0xa0)
            return true;
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
    if (size < 2)
        return 0;
    const std::string_view text(reinterpret_cast<const char *>(data + 2), size - 2);
    const std::size_t cut = (data[0] * 256u + data[1]) % (text.size() + 1);
    const std::vector<std::string> whole = lines({text});
    for (const std::string &line : whole)
        require(generator::text_fault(line).empty() && !has_c1_control(line), "a line is text",
                line);
    require(lines({text.substr(0, cut), text.substr(cut)}) == whole,
            "pieces give the lines of the whole", text);
    return 0;
}
