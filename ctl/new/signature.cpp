// SPDX-License-Identifier: MIT
#include "ctl/new/signature.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "ctl/new/child.h"
#include "ctl/new/download.h"
#include "ctl/new/scratch.h"

namespace qemunit::ctl {

namespace {

constexpr char kGpgv[] = "/usr/bin/gpgv";

}  // namespace

std::string unarmored(const std::string &keyring) {
    constexpr std::string_view kBase64 =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!keyring.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----"))
        return keyring;
    std::string bytes;
    std::istringstream lines(keyring);
    bool is_data = false;
    unsigned group = 0, bits = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.ends_with('\r'))
            line.pop_back();
        if (line.empty() && !is_data) {
            is_data = true;
            group = bits = 0;
            continue;
        }
        // The check sum, or the end of this block; another one may follow.
        if (line.starts_with('=') || line.starts_with('-'))
            is_data = false;
        if (!is_data)
            continue;
        for (const char c : line) {
            const std::size_t digit = kBase64.find(c);
            if (digit == kBase64.npos)
                break;
            group = (group << 6 | static_cast<unsigned>(digit)) & 0xffffff;
            bits += 6;
            if (bits >= 8) {
                bits -= 8;
                bytes += static_cast<char>(group >> bits & 0xff);
            }
        }
    }
    return bytes;
}

Result<> check_signature(const Invocation &invocation, const std::string &keyring,
                         const std::string &text, const std::string &signature) {
    std::ifstream file(keyring, std::ios::binary);
    const std::string keys{std::istreambuf_iterator<char>(file), {}};
    if (!file || keys.empty())
        return fail(ENOENT, fmt::format("cannot read the keyring {}", keyring));
    const Paths paths = paths_of(invocation);
    const Scratch scratch(paths.runtime);
    const std::string ring = scratch.write("keys.gpg", unarmored(keys)),
                      sums = scratch.write("sums", text),
                      sig = scratch.write("sums.sig", signature);
    if (ring.empty() || sums.empty() || sig.empty())
        return fail(EIO, "cannot write to " + paths.runtime);
    auto command = sandboxed(paths.is_of_user(), "", false);
    for (const std::string &word : {std::string(kGpgv), std::string("--status-fd"),
                                    std::string("1"), std::string("--keyring"), ring, sig, sums})
        command.push_back(word);
    bool is_good = false;
    const auto ended = run_child(command, [&](std::string_view line) {
        is_good = is_good || line.starts_with("[GNUPG:] GOODSIG ");
    });
    if (!ended)
        return std::unexpected(ended.error());
    if (ended->status == 0 && is_good)
        return {};
    if (ended->output.contains("NO_PUBKEY"))
        return fail(EBADMSG,
                    fmt::format("the signature is by a key that {} does not have", keyring));
    if (ended->output.contains("BADSIG"))
        return fail(EBADMSG, "the signature is wrong");
    const std::size_t end = ended->errors.rfind('\n');
    return fail(EBADMSG, fmt::format("gpgv does not accept the signature ({}); is gpgv installed?",
                                     ended->errors.substr(end == std::string::npos ? 0 : end + 1)));
}

}  // namespace qemunit::ctl
