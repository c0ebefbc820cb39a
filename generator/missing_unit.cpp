// SPDX-License-Identifier: MIT
#include "generator/missing_unit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/did_you_mean.h"
#include "common/paths.h"
#include "common/vm_name.h"
#include "generator/load.h"
#include "generator/read/search.h"
#include "generator/vm/host_id.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

Diagnostic error(std::string message) {
    return {{}, Severity::error, std::move(message)};
}

}  // namespace

Diagnostics missing_unit_reasons(const std::string &name, const std::string &root,
                                 const Paths &paths, Architecture host) {
    if (!is_vm_name(name))
        return {
            error(fmt::format("'{}' is no name for a VM: letters, digits, '_', '.' and '-', a "
                              "letter or digit first, at most {} in all.",
                              printable(shorten(name)), kVmNameMax))};
    Diagnostics unrelated;  // files that are no VM's
    const std::vector<VmSource> sources = find_vms(root, paths, unrelated);
    const auto source = std::ranges::find(sources, name, &VmSource::name);
    if (source == sources.end()) {
        std::vector<std::string_view> names;
        for (const VmSource &known : sources)
            names.push_back(known.name);
        const std::string_view meant = closest(name, names);
        return {
            error(fmt::format("no VM '{0}' is configured: looked for {0}.ini in {1}{2}", name,
                              fmt::join(paths.config_dirs(), ", "),
                              meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant)))};
    }
    if (is_mask(source->path))
        return {error(fmt::format("VM '{}' is masked by {}, which is empty or a link to /dev/null.",
                                  name, source->path))};
    Diagnostics found;
    FirmwareCatalog firmware(root);
    if (!load_vm(*source, root, paths, host, read_host_id(root), firmware, found)) {
        std::erase_if(found, [](const Diagnostic &d) { return d.severity != Severity::error; });
        return found;
    }
    return {
        error(fmt::format("VM '{0}' is configured in {1}, but systemd has not read that yet: run "
                          "'{2} daemon-reload', then start it again.",
                          name, source->path, paths.systemctl()))};
}

}  // namespace qemunit::generator
