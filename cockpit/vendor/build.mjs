// SPDX-License-Identifier: MIT
//
// Makes what the page has from others, of the packages in package-lock.json: xterm.js and noVNC as one module
// each, and of PatternFly the styles that the page uses. Called by tools/cockpit-vendor, with the folder of
// the page, the folder of node_modules, and where the files go. Reads nothing else, so that everybody gets the same bytes.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [page, modules, output] = process.argv.slice(2);
const load = name => import(pathToFileURL(join(modules, name)).href);
const esbuild = (await load("esbuild/lib/main.js")).default;
const postcss = (await load("postcss/lib/postcss.mjs")).default;

const notice = (name, licence) =>
    `/*! ${name} ${version_of(name)}, ${licence}; made by tools/cockpit-vendor, see LICENSES.txt */`;

function version_of(name) {
    return JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")).version;
}

async function bundle(file, name, licence, source) {
    await esbuild.build({
        stdin: { contents: source, resolveDir: modules, loader: "js" },
        bundle: true, format: "esm", target: "es2022", minify: true, legalComments: "none",
        banner: { js: notice(name, licence) },
        outfile: join(output, file),
    });
}

await bundle("xterm.js", "@xterm/xterm", "MIT",
             'export { Terminal } from "@xterm/xterm"; export { FitAddon } from "@xterm/addon-fit";');
writeFileSync(join(output, "xterm.css"), `${notice("@xterm/xterm", "MIT")}\n` + (await esbuild.transform(
    readFileSync(join(modules, "@xterm/xterm/css/xterm.css"), "utf8"), { loader: "css", minify: true, legalComments: "none" })).code);
await bundle("novnc.js", "@novnc/novnc", "MPL-2.0", 'export { default as RFB } from "@novnc/novnc";');

// Of PatternFly's two megabytes, the rules for classes that the page names, and the variables that these use.
const components = [
    "Alert/alert", "Breadcrumb/breadcrumb", "Button/button", "Card/card",
    "DescriptionList/description-list", "EmptyState/empty-state", "Form/form",
    "FormControl/form-control", "HelperText/helper-text", "Label/label", "ModalBox/modal-box", "Page/page",
    "Progress/progress", "Spinner/spinner", "Table/table", "Table/table-grid", "Tabs/tabs", "Title/title", "Toolbar/toolbar",
    "Content/content",
];
const sources = readdirSync(page).filter(name => /\.(js|html|css)$/.test(name)).sort();
const text = sources.map(name => readFileSync(join(page, name), "utf8")).join("\n");
const used = new Set(text.match(/pf-[a-zA-Z0-9_-]+/g));
// Classes that the page puts together at run time.
for (const word of ["primary", "secondary", "danger", "link", "plain", "info", "warning", "grey", "blue", "green", "orange", "red", "purple"])
    used.add(`pf-m-${word}`);

const patternfly = join(modules, "@patternfly/patternfly");
const css = ["patternfly-base.css", ...components.map(name => `components/${name}.css`)]
    .map(name => readFileSync(join(patternfly, name), "utf8").replace(/^@charset.*$/m, "")).join("\n");
const root = postcss.parse(css);

root.walkAtRules(/^(font-face|import|layer)$/, rule => {
    if (rule.name !== "layer")
        rule.remove();
});
root.walkComments(comment => comment.remove());
root.walkRules(rule => {
    if (rule.parent.name === "keyframes")
        return;
    const kept = rule.selectors.filter(selector =>
        // What :not() names is not needed for a match.
        (selector.replace(/:not\([^()]*(\([^()]*\))*[^()]*\)/g, "").match(/\.[a-zA-Z_][a-zA-Z0-9_-]*/g) ?? [])
            .every(name => used.has(name.slice(1))));
    if (kept.length)
        rule.selectors = kept;
    else
        rule.remove();
});

const page_css = readFileSync(join(page, "qemunit.css"), "utf8");
const variables = value => value.match(/--pf-[a-zA-Z0-9_-]+/g) ?? [];
for (let removed = true; removed;) {
    const needed = new Set(variables(page_css));
    root.walkDecls(declaration => variables(declaration.value).forEach(name => needed.add(name)));
    removed = false;
    root.walkDecls(/^--/, declaration => {
        if (needed.has(declaration.prop))
            return;
        declaration.remove();
        removed = true;
    });
}
for (let removed = true; removed;) {
    removed = false;
    root.walk(node => {
        if (node.nodes && node.nodes.length === 0) {
            node.remove();
            removed = true;
        }
    });
}
const animations = new Set();
root.walkDecls(/^(animation|--pf)/, declaration => (declaration.value.match(/[a-zA-Z0-9_-]+/g) ?? []).forEach(word => animations.add(word)));
root.walkAtRules("keyframes", rule => {
    if (!animations.has(rule.params))
        rule.remove();
});
const minified = await esbuild.transform(root.toString(), { loader: "css", minify: true, target: "es2022" });
writeFileSync(join(output, "patternfly.css"), `${notice("@patternfly/patternfly", "MIT")}\n${minified.code}`);

const licences = [["@xterm/xterm", "LICENSE"], ["@novnc/novnc", "LICENSE.txt"], ["@patternfly/patternfly", null]];
writeFileSync(join(output, "LICENSES.txt"), licences.map(([name, file]) =>
    `${name} ${version_of(name)}\n\n` +
    (file ? readFileSync(join(modules, name, file), "utf8").trim() : "MIT; Copyright (c) Red Hat, Inc. and the PatternFly contributors") + "\n")
    .join(`\n${"-".repeat(78)}\n\n`));
