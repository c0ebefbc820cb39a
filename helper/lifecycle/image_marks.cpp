// SPDX-License-Identifier: MIT
#include "helper/lifecycle/image_marks.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <ctime>

namespace qemunit::helper {

using nlohmann::json;

namespace {

bool is_same_time(const ImageMark::Time &one, const ImageMark::Time &other) {
    return one.seconds == other.seconds &&
           (one.nanoseconds == other.nanoseconds || one.nanoseconds == 0 || other.nanoseconds == 0);
}

std::string shown(const ImageMark::Time &time) {
    const std::time_t seconds = time.seconds;
    std::tm utc{};
    char text[sizeof "2026-12-31 23:59:59"] = "";
    if (gmtime_r(&seconds, &utc) != nullptr)
        std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &utc);
    return fmt::format("{}.{:09} UTC", text, time.nanoseconds);
}

std::optional<ImageMark> parse_image_mark(const json &mark) {
    if (!mark.is_array() || (mark.size() != 1 && mark.size() != 3) || !mark[0].is_number_unsigned())
        return std::nullopt;
    ImageMark parsed{.size = mark[0].get<uint64_t>(), .written = {}};
    if (mark.size() == 1)
        return parsed;
    if (!mark[1].is_number_integer() || !mark[2].is_number_unsigned())
        return std::nullopt;
    parsed.written = {mark[1].get<int64_t>(), mark[2].get<uint32_t>()};
    return parsed;
}

}  // namespace

ImageMarks marks_of(const ImageFiles &images) {
    ImageMarks marks;
    for (const ImageFile &image : images) {
        struct stat status {};
        if (fstat(image.fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        ImageMark mark{.size = static_cast<uint64_t>(status.st_size), .written = {}};
        if (image.is_written)
            mark.written = {status.st_mtim.tv_sec, static_cast<uint32_t>(status.st_mtim.tv_nsec)};
        marks[image.path] = mark;
    }
    return marks;
}

json image_marks_json(const ImageMarks &marks) {
    json value = json::object();
    for (const auto &[path, mark] : marks) {
        json one = json::array({mark.size});
        if (mark.written) {
            one.push_back(mark.written->seconds);
            one.push_back(mark.written->nanoseconds);
        }
        value[path] = std::move(one);
    }
    return value;
}

std::optional<ImageMarks> parse_image_marks(const json &value) {
    ImageMarks marks;
    if (value.is_null())
        return marks;
    if (!value.is_object())
        return std::nullopt;
    for (const auto &[path, one] : value.items()) {
        const auto mark = parse_image_mark(one);
        if (!mark)
            return std::nullopt;
        marks[path] = *mark;
    }
    return marks;
}

std::string changed_image(const ImageMarks &saved, const ImageMarks &now) {
    for (const auto &[path, then] : saved) {
        const auto found = now.find(path);
        if (found == now.end())
            continue;
        const ImageMark &mark = found->second;
        const auto changed = [&](const std::string &how) {
            return fmt::format("{} was changed since the state was saved: {}", path, how);
        };
        if (mark.size != then.size)
            return changed(fmt::format("it has {} bytes, and had {}", mark.size, then.size));
        if (then.written && mark.written && !is_same_time(*mark.written, *then.written))
            return changed(fmt::format("it was written at {}, and by the guest last at {}",
                                       shown(*mark.written), shown(*then.written)));
    }
    return {};
}

}  // namespace qemunit::helper
