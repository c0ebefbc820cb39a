// SPDX-License-Identifier: MIT
//
// The catalogue of images that can be downloaded: files NAME.conf in a few folders, see
// qemunit-images(5). For `new` and `images`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/paths.h"
#include "common/result.h"

namespace qemunit::ctl {

struct CatalogueImage {
    std::string name;          // "debian-12"
    std::string architecture;  // as Architecture= has it
    std::string description;
    std::string url;
    // How to know that it is the right one: its digest, or a file of digests, perhaps signed.
    std::string digest;  // "sha256:…"
    std::string sums, signature, keyring;
    bool keyring_is_optional = false;
    std::string firmware, user;
    std::string source;  // the file that says all this
};

struct Catalogue {
    std::vector<CatalogueImage> images;  // by name
    std::vector<std::string> faults;     // "PATH:LINE: what is wrong"; that image is not in it
};

// Highest precedence first: a file hides those of its name behind it.
std::vector<std::string> catalogue_folders(const Paths &paths);
Catalogue read_catalogue(const std::vector<std::string> &folders);

// The image for this architecture, or what is there instead.
Result<CatalogueImage> find_image(const Catalogue &catalogue, const std::string &name,
                                  std::string_view architecture);

// Of this machine, in the words of Architecture=.
std::string own_architecture();
bool is_architecture(std::string_view name);

// "sha256:…" or "sha512:…" of a number of hexadecimal digits; nothing if it is neither.
std::optional<std::string> parse_digest(std::string_view hex);
// Whether nobody on the way can have changed what comes from there: https, or this machine itself.
bool is_protected(std::string_view url);

}  // namespace qemunit::ctl
