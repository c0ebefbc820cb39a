// SPDX-License-Identifier: MIT
#include "generator/units/user_settings.h"

#include "common/concat.h"
#include "generator/vm/vm_user.h"

namespace qemunit::generator {

std::string user_settings(const Vm &vm, UserOfTemplate has_user) {
    if (vm.user)
        return concat("DynamicUser=no\nUser=", vm.user->text, "\n");
    if (has_user == UserOfTemplate::yes && is_user_of_template(vm.name))
        return "";
    return concat("User=", vm_user(vm.name), "\n");
}

// The template's is for a DynamicUser=.
std::string state_settings(const Vm &vm) {
    return vm.user ? concat("StateDirectory=\nStateDirectory=qemunit/", vm.name, "\n") : "";
}

}  // namespace qemunit::generator
