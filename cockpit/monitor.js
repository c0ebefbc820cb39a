// SPDX-License-Identifier: MIT
//
// QEMU's monitor for people: a line, its output, and the lines before by the arrow keys.
import { h, alert_box } from "./dom.js";
import { refusal } from "./access.js";
import { _, error_text } from "./text.js";

export function show_monitor(place, vm) {
    const output = h("pre", { class: "qemunit-log qemunit-monitor", tabindex: "0", role: "log", "aria-label": _("Output of the monitor") });
    const input = h("input", { type: "text", id: "monitor-line", autocomplete: "off", spellcheck: "false", placeholder: "info status" });
    const lines = [];
    let place_in_lines = 0;
    const form = h("form", { class: "qemunit-tools", on: { submit: async event => {
        event.preventDefault();
        const line = input.value.trim();
        if (!line)
            return;
        lines.push(line);
        place_in_lines = lines.length;
        input.value = "";
        let said;
        try {
            [said] = await vm.call("MonitorCommand", line);
        } catch (error) {
            said = error_text(error);
        }
        output.append(h("strong", {}, `(qemu) ${line}\n`), said ? `${said}\n` : "");
        output.scrollTop = output.scrollHeight;
    } } }, h("label", { for: "monitor-line" }, "(qemu)"), h("span", { class: "pf-v6-c-form-control qemunit-wide" }, input));
    input.addEventListener("keydown", event => {
        const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (!step)
            return;
        event.preventDefault();
        place_in_lines = Math.min(lines.length, Math.max(0, place_in_lines + step));
        input.value = lines[place_in_lines] ?? "";
    });
    const note = h("div", {});
    place.append(note, output, form);
    const update = () => {
        const why = vm.is_up ? refusal(vm.scope, "monitor", vm) : _("The VM does not run.");
        input.disabled = Boolean(why);
        if (note.dataset.why === (why ?? ""))
            return;
        note.dataset.why = why ?? "";
        note.replaceChildren(...(why ? [alert_box("info", _("The monitor is not to be had"), why)] : []));
    };
    const unlisten = vm.listen(update);
    update();
    vm.read_monitor_right();
    return unlisten;
}
