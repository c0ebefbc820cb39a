// SPDX-License-Identifier: MIT
//
// Words and figures as a person reads them, in the language of Cockpit.
const cockpit = window.cockpit;

export const _ = text => cockpit.gettext(text);
export const format = (text, ...values) => cockpit.format(text, ...values);
export const ngettext = (one, many, number) => format(cockpit.ngettext(one, many, number), number);

// 1536 -> "1.5 KiB"
export function bytes(number) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (number >= 1024 && unit < units.length - 1) {
        number /= 1024;
        ++unit;
    }
    return `${number < 10 && unit > 0 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

export const rate = number => format(_("$0/s"), bytes(number));
export const percent = number => `${number < 9.95 ? number.toFixed(1) : Math.round(number)} %`;
export const milliseconds = number => `${number < 10 ? number.toFixed(1) : Math.round(number)} ms`;

// The time from a point of systemd's or QEMU's clock, in µs since 1970, to now.
export function ago(usec) {
    const seconds = Math.max(0, Math.round(Date.now() / 1000 - usec / 1e6));
    if (seconds < 60)
        return ngettext("$0 second", "$0 seconds", seconds);
    if (seconds < 3600)
        return ngettext("$0 minute", "$0 minutes", Math.floor(seconds / 60));
    if (seconds < 2 * 86400)
        return ngettext("$0 hour", "$0 hours", Math.floor(seconds / 3600));
    return ngettext("$0 day", "$0 days", Math.floor(seconds / 86400));
}

export const moment = usec => new Date(usec / 1000).toLocaleString(cockpit.language?.replace("_", "-"));

// What the states of org.qemunit1.VM are called, and the colour of PatternFly that goes with each.
// Anything that is not here is QEMU's own word.
const states = {
    off: () => [_("Off"), "grey"],
    hibernated: () => [_("Hibernated"), "purple"],
    broken: () => [_("Broken ini file"), "red"],
    starting: () => [_("Starting"), "blue"],
    stopping: () => [_("Stopping"), "blue"],
    running: () => [_("Running"), "green"],
    paused: () => [_("Paused"), "orange"],
    crashed: () => [_("Failed"), "red"],
    "io-error": () => [_("Disk error"), "red"],
};

export function state_words(state) {
    const [label, colour] = states[state]?.() ?? [state, "orange"];
    return { label, colour };
}

// The message of an error of Cockpit's or of D-Bus.
export function error_text(error) {
    if (error.problem && !error.name)
        return cockpit.message(error);
    return error.message || error.problem || String(error);
}
