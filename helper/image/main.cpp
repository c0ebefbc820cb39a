// SPDX-License-Identifier: MIT
//
// qemunit-image: ExecStart= of qemu-image@.service. As root, since the image may lie in a
// folder of somebody else's.
#include <fmt/format.h>
#include <sysexits.h>

#include <cstdlib>

#include "common/paths.h"
#include "helper/image/image.h"

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::helper;
    const auto complain = [](int exit_code, const Error &error) {
        fmt::print(stderr, "<3>qemunit-image: {}\n", error.message);
        return exit_code;
    };
    const auto options = parse_image_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error());
    if (options->mode == ImageOptions::Mode::help) {
        fmt::print("{}", image_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == ImageOptions::Mode::version) {
        fmt::print("qemunit-image {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    const std::string advice = advice_on_blank_image(*options);
    if (auto created = create_image(*options); !created)
        return complain(EXIT_FAILURE, created.error());
    if (!advice.empty())
        fmt::print(stderr, "<4>qemunit-image: {}\n", advice);
    return EXIT_SUCCESS;
}
