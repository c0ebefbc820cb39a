// SPDX-License-Identifier: MIT
//
// The buttons that do something to a VM as a whole. Each is grey, with the reason, where it makes no sense or is
// not allowed; what fails is told in the words of systemd, qemunitd or QEMU.
import { h, button, refuse, complain, ask, set_text } from "./dom.js";
import { refusal } from "./access.js";
import { _, format, error_text } from "./text.js";

async function attempt(vm, what, work) {
    try {
        await work();
    } catch (error) {
        complain(format(what, vm.name), error_text(error));
    }
}

export const start = vm => attempt(vm, _("$0 did not start"), () => vm.job("StartUnit", _("Starting")));
export const stop = vm => attempt(vm, _("$0 did not stop"), () => vm.job("StopUnit", _("Stopping")));

const restart = vm => attempt(vm, _("$0 did not start again"), () => vm.job("RestartUnit", _("Restarting")));
const method = (vm, what, name, label) => attempt(vm, what, () => vm.run(label, () => vm.call(name)));
const pause = vm => method(vm, _("$0 was not paused"), "Pause", _("Pausing"));
const resume = vm => method(vm, _("$0 does not go on"), "Resume", _("Resuming"));

async function reset(vm) {
    if (await ask(format(_("Reset $0?"), vm.name), _("The guest is not asked: what it has not written to its disks is lost."),
                  _("Reset"), { no: _("Cancel") }))
        await method(vm, _("$0 was not reset"), "Reset", _("Resetting"));
}

async function pull_plug(vm) {
    if (await ask(format(_("Pull the plug of $0?"), vm.name),
                  _("QEMU ends at once. What the guest has not written to its disks is lost."), _("Pull the plug"), { no: _("Cancel") }))
        await method(vm, _("$0 did not end"), "Quit", _("Ending"));
}

// Why a button makes no sense now.
const up = vm => vm.is_up ? null : _("The VM does not run.");
const down = vm => !vm.is_active ? null : _("The VM runs already.");
const ini = vm => vm.state === "broken" ? _("The ini file has errors.") : null;

// The one thing that is wanted most often, for the list.
export function start_stop(vm) {
    const element = button("", () => vm.is_active ? stop(vm) : start(vm), { small: true });
    return {
        element,
        update() {
            const word = vm.is_active ? _("Stop") : _("Start");
            set_text(element.querySelector("span"), word);
            element.setAttribute("aria-label", format(_("$0 $1"), word, vm.name));
            refuse(element, vm.busy ?? refusal(vm.scope, "start", vm) ?? (vm.is_active ? null : ini(vm)));
        },
    };
}

// All of them, for the page of the VM.
export function all_actions(vm) {
    const buttons = [
        [_("Start"), "primary", start, () => refusal(vm.scope, "start") ?? down(vm) ?? ini(vm)],
        [_("Stop"), "secondary", stop, () => refusal(vm.scope, "start") ?? (vm.is_active ? null : up(vm))],
        [_("Restart"), "secondary", restart, () => refusal(vm.scope, "start") ?? (vm.is_active ? null : up(vm))],
        [_("Pause"), "secondary", vm_ => vm_.state === "paused" ? resume(vm_) : pause(vm_), () => up(vm) ?? refusal(vm.scope, "control", vm)],
        [_("Reset"), "secondary", reset, () => up(vm) ?? refusal(vm.scope, "control", vm)],
        [_("Pull the plug"), "secondary pf-m-danger", pull_plug, () => up(vm) ?? refusal(vm.scope, "control", vm)],
    ].map(([label, kind, action, why]) => ({ element: button(label, () => action(vm), { kind }), why, label }));
    const element = h("div", { class: "qemunit-actions", role: "toolbar", "aria-label": _("Actions") }, buttons.map(each => each.element));
    return {
        element,
        update() {
            for (const { element: each, why, label } of buttons) {
                refuse(each, vm.busy ?? why());
                const span = each.querySelector("span");
                if (label === _("Pause"))
                    set_text(span, vm.state === "paused" ? _("Resume") : label);
                else if (label === _("Stop"))
                    set_text(span, vm.hibernates ? _("Hibernate") : label);
            }
        },
    };
}
