// SPDX-License-Identifier: MIT
//
// What QEMU 7.2 says to the same, but for the order of members.
#include "bus/sessions/qmp_language.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

using nlohmann::json;

class QmpLanguageTest : public ::testing::Test {
  protected:
    // The answer to one message that needs no QEMU.
    std::string say(std::string_view message) {
        qmp.take(message);
        const auto step = qmp.next();
        if (!step || step->request || step->ends)
            return "no answer of its own";
        EXPECT_FALSE(qmp.next());
        EXPECT_TRUE(step->text.ends_with("}\r\n")) << step->text;
        return step->text.substr(0, step->text.size() - 2);
    }
    MonitorRequest request(std::string_view message) {
        qmp.take(message);
        auto step = qmp.next();
        EXPECT_TRUE(step && step->request && step->text.empty());
        return step && step->request ? *step->request : MonitorRequest{};
    }
    void negotiate() { EXPECT_EQ(say(R"({"execute":"qmp_capabilities"})"), R"({"return":{}})"); }

    QmpLanguage qmp{json{{"qemu", {{"major", 7}}}, {"package", "p"}}};
};

std::string error(const std::string &error_class, const std::string &text) {
    return R"({"error":{"class":")" + error_class + R"(","desc":")" + text + R"("}})";
}

std::string generic(const std::string &text) {
    return error("GenericError", text);
}

TEST_F(QmpLanguageTest, GreetsWithoutCapabilities) {
    EXPECT_EQ(qmp.greeting(),
              R"({"QMP":{"capabilities":[],"version":{"package":"p","qemu":{"major":7}}}})"
              "\r\n");
}

TEST_F(QmpLanguageTest, NegotiatesFirstAndOnce) {
    EXPECT_EQ(say(R"({"execute":"query-name","id":[1]})"),
              R"({"error":{"class":"CommandNotFound","desc":"Expecting capabilities negotiation )"
              R"(with 'qmp_capabilities'"},"id":[1]})");
    EXPECT_EQ(say(R"({"execute":"qmp_capabilities","arguments":{"enable":["oob"]}})"),
              generic("Capability oob not available"));
    EXPECT_EQ(say(R"({"execute":"qmp_capabilities","arguments":{"enable":1}})"),
              generic("Invalid parameter type for 'enable', expected: array"));
    EXPECT_EQ(say(R"({"execute":"qmp_capabilities","arguments":{"x":1}})"),
              generic("Parameter 'x' is unexpected"));
    EXPECT_EQ(qmp.event_text({.name = "STOP", .usec = 0, .data = json::object()}), "");
    EXPECT_EQ(say(R"({"execute":"qmp_capabilities","arguments":{"enable":[]},"id":null})"),
              R"({"id":null,"return":{}})");
    EXPECT_EQ(
        say(R"({"execute":"qmp_capabilities"})"),
        error("CommandNotFound", "Capabilities negotiation is already complete, command ignored"));
}

TEST_F(QmpLanguageTest, WhatIsNoCommandIsRefused) {
    negotiate();
    EXPECT_EQ(say("[1]"), generic("QMP input must be a JSON object"));
    EXPECT_EQ(say("{]"), generic("JSON parse error"));
    EXPECT_EQ(say("foo\n"), generic("JSON parse error"));
    EXPECT_EQ(say(R"({"execute":1})"), generic("QMP input member 'execute' must be a string"));
    EXPECT_EQ(say(R"({"execute":"x","arguments":[]})"),
              generic("QMP input member 'arguments' must be an object"));
    EXPECT_EQ(say(R"({"execute":"x","y":1})"), generic("QMP input member 'y' is unexpected"));
    EXPECT_EQ(say(R"({"exec-oob":"x"})"), generic("QMP input member 'exec-oob' is unexpected"));
    EXPECT_EQ(say(R"({"id":4})"),
              R"({"error":{"class":"GenericError","desc":"QMP input lacks member 'execute'"},)"
              R"("id":4})");
}

TEST_F(QmpLanguageTest, CommandsAreQemusAndIdsAreTheClients) {
    negotiate();
    const MonitorRequest plain = request(R"({"execute":"query-name"})");
    EXPECT_EQ(plain.command, "query-name");
    EXPECT_TRUE(plain.arguments.is_null());
    EXPECT_FALSE(plain.takes_fd);
    EXPECT_EQ(plain.answer(json{{"name", "x"}}), "{\"return\":{\"name\":\"x\"}}\r\n");
    for (const char *id : {"1", "\"a\"", "null", "{\"a\":[1.5,true]}", "18446744073709551615"}) {
        const MonitorRequest with_id =
            request(std::string(R"({"execute":"stop","arguments":{"a":1},"id":)") + id + "}");
        EXPECT_EQ(with_id.arguments, (json{{"a", 1}}));
        EXPECT_EQ(with_id.answer(json::object()),
                  std::string("{\"id\":") + id + ",\"return\":{}}\r\n");
        EXPECT_EQ(with_id.answer(std::unexpected(
                      QmpError{QmpError::Kind::monitor, "it is gone", "DeviceNotFound"})),
                  std::string(R"({"error":{"class":"DeviceNotFound","desc":"it is gone"},"id":)") +
                      id + "}\r\n");
    }
    EXPECT_EQ(plain.answer(std::unexpected(QmpError{QmpError::Kind::timeout, ""})),
              generic("qemunitd: QEMU did not answer 'query-name' in time; it may still do as "
                      "told") +
                  "\r\n");
    EXPECT_EQ(plain.answer(std::unexpected(QmpError{QmpError::Kind::disconnected, ""})), "");
    EXPECT_TRUE(request(R"({"execute":"getfd","arguments":{"fdname":"a"}})").takes_fd);
    EXPECT_TRUE(request(R"({"execute":"add-fd"})").takes_fd);
}

TEST_F(QmpLanguageTest, TellsEvents) {
    negotiate();
    EXPECT_EQ(qmp.event_text({.name = "STOP", .usec = 5'000'007, .data = json::object()}),
              R"({"event":"STOP","timestamp":{"microseconds":7,"seconds":5}})"
              "\r\n");
    EXPECT_EQ(qmp.event_text({.name = "RESET", .usec = 0, .data = {{"guest", true}}}),
              R"({"data":{"guest":true},"event":"RESET","timestamp":{"microseconds":0,)"
              R"("seconds":0}})"
              "\r\n");
}

TEST_F(QmpLanguageTest, AMessageHasItsLimit) {
    qmp.take("{\"execute\":\"" + std::string(QmpLanguage::kMessageMax, 'x'));
    const auto step = qmp.next();
    ASSERT_TRUE(step);
    EXPECT_TRUE(step->ends);
    EXPECT_EQ(step->text, generic("qemunitd: a message of more than 1048576 bytes") + "\r\n");
}

}  // namespace
}  // namespace qemunit::bus
