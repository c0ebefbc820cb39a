// SPDX-License-Identifier: MIT
#include "helper/start/kvm.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>

#include "common/unique_fd.h"

namespace qemunit::helper {

namespace {

#ifdef __x86_64__

constexpr std::size_t kPage = 4096;
constexpr uint64_t kCodeAddress = 0x1000;
constexpr unsigned kTssAddress = 0xfffbd000;  // as QEMU has it; older processors need one
// A processor takes some 10 µs for these rounds, KVM's emulator 20 ms.
constexpr unsigned kRounds = 20'000;
constexpr long kNsecMax = 5'000'000;

struct Unmapper {
    std::size_t size = 0;
    void operator()(void *address) const { munmap(address, size); }
};
using Mapping = std::unique_ptr<void, Unmapper>;

Result<Mapping> map(std::size_t size, int flags, int fd) {
    void *address = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (address == MAP_FAILED)
        return fail_errno(errno, "cannot map a guest's memory");
    return Mapping(address, Unmapper{size});
}

// 32-bit protected mode, flat: what every processor runs itself.
Result<> prepare_processor(int cpu) {
    kvm_sregs special{};
    if (ioctl(cpu, KVM_GET_SREGS, &special) != 0)
        return fail_errno(errno, "KVM tells no registers");
    kvm_segment data{};
    data.limit = 0xffffffff;
    data.type = 3;
    data.present = data.db = data.s = data.g = 1;
    kvm_segment code = data;
    code.type = 11;
    special.cs = code;
    special.ds = special.es = special.fs = special.gs = special.ss = data;
    special.cr0 |= 1;  // protected mode
    kvm_regs registers{};
    registers.rip = kCodeAddress;
    registers.rcx = kRounds;
    registers.rflags = 2;  // the bit that is always set
    if (ioctl(cpu, KVM_SET_SREGS, &special) != 0 || ioctl(cpu, KVM_SET_REGS, &registers) != 0)
        return fail_errno(errno, "KVM takes no registers");
    return {};
}

long cpu_nsec() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

Result<> run_guest(int kvm, int vm) {
    ioctl(vm, KVM_SET_TSS_ADDR, kTssAddress);
    auto memory = map(kPage, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!memory)
        return std::unexpected(memory.error());
    constexpr uint8_t kCode[] = {0x49, 0x75, 0xfd, 0xf4};  // 1: dec ecx; jnz 1b; hlt
    std::memcpy(memory->get(), kCode, sizeof kCode);
    kvm_userspace_memory_region region{};
    region.guest_phys_addr = kCodeAddress;
    region.memory_size = kPage;
    region.userspace_addr = reinterpret_cast<uint64_t>(memory->get());
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) != 0)
        return fail_errno(errno, "KVM takes no memory");
    const UniqueFd cpu(ioctl(vm, KVM_CREATE_VCPU, 0));
    const int run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (!cpu || run_size <= 0)
        return fail_errno(errno, "KVM creates no processor");
    auto run = map(static_cast<std::size_t>(run_size), MAP_SHARED, cpu.get());
    if (!run)
        return std::unexpected(run.error());
    if (auto prepared = prepare_processor(cpu.get()); !prepared)
        return prepared;
    const long begin = cpu_nsec();
    if (ioctl(cpu.get(), KVM_RUN, 0) != 0)
        return fail_errno(errno, "KVM does not run a guest");
    if (static_cast<const kvm_run *>(run->get())->exit_reason != KVM_EXIT_HLT)
        return fail(EIO, "KVM does not run a guest's instructions");
    if (cpu_nsec() - begin > kNsecMax)
        return fail(EIO, "KVM emulates the guest's instructions here, slower than TCG does");
    return {};
}

#else

Result<> run_guest(int, int) {
    return {};
}

#endif

}  // namespace

Result<> check_kvm() {
    const UniqueFd kvm(open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!kvm)
        return fail_errno(errno, "cannot open /dev/kvm");
    if (ioctl(kvm.get(), KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        return fail(EIO, "/dev/kvm has another API");
    const UniqueFd vm(ioctl(kvm.get(), KVM_CREATE_VM, 0));
    if (!vm)
        return fail_errno(errno, "KVM creates no VM");
    return run_guest(kvm.get(), vm.get());
}

}  // namespace qemunit::helper
