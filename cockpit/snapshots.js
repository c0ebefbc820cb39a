// SPDX-License-Identifier: MIT
//
// The snapshots of a VM that runs: save, go back, delete.
import { h, button, table, alert_box, ask, complain, refuse } from "./dom.js";
import { refusal } from "./access.js";
import { _, format, bytes, moment, error_text } from "./text.js";

export function show_snapshots(place, vm) {
    const tag = h("input", { type: "text", id: "tag", required: true, maxlength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", autocomplete: "off" });
    const save = h("button", { type: "submit", class: "pf-v6-c-button pf-m-primary" }, _("Save"));
    const form = h("form", { class: "qemunit-tools", on: { submit: event => {
        event.preventDefault();
        if (save.getAttribute("aria-disabled") !== "true")
            act(_("Saving the snapshot"), "SaveSnapshot", tag.value, _("The snapshot was not saved"));
    } } }, h("label", { for: "tag" }, _("New snapshot")), h("span", { class: "pf-v6-c-form-control qemunit-filter" }, tag), save);
    const list = h("div", {});
    place.append(form, list);
    let is_gone = false;

    async function act(label, method, name, complaint) {
        try {
            await vm.run(label, () => vm.call(method, name));
            form.reset();
        } catch (error) {
            complain(complaint, error_text(error));
        }
        show();
    }

    async function load(name) {
        if (await ask(format(_("Go back to “$0”?"), name), _("The machine and its disks will be as they were then. What the guest has done since is lost."),
                      _("Go back"), { no: _("Cancel") }))
            act(_("Going back"), "LoadSnapshot", name, _("The VM did not go back"));
    }

    async function remove(name) {
        if (await ask(format(_("Delete “$0”?"), name), _("The VM runs on as it is, and cannot go back to this snapshot any more."), _("Delete"), { no: _("Cancel") }))
            act(_("Deleting the snapshot"), "DeleteSnapshot", name, _("The snapshot was not deleted"));
    }

    async function show() {
        if (!vm.is_up) {
            list.replaceChildren(alert_box("info", _("The snapshots are seen while the VM runs"), ""));
            return;
        }
        try {
            const [snapshots] = await vm.call("ListSnapshots");
            if (is_gone)
                return;
            const options = { small: true, refusal: refusal(vm.scope, "control", vm) };
            list.replaceChildren(snapshots.length
                ? table(_("Snapshots"), [_("Snapshot"), _("Taken"), _("State of the machine"), ""],
                        snapshots.map(([name, size, time]) => [
                            name, moment(time), size ? bytes(size) : _("disks only"),
                            h("span", { class: "qemunit-actions" },
                              button(_("Go back"), () => load(name), { ...options, name: format(_("Go back to $0"), name) }),
                              button(_("Delete"), () => remove(name), { ...options, kind: "secondary pf-m-danger", name: format(_("Delete $0"), name) }))]))
                : h("p", { class: "qemunit-muted" }, _("No snapshots.")));
        } catch (error) {
            list.replaceChildren(alert_box("warning", _("The snapshots cannot be listed"), error_text(error)));
        }
    }

    let pid = -1;
    const update = () => {
        refuse(save, vm.busy ?? (vm.is_up ? refusal(vm.scope, "control", vm) : _("The VM does not run.")));
        tag.disabled = save.getAttribute("aria-disabled") === "true";
        const now = vm.is_up ? vm.properties.MainPID : 0;
        if (now === pid)
            return;
        pid = now;
        show();
    };
    const unlisten = vm.listen(update);
    update();
    return () => {
        is_gone = true;
        unlisten();
    };
}
