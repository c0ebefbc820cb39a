// SPDX-License-Identifier: MIT
#include "helper/machine/instance.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/bus_call.h"
#include "common/bus_errors.h"
#include "common/bus_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "common/time_units.h"
#include "common/vm_name.h"
#include "helper/machine/varlink.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace qemunit::helper {

namespace {

constexpr uint64_t kIdleUsec = 10 * kSecond;
constexpr uint64_t kCallTimeout = 25 * kSecond;
constexpr uint64_t kPersonTimeout = 60 * kSecond;  // who finds and types a password

constexpr char kInterface[] = "io.systemd.MachineInstance";
// Of that interface in systemd 262, what is done here.
constexpr char kDescription[] = R"(interface io.systemd.MachineInstance

type Memory(
	configuredBytes: int,
	targetBytes: int,
	actualBytes: ?int
)

method Terminate() -> ()
method PowerOff() -> ()
method Reboot() -> ()
method Pause() -> ()
method Resume() -> ()
method Describe() -> (
	running: bool,
	status: string,
	memory: ?Memory
)

error NotConnected()
error NotSupported()
)";

constexpr char kNotConnected[] = "io.systemd.MachineInstance.NotConnected";
constexpr char kNotSupported[] = "io.systemd.MachineInstance.NotSupported";
constexpr char kDenied[] = "org.varlink.service.PermissionDenied";

struct Method {
    std::string_view name, member;
};
// "" as member: of that interface, and not done.
constexpr Method kMethods[] = {
    {"Terminate", "Quit"},    {"PowerOff", "PowerOff"}, {"Reboot", "Reset"},
    {"Pause", "Pause"},       {"Resume", "Resume"},     {"Describe", "State"},
    {"QueryStatus", "State"},  // in systemd 261
    {"SubscribeEvents", ""},  {"AddStorage", ""},       {"RemoveStorage", ""},
    {"ReplaceStorage", ""},   {"SetMemory", ""},
};

nlohmann::json parameters_of(nlohmann::json parameters) {
    return {{"parameters", std::move(parameters)}};
}

nlohmann::json error_of(std::string_view error,
                        nlohmann::json parameters = nlohmann::json::object()) {
    return {{"error", error}, {"parameters", std::move(parameters)}};
}

// "PowerOff" of "io.systemd.MachineInstance.PowerOff"; "" of another interface's.
std::string_view own_method(std::string_view method) {
    if (!method.starts_with(kInterface) || method.size() <= sizeof kInterface ||
        method[sizeof kInterface - 1] != '.')
        return {};
    return method.substr(sizeof kInterface);
}

const Method *find_method(std::string_view method) {
    for (const Method &known : kMethods)
        if (known.name == own_method(method))
            return &known;
    return nullptr;
}

struct Client {
    ucred who{};
    UniqueFd pidfd;  // since Linux 6.5
};

class Instance {
  public:
    Instance(std::string vm, Client client, const Paths &paths)
        : vm_(std::move(vm)), client_(std::move(client)), paths_(paths) {}

