// SPDX-License-Identifier: MIT
//
// A new VM, by `qemunitctl new`: from the catalogue of images, or from a file. What is wrong is said where it was typed, as
// far as that can be told; the rest in the command's own words.
import { h, button, alert_box, refuse } from "./dom.js";
import { refusal } from "./access.js";
import { _, format, bytes, error_text } from "./text.js";

const kFile = "\0file";

// The key goes to a file that nobody else can read; it is public, so that it may be seen in the command.
const kMake = `
key=$1
shift
[ "$key" ] || exec qemunitctl "$@"
file=$(mktemp) || exit
trap 'rm -f "$file"' EXIT
printf '%s\\n' "$key" >"$file"
qemunitctl "$@" --ssh-key="$file"`;

export function show_new(page, scopes, go) {
    const scope = scopes[0];
    let process = null;
    const field = (id, words, control, help = "") => {
        const fault = h("div", { class: "qemunit-reason", id: `${id}-fault` });
        control.id = id;
        control.setAttribute("aria-describedby", `${id}-help ${id}-fault`);
        const note = h("div", { class: "qemunit-muted", id: `${id}-help` }, help);
        return {
            control, fault, help: note,
            element: h("div", { class: "pf-v6-c-form__group" },
                       h("div", { class: "pf-v6-c-form__group-label" }, h("label", { class: "pf-v6-c-form__label", for: id }, h("span", { class: "pf-v6-c-form__label-text" }, words))),
                       h("div", { class: "pf-v6-c-form__group-control" },
                         h("span", { class: "pf-v6-c-form-control" }, control), note, fault)),
        };
    };
    const text = (attributes = {}) => h("input", { type: "text", autocomplete: "off", ...attributes });
    const name = field("new-name", _("Name"), text({ required: true, pattern: "[A-Za-z0-9][A-Za-z0-9_.\\-]{0,63}", placeholder: "vm1" }));
    const image = field("new-image", _("Image"), h("select", { on: { change: () => show_file() } }), _("It is downloaded, and its signature checked, unless it is here already."));
    const file = field("new-file", _("File"), text({ placeholder: "/srv/images/disk.qcow2" }), _("A disk image, or a CD to install from."));
    const key = field("new-key", _("SSH key"), h("textarea", { rows: 3, placeholder: "ssh-ed25519 AAAA…", spellcheck: "false" }), _("The public key that lets in. Without one, those in root's ~/.ssh."));
    const memory = field("new-memory", _("Memory"), text({ placeholder: "1G", pattern: "[0-9]+[KMGT]?" }));
    const cpus = field("new-cpus", _("CPUs"), h("input", { type: "number", min: 1, max: 1024, placeholder: "1" }));
    const size = field("new-size", _("Size of the disk"), text({ placeholder: "10G", pattern: "[0-9]+[KMGT]?" }));
    const is_started = h("input", { type: "checkbox", id: "new-start", checked: true });
    const make = h("button", { type: "submit", class: "pf-v6-c-button pf-m-primary" }, _("Make the VM"));
    const cancel = button(_("Cancel"), () => go([]), { kind: "link" });
    const fields = [name, image, file, key, memory, cpus, size];
    const bar = h("progress", { max: 100, hidden: true, "aria-label": _("Progress") });
    const said = h("pre", { class: "qemunit-log qemunit-short", hidden: true, role: "log", tabindex: "0", "aria-label": _("What the command says") });
    const trouble = h("div", {});
    const form = h("form", { class: "pf-v6-c-form pf-m-horizontal", novalidate: true, on: { submit: event => {
        event.preventDefault();
        if (make.getAttribute("aria-disabled") !== "true")
            run();
    } } }, fields.map(each => each.element),
        h("label", { for: "new-start", class: "qemunit-check" }, is_started, " ", _("Start it at once")),
        trouble, bar, said, h("div", { class: "qemunit-actions" }, make, cancel));
    page.append(h("section", { class: "pf-v6-c-page__main-section qemunit-head" }, h("h1", { class: "pf-v6-c-title pf-m-2xl" }, _("New virtual machine"))),
                h("section", { class: "pf-v6-c-page__main-section" }, h("div", { class: "pf-v6-c-card" }, h("div", { class: "pf-v6-c-card__body qemunit-narrow" }, form))));
    const show_file = () => {
        file.element.hidden = image.control.value !== kFile;
        image.help.hidden = !file.element.hidden;
    };

    scope.spawn(["qemunitctl", "images", "--json"]).then(list => {
        image.control.replaceChildren(
            ...JSON.parse(list).filter(each => each.url || each.path).map(each => h("option", { value: each.path && !each.url ? each.path : each.name },
                `${each.description ?? each.name} (${each.architecture}${each.bytes ? `, ${format(_("here, $0"), bytes(each.bytes))}` : ""})`)),
            h("option", { value: kFile }, _("A file of this host")));
        show_file();
    }, error => {
        image.control.replaceChildren(h("option", { value: kFile }, _("A file of this host")));
        image.fault.textContent = error_text(error);
        show_file();
    });
    name.control.focus();

    function is_valid() {
        let first = null;
        for (const { control, fault, element } of fields) {
            fault.textContent = "";
            const words = control.value.trim();
            if (control.validity && !control.validity.valid)
                fault.textContent = control === name.control
                    ? _("A name has letters without accents, digits, “.”, “_” and “-”, and begins with a letter or a digit.") : control.validationMessage;
            else if (control === name.control && scope.vms.has(words))
                fault.textContent = _("There is a VM of that name.");
            else if (control === file.control && !element.hidden && !words.startsWith("/"))
                fault.textContent = _("The path of a file begins with “/”.");
            if (fault.textContent)
                first ??= control;
            control.setAttribute("aria-invalid", String(Boolean(fault.textContent)));
        }
        first?.focus();
        return !first;
    }

    async function run() {
        trouble.replaceChildren();
        if (!is_valid())
            return;
        const option = (word, { control }) => control.value.trim() ? [`--${word}=${control.value.trim()}`] : [];
        const command = ["new", name.control.value.trim(), image.control.value === kFile ? file.control.value.trim() : image.control.value,
                         ...option("memory", memory), ...option("cpus", cpus), ...option("size", size), ...(is_started.checked ? ["--start"] : [])];
        said.textContent = "";
        said.hidden = bar.hidden = false;
        bar.removeAttribute("value");
        update();
        process = scope.spawn(["sh", "-c", kMake, "sh", key.control.value.trim(), ...command], { pty: true, err: "out", environ: ["TERM=dumb", "COLUMNS=80"] });
        update();
        process.stream(take);
        try {
            await process;
            process = null;
            go(["system", name.control.value.trim(), "console"]);
        } catch (error) {
            process = null;
            if (error.problem !== "cancelled")
                trouble.replaceChildren(alert_box("danger", _("The VM was not made"), said.textContent.trim().split("\n").at(-1) || error_text(error)));
            bar.hidden = said.hidden = true;
            update();
        }
    }
    // As a terminal shows it: what follows a \r replaces the line. A line with a percentage moves the bar.
    function take(data) {
        for (const part of data.replaceAll("\r\n", "\n").split(/(?<=[\r\n])/)) {
            const done = /(\d+) ?%/.exec(part);
            if (done)
                bar.value = Number(done[1]);
            // eslint-disable-next-line no-control-regex
            const words = part.replace(/\x1b\[[0-9;?]*[A-Za-z]|\r/g, "");
            const kept = said.textContent.slice(0, said.textContent.lastIndexOf("\n") + 1);
            said.textContent = said.dataset.replace ? kept + words : said.textContent + words;
            if (part.endsWith("\r"))
                said.dataset.replace = "1";
            else
                delete said.dataset.replace;
        }
    }

    function update() {
        refuse(make, process ? _("It is being made.") : refusal(scope, "enable"));
        fields.forEach(({ control }) => {
            control.disabled = Boolean(process);
        });
    }
    update();
    return {
        update,
        stop() {
            process?.close("cancelled");
        },
    };
}
