// SPDX-License-Identifier: MIT
//
// A VM whose guest counts on its disk and in its RAM (tests/guests/counter.S), and what can befall
// it. Its state directory is a small file system of its own, which can be full.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/counting_disk.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {

enum class Victim { qemu, companion, supervisor, both };

class BatteredVm {
  public:
    // On a busy machine, QEMU may not get to its work for a third of that: then nothing is saved.
    static constexpr const char *kHaste = "6s";

    // `format`: of the disk that is counted on, "raw" or "qcow2".
    BatteredVm(const std::string &name, std::string format);
    ~BatteredVm();
    BatteredVm(const BatteredVm &) = delete;
    BatteredVm &operator=(const BatteredVm &) = delete;

    const VmUnderTest &vm() const { return *vm_; }
    const std::string &format() const { return format_; }
    const std::string &stop() const { return stop_; }

    // Its disk is new, and nothing is saved. The VM is off.
    void begin_anew();
    // Stop= and StopTimeout= of its ini, from the next start on.
    void set_stop(const std::string &stop, const std::string &timeout = kHaste);

    void begin_start() const { systemctl({"start", "--no-block"}); }
    void begin_stop() const { systemctl({"stop", "--no-block"}); }
    // Off, whatever it was in the middle of.
    void end() const;

    // QEMU, as soon as it is there; 0 if that takes too long.
    pid_t wait_for_qemu() const;
    // Those that are there.
    void signal(Victim victim, int number) const;

    void fill_up(std::size_t bytes_left) const;
    void make_room() const;

    std::string folder() const { return "/var/lib/qemunit/" + vm_->name(); }
    std::string state_file() const { return folder() + "/hibernated"; }
    // Empty as long as there is no disk. The VM is off.
    std::string disk_bytes() const;
    // "" or what is wrong with a VM that is off: a guest that has seen another disk than it had
    // written, a disk that went on after the state was saved that is to be resumed over it.
    std::string complaint() const;

    // Until the guest says that it counts; the number.
    Result<uint32_t> wait_for_number() const;

  private:
    void systemctl(const std::vector<std::string> &verb) const;
    std::string ini() const;
    std::vector<pid_t> processes() const;
    pid_t qemu() const;
    std::string filler() const { return folder() + "/filler"; }
    std::string disk() const { return folder() + "/data." + format_; }

    std::string format_, stop_ = "hibernate", stop_timeout_ = kHaste;
    std::unique_ptr<VmUnderTest> vm_;
};

}  // namespace qemunit::e2e
