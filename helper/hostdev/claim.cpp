// SPDX-License-Identifier: MIT
#include "helper/hostdev/claim.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/concat.h"
#include "common/host_device/kernel_files.h"
#include "common/host_device/places.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

namespace {

constexpr std::string_view kPci = "pci-", kUsb = "usb-";

std::string without(std::string_view prefix, std::string_view key) {
    return key.starts_with(prefix) ? std::string(key.substr(prefix.size())) : std::string();
}

}  // namespace

std::string pci_key(std::string_view address) {
    return concat(kPci, address);
}
std::string usb_key(std::string_view port) {
    return concat(kUsb, port);
}
std::string pci_address_of(std::string_view key) {
    return without(kPci, key);
}
std::string usb_port_of(std::string_view key) {
    return without(kUsb, key);
}

std::string claim_text(const Claim &claim) {
    return concat(claim.vm, "\n", claim.device, "\n", claim.driver, "\n", claim.driver_override,
                  "\n");
}

std::optional<Claim> parse_claim(std::string_view key, std::string_view text) {
    Claim claim{.key = std::string(key)};
    for (std::string *field : {&claim.vm, &claim.device, &claim.driver, &claim.driver_override}) {
        const std::size_t end = text.find('\n');
        if (end == text.npos)
            return std::nullopt;
        *field = text.substr(0, end);
        text.remove_prefix(end + 1);
    }
    return claim;
}

Claims::Claims(std::string_view root) : root_(root), folder_(concat(root, kHostDeviceRecords)) {}

// PID 1 has such a link for each unit that is up, on its way there or down; what it leads to is no
// file.
bool Claims::is_up(std::string_view vm, std::string_view device) const {
    struct stat status {};
    const std::string link =
        concat(root_, "/run/systemd/units/invocation:", hostdev_unit(vm, device));
    return lstat(link.c_str(), &status) == 0 || errno != ENOENT;
}

std::optional<Claim> Claims::find(std::string_view key) const {
    std::string text(1 << 12, '\0');
    const UniqueFd file(open(concat(folder_, "/", key).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file)
        return std::nullopt;
    const ssize_t n = read(file.get(), text.data(), text.size());
    return n < 0 ? std::nullopt
                 : parse_claim(key, std::string_view(text).substr(0, static_cast<std::size_t>(n)));
}

std::vector<Claim> Claims::of(std::string_view vm, std::string_view device) const {
    std::vector<Claim> found;
    for (const std::string &key : names_in(folder_))
        if (auto claim = key.starts_with('.') ? std::nullopt : find(key);
            claim && claim->is_of(vm, device))
            found.push_back(std::move(*claim));
    return found;
}

Result<> Claims::keep(const Claim &claim) const {
    const std::string path = concat(folder_, "/", claim.key),
                      beside = concat(folder_, "/.new-", claim.key);
    const std::string text = claim_text(claim);
    const UniqueFd file(
        open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file)
        return fail_errno(errno, "cannot create " + beside);
    if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return fail_errno(errno, "cannot write " + beside);
    if (std::rename(beside.c_str(), path.c_str()) != 0)
        return fail_errno(errno, "cannot rename " + beside);
    return {};
}

void Claims::forget(const Claim &claim) const {
    unlink(concat(folder_, "/", claim.key).c_str());
}

}  // namespace qemunit::helper
