// SPDX-License-Identifier: MIT
//
// The list of all VMs. A row changes in place, so that focus and selections stay where they are.
import { h, button, label, set_label, set_text, refuse, alert_box } from "./dom.js";
import { refusal } from "./access.js";
import { watch } from "./counters.js";
import { spark } from "./graph.js";
import { start_stop } from "./actions.js";
import { _, format, ngettext, ago, moment, bytes, rate, percent, state_words } from "./text.js";

const columns = () => [_("Name"), _("State"), _("Since"), _("CPU"), _("Memory"), _("Disk"), _("Network"), _("Ports"), ""];

function row_of(vm, go) {
    const link = h("a", { href: `#/${vm.scope.name}/${encodeURIComponent(vm.name)}`, on: { click: event => {
        event.preventDefault();
        go([vm.scope.name, vm.name]);
    } } }, vm.name);
    const owner = vm.scope.name === "user" ? label(_("yours"), "blue") : null;
    const state = label("", "grey");
    const status = h("div", { class: "qemunit-muted qemunit-status" });
    const reason = h("div", { class: "qemunit-reason" });
    const since = h("span", {});
    const graphs = [spark("cpu", 100, percent), spark("memory", 1, bytes), spark("disk", 1024, rate), spark("network", 1024, rate)];
    const ports = h("span", { class: "qemunit-ports" });
    const action = start_stop(vm);
    const cells = [
        h("th", { class: "pf-v6-c-table__th", scope: "row" }, link, " ", owner),
        h("td", { class: "pf-v6-c-table__td qemunit-state" }, h("div", {}, state, status, reason)),
        h("td", { class: "pf-v6-c-table__td qemunit-nowrap" }, since),
        ...graphs.map(({ element }) => h("td", { class: "pf-v6-c-table__td qemunit-nowrap" }, element)),
        h("td", { class: "pf-v6-c-table__td" }, ports),
        h("td", { class: "pf-v6-c-table__td pf-v6-c-table__action" }, action.element),
    ];
    columns().forEach((column, index) => column && cells[index].setAttribute("data-label", column));
    const element = h("tr", { class: "pf-v6-c-table__tr", "data-vm": vm.id }, cells);

    const show_since = () => {
        set_text(since, vm.since ? ago(vm.since) : "");
        since.title = vm.since ? moment(vm.since) : "";
    };
    const update = () => {
        const words = state_words(vm.state);
        set_label(state, vm.busy ?? words.label, vm.busy ? "blue" : words.colour);
        element.dataset.state = vm.state;
        set_text(status, vm.status);
        set_text(reason, vm.failure);
        show_since();
        graphs.forEach(each => each.update(vm));
        set_text(ports, (vm.forwards ?? []).map(([, rule]) => port_text(rule)).join("\n"));
        action.update();
    };
    update();
    return { element, update, show_since, stop: vm.listen(update) };
}

// "tcp:127.0.0.1:10022-10.0.2.15:22" -> "127.0.0.1:10022 → 22"
function port_text(rule) {
    const parts = /^(tcp|udp):(.*:\d+)-.*:(\d+)$/.exec(rule);
    return parts ? `${parts[2].replace(/^0\.0\.0\.0/, "*")} → ${parts[3]}${parts[1] === "udp" ? "/udp" : ""}` : rule;
}

export { port_text };

