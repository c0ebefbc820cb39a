// SPDX-License-Identifier: MIT
#include "helper/companion/usb_plug.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"

namespace qemunit::helper {
namespace {

using namespace std::chrono_literals;

class UsbPlugTest : public ::testing::Test {
  protected:
    UsbPlugTest() {
        testing::SocketPair pair;
        qemu = testing::FakeQemu(std::move(pair.other));
        auto created = QmpClient::create(loop.get(), std::move(pair.one),
                                         {.ready = [] {},
                                          .event = [](const QmpEvent &) {},
                                          .closed =
                                              [](const std::string &) {
                                              }});
        EXPECT_TRUE(created);
        client = std::move(*created);
        EXPECT_TRUE(qemu.greet(loop));
        EXPECT_TRUE(loop.run_until([this] { return client->is_ready(); }));
        qemu.forget();
        plug_usb_device(*client, "stick", UniqueFd(dup(STDIN_FILENO)),
                        [this](Result<> plugged) { result = std::move(plugged); });
    }
    void answer(const std::string &command, const std::string &value) {
        ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("\"" + command + "\""); }, 60s))
            << qemu.heard();
        qemu.say("{" + value + R"(,"id":)" + std::to_string(++answered) + "}");
    }

    testing::EventLoop loop;
    testing::FakeQemu qemu;
    std::unique_ptr<QmpClient> client;
    std::optional<Result<>> result;
    unsigned answered = 0;
};

constexpr const char *kNone =
    R"("error":{"class":"DeviceNotFound","desc":"Device 'stick' not found"})";

TEST_F(UsbPlugTest, QemuGetsItOpen) {
    answer("device_del", kNone);
    answer("add-fd", R"("return":{"fdset-id":3,"fd":20})");
    answer("device_add", R"("return":{})");
    answer("remove-fd", R"("return":{})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    EXPECT_TRUE(*result);
    EXPECT_TRUE(qemu.has_heard(R"({"opaque":"qemunit-usb:stick"})")) << qemu.heard();
    EXPECT_TRUE(qemu.has_heard(R"("hostdevice":"/dev/fdset/3")")) << qemu.heard();
    EXPECT_TRUE(qemu.has_heard(R"({"fdset-id":3})")) << qemu.heard();
}

TEST_F(UsbPlugTest, ThatQemuDoesNotTakeIsNotLeftOpen) {
    answer("device_del", R"("return":{})");
    answer("add-fd", R"("return":{"fdset-id":3,"fd":20})");
    answer("device_add", R"("error":{"class":"GenericError","desc":"no room"})");
    answer("remove-fd", R"("return":{})");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 60s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message, "device_add: no room");
}

}  // namespace
}  // namespace qemunit::helper
