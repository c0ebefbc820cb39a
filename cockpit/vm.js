// SPDX-License-Identifier: MIT
//
// One VM as a value, with what can be asked of it. Draws nothing.
import { _, format } from "./text.js";

const kAccessErrors = new Set([
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
]);

// SD_MESSAGE_UNIT_STARTING of systemd.
const kUnitStarting = "7d4958e842da4a758f6c1cdc7b36dcc5";

// QEMU's own main loop stands still for a snapshot; see org.qemunit1(5).
const kSnapshotTimeout = 610000;

export class Vm {
    constructor(scope, path, properties) {
        this.scope = scope;
        this.path = path;
        this.name = properties.Name;
        this.unit = properties.Unit;
        this.properties = properties;
        this.unit_properties = {};
        this.events = [];
        this.samples = [];
        this.listeners = new Set();
        this.forwards = null;
        this.may = { control: null, monitor: null };  // null: not known
        this.reason = "";
        this.is_gone = false;
        this.busy = null;  // what the page is having done
    }

    // The unit that says what QEMU's words are about, when the VM has failed.
    get failure_unit() {
        return `qemu-failure@${this.name}.service`;
    }

    get id() {
        return `${this.scope.name}/${this.name}`;
    }

    get state() {
        return this.properties.State;
    }

    // QEMU is there and can be asked.
    get is_up() {
        return this.properties.MainPID > 0 && !["starting", "stopping", "off", "crashed"].includes(this.state);
    }

    get is_active() {
        return !["off", "hibernated", "broken", "crashed"].includes(this.state) || this.properties.MainPID > 0;
    }

    get since() {
        return this.unit_properties.StateChangeTimestamp ?? 0;
    }

    // STATUS= of the unit, unless that only says what the state says.
    get status() {
        const text = this.is_active ? this.unit_properties.StatusText ?? "" : "";
        return /^(Running|Paused)(, QEMU [0-9.]+)?$/.test(text) ? "" : text;
    }

    // Why the VM does not run, if it should.
    get failure() {
        if (this.state === "broken")
            return (this.properties.Errors ?? []).join("\n");
        if (this.state !== "crashed")
            return "";
        return this.reason || this.unit_properties.StatusText ||
            format(_("The unit has failed: $0"), this.unit_properties.Result ?? "");
    }

    take(properties) {
        const before = this.state;
        Object.assign(this.properties, properties);
        if (this.state !== before || !this.forwards)
            this.look_up();
    }

    take_unit(properties) {
        Object.assign(this.unit_properties, properties);
    }

    take_event(name, time, data) {
        this.events.unshift({ name, time, data });
        this.events.length = Math.min(this.events.length, 100);
        // qemunitctl, and others who ask the monitor, may have changed the forwards: there is no event for that.
    }

    // What no signal tells, once for each change of the state.
    look_up() {
        if (this.state === "crashed")
            this.read_reason();
        else
            this.reason = "";
        if (this.is_up)
            this.read_forwards();
        else
            this.forwards = null;
    }

    // The last words of QEMU, the generator and the others since the unit was started last: what systemd itself says of that, the
    // state has said already.
    async read_reason() {
        let words = [];
        try {
            const units = this.scope.name === "user" ? ["--user-unit", this.unit, "--user-unit", this.failure_unit]
                : ["-u", this.unit, "-u", this.failure_unit];
            const lines = await this.scope.spawn(["journalctl", "-q", "-r", "-n", "60", "-o", "json", ...units]);
            for (const line of lines.trim().split("\n").filter(Boolean)) {
                const entry = JSON.parse(line);
                if (entry.MESSAGE_ID === kUnitStarting && [entry.UNIT, entry.USER_UNIT].includes(this.unit))
                    break;
                if (entry.SYSLOG_IDENTIFIER !== "systemd" && !entry.QEMUNIT_PORT && !entry.QEMUNIT_EVENT && typeof entry.MESSAGE === "string")
                    words.unshift(entry.MESSAGE);
            }
        } catch {
            words = [];  // who may not read the journal has the unit's result
        }
        this.reason = this.state === "crashed" ? [...new Set(words)].slice(-4).join("\n") : "";
        this.scope.tell(this);
    }

    // The method takes the right to control the VM, so that its answer also says who has it.
    async read_forwards() {
        const asked = this.properties.MainPID;
        try {
            const [forwards] = await this.call("GetHostForwards");
            this.forwards = forwards;
            this.may.control = true;
        } catch (error) {
            if (kAccessErrors.has(error.name))
                this.may.control = false;
        }
        if (asked === this.properties.MainPID)
            this.scope.tell(this);
    }

    async read_monitor_right() {
        try {
            await this.call("Execute", "query-status", "");
            this.may.monitor = true;
        } catch (error) {
            if (kAccessErrors.has(error.name))
                this.may.monitor = false;
        }
        this.scope.tell(this);
    }

    // A method of org.qemunit1.VM, its results.
    call(method, ...args) {
        const timeout = /Snapshot$/.test(method) ? kSnapshotTimeout : 30000;
        return this.scope.qemunitd.call(this.path, "org.qemunit1.VM", method, args, { timeout });
    }

    // Has something done that takes time, `label` says what. Errors are the caller's to show.
    async run(label, work) {
        this.busy = label;
        this.scope.tell(this);
        try {
            return await work();
        } finally {
            this.busy = null;
            this.scope.tell(this);
        }
    }

    // start, stop, restart, which are systemd's. An error says why in the words of who knows.
    async job(method, label) {
        const result = await this.run(label, () => this.scope.run_job(method, this.unit));
        if (result === "done" || result === "skipped" || result === "canceled")
            return;
        await this.read_reason();
        throw new Error(this.failure || format(_("The job of systemd has ended as “$0”."), result));
    }

    async sockets() {
        const [sockets] = await this.scope.qemunitd.call(this.path, "org.freedesktop.DBus.Properties", "Get",
                                                         ["org.qemunit1.VM", "Sockets"]);
        return sockets.v;
    }

    // The command that QEMU was started with.
    async command() {
        const [variant] = await this.scope.systemd.call(this.unit_path, "org.freedesktop.DBus.Properties", "Get",
                                                        ["org.freedesktop.systemd1.Service", "ExecStart"]);
        return variant.v[0]?.[1] ?? [];
    }

    // Calls `listener` after each change, until the function that this returns is called.
    listen(listener) {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    tell() {
        if (this.is_told)
            return;
        this.is_told = true;
        requestAnimationFrame(() => {
            this.is_told = false;
            this.listeners.forEach(listener => listener());
        });
    }
}

