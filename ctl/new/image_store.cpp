// SPDX-License-Identifier: MIT
#include "ctl/new/image_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/files/disk_image.h"
#include "common/files/new_file.h"
#include "ctl/new/child.h"
#include "ctl/new/disk_copy.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr char kStore[] = "/var/lib/qemunit-images";
// No name of an image has it.
constexpr char kBetween = '+';
constexpr std::size_t kDigestDigits = 16;

std::string begin_of(const std::string &digest) {
    return digest.substr(digest.find(':') + 1, kDigestDigits);
}

// An image of somebody else's must not name files of this host, which its guest would read.
Result<> check_alone(int image) {
    if (!backing_by_content(image).path.empty() || has_external_data(image))
        return fail(EPERM,
                    "it is a layer on another file, which an image from elsewhere must not "
                    "be");
    return {};
}

}  // namespace

std::string store_folder(const Invocation &invocation) {
    if (invocation.bus != Invocation::Bus::user)
        return kStore;
    const char *data = std::getenv("XDG_DATA_HOME"), *home = std::getenv("HOME");
    return (data != nullptr && *data == '/' ? std::string(data)
                                            : std::string(home ? home : "") + "/.local/share") +
           "/qemunit-images";
}

std::vector<StoredImage> stored_images(const std::string &folder) {
    std::vector<StoredImage> images;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string stem = entry->path().stem();
        const std::size_t first = stem.find(kBetween), last = stem.rfind(kBetween);
        struct stat info {};
        if (entry->path().extension() != ".img" || first == stem.npos || first == last ||
            lstat(entry->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode))
            continue;
        images.push_back({.path = entry->path(),
                          .name = stem.substr(0, first),
                          .architecture = stem.substr(first + 1, last - first - 1),
                          .digest = stem.substr(last + 1),
                          .bytes = static_cast<uint64_t>(info.st_size),
                          .made = info.st_mtime});
    }
    std::ranges::sort(images, std::ranges::greater(), &StoredImage::made);
    return images;
}

std::optional<StoredImage> find_stored(const std::string &folder, const std::string &name,
                                       const std::string &architecture, const std::string &digest) {
    for (StoredImage &image : stored_images(folder))
        if (image.name == name && image.architecture == architecture &&
            (digest.empty() || image.digest == begin_of(digest)))
            return std::move(image);
    return std::nullopt;
}

Result<std::string> digest_of(int file, const std::string &kind) {
    if (lseek(file, 0, SEEK_SET) != 0)
        return fail_errno(errno, "cannot read it");
    const auto ended = run_child({kind + "sum"}, {}, file);
    if (!ended)
        return std::unexpected(ended.error());
    const std::string digits = ended->output.substr(0, ended->output.find(' '));
    if (ended->status != 0 || digits.size() < 64)
        return fail(EIO, fmt::format("{}sum failed: {}", kind, ended->errors));
    return kind + ":" + digits;
}

Result<std::string> keep_image(const std::string &folder, int file, const std::string &name,
                               const std::string &architecture, const std::string &digest) {
    const std::string own = fmt::format("{1}{0}{2}{0}{3}.img", kBetween, name, architecture,
                                        begin_of(digest)),
                      path = folder + "/" + own;
    const auto cannot = [&](const Error &why) {
        return fail(why.code, fmt::format("cannot keep {}: {}", path, why.message));
    };
    std::error_code error;
    fs::create_directories(folder, error);
    const UniqueFd opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return fail_errno(errno, "cannot open " + folder);
    auto copy = NewFile::create(opened.get(), own);
    if (!copy)
        return cannot(copy.error());
    if (auto copied = copy_bytes(file, copy->fd()); !copied)
        return cannot(copied.error());
    // From here on nobody else can change it.
    const auto found = digest_of(copy->fd(), digest.substr(0, digest.find(':')));
    if (!found)
        return cannot(found.error());
    if (*found != digest)
        return fail(EBADMSG, fmt::format("it is not the image that it should be: {} was expected, "
                                         "and it is {}",
                                         digest, *found));
    if (auto alone = check_alone(copy->fd()); !alone)
        return std::unexpected(alone.error());
    if (fchmod(copy->fd(), 0644) != 0 || fsync(copy->fd()) != 0)
        return fail_errno(errno, "cannot write " + path);
    if (auto published = copy->publish(); !published && published.error().code != EEXIST)
        return cannot(published.error());
    fsync(opened.get());
    return path;
}

}  // namespace qemunit::ctl
