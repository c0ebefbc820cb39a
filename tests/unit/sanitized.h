// SPDX-License-Identifier: MIT
//
// Whether the tests run under AddressSanitizer, which GCC and Clang tell in different ways.
#pragma once

namespace qemunit::testing {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace qemunit::testing
