// SPDX-License-Identifier: MIT
#include "ctl/verbs/media.h"

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include <filesystem>

#include "common/files/named_file.h"
#include "common/files/trusted_path.h"
#include "common/paths.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

Result<int> change_medium(const Invocation &invocation, const std::string &file) {
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto done = change_medium(bus->get(), invocation, invocation.arguments[0],
                                    invocation.arguments[1], file);
    if (!done)
        return std::unexpected(done.error());
    return 0;
}

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

// `systemctl reload` is root, and a CD of the ini may lie in the VM's own folder. Other ones are
// opened as qemunit-open does at a start.
Result<UniqueFd> open_medium(sd_bus *bus, const Invocation &invocation, const std::string &vm,
                             const std::string &file) {
    if (geteuid() == 0 && invocation.bus == Invocation::Bus::system) {
        const auto is_dynamic = has_dynamic_user(bus, vm);
        if (!is_dynamic)
            return std::unexpected(is_dynamic.error());
        if (*is_dynamic)
            return open_named_file(file, /*write=*/false, std::nullopt);
        const auto account = account_of(bus, vm);
        if (!account)
            return std::unexpected(account.error());
        return open_for(*account, file, O_RDONLY);
    }
    UniqueFd image(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    return image ? Result<UniqueFd>(std::move(image)) : fail_errno(errno, "cannot open " + file);
}

}  // namespace

Result<> change_medium(sd_bus *bus, const Invocation &invocation, const std::string &vm,
                       const std::string &drive, const std::string &file) {
    if (file.empty()) {
        const auto ejected = call_vm(bus, vm, "EjectMedium", {drive});
        return ejected ? Result<>() : std::unexpected(ejected.error());
    }
    const auto image = open_medium(bus, invocation, vm, file);
    if (!image)
        return std::unexpected(image.error());
    auto message = new_vm_call(bus, vm, "ChangeMedium");
    if (!message)
        return std::unexpected(message.error());
    // sd-bus duplicates the descriptor.
    if (int r =
            sd_bus_message_append(message->get(), "shs", drive.c_str(), image->get(), file.c_str());
        r < 0)
        return fail_errno(r, "cannot hand " + file + " to qemunitd");
    const auto changed = call(bus, message->get(), vm);
    return changed ? Result<>() : std::unexpected(changed.error());
}

Result<int> run_medium_change(const Invocation &invocation) {
    std::error_code error;
    const auto path = std::filesystem::absolute(invocation.arguments[2], error);
    return change_medium(invocation, error ? invocation.arguments[2] : path.string());
}

Result<int> run_medium_eject(const Invocation &invocation) {
    return change_medium(invocation, "");
}

}  // namespace qemunit::ctl
