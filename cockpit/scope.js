// SPDX-License-Identifier: MIT
//
// The VMs of one manager, the system's or the user's own, as qemunitd and systemd tell them by D-Bus. Signals
// keep them as they are; nothing is asked twice but the counters, see counters.js. A qemunitd that ends
// is called again, which has the bus start another one.
import { Vm } from "./vm.js";
import { _, format, error_text } from "./text.js";

const cockpit = window.cockpit;

const kProperties = "org.freedesktop.DBus.Properties";
const kUnit = "org.freedesktop.systemd1.Unit";
const kService = "org.freedesktop.systemd1.Service";
const kManager = ["/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"];

// dbus-daemon lets a connection, which is that of all pages, have 512 matches. The state of further VMs comes from qemunitd, as
// that of all, and what systemd adds is read when the state changes.
const kFollowedMax = 256;

const values_of = properties =>
    Object.fromEntries(Object.entries(properties).map(([name, variant]) => [name, variant.v]));

// As systemd's bus_label_escape() does it.
export function unit_path(unit) {
    const label = Array.from(new TextEncoder().encode(unit), (byte, index) => {
        const letter = String.fromCharCode(byte);
        return /[a-zA-Z]/.test(letter) || (index > 0 && /[0-9]/.test(letter))
            ? letter : `_${byte.toString(16).padStart(2, "0")}`;
    }).join("");
    return `/org/freedesktop/systemd1/unit/${label}`;
}

export class Scope {
    // `changed` is called after changes, at most once for each frame that the browser shows.
    constructor(name, changed) {
        this.name = name;  // "system" or "user"
        this.vms = new Map();  // by name
        this.is_known = false;
        this.trouble = null;
        this.changed = changed;
        this.options = name === "system" ? { bus: "system", superuser: "try" } : { bus: "session" };
        this.privilege = name === "system" ? { superuser: "try" } : {};
        this.qemunitd = cockpit.dbus("org.qemunit1", this.options);
        this.systemd = cockpit.dbus("org.freedesktop.systemd1", this.options);
        this.by_path = new Map();  // objects of qemunitd
        this.by_unit = new Map();  // objects of systemd
        this.jobs = new Map();
        this.followed = 0;
        this.is_drawn = false;
        this.reading = 0;
    }

    start() {
        this.qemunitd.subscribe({ path_namespace: "/org/qemunit1" }, (...signal) => this.take_vm_signal(...signal));
        this.systemd.subscribe({ path: kManager[0], interface: kManager[1], member: "JobRemoved" },
                               (_path, _interface, _signal, [, path, unit, result]) => this.take_job(path, unit, result));
        this.systemd.call(...kManager, "Subscribe", []).catch(() => { /* it was before, by this connection */ });
        // Whether a job goes on without the page, nobody knows then.
        this.systemd.addEventListener("close", (_event, options) => {
            for (const waiting of this.jobs.values())
                waiting.reject(new Error(cockpit.message(options)));
            this.jobs.clear();
        });
        this.qemunitd.addEventListener("owner", (_event, owner) => {
            if (!owner || this.is_known)
                this.read();
        });
        this.qemunitd.addEventListener("close", (_event, options) => {
            if (this.name === "user" && !this.is_known)
                return;  // no bus of the user's own
            this.trouble = cockpit.message(options);
            this.tell();
        });
        return this.read();
    }

    // All VMs, from the beginning. What comes by signals meanwhile is newer than the answer, or the same.
    async read() {
        const reading = ++this.reading;
        try {
            const [objects] = await this.qemunitd.call("/org/qemunit1", "org.freedesktop.DBus.ObjectManager",
                                                       "GetManagedObjects", [], { timeout: 20000 });
            if (reading !== this.reading)
                return;
            const names = new Set();
            for (const [path, interfaces] of Object.entries(objects))
                if (interfaces["org.qemunit1.VM"])
                    names.add(this.add(path, values_of(interfaces["org.qemunit1.VM"])).name);
            for (const vm of [...this.vms.values()])
                if (!names.has(vm.name))
                    this.remove(vm);
            this.is_known = true;
            this.trouble = null;
        } catch (error) {
            if (reading !== this.reading)
                return;
            if (this.name === "user" && !this.is_known)
                return;
            this.trouble = format(_("qemunitd does not answer: $0"), error_text(error));
        }
        this.tell();
        await this.read_units();
    }

    // systemd is asked about the units that it has in memory alone: it would read the files of others.
    async read_units() {
        try {
            const [units] = await this.systemd.call(...kManager, "ListUnitsByPatterns", [[], ["qemu@*.service"]]);
            await Promise.all(units.map(([, , , , , , path]) => {
                const vm = this.by_unit.get(path);
                return vm ? this.read_unit(vm) : null;
            }));
        } catch (error) {
            if (!this.is_known)
                return;
            this.trouble = format(_("systemd does not answer: $0"), error_text(error));
            this.tell();
        }
    }

