// SPDX-License-Identifier: MIT
//
// Which VMs org.qemunit1 knows, at the very moment at which a daemon-reload has returned: the
// reload and the calls go over one connection, so that nothing but the bus is between them.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/e2e/bus.h"
#include "tests/e2e/process.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// A method call, and its answer: one string or object path, the text of a list, or an error.
class Connection {
  public:
    void reload() {
        call("org.freedesktop.systemd1", "/org/freedesktop/systemd1",
             "org.freedesktop.systemd1.Manager", "Reload");
        EXPECT_EQ(error_, "");
    }
    // "" if it is there; else the name of the error.
    std::string get_vm(const std::string &name) {
        call("org.qemunit1", "/org/qemunit1", "org.qemunit1.Manager", "GetVM", &name);
        return error_;
    }
    std::string get_name(const std::string &name) {
        const std::string path = "/org/qemunit1/vm/" + name;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char *value = nullptr;
        sd_bus_get_property_string(bus_.get(), "org.qemunit1", path.c_str(), "org.qemunit1.VM",
                                   "Name", &error, &value);
        const std::string result = value ? value : error.name ? error.name : "";
        free(value);
        sd_bus_error_free(&error);
        return result;
    }
    bool lists(const std::string &name) {
        call("org.qemunit1", "/org/qemunit1", "org.qemunit1.Manager", "ListVMs");
        const char *vm = nullptr;
        sd_bus_message_enter_container(reply_.get(), 'a', "(ssso)");
        while (sd_bus_message_read(reply_.get(), "(ssso)", &vm, nullptr, nullptr, nullptr) > 0)
            if (vm == name)
                return true;
        return false;
    }
    // A method of the VM's own.
    std::string pause(const std::string &name) {
        call("org.qemunit1", "/org/qemunit1/vm/" + name, "org.qemunit1.VM", "Pause");
        return error_;
    }

  private:
    void call(const char *service, const std::string &path, const char *interface,
              const char *method, const std::string *argument = nullptr) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = nullptr;
        if (argument)
            sd_bus_call_method(bus_.get(), service, path.c_str(), interface, method, &error, &reply,
                               "s", argument->c_str());
        else
            sd_bus_call_method(bus_.get(), service, path.c_str(), interface, method, &error, &reply,
                               nullptr);
        error_ = error.name ? error.name : "";
        sd_bus_error_free(&error);
        reply_.reset(reply, sd_bus_message_unref);
    }

    BusPtr bus_ = open_system_bus();
    std::shared_ptr<sd_bus_message> reply_;
    std::string error_;
};

TEST(DaemonVms, AreRightAsSoonAsAReloadHasReturned) {
    constexpr const char *kNoObject = "org.freedesktop.DBus.Error.UnknownObject";
    Connection bus;
    const auto add = [&bus](const std::string &name) {
        write_file("/etc/qemunit/" + name + ".ini", boot_sector_ini());
        bus.reload();
    };
    const auto remove = [&bus](const std::string &name) {
        fs::remove("/etc/qemunit/" + name + ".ini");
        bus.reload();
    };
    bus.lists("");  // it runs
    for (int i = 0; i < 5; ++i) {
        const std::string name = "race" + std::to_string(i);
        add(name);
        EXPECT_EQ(bus.get_vm(name), "") << name;
        remove(name);
        EXPECT_EQ(bus.get_vm(name), "org.qemunit1.Error.NoSuchVM") << name;

        add(name);
        EXPECT_TRUE(bus.lists(name)) << name;
        remove(name);
        EXPECT_FALSE(bus.lists(name)) << name;

        add(name);
        EXPECT_EQ(bus.pause(name), "org.qemunit1.Error.NotRunning") << name;
        remove(name);
        EXPECT_EQ(bus.pause(name), kNoObject) << name;

        add(name);
        EXPECT_EQ(bus.get_name(name), name);
        remove(name);
        EXPECT_EQ(bus.get_name(name), kNoObject) << name;
    }
}

}  // namespace
}  // namespace qemunit::e2e
