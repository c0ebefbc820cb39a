// SPDX-License-Identifier: MIT
//
// What VMs use: the only thing that the page asks for again and again, of the VMs that are to be seen, while
// somebody can see them. Keeps an hour of it.

const kPeriod = 3000;  // ms
const kKept = 3600000 / kPeriod;

const watched = new Map();  // VM -> how many watch it
let timer = null;

const sum = (things, ...names) => Object.values(things ?? {}).reduce(
    (total, thing) => total + names.reduce((part, name) => part + (thing[name] ?? 0), 0), 0);

async function sample(vm) {
    if (vm.is_sampled)
        return;
    vm.is_sampled = true;
    try {
        const [raw] = await vm.call("GetStatistics");
        const statistics = Object.fromEntries(Object.entries(raw).map(([name, variant]) => [name, variant.v]));
        const taken = {
            time: performance.now(), pid: vm.properties.MainPID, statistics,
            cpu: statistics.CPUUsageNSec ?? null, memory: statistics.MemoryCurrent ?? null,
            read: sum(statistics.Drives, "rd_bytes"), written: sum(statistics.Drives, "wr_bytes"),
            operations: sum(statistics.Drives, "rd_operations", "wr_operations", "flush_operations"),
            received: statistics.Networks ? sum(statistics.Networks, "rx_bytes") : null,
            sent: statistics.Networks ? sum(statistics.Networks, "tx_bytes") : null,
        };
        const last = vm.samples.at(-1);
        // Counters begin anew with each QEMU.
        if (last && last.pid !== taken.pid)
            vm.samples.length = 0;
        else if (last)
            rates(last, taken);
        vm.samples.push(taken);
        if (vm.samples.length > kKept)
            vm.samples.shift();
    } catch {
        // The VM has ended; its state says so.
    }
    vm.is_sampled = false;
    vm.tell();
}

function rates(last, taken) {
    const seconds = (taken.time - last.time) / 1000;
    const of = name => last[name] === null || taken[name] === null ? null
        : Math.max(0, (taken[name] - last[name]) / seconds);
    taken.rates = {
        cpu: taken.cpu === null || last.cpu === null ? null : of("cpu") / 1e7,  // ns/s -> % of one processor
        memory: taken.memory, disk: of("read") + of("written"), read: of("read"), written: of("written"),
        operations: of("operations"),
        network: taken.received === null ? null : of("received") + of("sent"),
    };
}

function tick() {
    if (document.visibilityState === "visible")
        for (const vm of watched.keys())
            if (vm.is_up)
                sample(vm);
}

// Until the function that this returns is called.
export function watch(vm) {
    watched.set(vm, (watched.get(vm) ?? 0) + 1);
    timer ??= setInterval(tick, kPeriod);
    if (vm.is_up)
        sample(vm);
    return () => {
        const left = watched.get(vm) - 1;
        if (left)
            watched.set(vm, left);
        else
            watched.delete(vm);
        if (!watched.size) {
            clearInterval(timer);
            timer = null;
        }
    };
}

// The rates of one kind over the last `minutes`: [[ms ago, number]…].
export function series(vm, kind, minutes) {
    const now = performance.now();
    return vm.samples.filter(({ rates, time }) => rates && rates[kind] !== null && now - time < minutes * 60000)
        .map(({ rates, time }) => [now - time, rates[kind]]);
}

export const latest = (vm, kind) => vm.is_up ? vm.samples.at(-1)?.rates?.[kind] ?? null : null;
