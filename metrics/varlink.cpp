// SPDX-License-Identifier: MIT
#include "metrics/varlink.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/paths.h"
#include "metrics/vm_metrics.h"

namespace qemunit::metrics {

using nlohmann::json;

namespace {

constexpr std::string_view kContinues = R"(,"continues":true})";
constexpr std::string_view kOurPrefix = "qemunit_";
// What the names of all metrics of a socket in /run/systemd/report begin with: its own.
constexpr std::string_view kVarlinkPrefix = "org.qemunit1.";

constexpr char kMetricsInterface[] = "io.systemd.Metrics";
constexpr char kServiceInterface[] = "org.varlink.service";

// src/shared/varlink-io.systemd.Metrics.c of systemd 260
constexpr char kMetricsDescription[] = R"(interface io.systemd.Metrics
type MetricFamilyType(counter, gauge, string)
method List() -> (name: string, value: object, object: ?string, fields: ?[string]object)
method Describe() -> (name: string, description: string, type: MetricFamilyType)
error NoSuchMetric()
)";
// "The org.varlink.service Interface" of varlink.org
constexpr char kServiceDescription[] = R"(interface org.varlink.service
method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)
method GetInterfaceDescription(interface: string) -> (description: string)
error InterfaceNotFound(interface: string)
error MethodNotFound(method: string)
error MethodNotImplemented(method: string)
error InvalidParameter(parameter: string)
error PermissionDenied()
error ExpectedMore()
)";

// What is no UTF-8 becomes U+FFFD.
std::string text_of(const json &value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string message(const json &reply) {
    std::string text = text_of(reply);
    text += '\0';
    return text;
}

std::string reply_with(json parameters) {
    return message({{"parameters", std::move(parameters)}});
}

std::string error(const std::string &name, json parameters = json::object()) {
    return message({{"error", name}, {"parameters", std::move(parameters)}});
}

std::string error_of_service(const std::string &name, json parameters = json::object()) {
    return error(fmt::format("{}.{}", kServiceInterface, name), std::move(parameters));
}

std::string name_of(std::string_view family, std::string_view suffix) {
    family.remove_prefix(family.starts_with(kOurPrefix) ? kOurPrefix.size() : 0);
    return fmt::format("{}{}{}", kVarlinkPrefix, family, suffix);
}

// There are no histograms there: each of their buckets is a counter.
std::string_view type_name(Type type) {
    return type == Type::counter || type == Type::histogram ? "counter" : "gauge";
}

std::string descriptions() {
    std::string replies;
    for (const Family &family : families()) {
        replies += text_of({{"parameters",
                             {{"name", name_of(family.name, suffix_of(family.type))},
                              {"description", family.help},
                              {"type", type_name(family.type)}}}});
        replies.pop_back();
        replies.append(kContinues).push_back('\0');
    }
    return last_one_last(std::move(replies));
}

std::string interface_description(const json &parameters) {
    const auto found = parameters.find("interface");
    if (found == parameters.end() || !found->is_string())
        return error_of_service("InvalidParameter", {{"parameter", "interface"}});
    if (*found == kMetricsInterface)
        return reply_with({{"description", kMetricsDescription}});
    if (*found == kServiceInterface)
        return reply_with({{"description", kServiceDescription}});
    return error_of_service("InterfaceNotFound", {{"interface", *found}});
}

std::string service_info() {
    return reply_with({{"vendor", "qemunit"},
                       {"product", "qemunit-metrics"},
                       {"version", kVersion},
                       {"url", "https://varlink.org"},
                       {"interfaces", {kServiceInterface, kMetricsInterface}}});
}

// What a method says that has one answer.
std::string answer_to(const std::string &method, const json &parameters) {
    if (method == "org.varlink.service.GetInfo")
        return service_info();
    if (method == "org.varlink.service.GetInterfaceDescription")
        return interface_description(parameters);
    const std::string interface = method.substr(0, method.rfind('.'));
    if (interface != kMetricsInterface && interface != kServiceInterface)
        return error_of_service("InterfaceNotFound", {{"interface", interface}});
    return error_of_service("MethodNotFound", {{"method", method}});
}

VarlinkCall read_call(std::string_view text) {
    const json call = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!call.is_object() || !call.contains("method") || !call["method"].is_string())
        return {};
    const std::string method = call["method"];
    const bool takes_many = call.value("more", json(false)) == true;
    const bool is_oneway = call.value("oneway", json(false)) == true;
    const json parameters = call.value("parameters", json::object());
    const bool is_list = method == "io.systemd.Metrics.List";
    if (!is_list && method != "io.systemd.Metrics.Describe")
        return {VarlinkCall::Kind::answered,
                answer_to(method, parameters.is_object() ? parameters : json::object()), is_oneway};
    if (!takes_many)
        return {VarlinkCall::Kind::answered, error_of_service("ExpectedMore"), is_oneway};
    return is_list ? VarlinkCall{VarlinkCall::Kind::list, {}, is_oneway}
                   : VarlinkCall{VarlinkCall::Kind::answered, descriptions(), is_oneway};
}

}  // namespace

std::optional<VarlinkCall> take_varlink_call(std::string &received) {
    const std::size_t end = received.find('\0');
    if (end == received.npos)
        return received.size() > kVarlinkCallMax ? std::optional(VarlinkCall()) : std::nullopt;
    VarlinkCall call = read_call(std::string_view(received).substr(0, end));
    received.erase(0, end + 1);
    return call;
}

std::string varlink_sample(std::string_view family, std::string_view suffix,
                           const SampleLabels &labels, std::string_view number) {
    std::string text =
        fmt::format(R"({{"parameters":{{"name":{})", text_of(name_of(family, suffix)));
    std::string fields;
    for (const auto &[label, value] : labels)
        if (label == "vm")
            text += fmt::format(R"(,"object":{})", text_of(value));
        else
            fields += fmt::format(R"({}{}:{})", fields.empty() ? "" : ",", text_of(label),
                                  text_of(value));
    if (!fields.empty())
        text += fmt::format(R"(,"fields":{{{}}})", fields);
    text += fmt::format(R"(,"value":{}}}{})", number, kContinues);
    text += '\0';
    return text;
}

std::string last_one_last(std::string replies) {
    if (replies.size() > kContinues.size())
        replies.replace(replies.size() - 1 - kContinues.size(), kContinues.size(), "}");
    return replies;
}

std::string varlink_trouble(std::string_view why) {
    return error("org.qemunit1.Metrics.Unavailable", {{"reason", why}});
}

}  // namespace qemunit::metrics
