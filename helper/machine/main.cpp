// SPDX-License-Identifier: MIT
//
// qemunit-machine NAME: ExecStart= of qemu-machine@.service, as root, since machined registers for
// nobody else, or as the user whose machined it is. qemunit-machine --control: of
// qemu-instance@.service, with a client of machinectl's on standard input.
#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "common/files/journal_wait.h"
#include "common/user_paths.h"
#include "common/vm_name.h"
#include "helper/machine/instance.h"
#include "helper/machine/machine.h"

int main(int argc, char **argv) {
    using namespace qemunit;
    using namespace qemunit::helper;
    std::vector<std::string_view> words(argv + 1, argv + argc);
    Paths paths;
    if (!words.empty() && words.front() == "--user") {
        paths = user_paths();
        words.erase(words.begin());
    }
    if (words.size() != 1 || !(words.front() == "--control" || is_vm_name(words.front()))) {
        fmt::print(stderr, "usage: qemunit-machine [--user] NAME|--control\n");
        return EX_USAGE;
    }
    if (words.front() == "--control") {
        const auto served = serve_instance(UniqueFd(STDIN_FILENO), paths);
        if (!served)
            fmt::print(stderr, "<3>qemunit-machine: {}\n", served.error().message);
        return served ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    const auto registered = register_machine(std::string(words.front()), paths);
    fmt::print(stderr, "{}qemunit-machine: {}\n", registered ? "<6>" : "<3>",
               registered ? *registered : registered.error().message);
    wait_for_journald();
    return registered ? EXIT_SUCCESS : EXIT_FAILURE;
}
