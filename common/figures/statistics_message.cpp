// SPDX-License-Identifier: MIT
#include "common/figures/statistics_message.h"

#include <string_view>

namespace qemunit {

namespace {

// Calls `read_one` for each element, which returns what sd_bus_message_read(3) does: 0 at the end.
template <typename Read>
int read_array(sd_bus_message *message, const char *contents, Read read_one) {
    int r = sd_bus_message_enter_container(message, 'a', contents);
    while (r > 0)
        r = read_one();
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

// Entries of a dictionary: `read_value` gets the key.
template <typename Read>
int read_dictionary(sd_bus_message *message, const std::string &contents, Read read_value) {
    return read_array(message, ("{" + contents + "}").c_str(), [&] {
        int r = sd_bus_message_enter_container(message, 'e', contents.c_str());
        if (r <= 0)
            return r;
        const char *key = nullptr;
        if (r = sd_bus_message_read(message, "s", &key); r < 0)
            return r;
        if (r = read_value(std::string(key)); r < 0)
            return r;
        r = sd_bus_message_exit_container(message);
        return r < 0 ? r : 1;
    });
}

int read_counters(sd_bus_message *message, FigureCounters &counters) {
    return read_array(message, "{st}", [&] {
        const char *name = nullptr;
        uint64_t number = 0;
        const int r = sd_bus_message_read(message, "{st}", &name, &number);
        if (r > 0)
            counters[name] = number;
        return r;
    });
}

int read_counters_of(sd_bus_message *message, std::map<std::string, FigureCounters> &things) {
    return read_dictionary(message, "sa{st}", [&](const std::string &thing) {
        return read_counters(message, things[thing]);
    });
}

int read_latencies(sd_bus_message *message, VmFigures &vm) {
    return read_dictionary(message, "sa{sa(tt)}", [&](const std::string &drive) {
        return read_dictionary(message, "sa(tt)", [&](const std::string &kind) {
            auto &bins = vm.latencies[drive][kind];
            return read_array(message, "(tt)", [&] {
                uint64_t bound = 0, count = 0;
                const int r = sd_bus_message_read(message, "(tt)", &bound, &count);
                if (r > 0)
                    bins.emplace_back(bound, count);
                return r;
            });
        });
    });
}

int read_threads(sd_bus_message *message, VmFigures &vm) {
    const void *threads = nullptr;
    std::size_t bytes = 0;
    const int r = sd_bus_message_read_array(message, 'u', &threads, &bytes);
    if (r > 0) {
        const auto *first = static_cast<const uint32_t *>(threads);
        vm.cpu_threads.assign(first, first + bytes / sizeof(uint32_t));
    }
    return r;
}

int read_jobs(sd_bus_message *message, VmFigures &vm) {
    return read_array(message, "(ssstt)", [&] {
        const char *id = nullptr, *type = nullptr, *status = nullptr;
        uint64_t current = 0, total = 0;
        const int r =
            sd_bus_message_read(message, "(ssstt)", &id, &type, &status, &current, &total);
        if (r > 0)
            vm.jobs.push_back({id, type, status, current, total});
        return r;
    });
}

// A value in the variant that `message` stands before, if it has that type.
template <typename Read>
int read_variant(sd_bus_message *message, const char *type, Read read_value) {
    const char *contents = nullptr;
    int r = sd_bus_message_peek_type(message, nullptr, &contents);
    if (r < 0)
        return r;
    if (!contents || std::string_view(contents) != type)
        return sd_bus_message_skip(message, "v");
    if (r = sd_bus_message_enter_container(message, 'v', type); r < 0)
        return r;
    if (r = read_value(); r < 0)
        return r;
    return sd_bus_message_exit_container(message);
}

int read_value(sd_bus_message *message, const std::string &key, VmFigures &vm) {
    if (key == "State")
        return read_variant(message, "s", [&] {
            const char *text = nullptr;
            const int r = sd_bus_message_read(message, "s", &text);
            vm.state = r > 0 ? text : "";
            return r;
        });
    if (key == "MainPID")
        return read_variant(message, "u",
                            [&] { return sd_bus_message_read(message, "u", &vm.main_pid); });
    if (key == "Answers")
        return read_variant(message, "b", [&] {
            int answers = 0;
            const int r = sd_bus_message_read(message, "b", &answers);
            vm.answers = answers != 0;
            return r;
        });
    if (key == "Drives" || key == "Networks")
        return read_variant(message, "a{sa{st}}", [&] {
            return read_counters_of(message, key == "Drives" ? vm.drives : vm.networks);
        });
    if (key == "DriveLatencies")
        return read_variant(message, "a{sa{sa(tt)}}", [&] { return read_latencies(message, vm); });
    if (key == "CPUThreads")
        return read_variant(message, "au", [&] { return read_threads(message, vm); });
    if (key == "Jobs")
        return read_variant(message, "a(ssstt)", [&] { return read_jobs(message, vm); });
    if (key == "Events")
        return read_variant(message, "a{st}", [&] { return read_counters(message, vm.events); });
    return read_variant(message, "t", [&] {
        uint64_t number = 0;
        const int r = sd_bus_message_read(message, "t", &number);
        if (key == "AnsweredMonotonic")
            vm.answered = number;
        else
            vm.numbers[key] = number;
        return r;
    });
}

}  // namespace

Result<std::map<std::string, VmFigures>> read_all_statistics(sd_bus_message *reply) {
    std::map<std::string, VmFigures> vms;
    const int r = read_dictionary(reply, "sa{sv}", [&](const std::string &name) {
        VmFigures &vm = vms[name];
        vm.name = name;
        return read_dictionary(reply, "sv",
                               [&](const std::string &key) { return read_value(reply, key, vm); });
    });
    if (r < 0)
        return fail_errno(r, "cannot read the answer to GetAllStatistics");
    return vms;
}

}  // namespace qemunit
