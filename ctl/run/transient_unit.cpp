// SPDX-License-Identifier: MIT
#include "ctl/run/transient_unit.h"

#include "common/bus_call.h"
#include "common/timer.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

constexpr uint64_t kStartTimeout = 30 * kSecond;

int append_command(sd_bus_message *call, const std::vector<std::string> &command) {
    std::vector<const char *> words;
    for (const std::string &word : command)
        words.push_back(word.c_str());
    words.push_back(nullptr);
    int r = sd_bus_message_open_container(call, 'r', "sv");
    const auto then = [&](auto &&step) {
        if (r >= 0)
            r = step();
    };
    then([&] { return sd_bus_message_append(call, "s", "ExecStart"); });
    then([&] { return sd_bus_message_open_container(call, 'v', "a(sasb)"); });
    then([&] { return sd_bus_message_open_container(call, 'a', "(sasb)"); });
    then([&] { return sd_bus_message_open_container(call, 'r', "sasb"); });
    then([&] { return sd_bus_message_append(call, "s", words.front()); });
    then([&] { return sd_bus_message_append_strv(call, const_cast<char **>(words.data())); });
    then([&] { return sd_bus_message_append(call, "b", 0); });
    for (int i = 0; i < 4; ++i)
        then([&] { return sd_bus_message_close_container(call); });
    return r;
}

}  // namespace

Result<> start_transient_unit(sd_bus *bus, const TransientUnit &unit) {
    const auto call = new_method_call(bus, kSystemdName, "/org/freedesktop/systemd1",
                                      "org.freedesktop.systemd1.Manager", "StartTransientUnit");
    if (!call)
        return std::unexpected(call.error());
    sd_bus_message *message = call->get();
    int r = sd_bus_message_append(message, "ss", unit.name.c_str(), "fail");
    if (r >= 0)
        r = sd_bus_message_open_container(message, 'a', "(sv)");
    if (r >= 0)
        r = sd_bus_message_append(message, "(sv)(sv)(sv)(sv)(sv)", "Description", "s",
                                  unit.description.c_str(), "CollectMode", "s",
                                  "inactive-or-failed", "StandardInputFileDescriptor", "h",
                                  unit.input, "StandardOutputFileDescriptor", "h", unit.output,
                                  "StandardErrorFileDescriptor", "h", unit.output);
    if (r >= 0)
        r = append_command(message, unit.command);
    if (r >= 0)
        r = sd_bus_message_close_container(message);
    if (r >= 0)
        r = sd_bus_message_append(message, "a(sa(sv))", 0);
    if (r < 0)
        return fail_errno(r, "cannot describe the unit to systemd");
    sd_bus_error error = SD_BUS_ERROR_NULL;
    r = sd_bus_call(bus, message, kStartTimeout, &error, nullptr);
    if (r >= 0)
        return {};
    auto failed = fail(-r, std::string("systemd does not start the VM's unit: ") +
                               (error.message ? error.message : std::strerror(-r)));
    sd_bus_error_free(&error);
    return failed;
}

}  // namespace qemunit::ctl
