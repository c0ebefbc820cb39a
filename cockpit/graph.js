// SPDX-License-Identifier: MIT
//
// Graphs as SVG: a small one of the last minutes in the list, a large one of the last hour for a VM.
import { h, svg, set_text } from "./dom.js";
import { series } from "./counters.js";
import { _, format } from "./text.js";

function points(line, minutes, most, width, height) {
    return line.map(([ago, number]) =>
        `${(width - ago / (minutes * 60000) * width).toFixed(1)},${(height - number / most * height).toFixed(1)}`);
}

function draw(path, area, line, minutes, most, width, height) {
    const corners = points(line, minutes, most, width, height);
    path.setAttribute("points", corners.join(" "));
    area.setAttribute("points", corners.length < 2 ? "" :
        `${corners[0].split(",")[0]},${height} ${corners.join(" ")} ${corners.at(-1).split(",")[0]},${height}`);
}

function shape(width, height, name) {
    const path = svg("polyline", { class: "qemunit-line", "vector-effect": "non-scaling-stroke" });
    const area = svg("polygon", { class: "qemunit-area" });
    const image = svg("svg", { class: name, viewBox: `0 -1 ${width} ${height + 2}`, preserveAspectRatio: "none", "aria-hidden": "true" },
                      area, path);
    return { image, path, area };
}

// `top`: what the graph's height stands for at least. `show` makes a number a text.
export function spark(kind, top, show) {
    const { image, path, area } = shape(60, 18, "qemunit-spark");
    const text = h("span", { class: "qemunit-figure" });
    const element = h("span", { class: "qemunit-usage" }, image, text);
    return {
        element,
        update(vm) {
            const line = vm.is_up ? series(vm, kind, 3) : [];
            image.classList.toggle("qemunit-empty", line.length < 2);
            draw(path, area, line, 3, Math.max(top, ...line.map(([, number]) => number)), 60, 18);
            set_text(text, line.length ? show(line.at(-1)[1]) : "");
        },
    };
}

export function graph(title, kind, top, show, minutes = 60) {
    const { image, path, area } = shape(600, 120, "qemunit-graph");
    const figure = h("strong", {}), scale = h("span", { class: "qemunit-muted" });
    const element = h("figure", { class: "qemunit-graph-box", role: "group", "aria-label": title },
                      h("figcaption", {}, h("span", {}, title), " ", figure), image,
                      h("div", { class: "qemunit-axis qemunit-muted" },
                        h("span", {}, format(_("$0 minutes ago"), minutes)), scale, h("span", {}, _("now"))));
    return {
        element,
        update(vm) {
            const line = series(vm, kind, minutes);
            const most = Math.max(top(vm), ...line.map(([, number]) => number));
            draw(path, area, line, minutes, most, 600, 120);
            set_text(figure, line.length ? show(line.at(-1)[1]) : "–");
            set_text(scale, format(_("the top is $0"), show(most)));
        },
    };
}
