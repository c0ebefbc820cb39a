// SPDX-License-Identifier: MIT
#include "metrics/varlink.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

#include "metrics/vm_metrics.h"

namespace qemunit::metrics {
namespace {

using nlohmann::json;

std::vector<json> messages(std::string_view text) {
    std::vector<json> all;
    while (!text.empty()) {
        const std::size_t end = text.find('\0');
        EXPECT_NE(end, text.npos) << text;
        all.push_back(json::parse(text.substr(0, end)));
        text.remove_prefix(end + 1);
    }
    return all;
}

VarlinkCall call_of(const json &call) {
    std::string received = call.dump() + '\0';
    const auto taken = take_varlink_call(received);
    EXPECT_TRUE(taken);
    EXPECT_EQ(received, "");
    return taken.value_or(VarlinkCall());
}

std::string error_name_of(const json &call) {
    const VarlinkCall taken = call_of(call);
    EXPECT_EQ(taken.kind, VarlinkCall::Kind::answered);
    return messages(taken.answer).at(0).value("error", "");
}

TEST(MetricsVarlinkTest, CallsAreTakenWhenTheyAreThere) {
    std::string received = R"({"method":"io.systemd.Metrics.List","more":true})";
    EXPECT_FALSE(take_varlink_call(received));
    received += '\0';
    received += "{";
    const auto call = take_varlink_call(received);
    ASSERT_TRUE(call);
    EXPECT_EQ(call->kind, VarlinkCall::Kind::list);
    EXPECT_EQ(received, "{");
}

TEST(MetricsVarlinkTest, WhatIsNoCallIsRefused) {
    using namespace std::string_literals;
    for (std::string bad : {"\0"s, "[]\0"s, "{}\0"s, "{\"method\":1}\0"s, "\xff\0"s,
                            std::string(kVarlinkCallMax + 1, '[')}) {
        const auto call = take_varlink_call(bad);
        ASSERT_TRUE(call);
        EXPECT_EQ(call->kind, VarlinkCall::Kind::bad);
    }
    EXPECT_TRUE(call_of({{"method", "io.systemd.Metrics.List"}, {"oneway", true}}).is_oneway);
}

TEST(MetricsVarlinkTest, ErrorsSayWhy) {
    EXPECT_EQ(error_name_of({{"method", "io.systemd.Metrics.List"}}),
              "org.varlink.service.ExpectedMore");
    EXPECT_EQ(error_name_of({{"method", "io.systemd.Metrics.Remove"}}),
              "org.varlink.service.MethodNotFound");
    EXPECT_EQ(error_name_of({{"method", "a.b.C"}}), "org.varlink.service.InterfaceNotFound");
    EXPECT_EQ(error_name_of({{"method", "nothing"}}), "org.varlink.service.InterfaceNotFound");
    EXPECT_EQ(error_name_of({{"method", "org.varlink.service.GetInterfaceDescription"}}),
              "org.varlink.service.InvalidParameter");
    EXPECT_EQ(error_name_of({{"method", "org.varlink.service.GetInterfaceDescription"},
                             {"parameters", {{"interface", "a.b"}}}}),
              "org.varlink.service.InterfaceNotFound");
    EXPECT_EQ(messages(varlink_trouble("no \xff"))[0]["parameters"]["reason"], "no \ufffd");
}

TEST(MetricsVarlinkTest, EachInterfaceIsDescribed) {
    const json info = messages(call_of({{"method", "org.varlink.service.GetInfo"}}).answer).at(0);
    for (const json &interface : info["parameters"]["interfaces"]) {
        const VarlinkCall call = call_of({{"method", "org.varlink.service.GetInterfaceDescription"},
                                          {"parameters", {{"interface", interface}}}});
        const std::string text = messages(call.answer).at(0)["parameters"]["description"];
        EXPECT_TRUE(text.starts_with("interface " + interface.get<std::string>())) << text;
    }
}

TEST(MetricsVarlinkTest, EachFamilyIsDescribedAndTheLastIsTheLast) {
    const auto said =
        messages(call_of({{"method", "io.systemd.Metrics.Describe"}, {"more", true}}).answer);
    ASSERT_EQ(said.size(), families().size());
    std::set<std::string> names;
    for (std::size_t i = 0; i < said.size(); ++i) {
        EXPECT_EQ(said[i].value("continues", false), i + 1 < said.size());
        const json &family = said[i]["parameters"];
        EXPECT_TRUE(names.insert(family["name"]).second) << family;
        EXPECT_NE(family["description"], "");
    }
    EXPECT_TRUE(names.contains("org.qemunit1.vm_cpu_seconds_total"));
    EXPECT_TRUE(names.contains("org.qemunit1.vm_drive_latency_seconds_bucket"));
    EXPECT_TRUE(names.contains("org.qemunit1.build_info"));
}

// Each sample has the name of a family that is described, and is there once.
TEST(MetricsVarlinkTest, SamplesHaveObjectsAndFields) {
    Exposition text(Format::varlink);
    text.begin({"qemunit_vm_cpu_seconds", Type::counter, "seconds", "h"});
    text.add_seconds({{"vm", "vm1"}}, 1'500'000'000);
    text.begin({"qemunit_vm_drive_latency_seconds", Type::histogram, "seconds", "h"});
    text.add_bucket({{"vm", "v\"\xff"}, {"drive", "root"}}, UINT64_MAX, 7);
    text.begin({"qemunit_vms", Type::gauge, "", "h"});
    text.add({{"state", "off"}}, 3);
    const auto said = messages(std::move(text).end());
    ASSERT_EQ(said.size(), 3U);
    EXPECT_EQ(said[0], json::parse(R"({"parameters":{"name":"org.qemunit1.vm_cpu_seconds_total",
        "object":"vm1","value":1.5},"continues":true})"));
    EXPECT_EQ(said[1], json::parse(R"({"parameters":
        {"name":"org.qemunit1.vm_drive_latency_seconds_bucket","object":"v\"\ufffd",
         "fields":{"drive":"root","le":"+Inf"},"value":7},"continues":true})"));
    EXPECT_EQ(said[2], json::parse(R"({"parameters":{"name":"org.qemunit1.vms",
        "fields":{"state":"off"},"value":3}})"));
}

}  // namespace
}  // namespace qemunit::metrics
