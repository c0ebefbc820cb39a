// SPDX-License-Identifier: MIT
//
// qemunit-fetch: downloads one file for qemunitctl, in a unit that has the network and nothing
// else. On standard output, how far it is; on standard error, one sentence if it fails. Whether the
// file is what somebody wants, qemunitctl finds out.
#include <curl/curl.h>
#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/paths.h"
#include "helper/fetch/fetch_options.h"
#include "helper/fetch/transfer.h"

namespace {

using namespace qemunit;
using namespace qemunit::helper;

int complain(int exit_code, const Error &error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    return exit_code;
}

// A line "DONE TOTAL" now and then. Who reads it has gone if it cannot be written.
class Teller {
  public:
    bool operator()(uint64_t done, uint64_t total) {
        const auto now = std::chrono::steady_clock::now();
        if (now < next_)
            return true;
        next_ = now + std::chrono::milliseconds(200);
        const std::string line = fmt::format("{} {}\n", done, total);
        return write(STDOUT_FILENO, line.data(), line.size()) > 0;
    }

  private:
    std::chrono::steady_clock::time_point next_{};
};

}  // namespace

int main(int argc, char **argv) {
    const auto options = parse_fetch_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error());
    if (options->mode == FetchOptions::Mode::help) {
        fmt::print("{}", fetch_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == FetchOptions::Mode::version) {
        fmt::print("qemunit-fetch {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    std::signal(SIGPIPE, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return complain(EX_UNAVAILABLE, {EIO, "cannot begin with libcurl"});
    const auto done = transfer(*options, Teller());
    curl_global_cleanup();
    return done ? EXIT_SUCCESS : complain(EXIT_FAILURE, done.error());
}