    Result<> open() {
        sd_bus *bus = nullptr;
        if (int r = paths_.is_of_user() ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus); r < 0)
            return fail_errno(r, "cannot connect to the bus");
        bus_.reset(bus);
        sd_bus_set_method_call_timeout(bus, kCallTimeout);
        char *path = nullptr;
        if (int r = sd_bus_path_encode(kVmObjects, vm_.c_str(), &path); r < 0)
            return fail_errno(r, "no object for VM " + vm_);
        object_.reset(path);
        return {};
    }

    nlohmann::json answer(const nlohmann::json &request) {
        if (nlohmann::json about = answer_about_interface(request); !about.is_null())
            return about;
        const std::string member(member_for(string_at(request, "method")));
        if (member == "State")
            return describe();
        if (nlohmann::json refusal = refusal_of(member, request); !refusal.is_null())
            return refusal;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const int r = sd_bus_call_method(bus_.get(), kBusName, object_.get(), kVmInterface,
                                         member.c_str(), &error, nullptr, "");
        nlohmann::json answer = r < 0 ? failure(r, error) : parameters_of(nlohmann::json::object());
        sd_bus_error_free(&error);
        return answer;
    }

  private:
    nlohmann::json describe() const {
        char *raw = nullptr;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const int r = sd_bus_get_property_string(bus_.get(), kBusName, object_.get(), kVmInterface,
                                                 "State", &error, &raw);
        const CStringPtr state(raw);
        nlohmann::json answer =
            r < 0 ? failure(r, error)
                  : parameters_of({{"running", state.get() == std::string_view("running")},
                                   {"status", state.get()}});
        sd_bus_error_free(&error);
        return answer;
    }

    // What QEMU or qemunitd says is for people, and so in the journal; programs get the name.
    nlohmann::json failure(int r, const sd_bus_error &error) const {
        const std::string text = error.message ? error.message : strerror(-r);
        fmt::print(stderr, "<4>qemunit-machine: VM '{}': {}\n", vm_, text);
        const std::string_view name = error.name ? error.name : "";
        if (name.starts_with("org.qemunit1.Error.") && name != bus_error::kNotRunning &&
            name != bus_error::kNoSuchVm)
            return error_of(name, {{"message", text}});
        return error_of(kNotConnected);
    }

    // Null if the client may. root may, and on a user's bus nobody else gets to the socket.
    nlohmann::json refusal_of(const std::string &member, const nlohmann::json &request) const {
        if (client_.who.uid == 0 || client_.who.uid == geteuid())
            return nullptr;
        if (paths_.is_of_user())
            return error_of(kDenied);
        // A person at a terminal has machinectl's agent, and machinectl has no way to say so.
        const auto parameters = request.find("parameters");
        const bool asks_person =
            parameters == request.end() || !parameters->is_object() ||
            parameters->value("allowInteractiveAuthentication", nlohmann::json(true)) != false;
        const auto allowed = ask_polkit(member, asks_person);
        if (!allowed) {
            fmt::print(stderr, "<4>qemunit-machine: VM '{}': {} of user {} is refused: {}\n", vm_,
                       member, client_.who.uid, allowed.error().message);
            return error_of(kDenied);
        }
        return *allowed ? nlohmann::json(nullptr)
                        : error_of("io.systemd.InteractiveAuthenticationRequired");
    }

    // False if polkit would have to ask a person. The question is the one that qemunitd asks for
    // the same on D-Bus (bus/access/polkit.cpp), of the process that has connected.
    Result<bool> ask_polkit(const std::string &member, bool asks_person) const {
        auto call = new_method_call(bus_.get(), "org.freedesktop.PolicyKit1",
                                    "/org/freedesktop/PolicyKit1/Authority",
                                    "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (!call)
            return std::unexpected(call.error());
        sd_bus_message *m = call->get();
        const auto uid = static_cast<int32_t>(client_.who.uid);
        int r = sd_bus_message_open_container(m, 'r', "sa{sv}");
        // A polkit before 124 does not know "pidfd", and finds the start time out itself.
        const auto pid = static_cast<uint32_t>(client_.who.pid);
        if (r >= 0)
            r = sd_bus_message_append(m, "s", "unix-process");
        if (r >= 0)
            r = client_.pidfd ? sd_bus_message_append(m, "a{sv}", 4, "pid", "u", pid, "start-time",
                                                      "t", uint64_t{0}, "pidfd", "h",
                                                      client_.pidfd.get(), "uid", "i", uid)
                              : sd_bus_message_append(m, "a{sv}", 3, "pid", "u", pid, "start-time",
                                                      "t", uint64_t{0}, "uid", "i", uid);
        if (r >= 0)
            r = sd_bus_message_close_container(m);
        if (r >= 0)
            r = sd_bus_message_append(m, "sa{ss}us", "org.qemunit1.control", 2, "vm", vm_.c_str(),
                                      "verb", member.c_str(), asks_person ? 1u : 0u, "");
        if (r < 0)
            return fail_errno(r, "no question for polkit");
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *raw = nullptr;
        r = sd_bus_call(bus_.get(), m, kPersonTimeout, &error, &raw);
        const MessagePtr reply = own_message(raw);
        const std::string why = error.message ? error.message : r < 0 ? strerror(-r) : "";
        sd_bus_error_free(&error);
        if (r < 0)
            return fail(-r, "polkit did not answer: " + why);
        int authorized = 0, challenge = 0;
        if (sd_bus_message_enter_container(raw, 'r', "bba{ss}") < 0 ||
            sd_bus_message_read(raw, "bb", &authorized, &challenge) < 0)
            return fail(EBADMSG, "polkit's answer makes no sense");
        if (!authorized && !challenge)
            return fail(EACCES, "polkit says no");
        return authorized != 0;
    }

    const std::string vm_;
    const Client client_;
    const Paths &paths_;
    BusPtr bus_;
    CStringPtr object_;
};