    async read_unit(vm) {
        const get = (which, name) =>
            this.systemd.call(vm.unit_path, kProperties, "Get", [which, name]).then(([variant]) => [name, variant.v]);
        try {
            const [unit, service] = await Promise.all([
                Promise.all(["StateChangeTimestamp", "ActiveState", "NeedDaemonReload"].map(name => get(kUnit, name))),
                Promise.all(["StatusText", "Result"].map(name => get(kService, name))),
            ]);
            vm.take_unit(Object.fromEntries([...unit, ...service]));
            this.tell(vm);
        } catch {
            // The unit has gone meanwhile.
        }
    }

    add(path, properties) {
        let vm = this.by_path.get(path);
        if (!vm) {
            vm = new Vm(this, path, properties);
            vm.unit_path = unit_path(vm.unit);
            this.vms.set(vm.name, vm);
            this.by_path.set(path, vm);
            this.by_unit.set(vm.unit_path, vm);
        }
        this.take_vm(vm, properties);
        return vm;
    }

    take_vm(vm, properties) {
        const before = vm.seen_state;
        vm.take(properties);
        vm.seen_state = vm.state;
        if (vm.state !== before) {
            this.follow_unit(vm);
            if (this.is_known)
                this.read_unit(vm);
        }
        this.tell(vm);
    }

    // systemd tells the properties of all units at each daemon-reload, which would be megabytes for the browser: it is asked
    // for those of VMs that are up.
    follow_unit(vm) {
        const is_wanted = vm.is_active || vm.state === "crashed";
        if (!is_wanted || vm.is_gone) {
            if (vm.unit_watch)
                --this.followed;
            vm.unit_watch?.remove();
            vm.unit_watch = null;
        } else if (!vm.unit_watch && this.followed < kFollowedMax) {
            ++this.followed;
            vm.unit_watch = this.systemd.subscribe(
                { interface: kProperties, path: vm.unit_path },
                (path, _interface, _signal, [which, values]) => this.take_unit_properties(path, which, values_of(values)));
        }
    }

    remove(vm) {
        this.vms.delete(vm.name);
        this.by_path.delete(vm.path);
        this.by_unit.delete(vm.unit_path);
        vm.is_gone = true;
        this.follow_unit(vm);
        this.tell(vm);
    }

    take_vm_signal(path, interface_name, signal, args) {
        if (interface_name === "org.freedesktop.DBus.ObjectManager") {
            const [object, interfaces] = args;
            if (signal === "InterfacesAdded" && interfaces["org.qemunit1.VM"])
                this.add(object, values_of(interfaces["org.qemunit1.VM"]));
            else if (signal === "InterfacesRemoved" && this.by_path.has(object))
                this.remove(this.by_path.get(object));
            return;
        }
        const vm = this.by_path.get(path);
        if (!vm)
            return;
        if (interface_name === kProperties && args[0] === "org.qemunit1.VM") {
            this.take_vm(vm, values_of(args[1]));
        } else if (interface_name === "org.qemunit1.VM" && signal === "Event") {
            vm.take_event(args[0], args[1], args[2]);
            this.tell(vm);
        }
    }

    take_unit_properties(path, which, values) {
        const vm = this.by_unit.get(path);
        if (!vm || (which !== kUnit && which !== kService))
            return;
        vm.take_unit(values);
        this.tell(vm);
    }

    take_job(path, unit, result) {
        const failed = /^qemu-failure@(.*)\.service$/.exec(unit);
        if (failed)
            this.vms.get(failed[1])?.read_reason();
        const done = this.jobs.get(path);
        this.jobs.delete(path);
        done?.resolve(result);
    }

    // A job of systemd, and how it ends: "done", "failed", "timeout", "canceled", "dependency" and so on.
    async run_job(method, unit) {
        // The signal may come before the answer.
        const ended = new Map();
        const watch = this.systemd.subscribe({ path: kManager[0], interface: kManager[1], member: "JobRemoved" },
                                             (_path, _interface, _signal, [, path, , result]) => ended.set(path, result));
        try {
            const [job] = await this.systemd.call(...kManager, method, [unit, "replace"]);
            if (ended.has(job))
                return ended.get(job);
            return await new Promise((resolve, reject) => this.jobs.set(job, { resolve, reject }));
        } finally {
            watch.remove();
        }
    }

    manager(method, args) {
        return this.systemd.call(...kManager, method, args);
    }

    // A program, with the rights that this manager takes.
    spawn(command, options = {}) {
        return cockpit.spawn(command, { err: "message", ...this.privilege, ...options });
    }

    file(path, options = {}) {
        return cockpit.file(path, { ...this.privilege, ...options });
    }

    // The options of qemunitctl and journalctl that mean this manager.
    get for_command() {
        return this.name === "user" ? ["--user"] : [];
    }

    tell(vm = null) {
        vm?.tell();
        if (this.is_drawn)
            return;
        this.is_drawn = true;
        requestAnimationFrame(() => {
            this.is_drawn = false;
            this.changed();
        });
    }
}
