// SPDX-License-Identifier: MIT
#include "generator/vm/vm_user.h"

#include <fmt/format.h>

#include "common/concat.h"
#include "generator/vm/mac_address.h"

namespace qemunit::generator {

namespace {

constexpr std::string_view kPrefix = "qemu-";
constexpr std::size_t kNameMost = 31;  // of a user's name, valid_user_group_name() in systemd

}  // namespace

bool is_user_of_template(std::string_view vm) {
    return kPrefix.size() + vm.size() <= kNameMost && vm.find('.') == vm.npos;
}

// No VM's name begins with "_", so that no other VM has this user by its own name.
std::string vm_user(std::string_view vm) {
    if (is_user_of_template(vm))
        return concat(kPrefix, vm);
    const HostId none{};
    return fmt::format("{}_{:016x}{:08x}", kPrefix, keyed_hash(none, concat("1 ", vm)),
                       keyed_hash(none, concat("2 ", vm)) >> 32);
}

}  // namespace qemunit::generator
