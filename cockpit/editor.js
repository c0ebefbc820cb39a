// SPDX-License-Identifier: MIT
//
// The ini file of a VM in an editor: keys explained and completed from the table of keys (keys.json), what is wrong at its line,
// by `qemunitctl check` of what is typed, before it is saved. Then daemon-reload, and what has to be started anew.
import { h, button, alert_box, complain, ask, refuse, set_text } from "./dom.js";
import { file_refusal } from "./access.js";
import { stop, start } from "./actions.js";
import { _, format, ngettext, error_text } from "./text.js";

// A copy with the VM's name, which nobody else can read, beside a copy of its drop-ins.
const kCheck = `
folder=$(mktemp -d) || exit
trap 'rm -rf "$folder"' EXIT
cat >"$folder/$1.ini"
[ ! -d "$2.d" ] || cp -r "$2.d" "$folder/$1.ini.d" || exit
qemunitctl $3 check "$folder/$1.ini" >"$folder/said" 2>&1
status=$?
sed "s|^$folder/||" "$folder/said"
exit $status`;

let keys = null;

async function read_keys() {
    keys ??= (await fetch("keys.json")).json();
    return keys;
}

// The section and the word before the cursor.
function place_of(text, at) {
    const before = text.slice(0, at);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    const end = text.indexOf("\n", at);
    const whole = line + text.slice(at, end < 0 ? undefined : end);
    const section = [...before.matchAll(/^\[(\S+)(?:\s+.*)?\]/gm)].at(-1)?.[1] ?? null;
    return { section, line, key: /^([A-Za-z]*)/.exec(whole.trimStart())[1], is_value: whole.includes("=") };
}

async function check(vm, text) {
    const process = vm.scope.spawn(["sh", "-c", kCheck, "sh", vm.name, vm.properties.SourcePath, vm.scope.for_command.join("")], { err: "out" });
    let said = "";
    process.stream(data => {
        said += data;
    });
    process.input(text);
    const is_good = await process.then(() => true, error => {
        if (error.exit_status === undefined || error.exit_status === null)
            throw error;
        return false;
    });
    const faults = said.trim().split("\n").filter(Boolean).map(line => {
        const parts = /^[^:]*\.ini:(\d+): (.*)$/.exec(line);
        return parts ? { line: Number(parts[1]), message: parts[2] } : { line: 0, message: line.replace(/^[^:]*\.ini: /, "") };
    });
    return { is_good, faults };
}

