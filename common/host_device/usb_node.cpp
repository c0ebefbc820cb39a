// SPDX-License-Identifier: MIT
#include "common/host_device/usb_node.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <filesystem>

#include "common/host_device/places.h"

namespace qemunit {

namespace {

constexpr unsigned kUsbMajor = 189;  // USB_DEVICE_MAJOR of the kernel

}  // namespace

Result<UniqueFd> open_usb_node(const std::string &root, std::string_view vm,
                               std::string_view device) {
    const HostDevicePlaces places{.vm = vm, .root = root};
    const std::string path = places.node(device);
    struct stat status {};
    if (stat(path.c_str(), &status) != 0)
        return fail_errno(errno, concat("cannot open ", path));
    const auto is_usb = [&] {
        return S_ISCHR(status.st_mode) && major(status.st_rdev) == kUsbMajor;
    };
    if (!is_usb())
        return fail(ENOENT, "the device is not plugged in");
    UniqueFd file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY));
    const int code = errno;
    std::error_code error;
    if (!std::filesystem::exists(fmt::format("{}/sys/dev/char/{}:{}", root, major(status.st_rdev),
                                             minor(status.st_rdev)),
                                 error))
        return fail(ENODEV, "the device is not plugged in any more");
    if (!file)
        return fail_errno(code, concat("cannot open ", path));
    return file;
}

}  // namespace qemunit
