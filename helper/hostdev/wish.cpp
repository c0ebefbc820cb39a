// SPDX-License-Identifier: MIT
#include "helper/hostdev/wish.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/concat.h"
#include "common/host_device/kernel_files.h"
#include "common/host_device/places.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

namespace {

constexpr std::string_view kForced = "force";

}  // namespace

std::string wish_text(const Wish &wish) {
    return concat(wish.address.text, "\n", wish.force ? kForced : "", "\n");
}

std::optional<Wish> parse_wish(std::string_view name, std::string_view text) {
    const std::size_t colon = name.find(':'), end = text.find('\n');
    if (colon == name.npos || end == text.npos)
        return std::nullopt;
    const auto address = parse_usb_address(text.substr(0, end));
    if (!address)
        return std::nullopt;
    return Wish{std::string(name.substr(0, colon)), std::string(name.substr(colon + 1)), *address,
                text.substr(end + 1).starts_with(kForced)};
}

Wishes::Wishes(std::string_view root) : folder_(concat(root, kHostDeviceRecords, "/wishes")) {}

std::vector<Wish> Wishes::all() const {
    std::vector<Wish> wishes;
    for (const std::string &name : names_in(folder_))
        if (auto wish = parse_wish(name, kernel_text(concat(folder_, "/", name)) + "\n"))
            wishes.push_back(std::move(*wish));
    return wishes;
}

bool Wishes::has(std::string_view vm, std::string_view device) const {
    return access(concat(folder_, "/", vm, ":", device).c_str(), F_OK) == 0;
}

Result<> Wishes::keep(const Wish &wish) const {
    const std::string path = concat(folder_, "/", wish.vm, ":", wish.device);
    const std::string text = wish_text(wish);
    if (mkdir(folder_.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno(errno, "cannot create " + folder_);
    const UniqueFd file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return fail_errno(errno, "cannot write " + path);
    return {};
}

void Wishes::forget(std::string_view vm, std::string_view device) const {
    unlink(concat(folder_, "/", vm, ":", device).c_str());
    rmdir(folder_.c_str());
}

}  // namespace qemunit::helper
