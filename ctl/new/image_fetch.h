// SPDX-License-Identifier: MIT
//
// An image of the catalogue, or of a URL, from the network into the store: what it should be, the
// download, the checks. For `new` and `images`.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/new/catalogue.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// Its path in the store. If the one that the catalogue means today is there already, nothing is
// downloaded.
Result<std::string> fetch_image(const Invocation &invocation, const CatalogueImage &image);

// As if the catalogue had it. `digest`: "sha256:…".
CatalogueImage image_of_url(const std::string &url, const std::string &digest);

}  // namespace qemunit::ctl
