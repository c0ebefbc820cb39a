// SPDX-License-Identifier: MIT
//
// Any bytes as an ini file, through all of the generator that touches no file.
#include "generator/check/checks.h"
#include "generator/qemu/arguments.h"
#include "generator/read/configure.h"
#include "generator/units/render.h"
#include "generator/vm/text.h"
#include "tests/fuzz/require.h"

using namespace qemunit;
using namespace qemunit::generator;
using fuzz::require;

namespace {

// Of several lines, where text_fault() allows none.
std::string fault_of_lines(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return text_fault(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    Diagnostics diagnostics;
    const IniFile file = parse_ini("vm1.ini", text, diagnostics);
    const Vm vm = configure("vm1", {file}, Paths(), diagnostics);
    check_vm(vm, Architecture::x86_64, diagnostics);
    for (const Diagnostic &d : diagnostics)
        require(text_fault(d.message).empty(), "a message is one line of text", d.message);
    if (has_errors(diagnostics))
        return 0;

    for (const std::string &word : qemu_arguments(vm, Architecture::x86_64))
        require(word.find('\0') == word.npos, "a word of a command line has no NUL", word);
    for (const OutputFile &output : render(vm, Architecture::x86_64).files)
        require(fault_of_lines(output.content).empty(), "a unit is text", output.content);
    return 0;
}
