// SPDX-License-Identifier: MIT
//
// Elements of the page. Text is always a text node: nothing that a guest or a file says becomes HTML.

import { _ } from "./text.js";

const namespace = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (value === null || value === undefined || value === false)
            continue;
        if (name === "on")
            for (const [event, listener] of Object.entries(value))
                element.addEventListener(event, listener);
        else
            element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
    return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) =>
    fill(document.createElementNS(namespace, tag), attributes, children);

export function set_text(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

// A button. With `refusal`, it is grey, can still be reached by the keyboard, and tells the reason.
export function button(label, action, { kind = "secondary", refusal = null, small = false, name = null } = {}) {
    const element = h("button", {
        type: "button",
        class: `pf-v6-c-button pf-m-${kind}${small ? " pf-m-small" : ""}`,
        "aria-label": name,
        on: {
            click: event => {
                event.stopPropagation();
                if (element.getAttribute("aria-disabled") !== "true")
                    action(event);
            },
        },
    }, h("span", { class: "pf-v6-c-button__text" }, label));
    refuse(element, refusal);
    return element;
}

export function refuse(element, refusal) {
    element.classList.toggle("pf-m-aria-disabled", Boolean(refusal));
    if (refusal) {
        element.setAttribute("aria-disabled", "true");
        element.title = refusal;
        element.setAttribute("aria-description", refusal);
    } else {
        element.removeAttribute("aria-disabled");
        element.removeAttribute("title");
        element.removeAttribute("aria-description");
    }
}

export function label(text, colour) {
    return h("span", { class: `pf-v6-c-label pf-m-${colour}` },
             h("span", { class: "pf-v6-c-label__content" }, h("span", { class: "pf-v6-c-label__text" }, text)));
}

export function set_label(element, text, colour) {
    element.className = `pf-v6-c-label pf-m-${colour}`;
    set_text(element.querySelector(".pf-v6-c-label__text"), text);
}

export function card(title, body, actions = []) {
    return h("section", { class: "pf-v6-c-card", "aria-label": title },
             h("div", { class: "pf-v6-c-card__header" },
               h("div", { class: "pf-v6-c-card__title" }, h("h2", { class: "pf-v6-c-card__title-text" }, title)),
               h("div", { class: "pf-v6-c-card__actions" }, actions)),
             h("div", { class: "pf-v6-c-card__body" }, body));
}

// Names and values.
export function terms(pairs) {
    return h("dl", { class: "pf-v6-c-description-list pf-m-horizontal pf-m-compact" },
             pairs.filter(([, value]) => value !== null && value !== "").map(([term, value]) =>
                 h("div", { class: "pf-v6-c-description-list__group" },
                   h("dt", { class: "pf-v6-c-description-list__term" },
                     h("span", { class: "pf-v6-c-description-list__text" }, term)),
                   h("dd", { class: "pf-v6-c-description-list__description" },
                     h("div", { class: "pf-v6-c-description-list__text" }, value)))));
}

export function table(name, columns, rows) {
    return h("table", { class: "pf-v6-c-table pf-m-grid-md pf-m-compact", "aria-label": name },
             h("thead", { class: "pf-v6-c-table__thead" },
               h("tr", { class: "pf-v6-c-table__tr" },
                 columns.map(column => h("th", { class: "pf-v6-c-table__th", scope: "col" }, column)))),
             h("tbody", { class: "pf-v6-c-table__tbody" }, rows.map(cells =>
                 h("tr", { class: "pf-v6-c-table__tr" }, cells.map((value, index) =>
                     h("td", { class: "pf-v6-c-table__td", "data-label": columns[index] }, value))))));
}

export function alert_box(kind, title, text, actions = []) {
    return h("div", { class: `pf-v6-c-alert pf-m-inline pf-m-${kind}`, role: kind === "danger" ? "alert" : null },
             h("h4", { class: "pf-v6-c-alert__title" }, title),
             text ? h("div", { class: "pf-v6-c-alert__description" }, h("p", {}, text)) : null,
             actions.length ? h("div", { class: "pf-v6-c-alert__action-group" }, actions) : null);
}

// Tells that something has failed; stays until it is closed.
export function complain(title, text) {
    const box = alert_box("danger", title, text);
    const close = button("×", () => box.remove(), { kind: "plain", name: _("Close") });
    box.append(h("div", { class: "pf-v6-c-alert__action" }, close));
    document.getElementById("alerts").append(box);
}

// Asks a question, and resolves to whether the answer was yes.
export function ask(title, text, yes, { no, kind = "danger" }) {
    return new Promise(resolve => {
        const id = `question-${Math.random().toString(36).slice(2)}`;
        const dialog = h("dialog", { class: "pf-v6-c-modal-box pf-m-sm", "aria-labelledby": id },
                         h("header", { class: "pf-v6-c-modal-box__header" },
                           h("h1", { class: "pf-v6-c-modal-box__title", id }, title)),
                         h("div", { class: "pf-v6-c-modal-box__body" }, h("p", {}, text)),
                         h("footer", { class: "pf-v6-c-modal-box__footer" },
                           button(yes, () => dialog.close("yes"), { kind }),
                           button(no, () => dialog.close(), { kind: "link" })));
        dialog.addEventListener("close", () => {
            dialog.remove();
            resolve(dialog.returnValue === "yes");
        });
        document.body.append(dialog);
        dialog.showModal();
    });
}
