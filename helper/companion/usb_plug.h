// SPDX-License-Identifier: MIT
//
// A USB device of the host that was plugged in while the VM runs. qemunit-hostdev has opened it,
// and asks for this on companion.sock.
#pragma once

#include <functional>
#include <string>

#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

// Puts it in the place of the one that was unplugged, which QEMU keeps without a device behind it.
// `done` is called once.
void plug_usb_device(QmpClient &qmp, const std::string &device, UniqueFd node,
                     std::function<void(Result<>)> done);

}  // namespace qemunit::helper
