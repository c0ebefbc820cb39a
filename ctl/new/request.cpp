// SPDX-License-Identifier: MIT
#include "ctl/new/request.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/new/catalogue.h"

namespace qemunit::ctl {

namespace {

constexpr uint64_t kSectorBytes = 512, kLeastMemory = 1 << 20;
constexpr unsigned kMostCpus = 1024;
constexpr std::string_view kFirmwares[] = {"bios", "uefi", "uefi-secure"};

// useradd(8): what all tools take for a name.
bool is_login(std::string_view name) {
    return !name.empty() && name.size() <= 32 &&
           (is_lower_letter(name.front()) || name.front() == '_') &&
           std::ranges::all_of(
               name, [](char c) { return !(c >= 'A' && c <= 'Z') && is_alphanumeric_or(c, "_-"); });
}

bool is_interface(std::string_view name) {
    return !name.empty() && name.size() <= 15 && name != "." && name != ".." &&
           std::ranges::all_of(
               name, [](char c) { return c > ' ' && c < '\x7f' && c != '/' && c != ':'; });
}

Result<uint64_t> size_of(const Invocation &invocation, std::string_view option) {
    const std::string text = invocation.value(option);
    const auto size = parse_size(text);
    if (!size)
        return fail(EINVAL, fmt::format("{}={}: not a size; write 512M or 2G", option, text));
    return *size;
}

Result<> take_machine(const Invocation &invocation, NewRequest &request) {
    if (invocation.has("--memory")) {
        const auto size = size_of(invocation, "--memory");
        if (!size)
            return std::unexpected(size.error());
        request.memory = invocation.value("--memory");
        if (*size < kLeastMemory)
            return fail(EINVAL, fmt::format("--memory={0}: less than a machine can start with; did "
                                            "you forget the unit, as in {0}M?",
                                            request.memory));
    }
    request.cpus = invocation.value("--cpus");
    if (invocation.has("--cpus") &&
        !whole_number<unsigned>(request.cpus, {.least = 1, .most = kMostCpus}))
        return fail(EINVAL, fmt::format("--cpus={}: not a number of CPUs from 1 to {}",
                                        request.cpus, kMostCpus));
    request.firmware = invocation.value("--firmware");
    if (invocation.has("--firmware") &&
        std::ranges::find(kFirmwares, request.firmware) == std::end(kFirmwares))
        return fail(EINVAL,
                    fmt::format("--firmware={}: not bios, uefi or uefi-secure", request.firmware));
    if (invocation.has("--size")) {
        const auto size = size_of(invocation, "--size");
        if (!size)
            return std::unexpected(size.error());
        if (*size == 0 || *size % kSectorBytes != 0)
            return fail(EINVAL, fmt::format("--size={0}: not whole sectors of {1} bytes; did you "
                                            "forget the unit, as in {0}G?",
                                            invocation.value("--size"), kSectorBytes));
        request.size = *size;
    }
    return {};
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view kSuffixes = "KMGT";
    unsigned shift = 0;
    if (!text.empty())
        if (const std::size_t i = kSuffixes.find(text.back()); i != kSuffixes.npos) {
            shift = 10 * (static_cast<unsigned>(i) + 1);
            text.remove_suffix(1);
        }
    const auto number = whole_number(text);
    if (!number || *number > (uint64_t{1} << 62) >> shift)
        return std::nullopt;
    return *number << shift;
}

Result<NewRequest> parse_request(const Invocation &invocation) {
    NewRequest request{.name = invocation.arguments.front(),
                       .is_install = invocation.has("--install"),
                       .is_full_copy = invocation.has("--full-copy"),
                       .is_dry_run = invocation.has("--dry-run"),
                       .starts = invocation.has("--start"),
                       .bridge = invocation.value("--bridge"),
                       .login = invocation.value("--login"),
                       .key_files = invocation.values("--ssh-key"),
                       .has_key_files = invocation.has("--ssh-key")};
    if (!is_vm_name(request.name))
        return fail(EINVAL,
                    fmt::format("'{}' is no name of a VM: that is letters, digits, '_', '.' "
                                "and '-', with a letter or a digit first, and {} at most",
                                request.name, kVmNameMax));
    request.architecture = invocation.value("--architecture", own_architecture());
    if (!is_architecture(request.architecture))
        return fail(EINVAL, fmt::format("--architecture={}: none of x86_64, i386, aarch64, arm and "
                                        "riscv64",
                                        request.architecture));
    if (invocation.has("--sha256")) {
        const auto digest = parse_digest(invocation.value("--sha256"));
        if (!digest || !digest->starts_with("sha256:"))
            return fail(EINVAL, fmt::format("--sha256={}: not 64 hexadecimal digits",
                                            invocation.value("--sha256")));
        request.sha256 = *digest;
    }
    std::erase(request.key_files, "");
    const std::string iso = invocation.value("--install");
    request.image = invocation.arguments.size() > 1 ? invocation.arguments[1] : iso;
    if (!iso.empty() && invocation.arguments.size() > 1 && iso != invocation.arguments[1])
        return fail(EINVAL, "two images are named, one of them by --install=");
    if (request.image.empty())
        return fail(EINVAL,
                    "which image? It is: qemunitctl new NAME IMAGE; `qemunitctl images` "
                    "lists those of the catalogue, and a file or a URL will do");
    if (request.is_install && request.is_full_copy)
        return fail(EINVAL, "--install and --full-copy exclude each other");
    if (request.is_install && (invocation.has("--login") || request.has_key_files))
        return fail(EINVAL,
                    "--login= and --ssh-key= are for images with cloud-init in them; with "
                    "--install, the installer asks");
    if (request.is_dry_run && request.starts)
        return fail(EINVAL, "--dry-run and --start exclude each other");
    if (invocation.has("--login") && !is_login(request.login))
        return fail(EINVAL, fmt::format("--login={}: no name of a user; that begins with a small "
                                        "letter, then small letters, digits, '_' and '-'",
                                        request.login));
    if (invocation.has("--bridge") && !is_interface(request.bridge))
        return fail(EINVAL, fmt::format("--bridge={}: no name of an interface", request.bridge));
    if (invocation.has("--bridge") && invocation.bus == Invocation::Bus::user)
        return fail(EINVAL, "--bridge= takes root; VMs of a user have a user network");
    if (auto taken = take_machine(invocation, request); !taken)
        return std::unexpected(taken.error());
    return request;
}

}  // namespace qemunit::ctl
