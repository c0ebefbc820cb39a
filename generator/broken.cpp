// SPDX-License-Identifier: MIT
#include "generator/broken.h"

#include "common/concat.h"
#include "common/paths.h"
#include "common/vm_name.h"
#include "generator/vm/text.h"
#include "generator/vm/vm_user.h"

namespace qemunit::generator {

Output render_broken(const VmSource &source, const std::string &root, bool is_of_user,
                     const Diagnostics &diagnostics) {
    if (!has_errors(diagnostics))
        return {};
    const auto without_root = [&](const std::string &path) {
        return path.starts_with(root) ? path.substr(root.size()) : path;
    };
    std::string text = printable(without_root(source.path)) + "\n";
    for (const Diagnostic &diagnostic : diagnostics)
        if (diagnostic.severity == Severity::error) {
            const Location where{without_root(diagnostic.where.path), diagnostic.where.line};
            append(text, printable(to_string({where, Severity::error, diagnostic.message})), "\n");
        }
    Output output;
    output.files.push_back({concat(kBrokenVmsFolder, "/", source.name), std::move(text)});
    // systemd would refuse the template's "qemu-NAME", and the start could not say why it fails.
    if (!is_of_user && !is_user_of_template(source.name))
        output.files.push_back({concat(service_unit(source.name), ".d/40-qemunit-user.conf"),
                                concat("[Service]\nUser=", vm_user(source.name), "\n")});
    return output;
}

}  // namespace qemunit::generator
