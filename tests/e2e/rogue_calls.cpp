// SPDX-License-Identifier: MIT
#include "tests/e2e/rogue_calls.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <sstream>

namespace qemunit::e2e {

namespace {

// `path`: with a NUL at its begin, an abstract name.
long use_socket(int type, const std::string &path, const std::string &message) {
    const int fd = socket(AF_UNIX, type, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr *>(&address), size) != 0)
        return -1;
    return send(fd, message.data(), message.size(), MSG_NOSIGNAL);
}

std::string own_program() {
    std::ifstream file("/usr/bin/true", std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

long memory_file() {
    const int fd = static_cast<int>(syscall(SYS_memfd_create, "program", 0));
    const std::string program = own_program();
    return write(fd, program.data(), program.size()) < 0 ? -1 : fd;
}

}  // namespace

Attempt open_file(const std::string &path, int flags) {
    return [=] {
        return open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600);
    };
}

Attempt make_socket(int family, int type, int protocol) {
    return [=] {
        return socket(family, type, protocol);
    };
}

Attempt connect_to(const std::string &path) {
    return [=] {
        return use_socket(SOCK_STREAM, path, "x");
    };
}

Attempt send_to(const std::string &path, const std::string &message) {
    return [=] {
        return use_socket(SOCK_DGRAM, path, message);
    };
}

Attempt notify(const std::string &message) {
    return send_to("/run/systemd/notify", message);
}

Attempt connect_to_port(const std::string &port) {
    return [=] {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<uint16_t>(std::atoi(port.c_str())));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return fd < 0 ? -1 : connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address);
    };
}

Attempt run_program(const std::string &path) {
    return [=] {
        return execl(path.c_str(), path.c_str(), "--version", nullptr);
    };
}

Attempt run_copy(const std::string &path) {
    return [=] {
        std::ofstream(path, std::ios::binary) << own_program();
        if (chmod(path.c_str(), 0700) != 0)
            return -1;
        return execl(path.c_str(), path.c_str(), nullptr);
    };
}

long run_memory_file() {
    char name[] = "program", *argv[] = {name, nullptr};
    return syscall(SYS_execveat, memory_file(), "", argv, environ, AT_EMPTY_PATH);
}

long run_memory_file_by_name() {
    const std::string path = "/proc/self/fd/" + std::to_string(memory_file());
    return execl(path.c_str(), path.c_str(), nullptr);
}

Attempt map_executable(const std::string &path) {
    return [=] {
        std::ofstream(path, std::ios::binary) << own_program();
        const int fd = open(path.c_str(), O_RDONLY);
        void *const map = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        return map == MAP_FAILED ? -1 : 0;
    };
}

Attempt write_companion(const std::string &program) {
    return [=] {
        constexpr pid_t kAround = 60;
        for (pid_t pid = std::max(getpid() - kAround, 2); pid < getpid(); ++pid) {
            std::string name;
            std::ifstream("/proc/" + std::to_string(pid) + "/comm") >> name;
            if (!name.empty() && program.ends_with("/" + name))
                continue;
            if (const int fd = open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR);
                fd >= 0)
                return fd;
        }
        return -1;
    };
}

long use_inherited_datagrams() {
    for (int fd = 0; fd < 1024; ++fd) {
        int type = 0;
        socklen_t size = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM)
            return fd;
    }
    errno = ENOENT;
    return -1;
}

Attempt with_pidfd(pid_t pid, const std::function<long(long)> &use) {
    return [=] {
        const long fd = syscall(SYS_pidfd_open, pid, 0);
        return fd < 0 ? -1 : use(fd);
    };
}

Attempt take_tap(const std::string &name) {
    return [=] {
        const int fd = open("/dev/net/tun", O_RDWR);
        ifreq request{};
        name.copy(request.ifr_name, sizeof request.ifr_name - 1);
        request.ifr_flags = IFF_TAP | IFF_NO_PI;
        return fd < 0 ? -1 : ioctl(fd, TUNSETIFF, &request);
    };
}

Attempt type_into_terminal(unsigned long request) {
    return [=] {
        const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
        char text[] = "\3x";
        return terminal < 0 ? -1 : ioctl(terminal, request, text);
    };
}

long memory_of(pid_t pid, long number) {
    std::array<char, 16> here{};
    iovec local{here.data(), here.size()}, remote{reinterpret_cast<void *>(0x400000), here.size()};
    return syscall(number, pid, &local, 1, &remote, 1, 0);
}

long gain_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
    data[0] = {~0u, ~0u, ~0u};
    return syscall(SYS_capset, &header, data.data());
}

long raise_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_max += 1;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

long lock_memory() {
    constexpr std::size_t kSize = std::size_t{1} << 30;
    void *const map = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return map == MAP_FAILED ? -1 : mlock(map, kSize);
}

long set_time() {
    timeval now{};
    gettimeofday(&now, nullptr);
    return settimeofday(&now, nullptr);
}

long set_clock() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return syscall(SYS_clock_settime, CLOCK_REALTIME, &now);
}

Attempt set_user_id_bit(const std::string &path) {
    return [=] {
        std::ofstream(path) << "x";
        return chmod(path.c_str(), 04755);
    };
}

}  // namespace qemunit::e2e
