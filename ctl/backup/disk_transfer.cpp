// SPDX-License-Identifier: MIT
//
// A bitmap shows in `qemu-img map` by the option x-dirty-bitmap of the NBD driver: what has changed
// looks like a hole there, everything else like data (docs/interop/nbd.txt of QEMU). qemu-io with
// copy-on-read (-C) then reads these parts through a layer whose backing file is the VM's export,
// and so puts them into the layer, zeroes as zeroes.
#include "ctl/backup/disk_transfer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "common/files/disk_image.h"
#include "ctl/backup/backup_tool.h"

namespace qemunit::ctl {

using nlohmann::json;

namespace {

constexpr char kImageTool[] = "qemu-img";
constexpr char kReadingTool[] = "qemu-io";
constexpr uint64_t kReadMost = 8 << 20;
constexpr std::size_t kReadsAtOnce = 256;
// Bitmaps have one bit for a cluster of the image, 64 KiB and more; so have our layers.
constexpr uint64_t kCluster = 65536;

json nbd_node(const NbdExport &from, std::string_view bitmap = "") {
    json node{{"driver", "nbd"},
              {"server", {{"type", "unix"}, {"path", fd_path(from.socket)}}},
              {"export", from.name}};
    if (!bitmap.empty())
        node["x-dirty-bitmap"] = bitmap;
    return node;
}

json raw_node(json file) {
    return {{"driver", "raw"}, {"file", std::move(file)}};
}

json qcow2_node(int file, json backing) {
    return {{"driver", "qcow2"},
            {"file", {{"driver", "file"}, {"filename", fd_path(file)}}},
            {"backing", std::move(backing)}};
}

std::string as_name(const json &node) {
    return "json:" + node.dump();
}

}  // namespace

Result<> pull_disk(const NbdExport &from, int to, std::string_view format) {
    return run_tool({kImageTool, "convert", "-p", "-O", std::string(format),
                     as_name(raw_node(nbd_node(from))), fd_path(to)},
                    {from.socket, to}, ToolRights::none);
}

bool read_changed_extent(std::string_view line, Extent &extent) {
    const std::size_t begin = line.find('{'), end = line.rfind('}');
    if (begin == line.npos || end == line.npos || end < begin)
        return false;
    const json entry = json::parse(line.substr(begin, end - begin + 1), nullptr, false);
    if (!entry.is_object() || !entry.contains("start") || !entry["start"].is_number_unsigned() ||
        !entry.contains("length") || !entry["length"].is_number_unsigned() ||
        !entry.contains("data") || !entry["data"].is_boolean() || entry["data"].get<bool>())
        return false;
    extent = {entry["start"].get<uint64_t>(), entry["length"].get<uint64_t>()};
    return true;
}

Result<> pull_changes(const NbdExport &from, uint64_t size, const std::string &backing, int to) {
    if (auto made =
            run_tool({kImageTool, "create", "-q", "-f", "qcow2", fd_path(to), fmt::to_string(size)},
                     {to}, ToolRights::none);
        !made)
        return made;
    std::vector<Extent> changed;
    uint64_t told = 0;
    const auto take = [&](std::string_view line) {
        Extent extent;
        if (read_changed_extent(line, extent))
            changed.push_back(extent);
        ++told;
    };
    if (auto mapped = run_tool({kImageTool, "map", "--output=json",
                                as_name(nbd_node(from, "qemu:dirty-bitmap:qemunit-changed"))},
                               {from.socket}, ToolRights::none, take);
        !mapped)
        return mapped;
    if (told == 0)
        return fail(EIO, fmt::format("{} says nothing of what has changed", kImageTool));
    std::vector<std::string> reads;
    const std::string layer = as_name(qcow2_node(to, raw_node(nbd_node(from))));
    const auto read = [&]() -> Result<> {
        std::vector<std::string> command{kReadingTool, "-C"};
        for (std::string &words : reads)
            command.insert(command.end(), {"-c", std::move(words)});
        command.push_back(layer);
        reads.clear();
        return run_tool(std::move(command), {from.socket, to}, ToolRights::none);
    };
    for (const Extent &extent : changed) {
        const uint64_t begin = extent.start / kCluster * kCluster;
        const uint64_t end = std::min(size, extent.start + extent.length);
        for (uint64_t at = begin; at < end; at += kReadMost) {
            reads.push_back(fmt::format("read -q {} {}", at, std::min(kReadMost, end - at)));
            if (reads.size() == kReadsAtOnce)
                if (auto done = read(); !done)
                    return done;
        }
    }
    if (!reads.empty())
        if (auto done = read(); !done)
            return done;
    // Not before: a backing file by the header cannot be another one by an option that is no file.
    return run_tool({kImageTool, "rebase", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", backing,
                     fd_path(to)},
                    {to}, ToolRights::none);
}

Result<> convert_chain(const std::vector<int> &chain, const std::vector<std::string> &formats,
                       int to, const std::string &format, ToolRights rights) {
    json node;
    std::vector<int> files = chain;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        if (formats[i] == "raw")
            node = raw_node({{"driver", "file"}, {"filename", fd_path(chain[i])}});
        else if (auto inside = check_data_is_inside(chain[i]); !inside)
            return inside;
        else
            node = qcow2_node(chain[i], std::move(node));
    }
    files.push_back(to);
    return run_tool({kImageTool, "convert", "-p", "-O", format, as_name(node), fd_path(to)}, files,
                    rights);
}

Result<> check_data_is_inside(int image) {
    return has_external_data(image)
               ? fail(EINVAL, "its data is in another file, which no backup has")
               : Result<>();
}

Result<> check_stands_alone(int image) {
    const std::string below = backing_by_content(image).path;
    if (!below.empty())
        return fail(EINVAL, fmt::format("it is a layer on {}, which a full backup is not", below));
    return check_data_is_inside(image);
}

Result<> check_image(int image, ToolRights rights) {
    if (auto inside = check_data_is_inside(image); !inside)
        return inside;
    return run_tool({kImageTool, "check", "-q", as_name(qcow2_node(image, nullptr))}, {image},
                    rights);
}

}  // namespace qemunit::ctl
