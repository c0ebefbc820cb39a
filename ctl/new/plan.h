// SPDX-License-Identifier: MIT
//
// From what somebody asks for to the VM that is to be made: where the image is, and what it, the
// catalogue and the caller say of the rest. For `qemunitctl new`. Makes nothing but downloads.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/new/catalogue.h"
#include "ctl/new/new_vm.h"
#include "ctl/new/request.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

struct Source {
    std::string path;
    CatalogueImage image;  // nothing in it for a file
};

// After a download, if that is needed.
Result<Source> find_source(const Invocation &invocation, const NewRequest &request);

// All but the port.
Result<NewVm> plan_vm(const NewRequest &request, const Source &source);

}  // namespace qemunit::ctl
