// SPDX-License-Identifier: MIT
//
// Whether one of the keys that the administrator has vouches for a text from the network. For `new`
// and `images`. gpgv(1) decides that, in a unit without rights; no answer is no.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<> check_signature(const Invocation &invocation, const std::string &keyring,
                         const std::string &text, const std::string &signature);

// A keyring as a text ("-----BEGIN PGP PUBLIC KEY BLOCK-----"), as gpgv takes it. Others as they
// are.
std::string unarmored(const std::string &keyring);

}  // namespace qemunit::ctl
