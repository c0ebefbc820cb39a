// SPDX-License-Identifier: MIT
#include "ctl/vms/clone_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/host_forward.h"
#include "ctl/new/new_vm.h"
#include "ctl/vms/ini_lines.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

class Rewriting {
  public:
    Rewriting(std::string_view text, const CloneWords &words)
        : words_(words), lines_(ini_lines(text)) {}

    ClonedText run() {
        for (IniLine &line : lines_)
            if (!line.key.empty() && !line.value.empty())
                rewrite(line);
        std::erase_if(lines_, [](const IniLine &line) { return line.section == kDropped; });
        result_.text = joined(lines_);
        return std::move(result_);
    }

  private:
    static constexpr std::string_view kDropped = "\n";

    void rewrite(IniLine &line) {
        const auto is = [&](std::string_view section, std::string_view key) {
            return line.key == key && (line.section == section ||
                                       line.section.starts_with(std::string(section) + " "));
        };
        if (is("VM", "UUID")) {
            set_value(line, words_.uuid);
            changed("UUID= is a new one");
        } else if (is("VM", "VSockCID")) {
            set_value(line, words_.cid);
            changed(fmt::format("VSockCID= is {}", words_.cid));
        } else if (is("Network", "MAC")) {
            changed(fmt::format("MAC= of [{}] is left out: the address is made of the names",
                                line.section));
            line.section = kDropped;
        } else if (is("Network", "HostForward")) {
            forward(line);
        } else if (is("Network", "Interface")) {
            shared(fmt::format("Interface={} of [{}]: only one of the two can run", line.value,
                               line.section));
        } else if (is("CloudInit", "Hostname")) {
            host(line);
        } else if (is("CloudInit", "MetaData")) {
            shared(fmt::format("MetaData={}: change its instance-id, or the guest is no new one",
                               line.value));
        } else {
            paths(line, is("Drive", "File"));
        }
    }

    void paths(IniLine &line, bool is_drive) {
        if (const auto moved = words_.files.find(line.value);
            is_drive && moved != words_.files.end())
            return set_value(line, moved->second);
        std::string value = line.value;
        const std::string from = words_.from_state + "/", to = words_.to_state + "/";
        for (std::size_t at = 0; (at = value.find(from, at)) != value.npos; at += to.size())
            value.replace(at, from.size(), to);
        if (value != line.value)
            set_value(line, value);
        else if (line.section.starts_with("Share ") && line.key == "Path")
            shared(fmt::format("{} ([{}])", line.value, line.section));
        else if (value.starts_with('/') &&
                 (is_drive || line.key == "BackingFile" || line.key == "BackingLayer"))
            shared(fmt::format("{} ({}= of [{}])", line.value, line.key, line.section));
    }

    void forward(IniLine &line) {
        const auto parsed = parse_host_forward(line.value);
        const unsigned port = parsed && parsed->host_port != 0 ? words_.next_port() : 0;
        if (port == 0)
            return shared(fmt::format("HostForward={} of [{}]: only one of the two can run",
                                      line.value, line.section));
        const std::size_t dash = line.value.find('-'), colon = line.value.rfind(':', dash);
        const std::string value =
            fmt::format("{}:{}{}", line.value.substr(0, colon), port, line.value.substr(dash));
        changed(fmt::format("HostForward={} of [{}] is {}", line.value, line.section, value));
        set_value(line, value);
    }

    void host(IniLine &line) {
        if (line.value != words_.from && line.value != host_name(words_.from))
            return shared(fmt::format("Hostname={}", line.value));
        set_value(line, host_name(words_.to));
        changed(fmt::format("Hostname= is {}", line.value));
    }

    void changed(std::string note) { result_.changed.push_back(std::move(note)); }
    void shared(std::string note) { result_.shared.push_back(std::move(note)); }

    const CloneWords &words_;
    std::vector<IniLine> lines_;
    ClonedText result_;
};

}  // namespace

ClonedText cloned_text(std::string_view text, const CloneWords &words) {
    return Rewriting(text, words).run();
}

std::string moved_backing(const std::string &backing, const std::string &image,
                          const CloneWords &words) {
    if (backing.contains(':') && !backing.starts_with('/'))
        return "";  // no file: "json:…", "nbd://…"
    const std::string from = words.from_state + "/";
    const bool is_in_state = image.starts_with(from);
    const std::string whole = (fs::path(image).parent_path() / backing).lexically_normal().native();
    if (whole.starts_with(from) && (backing.starts_with('/') || !is_in_state))
        return words.to_state + "/" + whole.substr(from.size());
    if (backing.starts_with('/') || (is_in_state && whole.starts_with(from)))
        return "";
    return whole;
}

}  // namespace qemunit::ctl
