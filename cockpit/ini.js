// SPDX-License-Identifier: MIT
//
// An ini file with its drop-ins, read for what the page shows of it. Judges nothing: that is for `qemunitctl check`.

// [[section, name, [[key, value]…]]…], with the lines as the generator joins them.
export function parse(text) {
    const sections = [];
    for (const raw of text.split("\n")) {
        const line = raw.trim();
        const header = /^\[(\S+)(?:\s+(.+))?\]$/.exec(line);
        const pair = /^([A-Za-z0-9-]+)\s*=\s*(.*)$/.exec(line);
        if (header)
            sections.push([header[1], header[2] ?? "", []]);
        else if (pair && sections.length)
            sections.at(-1)[2].push([pair[1], pair[2]]);
    }
    return sections;
}

// One section of all that have the kind and name, values by key. Of a key with several values, a list.
export class Ini {
    constructor(texts) {
        this.sections = new Map();
        for (const [kind, name, pairs] of texts.flatMap(parse)) {
            const key = `${kind} ${name}`;
            const section = this.sections.get(key) ?? { kind, name, values: new Map() };
            this.sections.set(key, section);
            for (const [word, value] of pairs)
                section.values.set(word, value === "" ? [] : [...(section.values.get(word) ?? []), value]);
        }
    }

    of_kind(kind) {
        return [...this.sections.values()].filter(section => section.kind === kind);
    }

    // The last value counts.
    value(kind, key, name = "") {
        return this.sections.get(`${kind} ${name}`)?.values.get(key)?.at(-1) ?? null;
    }
}

// That of a VM, with the drop-ins beside its file. Null if this person may not read it.
export async function read_ini(vm) {
    const path = vm.properties.SourcePath;
    if (!path)
        return null;
    try {
        const text = await vm.scope.spawn(["sh", "-c", 'for file in "$0" "$0".d/*.conf; do [ ! -r "$file" ] || cat "$file"; echo; done; [ -r "$0" ]', path]);
        return new Ini([text]);
    } catch {
        return null;
    }
}
