// SPDX-License-Identifier: MIT
//
// fmt's own code, for programs that have it linked in: Debian has it as a shared library and as
// headers only. Built with -fkeep-inline-functions, so that all of it is in the object file; the
// linker takes what is used.
#include <fmt/format.h>
