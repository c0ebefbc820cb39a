// SPDX-License-Identifier: MIT
//
// Who may do what. systemd's own actions are asked of polkit before somebody presses a button; those of a VM come
// with its answers (vm.js). A button that is grey says why. Grants nothing: systemd and qemunitd decide again.
import { _ } from "./text.js";

const cockpit = window.cockpit;

const kActions = {
    start: "org.freedesktop.systemd1.manage-units",
    enable: "org.freedesktop.systemd1.manage-unit-files",
    reload: "org.freedesktop.systemd1.reload-daemon",
};

const allowed = { start: null, enable: null, reload: null };
let is_administrator = null;

// Resolves when the rights are known. Cockpit's own pages begin anew when the access is another, and so does this one.
export async function learn_access() {
    const permission = cockpit.permission({ admin: true });
    if (permission.allowed === null)
        await new Promise(resolve => permission.addEventListener("changed", resolve, { once: true }));
    is_administrator = permission.allowed;
    permission.addEventListener("changed", () => {
        if (permission.allowed !== is_administrator)
            window.location.reload();
    });
    if (is_administrator)
        return;
    const polkit = cockpit.dbus("org.freedesktop.PolicyKit1", { bus: "system" });
    await Promise.all(Object.entries(kActions).map(async ([name, action]) => {
        try {
            await polkit.wait();
            const [result] = await polkit.call(
                "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization",
                [["system-bus-name", { name: cockpit.variant("s", polkit.unique_name) }], action, {}, 0, ""],
                { timeout: 10000 });
            allowed[name] = result[0];
        } catch {
            allowed[name] = false;
        }
    }));
    polkit.close();
}

export const is_admin = () => is_administrator;

const no_rights = () => _("Only administrators may do this. Turn on administrative access, at the top of the page.");
const no_vm_rights = () => _("You may not do this to this VM: polkit does not allow it. Turn on administrative access, or ask an administrator.");

// Why this person may not do this, or null. `action` is start, enable, reload, or control, monitor of a VM.
export function refusal(scope, action, vm = null) {
    if (scope.name === "user" || is_administrator)
        return null;
    if (action in allowed)
        return allowed[action] === false ? no_rights() : null;
    return vm?.may[action] === false ? no_vm_rights() : null;
}

// Files and sockets of the system's VMs are root's.
export function file_refusal(scope) {
    return scope.name === "user" || is_administrator ? null : no_rights();
}
