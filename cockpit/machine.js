// SPDX-License-Identifier: MIT
//
// The page of one VM: its head with the actions, and a tab for each thing that there is to see.
import { h, card, terms, label, set_label, set_text, alert_box, complain } from "./dom.js";
import { refusal } from "./access.js";
import { watch } from "./counters.js";
import { graph } from "./graph.js";
import { all_actions } from "./actions.js";
import { read_ini } from "./ini.js";
import { show_console } from "./console.js";
import { show_screen } from "./screen.js";
import { show_journal } from "./journal.js";
import { show_snapshots } from "./snapshots.js";
import { show_monitor } from "./monitor.js";
import { show_devices } from "./devices.js";
import { show_editor } from "./editor.js";
import { _, format, ago, moment, bytes, rate, percent, state_words, error_text } from "./text.js";

// Each shows itself in a place, and returns what undoes that.
const tabs = () => [
    ["overview", _("Overview"), show_overview],
    ["console", _("Console"), show_console],
    ["screen", _("Screen"), show_screen],
    ["journal", _("Journal"), show_journal],
    ["devices", _("Devices"), show_devices],
    ["snapshots", _("Snapshots"), show_snapshots],
    ["monitor", _("Monitor"), show_monitor],
    ["ini", _("Ini file"), show_editor],
];

function enable_box(vm) {
    const input = h("input", { type: "checkbox", id: "enable-vm" });
    const why = h("div", { class: "qemunit-muted" });
    async function show() {
        try {
            const [state] = await vm.scope.manager("GetUnitFileState", [vm.unit]);
            input.checked = state.startsWith("enabled");
        } catch {
            input.checked = false;
        }
    }
    input.disabled = Boolean(refusal(vm.scope, "enable"));
    set_text(why, refusal(vm.scope, "enable") ?? "");
    input.addEventListener("change", async () => {
        try {
            if (input.checked)
                await vm.scope.manager("EnableUnitFiles", [[vm.unit], false, false]);
            else
                await vm.scope.manager("DisableUnitFiles", [[vm.unit], false]);
            await vm.scope.manager("Reload", []);
        } catch (error) {
            complain(format(_("$0 is as it was"), vm.name), error_text(error));
        }
        show();
    });
    show();
    return h("div", {}, h("label", { for: "enable-vm", class: "qemunit-check" }, input, " ", _("Start at boot")), why);
}

function show_overview(place, vm, ini) {
    const about = h("div", {}), now = h("div", {}), events = h("div", {});
    const memory = () => vm.samples.at(-1)?.statistics.Memory ?? 1;
    const graphs = [
        graph(_("CPU"), "cpu", () => 100, percent), graph(_("Memory of the host"), "memory", memory, bytes),
        graph(_("Disk"), "disk", () => 1024, rate), graph(_("Disk operations"), "operations", () => 10, number => format(_("$0/s"), Math.round(number))),
        graph(_("Network"), "network", () => 1024, rate),
    ];
    const boot = enable_box(vm);
    place.append(h("div", { class: "qemunit-cards" }, card(_("Machine"), h("div", {}, about, boot)), card(_("Now"), now)),
                 card(_("The last hour"), h("div", { class: "qemunit-graphs" }, graphs.map(each => each.element))),
                 card(_("Events"), events));
    const update = () => {
        const said = ini?.value("VM", "Description");
        about.replaceChildren(terms([
            [_("Description"), said ?? ""],
            [_("CPUs"), ini ? ini.value("VM", "CPUs") ?? "1" : ""],
            [_("Memory"), ini ? ini.value("VM", "Memory") ?? _("by default") : ""],
            [_("Ini file"), h("code", {}, vm.properties.SourcePath || _("gone"))],
            [_("Unit"), h("code", {}, vm.unit)]]));
        now.replaceChildren(terms([
            [_("State"), state_words(vm.state).label],
            [_("Since"), vm.since ? `${moment(vm.since)} (${ago(vm.since)})` : ""],
            [_("Status"), vm.status],
            [_("QEMU"), vm.properties.QEMUVersion ? `${vm.properties.QEMUVersion}, PID ${vm.properties.MainPID}` : ""],
            [_("Memory of the host"), vm.is_up && vm.samples.at(-1)?.memory ? bytes(vm.samples.at(-1).memory) : ""]]));
        graphs.forEach(each => each.update(vm));
        const key = vm.events[0]?.time ?? 0;
        if (events.dataset.key !== String(key)) {
            events.dataset.key = key;
            events.replaceChildren(vm.events.length
                ? h("ol", { class: "qemunit-log qemunit-short" }, vm.events.slice(0, 20).map(event => h("li", {},
                    h("time", {}, new Date(event.time / 1000).toLocaleTimeString()),
                    h("span", { class: "qemunit-source" }, event.name), h("span", { class: "qemunit-message" }, event.data === "{}" ? "" : event.data))))
                : h("p", { class: "qemunit-muted" }, _("None since this page was opened; the journal has those before.")));
        }
    };
    const unwatch = watch(vm);
    const unlisten = vm.listen(update);
    update();
    return () => {
        unwatch();
        unlisten();
    };
}

