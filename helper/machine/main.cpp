// SPDX-License-Identifier: MIT
//
// qemunit-machine NAME: ExecStart= of qemu-machine@.service. As root, since machined registers
// for nobody else.
#include <fmt/format.h>
#include <sysexits.h>

#include <cstdlib>

#include "common/vm_name.h"
#include "helper/machine/machine.h"

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::helper;
    if (argc != 2 || !is_vm_name(argv[1])) {
        fmt::print(stderr, "usage: qemunit-machine NAME\n");
        return EX_USAGE;
    }
    const auto registered = register_machine(argv[1]);
    fmt::print(stderr, "{}qemunit-machine: {}\n", registered ? "<6>" : "<3>",
               registered ? *registered : registered.error().message);
    return registered ? EXIT_SUCCESS : EXIT_FAILURE;
}
