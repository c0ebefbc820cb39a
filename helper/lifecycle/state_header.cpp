// SPDX-License-Identifier: MIT
#include "helper/lifecycle/state_header.h"

#include <unistd.h>

#include <cstring>
#include <string>

namespace qemunit::helper {

using nlohmann::json;

Result<> write_state_header(int file, const StateHeader &header) {
    std::string text(header.was_asked_for ? kAskedStateMagic : kStateMagic);
    text += json_text({{"paused", header.paused},
                       {"hardware", hardware_text(header.hardware)},
                       {"images", image_marks_json(header.images)}});
    if (text.size() >= kStateHeaderSize)
        return fail(E2BIG, "the machine has more drives and devices than a saved state can tell");
    text.resize(kStateHeaderSize);
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n =
            pwrite(file, text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "cannot write the beginning of the saved state");
        done += static_cast<std::size_t>(n);
    }
    return {};
}

std::optional<StateHeader> read_state_header(int file) {
    std::string text(kStateHeaderSize, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n =
            pread(file, text.data() + size, text.size() - size, static_cast<off_t>(size));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return std::nullopt;
        size += static_cast<std::size_t>(n);
    }
    text.resize(strnlen(text.data(), text.size()));
    const bool was_asked_for = text.starts_with(kAskedStateMagic);
    if (!was_asked_for && !text.starts_with(kStateMagic))
        return std::nullopt;
    const json value = parse_json(std::string_view(text).substr(kStateMagic.size()));
    const json paused = value.is_object() ? value.value("paused", json()) : json();
    auto hardware = parse_hardware(string_at(value, "hardware"));
    auto images = parse_image_marks(value.is_object() ? value.value("images", json()) : json());
    if (!paused.is_boolean() || !hardware || !images)
        return std::nullopt;
    return StateHeader{paused.get<bool>(), std::move(*hardware), was_asked_for, std::move(*images)};
}

}  // namespace qemunit::helper
