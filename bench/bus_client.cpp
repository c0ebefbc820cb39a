// SPDX-License-Identifier: MIT
//
// One long-lived client of org.qemunit1, beside one of QEMU's own socket of the same VM:
// bus_client VM RUNS VMS. For bench/bus, which makes the VMs "VM1", "VM2" and so on: the first is
// compared with, then VMS of them are asked at once. bus_client --objects RUNS: prints the median
// time of GetManagedObjects in µs. Errors end it.
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void die(const std::string &what) {
    std::fprintf(stderr, "bus_client: %s\n", what.c_str());
    std::exit(EXIT_FAILURE);
}

double usec_of(const std::function<void()> &action) {
    const auto begin = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
        .count();
}

double quantile(std::vector<double> values, double part) {
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

class RawQmp {
  public:
    explicit RawQmp(const std::string &vm) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        ("/run/qemunit/" + vm + "/qmp.sock").copy(address.sun_path, sizeof address.sun_path - 1);
        if (connect(fd_, reinterpret_cast<const sockaddr *>(&address), sizeof address) < 0)
            die(std::string("qmp.sock: ") + std::strerror(errno));
        read_line();
        ask(R"({"execute":"qmp_capabilities"})");
    }
    ~RawQmp() { ::close(fd_); }
    RawQmp(const RawQmp &) = delete;
    RawQmp &operator=(const RawQmp &) = delete;

    // The bench's VMs have no events to tell.
    void ask(std::string_view command) {
        const std::string line = std::string(command) + "\n";
        if (send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
            die("QEMU takes no command");
        if (!read_line().starts_with(R"({"return")"))
            die("QEMU has not answered: " + std::string(command));
    }

  private:
    std::string read_line() {
        std::string line;
        std::array<char, 4096> buffer;
        while (!line.ends_with('\n')) {
            const ssize_t n = read(fd_, buffer.data(), buffer.size());
            if (n <= 0)
                die("QEMU has left");
            line.append(buffer.data(), static_cast<std::size_t>(n));
        }
        return line;
    }
    int fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

using BusPtr = std::unique_ptr<sd_bus, decltype(&sd_bus_flush_close_unref)>;

BusPtr open_bus() {
    sd_bus *bus = nullptr;
    if (int r = sd_bus_open_system(&bus); r < 0)
        die(std::string("the system bus: ") + std::strerror(-r));
    return BusPtr(bus, sd_bus_flush_close_unref);
}

constexpr const char *kService = "org.qemunit1";

std::string path_of(const std::string &vm) {
    return "/org/qemunit1/vm/" + vm;
}

template <typename... Arguments>
void call(sd_bus *bus, const std::string &path, const char *interface, const char *method,
          const char *types, Arguments... arguments) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = nullptr;
    if (sd_bus_call_method(bus, kService, path.c_str(), interface, method, &error, &reply, types,
                           arguments...) < 0)
        die(std::string(method) + ": " + (error.message ? error.message : "it failed"));
    sd_bus_message_unref(reply);
}

// Each in turn, so that they share the machine's good and bad moments.
void compare(const std::string &vm, int runs) {
    RawQmp qmp(vm);
    const BusPtr bus = open_bus();
    const std::string path = path_of(vm);
    constexpr const char *kInterface = "org.qemunit1.VM";
    const std::array<std::function<void()>, 5> ways = {
        [&] { qmp.ask(R"({"execute":"query-status"})"); },
        [&] { call(bus.get(), path, kInterface, "Execute", "ss", "query-status", ""); },
        [&] {
            qmp.ask(R"({"execute":"human-monitor-command",)"
                    R"("arguments":{"command-line":"info status"}})");
        },
        [&] { call(bus.get(), path, kInterface, "MonitorCommand", "s", "info status"); },
        [&] {
            call(bus.get(), path, "org.freedesktop.DBus.Peer", "Ping", nullptr);
        }};
    constexpr int kWarmUp = 50;
    std::array<std::vector<double>, ways.size()> times;
    for (int run = -kWarmUp; run < runs; ++run)
        for (std::size_t i = 0; i < ways.size(); ++i)
            if (const double usec = usec_of(ways[i]); run >= 0)
                times[i].push_back(usec);
    const std::array<const char *, ways.size()> names = {
        "query-status, qmp.sock", "query-status, Execute", "info status, qmp.sock",
        "info status, MonitorCommand", "Ping of qemunitd"};
    for (std::size_t i = 0; i < ways.size(); ++i)
        std::printf("%-30s %8.0f µs   (10%%: %.0f, 90%%: %.0f)\n", names[i],
                    quantile(times[i], 0.5), quantile(times[i], 0.1), quantile(times[i], 0.9));
    for (const std::size_t raw : {0u, 2u}) {
        std::vector<double> more;
        for (std::size_t run = 0; run < times[raw].size(); ++run)
            more.push_back(times[raw + 1][run] - times[raw][run]);
        std::printf("%-30s %8.0f µs more than raw, pair by pair\n", names[raw + 1],
                    quantile(more, 0.5));
    }
}

// What a client asks first that shows all VMs.
void list_objects(int runs) {
    const BusPtr bus = open_bus();
    std::vector<double> times;
    for (int run = 0; run < runs; ++run)
        times.push_back(usec_of([&] {
            call(bus.get(), "/org/qemunit1", "org.freedesktop.DBus.ObjectManager",
                 "GetManagedObjects", nullptr);
        }));
    std::printf("%.0f\n", quantile(times, 0.5));
}

// All calls on their way at once, over one connection.
void ask_all(sd_bus *bus, const std::string &vm, int vms) {
    int missing = vms;
    const auto on_reply = [](sd_bus_message *message, void *userdata, sd_bus_error *) {
        if (const sd_bus_error *error = sd_bus_message_get_error(message))
            die(error->message);
        --*static_cast<int *>(userdata);
        return 0;
    };
    for (int i = 1; i <= vms; ++i)
        if (sd_bus_call_method_async(bus, nullptr, kService,
                                     path_of(vm + std::to_string(i)).c_str(), "org.qemunit1.VM",
                                     "Execute", on_reply, &missing, "ss", "query-status", "") < 0)
            die("a call cannot be sent");
    while (missing > 0)
        if (const int r = sd_bus_process(bus, nullptr); r < 0)
            die("the bus has left");
        else if (r == 0)
            sd_bus_wait(bus, UINT64_MAX);
}

}  // namespace

int main(int argc, char *argv[]) {
    if (argc == 3 && std::string_view(argv[1]) == "--objects") {
        list_objects(std::atoi(argv[2]));
        return 0;
    }
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s VM RUNS VMS | --objects RUNS\n", argv[0]);
        return 2;
    }
    const std::string vm = argv[1];
    const int runs = std::atoi(argv[2]), vms = std::atoi(argv[3]);
    if (runs > 0)
        compare(vm + "1", runs);
    if (vms > 0) {
        const BusPtr bus = open_bus();
        std::vector<double> times;
        for (int i = 0; i < 21; ++i)
            times.push_back(usec_of([&] { ask_all(bus.get(), vm, vms); }));
        std::printf("%-30s %8.0f µs for %d VMs\n", "query-status, all at once",
                    quantile(times, 0.5), vms);
    }
    return 0;
}