export async function show_editor(place, vm) {
    const source = vm.properties.SourcePath;
    // What a package brought stays as it is: a copy of the administrator's counts instead.
    const target = source.startsWith("/etc/") || vm.scope.name === "user" ? source : `/etc/qemunit/${vm.name}.ini`;
    const file = vm.scope.file(target);
    let original = "", tag = null;
    try {
        // Nobody else's file is written over: what was read is still there, or there is none.
        await vm.scope.file(source).read().then((content, now) => {
            original = content ?? "";
            tag = target === source ? now : "-";
        });
    } catch (error) {
        place.append(alert_box("info", _("The ini file is not for you to read"), error_text(error)));
        return () => {};
    }
    const table = await read_keys();

    const gutter = h("div", { class: "qemunit-gutter", "aria-hidden": "true" });
    const area = h("textarea", { class: "qemunit-text", spellcheck: "false", autocapitalize: "off", wrap: "off", "aria-label": format(_("Ini file of $0"), vm.name), "aria-describedby": "faults" });
    const faults = h("ul", { id: "faults", class: "qemunit-faults", role: "status", "aria-live": "polite" });
    const help = h("div", { class: "qemunit-help", "aria-live": "polite" });
    const state = h("span", { class: "qemunit-muted", role: "status" });
    const save = button(_("Save"), () => store(), { kind: "primary" });
    const undo = button(_("Undo all"), () => {
        area.value = original;
        typed();
    });
    const after = h("div", {});
    place.append(h("div", { class: "qemunit-tools" }, h("code", {}, target), state, undo, save), after,
                 h("div", { class: "qemunit-editor" }, h("div", { class: "qemunit-code" }, gutter, area),
                   h("aside", { "aria-label": _("Keys") }, help)), faults);
    area.value = original;
    area.readOnly = Boolean(file_refusal(vm.scope));

    let result = { is_good: true, faults: [] }, timer = null, generation = 0;
    function show_gutter() {
        const marks = new Map(result.faults.map(fault => [fault.line, fault.message]));
        gutter.replaceChildren(...area.value.split("\n").map((_line, index) =>
            h("div", { class: marks.has(index + 1) ? "qemunit-fault" : null, title: marks.get(index + 1) }, String(index + 1))));
        gutter.scrollTop = area.scrollTop;
    }
    function show_faults() {
        faults.replaceChildren(...result.faults.map(fault => h("li", {},
            fault.line ? button(format(_("Line $0"), fault.line), () => go_to(fault.line), { kind: "link", small: true }) : null, fault.message)));
        set_text(state, area.value === original && !result.faults.length ? "" : result.faults.length
            ? ngettext("$0 message", "$0 messages", result.faults.length) : _("Nothing is wrong with it."));
    }
    function go_to(line) {
        const at = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
        area.focus();
        area.setSelectionRange(at, at);
    }
    async function check_now() {
        const mine = ++generation;
        try {
            const now = await check(vm, area.value);
            if (mine !== generation)
                return;
            result = now;
        } catch (error) {
            if (mine === generation)
                result = { is_good: false, faults: [{ line: 0, message: error_text(error) }] };
        }
        show_gutter();
        show_faults();
    }
    function typed() {
        clearTimeout(timer);
        timer = setTimeout(check_now, 400);
        show_gutter();
        show_help();
        refuse_save();
    }
    function refuse_save() {
        const why = file_refusal(vm.scope) ?? (area.value === original ? _("Nothing has changed.") : null);
        refuse(save, why);
        refuse(undo, area.value === original ? _("Nothing has changed.") : null);
    }

    function candidates() {
        const { section, key, is_value } = place_of(area.value, area.selectionStart);
        const rows = table.keys.filter(row => row.section === section);
        return { section, key, rows: is_value ? rows.filter(row => row.key === key) : rows.filter(row => row.key.toLowerCase().startsWith(key.toLowerCase())) };
    }
    function show_help() {
        const { section, rows } = candidates();
        help.replaceChildren(
            h("h3", {}, section ? `[${section}]` : _("Sections")),
            ...(section ? rows.slice(0, 40).map(row => h("div", { class: "qemunit-key" },
                button(`${row.key}=`, () => complete(row.key), { kind: "link", small: true }), " ", h("code", { class: "qemunit-muted" }, row.syntax),
                h("div", {}, row.help), h("div", { class: "qemunit-muted" }, format(_("Default: $0"), row.default))))
                : table.sections.map(name => h("div", {}, h("code", {}, `[${name}]`)))));
    }
    function complete(key) {
        const at = area.selectionStart;
        const begin = area.value.lastIndexOf("\n", at - 1) + 1;
        const word = /^[A-Za-z]*=?/.exec(area.value.slice(begin))[0];
        area.setRangeText(`${key}=`, begin, begin + word.length, "end");
        area.focus();
        typed();
    }
    area.addEventListener("keydown", event => {
        if ((event.ctrlKey || event.metaKey) && event.key === "s") {
            event.preventDefault();
            save.click();
        } else if (event.ctrlKey && event.code === "Space") {
            event.preventDefault();
            const { key, rows } = candidates();
            if (rows.length === 1 || (key && rows.length))
                complete(rows[0].key);
        }
    });

    async function store() {
        await check_now();
        if (!result.is_good && !await ask(_("Save it with errors?"), _("The VM will not start like that."), _("Save"), { no: _("Go on editing") }))
            return;
        const text = area.value.endsWith("\n") ? area.value : `${area.value}\n`;
        try {
            tag = await file.replace(text, tag ?? undefined);
            await vm.scope.manager("Reload", []);
        } catch (error) {
            complain(_("The ini file was not saved"), error.problem === "out-of-date"
                ? _("Somebody else has changed it meanwhile. Copy what you have typed, and open the page anew.") : error_text(error));
            return;
        }
        original = area.value = text;
        refuse_save();
        set_text(state, _("Saved; systemd has read it."));
        after.replaceChildren(...(vm.is_active ? [alert_box("warning", _("The VM runs as it was started"), _("The change counts from its next start on. Some of it can be applied while it runs."), [
            button(_("Apply what can be"), async () => {
                try {
                    await vm.job("ReloadUnit", _("Applying"));
                    after.replaceChildren();
                } catch (error) {
                    complain(_("Nothing was applied"), error_text(error));
                }
            }, { kind: "secondary" }),
            button(_("Stop and start"), async () => {
                await stop(vm);
                await start(vm);
                after.replaceChildren();
            }, { kind: "link" })])] : []));
    }

    area.addEventListener("input", typed);
    area.addEventListener("scroll", () => {
        gutter.scrollTop = area.scrollTop;
    });
    for (const event of ["click", "keyup"])
        area.addEventListener(event, show_help);
    show_gutter();
    show_help();
    refuse_save();
    check_now();
    return () => {
        clearTimeout(timer);
        ++generation;
    };
}
