// SPDX-License-Identifier: MIT
#include "tests/e2e/bus.h"

#include <fcntl.h>

#include <ostream>

namespace qemunit::e2e {

namespace {
// Longer than any deadline of qemunitd's own, so that it is never ours that ends a call.
constexpr uint64_t kCallTimeoutUsec = 80'000'000;
}  // namespace

std::string vm_path(const std::string &vm) {
    char *path = nullptr;
    if (sd_bus_path_encode("/org/qemunit1/vm", vm.c_str(), &path) < 0)
        return {};
    std::string result(path);
    free(path);
    return result;
}

BusPtr open_system_bus() {
    sd_bus *bus = nullptr;
    if (sd_bus_open_system(&bus) < 0)
        return nullptr;
    return BusPtr(bus);
}

std::ostream &operator<<(std::ostream &stream, const BusReply &reply) {
    if (!reply.error.empty())
        return stream << reply.error << ": " << reply.message;
    return stream << "\"" << reply.value << "\"";
}

NameWatch::NameWatch() : bus_(open_system_bus()) {
    sd_bus_add_match(
        bus_.get(), nullptr,
        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.qemunit1'",
        on_signal, this);
}

int NameWatch::on_signal(sd_bus_message *message, void *userdata, sd_bus_error *) {
    const char *owner = nullptr;
    if (sd_bus_message_read(message, "sss", nullptr, nullptr, &owner) > 0 && *owner == '\0')
        static_cast<NameWatch *>(userdata)->is_lost_ = true;
    return 0;
}

bool NameWatch::wait_for_loss(Deadline deadline) {
    for (;;) {
        while (!is_lost_ && sd_bus_process(bus_.get(), nullptr) > 0) {
        }
        if (is_lost_ || deadline.passed())
            return is_lost_;
        sd_bus_wait(bus_.get(), deadline.usec_left());
    }
}

StateWatch::StateWatch(const std::string &vm) : bus_(open_system_bus()) {
    const std::string match =
        "type='signal',sender='org.qemunit1',member='PropertiesChanged',"
        "arg0='org.qemunit1.VM',path='" +
        vm_path(vm) + "'";
    sd_bus_add_match(bus_.get(), nullptr, match.c_str(), on_signal, this);
    // For a caller that is still there, qemunitd stays.
    sd_bus_call_method(bus_.get(), "org.qemunit1", "/org/qemunit1", "org.qemunit1.Manager",
                       "ListVMs", nullptr, nullptr, nullptr);
}

int StateWatch::on_signal(sd_bus_message *message, void *userdata, sd_bus_error *) {
    const char *interface = nullptr, *property = nullptr, *state = nullptr;
    sd_bus_message_read(message, "s", &interface);
    sd_bus_message_enter_container(message, 'a', "{sv}");
    while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
        sd_bus_message_read(message, "s", &property);
        if (std::string_view(property) == "State" &&
            sd_bus_message_read(message, "v", "s", &state) > 0)
            static_cast<StateWatch *>(userdata)->states_.emplace_back(state);
        else
            sd_bus_message_skip(message, "v");
        sd_bus_message_exit_container(message);
    }
    return 0;
}

bool StateWatch::wait_for(const std::string &state, Deadline deadline) {
    for (;;) {
        while (sd_bus_process(bus_.get(), nullptr) > 0) {
        }
        while (!states_.empty()) {
            const std::string seen = states_.front();
            states_.pop_front();
            if (seen == state)
                return true;
        }
        if (deadline.passed())
            return false;
        sd_bus_wait(bus_.get(), deadline.usec_left());
    }
}

PendingCall::PendingCall(const std::string &vm, const char *method,
                         std::optional<std::string> argument)
    : bus_(open_system_bus()) {
    sd_bus_message *call = nullptr;
    int r = bus_ ? sd_bus_message_new_method_call(bus_.get(), &call, "org.qemunit1",
                                                  vm_path(vm).c_str(), "org.qemunit1.VM", method)
                 : -ENOTCONN;
    if (r >= 0 && argument)
        r = sd_bus_message_append(call, "s", argument->c_str());
    if (r >= 0)
        r = sd_bus_call_async(bus_.get(), nullptr, call, on_reply, this, kCallTimeoutUsec);
    sd_bus_message_unref(call);
    if (r < 0)
        reply_ = BusReply{"", "cannot call", strerror(-r)};
    else
        sd_bus_flush(bus_.get());
}

int PendingCall::on_reply(sd_bus_message *message, void *userdata, sd_bus_error *) {
    BusReply reply;
    if (const sd_bus_error *error = sd_bus_message_get_error(message)) {
        reply.error = error->name;
        reply.message = error->message ? error->message : "";
    } else if (const char *text = nullptr; sd_bus_message_has_signature(message, "s") &&
                                           sd_bus_message_read(message, "s", &text) > 0) {
        reply.value = text;
    }
    static_cast<PendingCall *>(userdata)->reply_ = std::move(reply);
    return 0;
}

bool PendingCall::is_answered() {
    while (!reply_ && sd_bus_process(bus_.get(), nullptr) > 0) {
    }
    return reply_.has_value();
}

BusReply PendingCall::wait(Deadline deadline) {
    while (!is_answered()) {
        if (deadline.passed())
            return {"", "no answer", "the test's own deadline passed"};
        sd_bus_wait(bus_.get(), deadline.usec_left());
    }
    return *reply_;
}

BusReply call_vm(const std::string &vm, const char *method, std::optional<std::string> argument) {
    return PendingCall(vm, method, std::move(argument)).wait();
}

BusFd call_for_fd(const std::string &vm, const char *method, std::optional<std::string> argument) {
    const BusPtr bus = open_system_bus();
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = nullptr;
    BusFd result;
    int fd = -1;  // the message's
    int r = argument ? sd_bus_call_method(bus.get(), "org.qemunit1", vm_path(vm).c_str(),
                                          "org.qemunit1.VM", method, &error, &reply, "s",
                                          argument->c_str())
                     : sd_bus_call_method(bus.get(), "org.qemunit1", vm_path(vm).c_str(),
                                          "org.qemunit1.VM", method, &error, &reply, nullptr);
    if (r >= 0)
        r = sd_bus_message_read(reply, "h", &fd);
    if (r >= 0)
        result.fd = UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    else
        result.error = error.name ? error.name : strerror(-r);
    if (error.message)
        result.message = error.message;
    sd_bus_error_free(&error);
    sd_bus_message_unref(reply);
    return result;
}

BusReply monitor_command(const std::string &vm, const std::string &command) {
    return call_vm(vm, "MonitorCommand", command);
}

std::string status_of_qemu(const std::string &vm) {
    return monitor_command(vm, "info status").value;
}

}  // namespace qemunit::e2e
