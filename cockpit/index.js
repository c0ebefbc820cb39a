// SPDX-License-Identifier: MIT
//
// The page "Virtual machines" of Cockpit: what is shown is said by the address, #/ the list, #/new,
// #/system/NAME/TAB a VM.
import { Scope } from "./scope.js";
import { learn_access } from "./access.js";
import { show_list } from "./list.js";
import { show_machine } from "./machine.js";
import { show_new } from "./new.js";
import { alert_box } from "./dom.js";
import { _, format } from "./text.js";

const cockpit = window.cockpit;

function follow_style() {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const follow = style => {
        const wanted = style ?? localStorage.getItem("shell:style") ?? "auto";
        document.documentElement.classList.toggle("pf-v6-theme-dark", wanted === "dark" || (wanted === "auto" && dark.matches));
    };
    window.addEventListener("storage", event => event.key === "shell:style" && follow());
    window.addEventListener("cockpit-style", event => follow(event.detail?.style));
    dark.addEventListener("change", () => follow());
    follow();
}

const page = document.getElementById("page");
const scopes = [];
let view = null;
let shown = "";

const go = path => cockpit.location.go(path);

function find([scope_name, name]) {
    return scopes.find(scope => scope.name === scope_name)?.vms.get(name);
}

function navigate() {
    const path = cockpit.location.path;
    const [first, second, tab = "overview"] = path;
    const wanted = path.length < 2 ? path.join("/") : `${first}/${second}`;
    if (view && wanted === shown && !(path.length >= 2 && view.vm !== find(path))) {
        view.show?.(tab);
        return;
    }
    view?.stop();
    view = null;
    page.replaceChildren();
    shown = wanted;
    if (first === "new")
        view = show_new(page, scopes, go);
    else if (path.length < 2)
        view = show_list(page, scopes, go);
    else if (find(path))
        view = show_machine(page, find(path), tab, go);
    else if (scopes.some(scope => scope.name === first && scope.is_known))
        page.append(alert_box("warning", format(_("There is no VM $0"), second), ""));
    window.scrollTo(0, 0);
}

function changed() {
    // A VM that the address names may have come, or be another one of that name.
    const path = cockpit.location.path;
    if (path.length >= 2 && (!view || (find(path) && view.vm !== find(path))))
        navigate();
    view?.update();
}

follow_style();
cockpit.translate?.();
document.title = _("Virtual machines");
document.documentElement.lang = cockpit.language?.replace("_", "-") || "en";
scopes.push(new Scope("system", changed));
const access = learn_access().then(() => {
    scopes.forEach(scope => scope.vms.forEach(vm => vm.tell()));
    changed();
});
cockpit.addEventListener("locationchanged", navigate);
navigate();
await scopes[0].start();
await access;
// root's own VMs are the system's.
const user = await cockpit.user();
if (user.id !== 0) {
    const own = new Scope("user", changed);
    scopes.push(own);
    await own.start();
}