export function show_list(page, scopes, go) {
    const rows = new Map();
    const body = h("tbody", { class: "pf-v6-c-table__tbody" });
    const filter = h("input", { type: "search", placeholder: _("Filter by name or state"), "aria-label": _("Filter by name or state"),
                                on: { input: () => update() } });
    const count = h("span", { class: "qemunit-muted", role: "status" });
    const make = button(_("New VM"), () => go(["new"]), { kind: "primary" });
    const trouble = h("div", {});
    const empty = h("div", { class: "pf-v6-c-empty-state", hidden: true },
                    h("div", { class: "pf-v6-c-empty-state__content" },
                      h("h2", { class: "pf-v6-c-empty-state__title-text" }, _("No virtual machines")),
                      h("div", { class: "pf-v6-c-empty-state__body" },
                        _("A VM is an ini file, such as /etc/qemunit/vm1.ini. “New VM” makes one from an image."))));
    const table = h("table", { class: "pf-v6-c-table pf-m-grid-lg qemunit-list", "aria-label": _("Virtual machines") },
                    h("thead", { class: "pf-v6-c-table__thead" }, h("tr", { class: "pf-v6-c-table__tr" },
                      columns().map(column => column ? h("th", { class: "pf-v6-c-table__th", scope: "col" }, column)
                          : h("td", { class: "pf-v6-c-table__td" })))),
                    body);
    page.append(
        h("section", { class: "pf-v6-c-page__main-section qemunit-head" },
          h("h1", { class: "pf-v6-c-title pf-m-2xl" }, _("Virtual machines")),
          h("div", { class: "qemunit-tools" }, h("span", { class: "pf-v6-c-form-control qemunit-filter" }, filter), count, make)),
        h("section", { class: "pf-v6-c-page__main-section" }, trouble, h("div", { class: "pf-v6-c-card" }, table, empty)));

    // Counters are asked for of what can be seen.
    const watches = new Map();
    const seen = new IntersectionObserver(entries => {
        for (const { target, isIntersecting } of entries) {
            watches.get(target)?.();
            watches.delete(target);
            const row = rows.get(target.dataset.vm);
            if (isIntersecting && row)
                watches.set(target, watch(row.vm));
        }
    });

    function forget(id, row) {
        row.stop();
        seen.unobserve(row.element);
        watches.get(row.element)?.();
        watches.delete(row.element);
        row.element.remove();
        rows.delete(id);
    }

    function update() {
        const vms = scopes.flatMap(scope => [...scope.vms.values()])
            .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) || a.scope.name.localeCompare(b.scope.name));
        const words = filter.value.toLowerCase().trim();
        const ids = new Set(vms.map(vm => vm.id));
        for (const [id, row] of [...rows])
            if (!ids.has(id) || row.vm.is_gone)
                forget(id, row);
        let place = body.firstElementChild;
        let shown = 0;
        for (const vm of vms) {
            let row = rows.get(vm.id);
            if (!row) {
                row = { vm, ...row_of(vm, go) };
                rows.set(vm.id, row);
                seen.observe(row.element);
            }
            if (row.element !== place)
                body.insertBefore(row.element, place);
            else
                place = place.nextElementSibling;
            const text = `${vm.name} ${vm.state} ${state_words(vm.state).label}`.toLowerCase();
            row.element.hidden = !words.split(" ").every(word => text.includes(word));
            shown += row.element.hidden ? 0 : 1;
        }
        const is_known = scopes.some(scope => scope.is_known);
        empty.hidden = !is_known || vms.length > 0;
        table.hidden = vms.length === 0;
        set_text(count, !is_known ? "" : words ? format(_("$0 of $1"), shown, vms.length)
            : ngettext("$0 VM", "$0 VMs", vms.length));
        refuse(make, refusal(scopes[0], "enable"));
        const troubles = scopes.map(scope => scope.trouble).filter(Boolean);
        if (trouble.textContent !== troubles.join(""))
            trouble.replaceChildren(...troubles.map(text => alert_box("danger", text, "")));
        if (is_known && page.getAttribute("aria-busy") !== "false")
            performance.mark("qemunit-first-view");
        page.setAttribute("aria-busy", String(!is_known));
    }
    update();
    const clock = setInterval(() => rows.forEach(row => row.show_since()), 10000);
    return {
        update,
        stop() {
            clearInterval(clock);
            seen.disconnect();
            rows.forEach((row, id) => forget(id, row));
        },
    };
}
