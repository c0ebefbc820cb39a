// SPDX-License-Identifier: MIT
//
// The interface org.qemunit1 is what bus/org.qemunit1.xml says, from which org.qemunit1(5) is made:
// each member with its arguments, each error, and the action that polkit is asked for. The daemon's
// objects are asked over a connection without a bus, on which the test plays systemd, polkit and
// QEMU.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "bus/service/manager_object.h"
#include "bus/service/vm_object.h"
#include "bus/vms/vm_registry.h"
#include "common/bus_call.h"
#include "tests/interface_members.h"
#include "tests/unit/fake_qemu.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::bus {
namespace {

namespace fs = std::filesystem;
using testing::EventLoop;
using testing::FakeListener;
using testing::FakeQemu;

constexpr char kCaller[] = ":1.77";
constexpr uint32_t kSomebody = 12345;  // nobody's user, and not root
constexpr char kVmPath[] = "/org/qemunit1/vm/vm1";

std::string read_source(const fs::path &path) {
    std::ifstream file(fs::path(QEMUNIT_SOURCE_DIR) / path);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

std::string our_xml() {
    return read_source("bus/org.qemunit1.xml");
}

struct Method {
    std::string name, arguments, action;  // "AttachDrive", "sha{sv}", "org.qemunit1.control"
};

// Of org.qemunit1.VM.
std::vector<Method> methods_of(const std::string &xml) {
    const std::regex wanted(
        R"re(Action: (\S+)|<method name="(\w+)"|<arg [^>]*type="([^"]+)" direction="in")re");
    std::vector<Method> methods;
    std::string action;
    const std::string vm = xml.substr(xml.find("<interface name=\"org.qemunit1.VM\""));
    for (std::sregex_iterator match(vm.begin(), vm.end(), wanted), end; match != end; ++match) {
        if ((*match)[1].matched)
            action = (*match)[1];
        else if ((*match)[2].matched)
            methods.push_back({(*match)[2], "", std::exchange(action, "")});
        else
            methods.back().arguments += (*match)[3];
    }
    return methods;
}

// Arguments of that signature, whatever they say.
void append_anything(sd_bus_message *call, std::string_view signature) {
    for (; !signature.empty(); signature.remove_prefix(1)) {
        const char type = signature.front();
        if (type == 'a') {
            const bool is_map = signature[1] == '{';
            const std::string content(signature.substr(1, is_map ? signature.find('}') : 1));
            EXPECT_GE(sd_bus_message_open_container(call, 'a', content.c_str()), 0) << content;
            EXPECT_GE(sd_bus_message_close_container(call), 0);
            signature.remove_prefix(content.size());
        } else if (type == 's') {
            EXPECT_GE(sd_bus_message_append(call, "s", "x"), 0);
        } else if (type == 'h') {
            EXPECT_GE(sd_bus_message_append(call, "h", STDIN_FILENO), 0);
        } else {
            const uint64_t zero = 0;
            EXPECT_GE(sd_bus_message_append_basic(call, type, &zero), 0) << type;
        }
    }
}

// The objects of a daemon that has one VM, which runs; and all that it talks to.
class InterfaceTest : public ::testing::Test {
  protected:
    InterfaceTest() {
        int fds[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        daemon = connect(fds[0], true);
        others = connect(fds[1], false);
        EXPECT_GE(sd_bus_add_filter(others.get(), nullptr, answer, this), 0);
        paths.runtime = folder.path();
        folder.write("systemd/generator/qemu@vm1.service.d/50-qemunit.conf", "[Unit]\n");
        fs::create_directories(paths.socket_dir("vm1"));
        listener.emplace(paths.socket_path("vm1", "control"));
        const VmObserver nobody{.added = [](Vm &) {},
                                .removed = [](Vm &) {},
                                .changed = [](Vm &, const char *) {},
                                .event = [](Vm &, const QmpEvent &, const std::string &) {},
                                .connected = [](Vm &) {},
                                .refreshed = [](Vm &) {},
                                .violated =
                                    [](Vm &, const std::string &) {
                                    }};
        registry.emplace(loop.get(), daemon.get(), paths, nobody, [](const Result<> &) {});
        EXPECT_TRUE(add_manager_object(daemon.get(), *registry));
        objects.emplace(*registry);
        EXPECT_TRUE(objects->add_to(daemon.get()));
        EXPECT_TRUE(registry->start());
        EXPECT_TRUE(loop.run_until([this] {
            qemu = listener->accept();
            return static_cast<bool>(qemu);
        }));
        EXPECT_TRUE(qemu.greet(loop));
        EXPECT_TRUE(loop.run_until([this] { return !registry->find("vm1")->refusal(); }));
    }

    BusPtr connect(int fd, bool is_daemon) const {
        sd_bus *bus = nullptr;
        EXPECT_GE(sd_bus_new(&bus), 0);
        EXPECT_GE(sd_bus_set_fd(bus, fd, fd), 0);
        EXPECT_GE(sd_bus_set_server(bus, is_daemon, sd_id128_t{}), 0);
        EXPECT_GE(sd_bus_negotiate_fds(bus, true), 0);
        EXPECT_GE(sd_bus_start(bus), 0);
        EXPECT_GE(sd_bus_attach_event(bus, loop.get(), 0), 0);
        return BusPtr(bus);
    }

    // Systemd's list of units, the bus's word of who asks, polkit's no.
    static int answer(sd_bus_message *message, void *userdata, sd_bus_error *) {
        auto *test = static_cast<InterfaceTest *>(userdata);
        if (sd_bus_message_is_method_call(message, nullptr, "ListUnitsByPatterns"))
            return sd_bus_reply_method_return(message, "a(ssssssouso)", 1, "qemu@vm1.service", "",
                                              "loaded", "active", "running", "", "/", 0, "", "/");
        if (sd_bus_message_is_method_call(message, nullptr, "GetConnectionUnixUser"))
            return sd_bus_reply_method_return(message, "u", kSomebody);
        if (!sd_bus_message_is_method_call(message, nullptr, "CheckAuthorization"))
            return 0;
        const char *action = nullptr, *vm = nullptr, *verb = nullptr;
        EXPECT_GE(sd_bus_message_skip(message, "(sa{sv})"), 0);
        EXPECT_GE(sd_bus_message_read(message, "sa{ss}", &action, 2, nullptr, &vm, nullptr, &verb),
                  0);
        test->asked[verb ? verb : ""] = action ? action : "";
        return sd_bus_reply_method_return(message, "(bba{ss})", 0, 0, 0);
    }

    // The error that the call ends with, or "" and its text.
    struct Answer {
        std::string error, text;
    };
    Answer call(const char *path, const char *interface, const std::string &member,
                std::string_view signature) {
        auto message = new_method_call(others.get(), nullptr, path, interface, member.c_str());
        EXPECT_TRUE(message);
        EXPECT_GE(sd_bus_message_set_sender(message->get(), kCaller), 0);
        append_anything(message->get(), signature);
        std::optional<Answer> answer;
        auto slot = call_async(others.get(), message->get(), [&](sd_bus_message *reply) {
            const sd_bus_error *error = sd_bus_message_get_error(reply);
            const char *text = error ? error->message : "";
            if (!error)
                sd_bus_message_read(reply, "s", &text);
            answer = Answer{error ? error->name : "", text};
        });
        EXPECT_TRUE(slot);
        EXPECT_TRUE(loop.run_until([&] { return answer.has_value(); })) << member;
        return answer.value_or(Answer{"no answer", ""});
    }

    std::string introspect(const char *path) {
        const Answer answer = call(path, "org.freedesktop.DBus.Introspectable", "Introspect", "");
        EXPECT_EQ(answer.error, "") << answer.text;
        return answer.text;
    }

    EventLoop loop;
    testing::TemporaryFolder folder;
    Paths paths;
    BusPtr daemon, others;
    std::optional<FakeListener> listener;
    std::optional<VmRegistry> registry;
    std::optional<VmObjects> objects;
    FakeQemu qemu;
    std::map<std::string, std::string> asked;  // of polkit: the action for each method
};

TEST_F(InterfaceTest, IsWhatTheXmlSays) {
    EXPECT_EQ(members_of(introspect(kVmPath), "org.qemunit1.VM"),
              members_of(our_xml(), "org.qemunit1.VM"));
    EXPECT_EQ(members_of(introspect("/org/qemunit1"), "org.qemunit1.Manager"),
              members_of(our_xml(), "org.qemunit1.Manager"));
    EXPECT_GT(members_of(our_xml(), "org.qemunit1.VM").size(), 20u);
}

// One VM, one path; what was found before makes no difference.
TEST_F(InterfaceTest, FindsAVmByItsPathAlone) {
    Vm *vm = registry->find("vm1");
    ASSERT_NE(vm, nullptr);
    for (int time = 0; time < 2; ++time) {
        EXPECT_EQ(objects->at(kVmPath), vm);
        EXPECT_EQ(objects->at(kVmPath), vm);
        for (const char *other : {"/org/qemunit1/vm/_76m1", "/org/qemunit1/vm/vm2",
                                  "/org/qemunit1/vm", "/org/qemunit1/vm/vm1/vm1", "/"})
            EXPECT_EQ(objects->at(other), nullptr) << other;
    }
}

TEST_F(InterfaceTest, AsksPolkitForTheActionThatTheXmlSays) {
    const std::vector<Method> methods = methods_of(our_xml());
    EXPECT_GT(methods.size(), 20u);
    for (const Method &method : methods) {
        const Answer answer = call(kVmPath, "org.qemunit1.VM", method.name, method.arguments);
        EXPECT_EQ(answer.error, SD_BUS_ERROR_ACCESS_DENIED) << method.name << ": " << answer.text;
        EXPECT_EQ(asked[method.name], method.action) << method.name;
    }
}

TEST(InterfaceDocumentationTest, HasTheErrorsOfTheSources) {
    const std::regex error(R"(org\.qemunit1\.Error\.\w+)");
    const auto errors_in = [&](const std::string &text) {
        std::set<std::string> found;
        for (std::sregex_iterator match(text.begin(), text.end(), error), end; match != end;
             ++match)
            found.insert(match->str());
        return found;
    };
    std::set<std::string> of_sources;
    for (const char *folder : {"bus", "common"})
        for (const auto &entry :
             fs::recursive_directory_iterator(fs::path(QEMUNIT_SOURCE_DIR) / folder))
            if (entry.path().extension() == ".h" || entry.path().extension() == ".cpp")
                of_sources.merge(errors_in(read_source(entry.path())));
    EXPECT_EQ(errors_in(our_xml()), of_sources);
    EXPECT_GT(of_sources.size(), 5u);
}

}  // namespace
}  // namespace qemunit::bus
