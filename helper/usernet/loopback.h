// SPDX-License-Identifier: MIT
//
// Which frames of a guest are for the host's own loopback addresses. libslirp's
// disable_host_loopback keeps a guest from the host by the gateway's address alone: a packet for
// 127.0.0.1 itself it sends there (sotranslate_out() in libslirp's socket.c, 4.7 and 4.8). Pure.
#pragma once

#include "helper/usernet/frames.h"

namespace qemunit::helper {

// Of IPv4: 127.0.0.0/8, and 0.0.0.0/8, which Linux takes for its own. Of IPv6: ::/96 with ::1 in
// it, and addresses of IPv4 written as ones of IPv6, which lead into IPv4.
bool is_for_loopback(Frame frame);

}  // namespace qemunit::helper
