// SPDX-License-Identifier: MIT
#include "ctl/verbs/image_opening.h"

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include <optional>

#include "common/files/named_file.h"
#include "common/files/trusted_path.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

Result<std::string> service_text(sd_bus *bus, const std::string &vm, const char *property) {
    const auto message = unit_property(bus, vm, "Service", property, "s");
    const char *text = nullptr;
    if (!message)
        return std::unexpected(message.error());
    if (int r = sd_bus_message_read(message->get(), "s", &text); r < 0)
        return fail_errno(r, "cannot read the service's properties");
    return text;
}

void add_group(Account &account, const char *name) {
    if (const group *entry = getgrnam(name))
        account.groups.push_back(entry->gr_gid);
}

// The user whom QEMU runs as, with the groups that the unit gives QEMU.
Result<Account> account_of(sd_bus *bus, const std::string &vm) {
    const auto user = service_text(bus, vm, "User");
    if (!user)
        return std::unexpected(user.error());
    auto account = find_account(user->empty() ? "0" : *user);
    if (!account)
        return account;
    const auto message = unit_property(bus, vm, "Service", "SupplementaryGroups", "as");
    if (!message)
        return std::unexpected(message.error());
    const char *name = nullptr;
    int r = sd_bus_message_enter_container(message->get(), 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read(message->get(), "s", &name)) > 0)
        add_group(*account, name);
    if (r < 0)
        return fail_errno(r, "cannot read the service's groups");
    return account;
}

Result<bool> has_dynamic_user(sd_bus *bus, const std::string &vm) {
    const auto message = unit_property(bus, vm, "Service", "DynamicUser", "b");
    if (!message)
        return std::unexpected(message.error());
    int is_dynamic = 0;
    if (const int r = sd_bus_message_read(message->get(), "b", &is_dynamic); r < 0)
        return fail_errno(r, "cannot read the service's properties");
    return is_dynamic != 0;
}

}  // namespace

Result<UniqueFd> open_image(sd_bus *bus, const Invocation &invocation, const std::string &vm,
                            const std::string &file, bool write) {
    const int access = write ? O_RDWR : O_RDONLY;
    if (geteuid() == 0 && invocation.bus == Invocation::Bus::system) {
        const auto is_dynamic = has_dynamic_user(bus, vm);
        if (!is_dynamic)
            return std::unexpected(is_dynamic.error());
        if (*is_dynamic)
            return open_named_file(file, write, std::nullopt);
        const auto account = account_of(bus, vm);
        if (!account)
            return std::unexpected(account.error());
        return open_for(*account, file, access);
    }
    UniqueFd image(open(file.c_str(), access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    return image ? Result<UniqueFd>(std::move(image)) : fail_errno(errno, "cannot open " + file);
}

}  // namespace qemunit::ctl
