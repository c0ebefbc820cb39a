// SPDX-License-Identifier: MIT
#include "ctl/output/error_text.h"

#include <fmt/format.h>

#include "common/bus_errors.h"

namespace qemunit::ctl {

std::string error_text(std::string_view name, std::string_view message, std::string_view member,
                       std::string_view vm) {
    // The line begins with the VM's name already: "qemunitctl: vm1: is off; …".
    if (const std::string subject = fmt::format("VM '{}' ", vm); message.starts_with(subject))
        message.remove_prefix(subject.size());
    constexpr std::string_view kDBus = "org.freedesktop.DBus.Error.";
    if (name == bus_error::kNotRunning && !message.contains("systemctl"))
        return fmt::format("{} (systemctl start qemu@{})", message, vm);
    if (!name.starts_with(kDBus))
        return std::string(message.empty() ? name : message);
    name.remove_prefix(kDBus.size());
    // qemunitd's own text says why.
    if (constexpr std::string_view kDenied = "Access denied: ";
        name == "AccessDenied" && message.starts_with(kDenied))
        return fmt::format("access denied: {} (org.qemunit1(5), ACCESS)",
                           message.substr(kDenied.size()));
    // dbus-daemon's own text is a line of rules, uids and interfaces.
    if (name == "AccessDenied")
        return fmt::format(
            "access denied: {} is root's, or whom root lets (org.qemunit1(5), ACCESS)", member);
    if (name == "InteractiveAuthorizationRequired")
        return fmt::format(
            "access denied: {} must be authorized, and no agent is here to ask (pkttyagent(1))",
            member);
    if (name == "UnknownMethod" || name == "UnknownProperty")
        return fmt::format(
            "the qemunitd that runs has no {}; is it an older version? Try: "
            "systemctl restart qemunitd",
            member);
    if (name == "ServiceUnknown" || name == "NameHasNoOwner" || name.starts_with("Spawn."))
        return fmt::format(
            "cannot reach qemunitd: {}. Is qemunit installed, and was D-Bus reloaded "
            "(systemctl reload dbus)? See: systemctl status qemunitd",
            message);
    if (name == "NoReply" || name == "Timeout")
        return fmt::format("no answer to {} in time; see: systemctl status qemunitd", member);
    return std::string(message);
}

std::string for_own_manager(std::string text) {
    constexpr std::string_view kUser = "--user ";
    for (const std::string_view program : {"systemctl ", "journalctl ", "busctl "})
        for (std::size_t at = 0; (at = text.find(program, at)) != text.npos;) {
            at += program.size();
            if (!std::string_view(text).substr(at).starts_with(kUser))
                text.insert(at, kUser);
        }
    return text;
}

}  // namespace qemunit::ctl
