// SPDX-License-Identifier: MIT
#include "generator/units/messages.h"

#include "common/concat.h"
#include "common/paths.h"

namespace qemunit::generator {

Output render_messages(const std::vector<std::string> &messages) {
    std::string text;
    for (const std::string &message : messages)
        append(text, message, "\n");
    Output output;
    output.files.push_back({std::string(kMessagesFile), std::move(text)});
    output.links.push_back({"sysinit.target.wants/qemunit-messages.service",
                            concat(kSystemUnitDir, "/qemunit-messages.service")});
    return output;
}

}  // namespace qemunit::generator
