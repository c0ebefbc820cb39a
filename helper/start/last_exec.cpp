// SPDX-License-Identifier: MIT
#include "helper/start/last_exec.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>

namespace qemunit::helper {

namespace {

// Address spaces of programs have 47 bits (x86-64), 48, 39, 38 or 32. What is not free, or beyond
// the end, is refused, and the next try is in a smaller one: with 47 bits, an address of a page is
// one of 2^35.
constexpr int kLargest = 47, kSmallest = 30, kTriesEach = 4;

// An address that cannot be guessed with `size` bytes at it, in this process for good.
Result<void *> random_place(std::size_t size) {
    const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    int error = 0;
    for (int bits = kLargest; bits >= kSmallest; --bits)
        for (int i = 0; i < kTriesEach; ++i) {
            uint64_t random = 0;
            if (getrandom(&random, sizeof random, 0) != sizeof random)
                return fail_errno(errno, "cannot get random numbers");
            const uint64_t wanted = random & ((uint64_t{1} << bits) - 1) & ~(page - 1);
            if (wanted > UINTPTR_MAX)
                continue;
            auto *const hint = reinterpret_cast<void *>(static_cast<uintptr_t>(wanted));
            void *const place = mmap(hint, size, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
            if (place == hint)
                return place;
            // A kernel before 4.17 takes the address for a hint.
            if (place != MAP_FAILED)
                munmap(place, size);
            error = place == MAP_FAILED ? errno : EEXIST;
        }
    return fail_errno(error, "cannot find a place in memory");
}

// A copy of the pointers up to the null at their end.
Result<char **> place_pointers(char *const *pointers) {
    std::size_t count = 1;
    while (pointers[count - 1])
        ++count;
    auto place = random_place(count * sizeof *pointers);
    if (!place)
        return std::unexpected(place.error());
    std::memcpy(*place, pointers, count * sizeof *pointers);
    return static_cast<char **>(*place);
}

}  // namespace

Error execute_last(const std::vector<std::string> &programs, const std::vector<char *> &argv,
                   std::optional<MakesSockets> filter) {
    const auto path = random_place(PATH_MAX);
    const auto arguments = place_pointers(argv.data());
    const auto environment = place_pointers(environ);
    for (const Error *error :
         {path ? nullptr : &path.error(), arguments ? nullptr : &arguments.error(),
          environment ? nullptr : &environment.error()})
        if (error)
            return *error;
    auto *const program = static_cast<char *>(*path);
    if (filter)
        if (auto filtered = filter_qemu({program, *arguments, *environment}, *filter); !filtered)
            return filtered.error();
    int error = ENOENT;
    for (const std::string &name : programs) {
        if (name.size() >= PATH_MAX) {
            error = ENAMETOOLONG;
            continue;
        }
        std::memcpy(program, name.c_str(), name.size() + 1);
        execve(program, *arguments, *environment);
        error = errno;
    }
    return fail_errno(error, fmt::format("cannot run {}", programs.back())).error();
}

}  // namespace qemunit::helper