export function show_machine(page, vm, tab, go) {
    const state = label("", "grey"), status = h("span", { class: "qemunit-muted" }), failure = h("div", {});
    const actions = all_actions(vm);
    const place = h("section", { class: "pf-v6-c-page__main-section qemunit-tab", role: "tabpanel", id: "tab-panel", tabindex: "-1" });
    const list = h("ul", { class: "pf-v6-c-tabs__list", role: "tablist", "aria-label": _("Views of the VM") });
    const title = h("h1", { class: "pf-v6-c-title pf-m-2xl" }, vm.name);
    page.append(
        h("section", { class: "pf-v6-c-page__main-section qemunit-head" },
          h("nav", { class: "pf-v6-c-breadcrumb", "aria-label": _("Breadcrumb") },
            h("ol", { class: "pf-v6-c-breadcrumb__list" },
              h("li", { class: "pf-v6-c-breadcrumb__item" },
                h("a", { class: "pf-v6-c-breadcrumb__link", href: "#/", on: { click: event => { event.preventDefault(); go([]); } } }, _("Virtual machines"))),
              h("li", { class: "pf-v6-c-breadcrumb__item", "aria-current": "page" }, h("span", { class: "qemunit-separator", "aria-hidden": "true" }, "/"), vm.name))),
          h("div", { class: "qemunit-title" }, title, state, status),
          actions.element, failure),
        h("div", { class: "pf-v6-c-tabs qemunit-tabs" }, list), place);

    let undo = null, shown = null, generation = 0;
    let ini = null;
    const ini_read = read_ini(vm).then(read => {
        ini = read;
        vm.hibernates = ini?.value("VM", "Stop") === "hibernate";
        vm.tell();
    });

    async function show(name) {
        if (name === shown)
            return;
        shown = name;
        const mine = ++generation;
        leave();
        const [, words, view] = tabs().find(([each]) => each === name) ?? tabs()[0];
        place.setAttribute("aria-label", words);
        for (const each of list.querySelectorAll("[role=tab]")) {
            const is_this = each.dataset.tab === name;
            each.setAttribute("aria-selected", String(is_this));
            each.tabIndex = is_this ? 0 : -1;
            each.parentElement.classList.toggle("pf-m-current", is_this);
        }
        await ini_read;
        if (mine !== generation)
            return;
        try {
            const done = await view(place, vm, ini);
            if (mine === generation)
                undo = done;
            else
                done?.();
        } catch (error) {
            if (mine === generation)
                place.replaceChildren(alert_box("danger", _("This cannot be shown"), error_text(error)));
        }
    }
    function leave() {
        undo?.();
        undo = null;
        place.replaceChildren();
    }

    list.append(...tabs().map(([name, words]) => h("li", { class: "pf-v6-c-tabs__item", role: "presentation" },
        h("button", { type: "button", class: "pf-v6-c-tabs__link", role: "tab", "aria-controls": "tab-panel", "data-tab": name,
                      on: { click: () => go([vm.scope.name, vm.name, name]) } },
          h("span", { class: "pf-v6-c-tabs__item-text" }, words)))));
    list.addEventListener("keydown", event => {
        const all = [...list.querySelectorAll("[role=tab]")];
        const here = all.indexOf(document.activeElement);
        const there = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: all.length - 1 }[event.key];
        if (there === undefined || here < 0)
            return;
        event.preventDefault();
        all[(there + all.length) % all.length].focus();
        all[(there + all.length) % all.length].click();
    });

    const update = () => {
        const words = state_words(vm.state);
        set_label(state, vm.busy ?? words.label, vm.busy ? "blue" : words.colour);
        set_text(status, vm.status);
        if (failure.dataset.text !== vm.failure) {
            failure.dataset.text = vm.failure;
            failure.replaceChildren(...(vm.failure ? [alert_box("danger", vm.state === "broken" ? _("The ini file has errors") : _("The VM has failed"), vm.failure)] : []));
        }
        actions.update();
        if (vm.is_gone) {
            leave();
            place.replaceChildren(alert_box("warning", format(_("There is no VM $0 any more"), vm.name), ""));
        }
    };
    const unlisten = vm.listen(update);
    update();
    show(tab);
    return {
        vm,
        show,
        update() {},
        stop() {
            unlisten();
            ++generation;
            leave();
        },
    };
}