// The socket was made by systemd, so its name is no client's.
Result<std::string> vm_of(int fd, const Paths &paths) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) < 0)
        return fail_errno(errno, "standard input is no socket");
    const std::string folder = paths.machine_control("");
    const std::string path(address.sun_path,
                           strnlen(address.sun_path, size - offsetof(sockaddr_un, sun_path)));
    const std::string vm = path.starts_with(folder) ? path.substr(folder.size()) : "";
    if (address.sun_family != AF_UNIX || !is_vm_name(vm))
        return fail(EINVAL, "standard input is no connection of qemu-instance@.socket");
    return vm;
}

Result<Client> client_of(int fd) {
    Client client;
    socklen_t size = sizeof client.who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &client.who, &size) < 0)
        return fail_errno(errno, "the kernel does not tell who the client is");
    int pidfd = -1;
    size = sizeof pidfd;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0)
        client.pidfd = UniqueFd(pidfd);
    return client;
}

}  // namespace

std::string_view member_for(std::string_view method) {
    const Method *known = find_method(method);
    return known ? known->member : "";
}

nlohmann::json answer_about_interface(const nlohmann::json &request) {
    const std::string method = string_at(request, "method");
    if (method == "org.varlink.service.GetInfo")
        return parameters_of({{"vendor", "qemunit"},
                              {"product", "qemunit-machine"},
                              {"version", kVersion},
                              {"url", ""},
                              {"interfaces", {"org.varlink.service", kInterface}}});
    if (method == "org.varlink.service.GetInterfaceDescription") {
        const auto parameters = request.find("parameters");
        const std::string wanted =
            parameters != request.end() ? string_at(*parameters, "interface") : "";
        if (wanted == kInterface)
            return parameters_of({{"description", kDescription}});
        return error_of("org.varlink.service.InterfaceNotFound", {{"interface", wanted}});
    }
    const Method *known = find_method(method);
    if (known)
        return known->member.empty() ? error_of(kNotSupported) : nlohmann::json(nullptr);
    return error_of("org.varlink.service.MethodNotFound", {{"method", method}});
}

Result<> serve_instance(UniqueFd connection, const Paths &paths) {
    const auto vm = vm_of(connection.get(), paths);
    if (!vm)
        return std::unexpected(vm.error());
    auto client = client_of(connection.get());
    if (!client)
        return std::unexpected(client.error());
    Instance instance(*vm, std::move(*client), paths);
    if (auto opened = instance.open(); !opened)
        return opened;
    Varlink varlink(std::move(connection));
    for (;;) {
        const auto request = varlink.receive(kIdleUsec);
        if (!request)
            return request.error().code == ETIMEDOUT
                       ? Result<>()
                       : fail(request.error().code, request.error().message);
        if (!*request)
            return {};
        const nlohmann::json answer = instance.answer(**request);
        const auto oneway = (*request)->find("oneway");
        if (oneway != (*request)->end() && *oneway == true)
            continue;
        if (auto sent = varlink.send(answer); !sent)
            return sent.error().code == EPIPE ? Result<>() : sent;
    }
}

}  // namespace qemunit::helper
