// SPDX-License-Identifier: MIT
#include "ctl/new/images.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <set>

#include "common/time_units.h"
#include "ctl/new/image_fetch.h"
#include "ctl/output/table.h"

namespace qemunit::ctl {

namespace {

struct Row {
    CatalogueImage image;
    const StoredImage *stored = nullptr;  // the newest
};

std::vector<Row> rows_of(const Catalogue &catalogue, const std::vector<StoredImage> &stored) {
    std::vector<Row> rows;
    std::set<const StoredImage *> listed;
    for (const CatalogueImage &image : catalogue.images) {
        Row row{.image = image};
        for (const StoredImage &one : stored)
            if (one.name == image.name && one.architecture == image.architecture) {
                row.stored = row.stored ? row.stored : &one;
                if (row.stored == &one)
                    listed.insert(&one);
            }
        rows.push_back(std::move(row));
    }
    for (const StoredImage &one : stored)
        if (!listed.contains(&one))
            rows.push_back(
                {.image = {.name = one.name, .architecture = one.architecture}, .stored = &one});
    return rows;
}

uint64_t age_of(const StoredImage &image, int64_t now) {
    return image.made < now ? static_cast<uint64_t>(now - image.made) : 0;
}

}  // namespace

std::string images_text(const Catalogue &catalogue, const std::vector<StoredImage> &stored,
                        int64_t now) {
    std::vector<std::vector<std::string>> table{
        {"IMAGE", "ARCHITECTURE", "SIZE", "AGE", "DESCRIPTION"}};
    for (const auto &[image, here] : rows_of(catalogue, stored))
        table.push_back({image.name, image.architecture, here ? size_text(here->bytes) : "-",
                         here ? duration_text(age_of(*here, now) * kSecond) : "-",
                         !image.description.empty() ? image.description
                         : here                     ? here->path
                                                    : ""});
    return table_text(table);
}

std::string images_json(const Catalogue &catalogue, const std::vector<StoredImage> &stored,
                        int64_t now) {
    const auto text_or_null = [](const std::string &text) {
        return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
    };
    auto list = nlohmann::ordered_json::array();
    for (const auto &[image, here] : rows_of(catalogue, stored)) {
        nlohmann::ordered_json one{{"name", image.name}, {"architecture", image.architecture}};
        one["description"] = text_or_null(image.description);
        one["url"] = text_or_null(image.url);
        one["user"] = text_or_null(image.user);
        one["firmware"] = text_or_null(image.firmware);
        one["path"] = here ? nlohmann::ordered_json(here->path) : nullptr;
        one["bytes"] = here ? nlohmann::ordered_json(here->bytes) : nullptr;
        one["age_sec"] = here ? nlohmann::ordered_json(age_of(*here, now)) : nullptr;
        list.push_back(std::move(one));
    }
    return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<int> run_images(const Invocation &invocation) {
    const Catalogue catalogue = read_catalogue(catalogue_folders(paths_of(invocation)));
    for (const std::string &fault : catalogue.faults)
        fmt::print(stderr, "qemunitctl: {}\n", fault);
    if (invocation.has("--fetch")) {
        const auto image = find_image(catalogue, invocation.value("--fetch"),
                                      invocation.value("--architecture", own_architecture()));
        if (!image)
            return std::unexpected(image.error());
        const auto path = fetch_image(invocation, *image);
        if (!path)
            return std::unexpected(path.error());
        fmt::print("{}\n", *path);
        return 0;
    }
    const auto stored = stored_images(store_folder(invocation));
    const auto now = static_cast<int64_t>(std::time(nullptr));
    fmt::print("{}", invocation.has("--json") ? images_json(catalogue, stored, now)
                                              : images_text(catalogue, stored, now));
    return 0;
}

}  // namespace qemunit::ctl
