// SPDX-License-Identifier: MIT
//
// The screen of a VM with Display=vnc: noVNC, on QEMU's socket by Cockpit's stream channel.
import { h, button, alert_box } from "./dom.js";
import { file_refusal } from "./access.js";
import { _, format } from "./text.js";

const cockpit = window.cockpit;

// What noVNC takes for a WebSocket.
class ChannelSocket {
    constructor(options) {
        this.binaryType = "arraybuffer";
        this.protocol = "";
        this.readyState = "connecting";
        this.onopen = this.onmessage = this.onclose = this.onerror = null;
        this.channel = cockpit.channel({ payload: "stream", binary: true, ...options });
        this.channel.addEventListener("message", (_event, data) => {
            const bytes = Uint8Array.from(data);
            this.onmessage?.({ data: bytes.buffer });
        });
        this.channel.addEventListener("close", (_event, why) => {
            this.readyState = "closed";
            this.onclose?.({ code: why.problem ? 1006 : 1000, reason: why.problem ?? "", wasClean: !why.problem });
        });
        // The channel holds back what is sent before it is open.
        setTimeout(() => {
            this.readyState = "open";
            this.onopen?.({});
        }, 0);
    }

    send(data) {
        this.channel.send(data instanceof Uint8Array ? data : new Uint8Array(data));
    }

    close() {
        this.readyState = "closing";
        this.channel.close();
    }
}

async function socket_of(vm) {
    const command = await vm.command();
    const option = command[command.indexOf("-vnc") + 1] ?? "";
    // QEMU's words: a comma ends the path, and a doubled one is one of the path.
    const path = /^unix:((?:[^,]|,,)*)/.exec(option);
    return command.includes("-vnc") && path ? path[1].replaceAll(",,", ",") : null;
}

export async function show_screen(place, vm) {
    const state = h("span", { class: "qemunit-muted", role: "status" });
    const box = h("div", { class: "qemunit-screen", role: "application", "aria-label": format(_("Screen of $0"), vm.name) });
    let rfb = null;
    const keys = button(_("Ctrl-Alt-Del"), () => {
        rfb?.sendCtrlAltDel();
        rfb?.focus();
    });
    const scale = h("input", { type: "checkbox", id: "scale-screen", checked: true, on: { change: () => rfb && (rfb.scaleViewport = scale.checked) } });
    const full = button(_("Full screen"), () => box.requestFullscreen());
    place.append(h("div", { class: "qemunit-tools" }, state, keys, full,
                   h("label", { for: "scale-screen", class: "qemunit-check" }, scale, " ", _("Fit to the page"))), box);
    const refusal = file_refusal(vm.scope);
    if (refusal) {
        place.replaceChildren(alert_box("info", _("The screen is for administrators"), refusal));
        return () => {};
    }
    const { RFB } = await import("./vendor/novnc.js");

    let opening = 0;
    async function open() {
        const own = ++opening;
        if (!vm.is_up) {
            state.textContent = _("The VM is off.");
            return;
        }
        const path = await socket_of(vm).catch(() => null);
        // The VM has started anew meanwhile, or nobody looks any more.
        if (own !== opening)
            return;
        if (!path) {
            place.replaceChildren(alert_box("info", _("This VM has no screen"),
                                            _("Display=vnc in [VM] of its ini file gives it one, from its next start on.")));
            return;
        }
        box.replaceChildren();
        const opened = new RFB(box, new ChannelSocket({ unix: path, ...vm.scope.privilege }), { shared: true });
        opened.scaleViewport = scale.checked;
        opened.background = "transparent";
        state.textContent = _("Connecting…");
        opened.addEventListener("connect", () => {
            state.textContent = _("Connected.");
        });
        opened.addEventListener("disconnect", () => {
            if (rfb !== opened)
                return;
            rfb = null;
            state.textContent = _("Not connected.");
        });
        rfb = opened;
    }
    let pid = vm.properties.MainPID;
    const unlisten = vm.listen(() => {
        if (vm.properties.MainPID === pid && (rfb || !vm.is_up))
            return;
        pid = vm.properties.MainPID;
        if (vm.is_up && !rfb)
            open();
    });
    await open();
    return () => {
        unlisten();
        ++opening;
        rfb?.disconnect();
    };
}
