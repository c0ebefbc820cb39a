// SPDX-License-Identifier: MIT
//
// `qemunitctl images`: the catalogue, and what of it is here already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/new/catalogue.h"
#include "ctl/new/image_store.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_images(const Invocation &invocation);

// What is stored and in no catalogue is listed as well. `now`: of the clock.
std::string images_text(const Catalogue &catalogue, const std::vector<StoredImage> &stored,
                        int64_t now);
std::string images_json(const Catalogue &catalogue, const std::vector<StoredImage> &stored,
                        int64_t now);

}  // namespace qemunit::ctl
