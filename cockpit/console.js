// SPDX-License-Identifier: MIT
//
// The terminal of a serial port: xterm.js on the port's socket, by Cockpit's stream channel. The companion of
// QEMU sends the last screenful first, and serves several at a time. When the VM ends the terminal stays as it is,
// and goes on when the VM is back.
import { h, button, alert_box } from "./dom.js";
import { file_refusal } from "./access.js";
import { _, format } from "./text.js";

const cockpit = window.cockpit;

function colours() {
    // As in every terminal: dark, whatever the page is.
    return { background: "#151515", foreground: "#e0e0e0", cursor: "#e0e0e0", selectionBackground: "#4d5d75" };
}

export async function show_console(place, vm, ini) {
    const ports = ["serial", ...(ini?.of_kind("Serial").map(section => section.name).filter(name => name !== "serial") ?? [])];
    const select = h("select", { "aria-label": _("Serial port"), on: { change: () => open() } },
                     ports.map(port => h("option", { value: port }, port)));
    const state = h("span", { class: "qemunit-muted", role: "status" });
    const box = h("div", { class: "qemunit-terminal" });
    const size = button(_("Tell the guest the size"), () => {
        send(`stty rows ${terminal.rows} cols ${terminal.cols}\r`);
        terminal.focus();
    });
    const copy = button(_("Copy"), () => navigator.clipboard?.writeText(terminal.getSelection()));
    const paste = button(_("Paste"), async () => {
        terminal.paste(await navigator.clipboard.readText());
        terminal.focus();
    });
    place.append(h("div", { class: "qemunit-tools" },
                   ports.length > 1 ? h("span", { class: "pf-v6-c-form-control qemunit-select" }, select) : null,
                   state, copy, paste, size), box);
    const refusal = file_refusal(vm.scope);
    if (refusal) {
        box.replaceWith(alert_box("info", _("The console is for administrators"), refusal));
        [copy, paste, size].forEach(each => each.remove());
        return () => {};
    }

    const { Terminal, FitAddon } = await import("./vendor/xterm.js");
    const terminal = new Terminal({ cursorBlink: false, fontFamily: "RedHatMono, Red Hat Mono, monospace", fontSize: 14, scrollback: 10000,
                                    screenReaderMode: true, theme: colours() });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(box);
    terminal.textarea.setAttribute("aria-label", format(_("Console of $0"), vm.name));
    fit.fit();
    const resized = new ResizeObserver(() => box.clientWidth && fit.fit());
    resized.observe(box);
    // Ctrl-Shift-C and -V, as in other terminals: Ctrl-C and Ctrl-V are the guest's.
    terminal.attachCustomKeyEventHandler(event => {
        if (!event.ctrlKey || !event.shiftKey || event.type !== "keydown" || !["KeyC", "KeyV"].includes(event.code))
            return true;
        event.preventDefault();
        (event.code === "KeyC" ? copy : paste).click();
        return false;
    });

    let channel = null, opening = 0;
    const encoder = new TextEncoder();
    const send = text => channel?.send(encoder.encode(text));
    terminal.onData(send);
    terminal.onBinary(text => channel?.send(Uint8Array.from(text, letter => letter.charCodeAt(0))));

    async function open() {
        close();
        const own = ++opening;
        if (!vm.is_up && vm.state !== "starting") {
            state.textContent = _("The VM is off.");
            return;
        }
        let path;
        try {
            path = (await vm.sockets())[select.value];
        } catch {
            path = null;
        }
        // Another port was chosen, the VM has started anew, or nobody looks any more.
        if (own !== opening)
            return;
        if (!path) {
            state.textContent = _("This port has no socket.");
            return;
        }
        terminal.reset();
        const opened = cockpit.channel({ payload: "stream", unix: path, binary: true, ...vm.scope.privilege });
        opened.addEventListener("message", (_event, data) => terminal.write(data));
        opened.addEventListener("close", (_event, options) => {
            if (channel !== opened)
                return;
            channel = null;
            state.textContent = options.problem ? format(_("Not connected: $0"), cockpit.message(options)) : _("The VM has ended.");
        });
        channel = opened;
        state.textContent = _("Connected.");
        terminal.focus();
    }
    function close() {
        const opened = channel;
        channel = null;
        opened?.close();
    }

    let pid = vm.properties.MainPID;
    const unlisten = vm.listen(() => {
        if (vm.properties.MainPID === pid && (channel || !vm.is_up))
            return;
        pid = vm.properties.MainPID;
        if (pid)
            open();
    });
    await open();
    return () => {
        unlisten();
        resized.disconnect();
        ++opening;
        close();
        terminal.dispose();
    };
}
