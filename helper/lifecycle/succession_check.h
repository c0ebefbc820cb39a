// SPDX-License-Identifier: MIT
//
// Asks a QEMU whether the guest in it can go on in another one (Succession), and what is needed for
// that. Changes nothing.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>

#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "helper/handover/companion_command.h"

namespace qemunit::helper {

struct SuccessionFacts {
    SuccessorOrder order;   // without its socket
    nlohmann::json blocks;  // query-block
};

// `started`: hardware_text() of what QEMU began with. `done` is called once, with the reason why
// not if there is one.
void check_succession(QmpClient &qmp, const std::string &started,
                      std::function<void(Result<SuccessionFacts>)> done);

}  // namespace qemunit::helper
