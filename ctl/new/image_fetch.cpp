// SPDX-License-Identifier: MIT
#include "ctl/new/image_fetch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "common/ascii.h"
#include "common/files/file_lock.h"
#include "common/vm_name.h"
#include "ctl/new/download.h"
#include "ctl/new/image_store.h"
#include "ctl/new/signature.h"
#include "ctl/new/sums.h"
#include "ctl/output/table.h"

namespace qemunit::ctl {

namespace {

constexpr uint64_t kImageMax = uint64_t{64} << 30, kSumsMax = 4 << 20;
constexpr unsigned kWaitSeconds = 3600;

// One line of a terminal, drawn anew; nothing where there is none.
class Bar {
  public:
    explicit Bar(std::string name)
        : name_(std::move(name)), is_shown_(isatty(STDERR_FILENO) == 1) {}
    ~Bar() { clear(); }
    Bar(const Bar &) = delete;
    Bar &operator=(const Bar &) = delete;

    void show(uint64_t done, uint64_t total) {
        if (!is_shown_ || total == 0)
            return;
        constexpr uint64_t kWidth = 30;
        const uint64_t full = std::min(done, total) * kWidth / total;
        const std::string bar(full, '#'), rest(kWidth - full, '.');
        dprintf(STDERR_FILENO, "\r\x1b[K%s [%s%s] %s of %s", name_.c_str(), bar.c_str(),
                rest.c_str(), size_text(done).c_str(), size_text(total).c_str());
        is_drawn_ = true;
    }
    void clear() {
        if (is_drawn_)
            dprintf(STDERR_FILENO, "\r\x1b[K");
        is_drawn_ = false;
    }

  private:
    std::string name_;
    bool is_shown_, is_drawn_ = false;
};

std::string text_of(int file) {
    std::string text;
    char buffer[65536];
    for (ssize_t n = 0; text.size() < kSumsMax && (n = read(file, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    return text;
}

// A small file, whose text is wanted and nothing else.
Result<std::string> download_text(const Invocation &invocation, const std::string &url,
                                  const std::string &file) {
    const std::string folder = store_folder(invocation);
    forget_download(invocation, folder, file);  // an old one tells nothing
    const auto got = download(invocation, folder, {url, file, kSumsMax}, [](uint64_t, uint64_t) {});
    std::string text = got ? text_of(got->get()) : "";
    forget_download(invocation, folder, file);
    return got ? Result<std::string>(std::move(text)) : std::unexpected(got.error());
}

std::string file_in(const std::string &url) {
    const std::string path = url.substr(0, url.find_first_of("?#"));
    return path.substr(path.rfind('/') + 1);
}

// What the image's digest should be.
Result<std::string> expected_digest(const Invocation &invocation, const CatalogueImage &image) {
    if (!image.digest.empty())
        return image.digest;
    const std::string name = image.name + "." + image.architecture;
    auto sums = download_text(invocation, image.sums, name + ".sums");
    if (!sums)
        return sums;
    const bool has_keyring = !image.keyring.empty() && access(image.keyring.c_str(), R_OK) == 0;
    if (!image.keyring.empty() && !has_keyring && !image.keyring_is_optional)
        return fail(ENOENT, fmt::format("{} is signed, and the keyring to check that is not here: "
                                        "{} (SignedBy= of {})",
                                        image.sums, image.keyring, image.source));
    if (has_keyring) {
        const auto signature = download_text(invocation, image.signature, name + ".signature");
        if (!signature)
            return signature;
        if (auto checked = check_signature(invocation, image.keyring, *sums, *signature); !checked)
            return fail(checked.error().code,
                        fmt::format("{}: {}", image.sums, checked.error().message));
    } else if (!is_protected(image.sums)) {
        return fail(EPERM, fmt::format("{} comes by http, and there is no {} to check its "
                                       "signature with",
                                       image.sums, image.keyring));
    }
    auto digest = digest_in(*sums, file_in(image.url));
    return digest ? digest
                  : fail(digest.error().code,
                         fmt::format("{} has {}", image.sums, digest.error().message));
}

Result<UniqueFd> lock_download(const Invocation &invocation, const CatalogueImage &image) {
    const std::string path =
        fmt::format("{}/qemunit-fetch-{}.{}.lock", paths_of(invocation).runtime, image.name,
                    image.architecture);
    auto lock = try_lock_file(path);
    if (lock || lock.error().code != EWOULDBLOCK)
        return lock;
    fmt::print(stderr, "Waiting for another download of {}\n", image.name);
    lock = lock_file(path, kWaitSeconds);
    if (!lock && lock.error().code == EINTR)
        return fail(EINTR,
                    fmt::format("another download of {} has not ended within an hour", image.name));
    return lock;
}

}  // namespace

CatalogueImage image_of_url(const std::string &url, const std::string &digest) {
    std::string name = file_in(url);
    std::erase_if(name, [](char c) { return !is_alphanumeric_or(c, "_.-"); });
    name.erase(0, std::min(name.find_first_not_of("_.-"), name.size()));
    name.resize(std::min(name.size(), kVmNameMax));
    return {.name = name.empty() ? "image" : name,
            .architecture = "url",
            .url = url,
            .digest = digest,
            .source = url};
}

Result<std::string> fetch_image(const Invocation &invocation, const CatalogueImage &image) {
    const std::string folder = store_folder(invocation);
    if (geteuid() != 0 && invocation.bus != Invocation::Bus::user)
        return fail(EPERM,
                    "the system's images are root's to keep; `qemunitctl --user` keeps one "
                    "of your own");
    // Two downloads of one image would write to the same file; the second finds what the first got.
    const auto lock = lock_download(invocation, image);
    if (!lock)
        return std::unexpected(lock.error());
    const auto digest = expected_digest(invocation, image);
    if (!digest)
        return digest;
    if (const auto stored = find_stored(folder, image.name, image.architecture, *digest))
        return stored->path;
    fmt::print(stderr, "Downloading {}\n", image.url);
    const std::string file = image.name + "." + image.architecture + ".image";
    Bar bar(image.name);
    const auto got = download(invocation, folder, {image.url, file, kImageMax},
                              [&](uint64_t done, uint64_t total) { bar.show(done, total); });
    bar.clear();
    if (!got)
        return std::unexpected(got.error());
    auto kept = keep_image(folder, got->get(), image.name, image.architecture, *digest);
    // Where only the room is missing, the download is good for the next try.
    if (kept || kept.error().code == EBADMSG || kept.error().code == EPERM)
        forget_download(invocation, folder, file);
    return kept ? kept
                : fail(kept.error().code, fmt::format("{}: {}", image.url, kept.error().message));
}

}  // namespace qemunit::ctl
