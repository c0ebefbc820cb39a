// SPDX-License-Identifier: MIT
//
// The target's side of StorageCopy: QEMU takes the disks of a VM that comes as a server of NBD, on
// a socket that nobody but `qemunitctl receive` connects to. Part of MovingIn. Before the first
// byte, it is written down that the images are not whole (CopyMark); the guest runs when QEMU
// serves no more.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/files/copy_mark.h"
#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

class StorageExport {
  public:
    using Done = std::function<void(Result<>)>;

    StorageExport(QmpClient &qmp, CopyMark mark) : qmp_(qmp), mark_(std::move(mark)) {}

    // Also if the companion before this one has begun.
    void begin(const UnfinishedCopy &copy, const UniqueFd &listener, Done done);
    // QEMU serves no image any more, whoever is connected.
    void end(Done done);
    // The guest runs here, from images that are whole.
    Result<> forget_mark() const { return mark_.remove(); }

  private:
    void start_server(const UniqueFd &listener);
    void add(std::size_t index);
    void ask(std::string_view command, nlohmann::json arguments,
             std::function<void(const nlohmann::json &)> next, UniqueFd fd = {});
    void finish(Result<> result);

    QmpClient &qmp_;
    const CopyMark mark_;
    std::vector<CopiedImage> images_;
    Done done_;
};

}  // namespace qemunit::helper
