// SPDX-License-Identifier: MIT
//
// The journal of a VM: systemd, QEMU, the guest's console, and QEMU's events, as they come.
import { h } from "./dom.js";
import { _ } from "./text.js";

const kShown = 1000;

export function show_journal(place, vm) {
    const lines = h("ol", { class: "qemunit-log", tabindex: "0", "aria-label": _("Journal"), role: "log" });
    const with_console = h("input", { type: "checkbox", id: "with-console", checked: true, on: { change: () => filter() } });
    const note = h("span", { class: "qemunit-muted", role: "status" });
    const filter = () => lines.classList.toggle("qemunit-no-console", !with_console.checked);
    place.append(h("div", { class: "qemunit-tools" },
                   h("label", { for: "with-console", class: "qemunit-check" }, with_console, " ", _("With the console of the guest")), note), lines);

    const units = vm.scope.name === "user" ? ["--user-unit", vm.unit, "--user-unit", vm.failure_unit] : ["-u", vm.unit, "-u", vm.failure_unit];
    const process = vm.scope.spawn(["journalctl", "-q", "-f", "-n", "300", "-o", "json", ...units]);
    let rest = "";
    process.stream(data => {
        const parts = (rest + data).split("\n");
        rest = parts.pop();
        const is_at_end = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8;
        const added = parts.flatMap(part => {
            try {
                return [line_of(JSON.parse(part))];
            } catch {
                return [];
            }
        });
        lines.append(...added.slice(-kShown));
        while (lines.childElementCount > kShown)
            lines.firstElementChild.remove();
        if (is_at_end)
            lines.scrollTop = lines.scrollHeight;
    });
    process.catch(error => {
        if (error.problem !== "cancelled")
            note.textContent = error.message || error.problem;
    });
    return () => process.close("cancelled");
}

function line_of(entry) {
    const from = entry.QEMUNIT_EVENT ? "event" : entry.QEMUNIT_PORT ? "console" : "unit";
    const time = new Date(Number(entry.__REALTIME_TIMESTAMP) / 1000);
    const message = Array.isArray(entry.MESSAGE) ? new TextDecoder().decode(Uint8Array.from(entry.MESSAGE)) : entry.MESSAGE ?? "";
    return h("li", { class: `qemunit-from-${from}${Number(entry.PRIORITY) <= 3 ? " qemunit-reason" : ""}` },
             h("time", { datetime: time.toISOString(), title: time.toLocaleString() }, time.toLocaleTimeString()),
             h("span", { class: "qemunit-source" }, from === "console" ? entry.QEMUNIT_PORT : from === "event" ? entry.QEMUNIT_EVENT : entry.SYSLOG_IDENTIFIER ?? ""),
             h("span", { class: "qemunit-message" }, message));
}
