// SPDX-License-Identifier: MIT
//
// Whether somebody writes to an image while it is copied: a copy of such a one holds some of what
// it was and some of what it became, and nobody could tell. Takes no lock itself: a VM must be able
// to start meanwhile.
#pragma once

#include <cstdint>

#include "common/result.h"

namespace qemunit::ctl {

class ImageUse {
  public:
    // To be called before the image is read. Fails if somebody writes to it, be that on another
    // host, as far as its file system tells. `image`: open for reading.
    static Result<ImageUse> begin(int image);
    // After it was read: nobody has written to it since.
    Result<> end() const;

  private:
    explicit ImageUse(int image) : image_(image) {}
    Result<> look();

    int image_;
    uint64_t bytes_ = 0;
    int64_t changed_sec_ = 0;
    uint32_t changed_nsec_ = 0;
};

}  // namespace qemunit::ctl
