// SPDX-License-Identifier: MIT
//
// The options of QEMU's command line, one row each: whether a value follows, what becomes of the
// option in an ini file, and what is wrong with it in Arguments=. For `qemunitctl import` and for
// the generator's check. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit {

enum class Fate {
    key,        // a key, or a section, says the same
    arguments,  // it goes to Arguments=, with what it opens
    dropped,    // it has no part here: systemd or qemunit does that
    lost,       // nothing says it
    refused,    // nobody can tell what the VM would be
};

struct QemuOption {
    std::string_view name;  // without the dash
    bool has_value = false;
    Fate fate = Fate::arguments;
    std::string_view why = "";   // of what is dropped, lost or refused
    std::string_view lint = "";  // what to say of it in Arguments=; "" if it is good there
    // The property that names a file which QEMU has to see; "*" if the whole value is one.
    std::string_view file = "";
    bool writes = false;  // into that file
};

std::span<const QemuOption> qemu_options();
// By its word on a command line, with one dash or two. nullptr: no option that is known.
const QemuOption *find_qemu_option(std::string_view word);

// What [Service] opens for QEMU.
struct OpenedByService {
    bool network = false;  // PrivateNetwork=no
    bool paths = false;    // BindPaths=, of files or devices
};
// What Arguments= says that the sandbox does not let QEMU do, each a sentence.
std::vector<std::string> faults_of_arguments(std::span<const std::string> words,
                                             OpenedByService opened);

}  // namespace qemunit
