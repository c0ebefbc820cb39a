// SPDX-License-Identifier: MIT
#include "helper/handover/system_calls.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace qemunit::helper {

namespace {

// Of this program's own system calls. Those of another architecture have other numbers.
#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__i386__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_I386;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#elif defined(__arm__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_ARM;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr uint32_t kArchitecture = AUDIT_ARCH_RISCV64;
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_PPC64LE;
#elif defined(__s390x__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_S390X;
#elif defined(__loongarch64)
constexpr uint32_t kArchitecture = AUDIT_ARCH_LOONGARCH64;
#else
#error "which AUDIT_ARCH_ of linux/audit.h is this?"
#endif

using Code = std::vector<sock_filter>;

sock_filter load(std::size_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset));
}

sock_filter answer(int error) {
    return BPF_STMT(BPF_RET | BPF_K,
                    error ? SECCOMP_RET_ERRNO | static_cast<uint32_t>(error) : SECCOMP_RET_ALLOW);
}

// If what was loaded is not `value`, so many instructions are passed over.
sock_filter unless_skip(uint32_t value, std::size_t instructions) {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, static_cast<uint8_t>(instructions));
}
sock_filter if_skip(uint32_t value, std::size_t instructions) {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, static_cast<uint8_t>(instructions), 0);
}

constexpr std::size_t kHalf = sizeof(uint32_t);
constexpr bool kLittle = std::endian::native == std::endian::little;

// Where the kernel keeps an argument, in 64 bits also where a register has 32.
constexpr std::size_t low_half(std::size_t argument) {
    return offsetof(seccomp_data, args) + argument * sizeof(uint64_t) + (kLittle ? 0 : kHalf);
}
constexpr std::size_t high_half(std::size_t argument) {
    return offsetof(seccomp_data, args) + argument * sizeof(uint64_t) + (kLittle ? kHalf : 0);
}

class Filter {
  public:
    Filter() {
        code_.push_back(load(offsetof(seccomp_data, arch)));
        code_.push_back(if_skip(kArchitecture, 1));
        code_.push_back(answer(EPERM));
        code_.push_back(load(offsetof(seccomp_data, nr)));
#ifdef __x86_64__
        // The x32 ABI says that it is x86-64, and has numbers of its own.
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
        code_.push_back(answer(EPERM));
#endif
    }

    void deny(long number, int error) {
        add(number, {answer(error)});
    }

    // Unless the arguments are these, from the first one on.
    void deny_unless(long number, const std::vector<uint64_t> &arguments, int error) {
        Code body;
        const std::size_t length = arguments.size() * 4 + 2;
        const auto compare = [&](std::size_t offset, uint32_t value) {
            body.push_back(load(offset));
            body.push_back(unless_skip(value, length - body.size() - 2));  // to the last one
        };
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            compare(low_half(i), static_cast<uint32_t>(arguments[i]));
            compare(high_half(i), static_cast<uint32_t>(arguments[i] >> 32));
        }
        body.push_back(answer(0));
        body.push_back(answer(error));
        add(number, body);
    }

    // socket(2) and socketpair(2) of `family`, unless of `type`. The kernel takes both as int.
    void deny_other_types(long number, uint32_t family, uint32_t type, int error) {
        constexpr uint32_t kTypeMask = 0xf;  // SOCK_TYPE_MASK of the kernel, without SOCK_CLOEXEC
        add(number, {load(low_half(0)), unless_skip(family, 4), load(low_half(1)),
                     BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kTypeMask), if_skip(type, 1),
                     answer(error), answer(0)});
    }

    // socket(2) of `family`, unless of `protocol`, which the kernel takes as int.
    void deny_other_protocols(uint32_t family, uint32_t protocol, int error) {
        add(SYS_socket,
            {load(low_half(0)), unless_skip(family, 4), load(low_half(2)), if_skip(protocol, 1),
             answer(error), answer(0), load(offsetof(seccomp_data, nr))});
    }

    // A call whose first argument says what it does, in 32 bits.
    void deny_first(long number, uint32_t argument, int error) {
        add(number, {load(low_half(0)), unless_skip(argument, 1), answer(error),
                     load(offsetof(seccomp_data, nr))});
    }

    // ioctl(2) with this request, of which the kernel takes 32 bits.
    void deny_request(uint32_t request, int error) {
        add(SYS_ioctl, {load(low_half(1)), unless_skip(request, 1), answer(error),
                        load(offsetof(seccomp_data, nr))});
    }

    Result<> install() {
        code_.push_back(answer(0));
        const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
        // By prctl(2), which the unit's filter allows; of seccomp(2), QEMU has no need.
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
            return fail_errno(errno, "cannot filter system calls");
        return {};
    }

  private:
    // `body` ends, or leaves the number loaded.
    void add(long number, const Code &body) {
        code_.push_back(unless_skip(static_cast<uint32_t>(number), body.size()));
        code_.insert(code_.end(), body.begin(), body.end());
    }

    Code code_;
};

uint64_t address(const void *pointer) {
    return reinterpret_cast<uintptr_t>(pointer);
}

// A pair that is connected from the beginning remains (socketpair(2)).
void deny_sockets(Filter &filter) {
    for (const long number : {SYS_socket, SYS_connect, SYS_bind})
        filter.deny(number, EPERM);
#ifdef SYS_socketcall
    for (const uint32_t call : {SYS_SOCKET, SYS_CONNECT, SYS_BIND})
        filter.deny_first(SYS_socketcall, call, EPERM);
#endif
}

}  // namespace

Result<> filter_qemu(const LastExec &exec, MakesSockets sockets) {
    Filter filter;
    // EACCES, which glib tells as it does that of NoExecPaths=, and QEMU runs on.
    filter.deny_unless(SYS_execve, {address(exec.path), address(exec.argv), address(exec.envp)},
                       EACCES);
    filter.deny(SYS_execveat, EACCES);
    // A folder that is read-only, and shown to the guest, has sockets to connect to all the same.
    if (sockets == MakesSockets::no)
        deny_sockets(filter);
    // For [HostDevice …] of USB, the unit allows AF_NETLINK: libusb hears there of new devices. The
    // others configure networks, firewalls and more of the kernel.
    filter.deny_other_protocols(AF_NETLINK, NETLINK_KOBJECT_UEVENT, EAFNOSUPPORT);
    // A datagram to /run/systemd/notify would speak for the unit, one to the journal would have any
    // fields. The kernel takes SOCK_RAW for SOCK_DGRAM (af_unix.c), and SOCK_SEQPACKET is of no use
    // to QEMU. Where the calls are one, socketcall(2), as on i386, no filter sees the type, nor
    // RestrictAddressFamilies= the family.
    for (const long number : {SYS_socket, SYS_socketpair})
        filter.deny_other_types(number, AF_UNIX, SOCK_STREAM, EPERM);
    // Typed by TIOCSTI, a command is executed by whom the terminal belongs to. TIOCLINUX pastes.
    for (const uint32_t request : {TIOCSTI, TIOCLINUX})
        filter.deny_request(request, EPERM);
    return filter.install();
}

Result<> filter_companion() {
    Filter filter;
    for (const long number : {SYS_execve, SYS_execveat})
        filter.deny(number, EACCES);
    return filter.install();
}

}  // namespace qemunit::helper
