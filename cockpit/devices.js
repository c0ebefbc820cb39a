// SPDX-License-Identifier: MIT
//
// Drives, networks and shares as the ini file has them, with what QEMU counts, and what can be changed while the VM runs:
// forwarded ports.
import { h, button, card, table, complain, refuse } from "./dom.js";
import { refusal } from "./access.js";
import { watch } from "./counters.js";
import { port_text } from "./list.js";
import { _, bytes, error_text } from "./text.js";

const first = (section, key, fallback = "") => section.values.get(key)?.at(-1) ?? fallback;

export function show_devices(place, vm, ini) {
    const drives = h("div", {}), networks = h("div", {}), ports = h("div", {}), shares = h("div", {});
    const rule = h("input", { type: "text", id: "forward", placeholder: "tcp:127.0.0.1:8080-:80", autocomplete: "off", required: true });
    const add = h("button", { type: "submit", class: "pf-v6-c-button pf-m-secondary" }, _("Forward"));
    const form = h("form", { class: "qemunit-tools", on: { submit: event => {
        event.preventDefault();
        if (add.getAttribute("aria-disabled") !== "true")
            change("AddHostForward", rule.value.trim(), _("The port is not forwarded"));
    } } }, h("label", { for: "forward" }, _("New forward")), h("span", { class: "pf-v6-c-form-control qemunit-filter" }, rule), add);
    place.append(h("div", { class: "qemunit-cards" },
                   card(_("Drives"), drives), card(_("Networks"), networks),
                   card(_("Forwarded ports"), h("div", {}, ports, form)), card(_("Shares"), shares)));

    async function change(method, text, complaint) {
        try {
            await vm.call(method, text);
            form.reset();
        } catch (error) {
            complain(complaint, error_text(error));
        }
        vm.read_forwards();
    }

    const nothing = text => h("p", { class: "qemunit-muted" }, text);
    function show_counted() {
        const statistics = vm.is_up ? vm.samples.at(-1)?.statistics ?? {} : {};
        const sections = ini?.of_kind("Drive") ?? [];
        const names = [...new Set([...sections.map(({ name }) => name), ...Object.keys(statistics.Drives ?? {})])];
        drives.replaceChildren(names.length ? table(_("Drives"), [_("Drive"), _("Image"), _("Interface"), _("Read"), _("Written"), _("Errors")], names.map(name => {
            const section = sections.find(each => each.name === name);
            const counted = statistics.Drives?.[name] ?? {};
            const image = section ? first(section, "File") : _("attached while the VM runs");
            const notes = section ? [["ReadOnly", _("read-only")], ["Ephemeral", _("what is written is thrown away")]]
                .filter(([key]) => /^(yes|true|on|1)$/i.test(first(section, key))).map(([, note]) => note).join(", ") : "";
            return [name, h("span", { class: "qemunit-path" }, image, notes ? h("div", { class: "qemunit-muted" }, notes) : null),
                    section ? `${first(section, "Interface", "virtio")}${first(section, "Media") === "cdrom" ? ", CD" : ""}` : "virtio",
                    bytes(counted.rd_bytes ?? 0), bytes(counted.wr_bytes ?? 0),
                    String((counted.failed_rd_operations ?? 0) + (counted.failed_wr_operations ?? 0) + (counted.failed_flush_operations ?? 0))];
        })) : nothing(ini ? _("The VM has no drives.") : _("The ini file is not for you to read.")));
        const cards = ini?.of_kind("Network") ?? [];
        networks.replaceChildren(cards.length ? table(_("Networks"), [_("Network"), _("Type"), _("MAC"), _("Received"), _("Sent")], cards.map(section => {
            const counted = statistics.Networks?.[section.name];
            const type = first(section, "Type", "user");
            return [section.name, [type, first(section, "Bridge") || first(section, "Interface")].filter(Boolean).join(" "), first(section, "MAC", _("by name")),
                    counted ? bytes(counted.rx_bytes) : _("not counted"), counted ? bytes(counted.tx_bytes) : _("not counted")];
        })) : nothing(ini ? _("The VM has no network.") : _("The ini file is not for you to read.")));
    }

    function show_ports() {
        const why = vm.is_up ? refusal(vm.scope, "control", vm) : _("The VM does not run.");
        refuse(add, why);
        rule.disabled = Boolean(why);
        const text = JSON.stringify([vm.forwards, why]);
        if (ports.dataset.shown === text)
            return;
        ports.dataset.shown = text;
        ports.replaceChildren(vm.forwards?.length
            ? table(_("Forwarded ports"), [_("Network"), _("From → to"), ""], vm.forwards.map(([network, forward]) => [
                network, port_text(forward),
                button(_("End"), () => change("RemoveHostForward", `${network} ${forward.replace(/-.*/, "")}`, _("The forward was not ended")), { small: true, refusal: why, name: `${_("End")} ${forward}` })]))
            : nothing(vm.forwards ? _("No port of this host leads to the VM.") : _("They are known while the VM runs.")));
    }

    const folders = ini?.of_kind("Share") ?? [];
    shares.append(folders.length
        ? table(_("Shares"), [_("Share"), _("Folder"), _("Type")], folders.map(section => [section.name, first(section, "Path"), first(section, "Type", "9p")]))
        : nothing(_("The VM has no shared folders.")));
    const update = () => {
        show_ports();
        const taken = vm.is_up ? vm.samples.at(-1)?.time : "off";
        if (drives.dataset.time === String(taken) && drives.childElementCount)
            return;
        drives.dataset.time = taken;
        show_counted();
    };
    const unwatch = watch(vm);
    const unlisten = vm.listen(update);
    update();
    return () => {
        unwatch();
        unlisten();
    };
}
