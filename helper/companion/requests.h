// SPDX-License-Identifier: MIT
//
// What qemunitd asks the companion for, by name: each request goes to whom it is for, if what it
// brings along is right. Decides nothing else.
#pragma once

#include <functional>

#include "common/qmp/qmp_client.h"
#include "helper/companion/request_server.h"
#include "helper/lifecycle/moving_out.h"
#include "helper/lifecycle/storage_copy.h"
#include "helper/lifecycle/succession.h"

namespace qemunit::helper {

struct RequestTargets {
    QmpClient &qmp;
    MovingOut &moving_out;
    OfferedCopies &offered_copies;
    Succession &succession;
    // Neither on its way up nor down, nor elsewhere.
    std::function<Result<>()> check_is_settled;
    std::function<bool()> is_moving;  // to another host, or from there
    std::function<void(std::function<void(Result<>)> done)> hibernate;
};

void take_request(const RequestTargets &targets, Request request,
                  const RequestServer::Answer &answer);

}  // namespace qemunit::helper
