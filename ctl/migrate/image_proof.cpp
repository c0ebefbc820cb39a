// SPDX-License-Identifier: MIT
#include "ctl/migrate/image_proof.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "common/files/trusted_path.h"

namespace qemunit::ctl {

namespace {

// Behind the end of every image, and before that of an off_t.
constexpr uint64_t kFirstPlace = uint64_t{1} << 61, kPlaces = uint64_t{1} << 61;

struct flock lock_at(short type, uint64_t place) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(place);
    lock.l_len = 1;
    return lock;
}

UniqueFd open_image(const Account &account, const std::string &path) {
    auto file = open_for(account, path, O_RDONLY);
    struct stat status {};
    if (!file || fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode))
        return {};
    return std::move(*file);
}

}  // namespace

uint64_t ImageProofs::leave(const Account &account, const std::string &path) {
    UniqueFd file = open_image(account, path);
    uint64_t place = 0;
    if (!file || getrandom(&place, sizeof place, 0) != ssize_t{sizeof place})
        return 0;
    place = kFirstPlace + place % kPlaces;
    struct flock lock = lock_at(F_RDLCK, place);
    if (fcntl(file.get(), F_OFD_SETLK, &lock) != 0)
        return 0;
    files_.push_back(std::move(file));
    return place;
}

bool is_proven(const Account &account, const std::string &path, uint64_t proof) {
    if (proof < kFirstPlace || proof - kFirstPlace >= kPlaces)
        return false;
    const UniqueFd file = open_image(account, path);
    struct flock lock = lock_at(F_WRLCK, proof);
    // Of a lock of the whole file, which anybody may have, nothing follows.
    return file && fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK &&
           lock.l_start == static_cast<off_t>(proof) && lock.l_len == 1;
}

}  // namespace qemunit::ctl
