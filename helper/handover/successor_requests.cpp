// SPDX-License-Identifier: MIT
#include "helper/handover/successor_requests.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>

#include "common/files/descriptor_message.h"
#include "common/whole_number.h"
#include "helper/handover/supervision.h"

namespace qemunit::helper {

namespace {

constexpr std::size_t kRequestMax = 4096;  // bytes
constexpr std::string_view kStart = "start ", kAdopt = "adopt ", kDrop = "drop ";

std::string text_of(const SuccessorRequest &request) {
    switch (request.kind) {
        case SuccessorRequest::Kind::start:
            return fmt::format("{}{} {}", kStart, request.process,
                               successor_argument(request.order));
        case SuccessorRequest::Kind::adopt:
            return std::string(kAdopt) + ends_text(request.process, request.fds);
        case SuccessorRequest::Kind::drop:
            return fmt::format("{}{}", kDrop, request.set);
    }
    return {};
}

// What comes before `end`, which is taken off `text` as well.
std::string_view cut(std::string_view &text, char end) {
    const std::size_t at = std::min(text.find(end), text.size());
    const std::string_view part = text.substr(0, at);
    text.remove_prefix(std::min(at + 1, text.size()));
    return part;
}

std::optional<SuccessorRequest> parse_request(std::string_view text, std::vector<UniqueFd> fds) {
    SuccessorRequest request;
    if (text.starts_with(kStart)) {
        text.remove_prefix(kStart.size());
        const auto process = whole_number<pid_t>(cut(text, ' '));
        auto order = parse_successor_argument(text);
        if (!process || !order || fds.size() != 1)
            return std::nullopt;
        request.process = *process;
        request.order = std::move(*order);
        request.fds.insert_or_assign(kAnswerFd, std::move(fds.front()));
        return request;
    }
    if (text.starts_with(kAdopt)) {
        auto ends = parse_ends(text.substr(kAdopt.size()), std::move(fds));
        if (!ends)
            return std::nullopt;
        request.kind = SuccessorRequest::Kind::adopt;
        request.process = ends->process;
        request.fds = std::move(ends->fds);
        return request;
    }
    if (!text.starts_with(kDrop))
        return std::nullopt;
    const auto set = whole_number<unsigned>(text.substr(kDrop.size()));
    if (!set)
        return std::nullopt;
    request.kind = SuccessorRequest::Kind::drop;
    request.set = *set;
    return request;
}

}  // namespace

std::string ends_text(pid_t process, const CompanionFds &fds) {
    std::string text = fmt::format("{}\n", process);
    for (const auto &[name, fd] : fds)
        text += name + "\n";
    return text;
}

std::optional<SuccessorEnds> parse_ends(std::string_view text, std::vector<UniqueFd> fds) {
    const auto process = whole_number<pid_t>(cut(text, '\n'));
    if (!process || *process <= 1)
        return std::nullopt;
    SuccessorEnds ends{.process = *process, .fds = {}};
    for (UniqueFd &fd : fds)
        ends.fds.insert_or_assign(std::string(cut(text, '\n')), std::move(fd));
    if (!text.empty() || ends.fds.size() != fds.size())
        return std::nullopt;
    return ends;
}

Result<> send_request(int control, pid_t supervisor, const SuccessorRequest &request) {
    std::vector<int> fds;
    for (const auto &[name, fd] : request.fds)
        fds.push_back(fd.get());
    const std::string text = text_of(request);
    if (send_with_descriptors(control, text, fds, MSG_DONTWAIT) !=
            static_cast<ssize_t>(text.size()) ||
        kill(supervisor, request_signal()) != 0)
        return fail_errno(errno, "cannot ask the companion's supervisor");
    return {};
}

std::optional<SuccessorRequest> receive_request(int control) {
    char buffer[kRequestMax];
    DescriptorMessage message =
        receive_with_descriptors(control, buffer, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (message.size <= 0 || message.is_cut)
        return std::nullopt;
    return parse_request({buffer, static_cast<std::size_t>(message.size)}, std::move(message.fds));
}

Result<SuccessorEnds> take_ends(int answer) {
    char buffer[kRequestMax];
    DescriptorMessage message =
        receive_with_descriptors(answer, buffer, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (message.size <= 0 || message.is_cut)
        return fail(ECONNRESET, "the new QEMU has not been started");
    auto ends =
        parse_ends({buffer, static_cast<std::size_t>(message.size)}, std::move(message.fds));
    if (!ends)
        return fail(EPROTO, "the helper of the new QEMU has said something else");
    return std::move(*ends);
}

}  // namespace qemunit::helper
