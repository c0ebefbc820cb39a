// SPDX-License-Identifier: MIT
//
// BeginBackup, GetBackup and EndBackup of org.qemunit1(5), as `qemunitctl backup` calls them.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

struct ExportedDisk {
    std::string name, format;
    uint64_t size = 0;
    bool has_bitmap = false;
};

// What BeginBackup has begun. Ends with this object, at the latest.
class RunningBackup {
  public:
    RunningBackup(sd_bus *bus, std::string vm) : bus_(bus), vm_(std::move(vm)) {}
    RunningBackup(const RunningBackup &) = delete;
    RunningBackup &operator=(const RunningBackup &) = delete;
    ~RunningBackup() {
        if (socket_)
            (void)end(false);
    }

    // `since` is emptied, and why is told, if what has changed since then is not known.
    Result<> begin(std::string &since);
    Result<> end(bool is_kept);

    int socket() const { return socket_.get(); }
    const std::string &checkpoint() const { return checkpoint_; }
    bool is_quiet() const { return is_quiet_; }
    const std::vector<ExportedDisk> &disks() const { return disks_; }

  private:
    Result<> look();

    sd_bus *bus_;
    const std::string vm_;
    UniqueFd socket_;
    std::string checkpoint_;
    bool is_quiet_ = false;
    std::vector<ExportedDisk> disks_;
};

}  // namespace qemunit::ctl
