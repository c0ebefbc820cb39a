// SPDX-License-Identifier: MIT
#include "ctl/new/catalogue.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/ascii.h"
#include "common/did_you_mean.h"
#include "common/vm_name.h"
#include "common/whole_number.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kArchitectures[] = {"x86_64", "i386", "aarch64", "arm", "riscv64"};
constexpr std::uintmax_t kFileMax = 64 * 1024;

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t\r"), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

bool is_url(std::string_view text) {
    return (text.starts_with("https://") || text.starts_with("http://")) &&
           std::ranges::none_of(text, [](char c) { return c <= ' ' || c == '\x7f'; });
}

// Of what follows a host. "127.0.0.1:80@example.org" is another one, with a user and a password.
bool is_port(std::string_view text) {
    if (!text.starts_with(':'))
        return false;
    const std::string_view port = text.substr(1, text.find('/') - 1);
    return whole_number<uint16_t>(port, {.least = 1}).has_value();
}

struct Key {
    std::string_view name;
    std::string CatalogueImage::*member;
    bool is_a_url = false;
};
constexpr Key kKeys[] = {
    {"Description", &CatalogueImage::description},
    {"URL", &CatalogueImage::url, true},
    {"Sums", &CatalogueImage::sums, true},
    {"Signature", &CatalogueImage::signature, true},
    {"SignedBy", &CatalogueImage::keyring},
    {"Firmware", &CatalogueImage::firmware},
    {"User", &CatalogueImage::user},
    {"SHA256", &CatalogueImage::digest},
    {"SHA512", &CatalogueImage::digest},
};

// "" if there is nothing wrong with it.
std::string take_key(CatalogueImage &image, std::string_view name, std::string_view value) {
    const auto *key = std::ranges::find(kKeys, name, &Key::name);
    if (key == std::end(kKeys)) {
        std::vector<std::string_view> names;
        for (const Key &known : kKeys)
            names.push_back(known.name);
        return fmt::format("unknown key '{}'.{}", name, did_you_mean(name, names));
    }
    if (key->is_a_url && !is_url(value))
        return fmt::format("{}={}: not a URL of https or http", name, value);
    if (name == "SHA256" || name == "SHA512") {
        const auto digest = parse_digest(value);
        if (!digest || !digest->starts_with(to_lower(name)))
            return fmt::format("{}={}: not the digits of one", name, value);
        image.digest = *digest;
        return "";
    }
    image.*key->member = value;
    if (name == "SignedBy" && value.starts_with('-')) {
        image.keyring_is_optional = true;
        image.keyring.erase(0, 1);
    }
    if (name == "SignedBy" && !image.keyring.starts_with('/'))
        return fmt::format("{}={}: not an absolute path", name, value);
    if (name == "Firmware" && value != "bios" && value != "uefi" && value != "uefi-secure")
        return fmt::format("{}={}: not bios, uefi or uefi-secure", name, value);
    return "";
}

// What one image lacks; "" if nothing.
std::string lack_of(const CatalogueImage &image) {
    if (image.url.empty())
        return "URL= is missing";
    if (image.digest.empty() && image.sums.empty())
        return "one of SHA256=, SHA512= and Sums= is missing, so nobody could know that the image "
               "is the right one";
    if (!image.signature.empty() && image.keyring.empty())
        return "Signature= needs SignedBy=";
    if (!image.keyring.empty() && image.signature.empty())
        return "SignedBy= needs Signature=";
    const bool is_signed = !image.keyring.empty() && !image.keyring_is_optional;
    if (image.digest.empty() && !is_signed && !is_protected(image.sums))
        return "Sums= of http needs Signature= and SignedBy=: anybody on the way could change them";
    return "";
}

class Reader {
  public:
    Reader(std::string path, Catalogue &catalogue)
        : path_(std::move(path)), catalogue_(catalogue) {}

    void read() {
        std::ifstream file(path_);
        std::string name = fs::path(path_).stem();
        if (!is_vm_name(name))
            return fault("its name is none for an image: letters, digits, '_', '.' and '-'");
        common_.name = name;
        common_.source = path_;
        for (std::string line; std::getline(file, line);) {
            ++line_;
            if (!take_line(trimmed(line)))
                return;
        }
        if (images_.empty())
            return fault("there is no section [Image ARCHITECTURE]");
        for (auto &[architecture, image] : images_)
            if (const std::string lack = lack_of(image); !lack.empty())
                return fault(fmt::format("[Image {}]: {}", architecture, lack));
        for (auto &[architecture, image] : images_)
            catalogue_.images.push_back(std::move(image));
    }

  private:
    bool take_line(std::string_view line) {
        if (line.empty() || line.starts_with('#') || line.starts_with(';'))
            return true;
        if (line.starts_with('['))
            return take_section(line);
        const std::size_t equals = line.find('=');
        if (equals == line.npos || section_ == nullptr) {
            fault(equals == line.npos ? "neither a section nor Key=value" : "no section yet");
            return false;
        }
        const std::string_view key = trimmed(line.substr(0, equals));
        if (key.starts_with("X-"))
            return true;
        const std::string wrong = take_key(*section_, key, trimmed(line.substr(equals + 1)));
        if (!wrong.empty())
            fault(wrong);
        return wrong.empty();
    }

    // What [Image] says counts for the sections behind it.
    bool take_section(std::string_view line) {
        constexpr std::string_view kBegin = "[Image ";
        if (line == "[Image]" && images_.empty()) {
            section_ = &common_;
            return true;
        }
        const std::string architecture(
            line.starts_with(kBegin) && line.ends_with(']')
                ? line.substr(kBegin.size(), line.size() - kBegin.size() - 1)
                : "");
        if (!is_architecture(architecture)) {
            fault(
                fmt::format("{}: it is [Image], and behind that [Image ARCHITECTURE], with one "
                            "of {}",
                            line, fmt::join(kArchitectures, ", ")));
            return false;
        }
        section_ = &images_.try_emplace(architecture, common_).first->second;
        section_->architecture = architecture;
        return true;
    }

    void fault(const std::string &text) {
        catalogue_.faults.push_back(line_ == 0 ? fmt::format("{}: {}", path_, text)
                                               : fmt::format("{}:{}: {}", path_, line_, text));
    }

    std::string path_;
    Catalogue &catalogue_;
    CatalogueImage common_;
    std::map<std::string, CatalogueImage> images_;
    CatalogueImage *section_ = nullptr;
    int line_ = 0;
};

}  // namespace

std::vector<std::string> catalogue_folders(const Paths &paths) {
    std::vector<std::string> folders;
    if (paths.is_of_user())
        folders.push_back(paths.config + "/qemunit/images");
    for (const char *folder : {"/etc", "/run", "/usr/local/lib", "/usr/lib"})
        folders.push_back(std::string(folder) + "/qemunit/images");
    return folders;
}

Catalogue read_catalogue(const std::vector<std::string> &folders) {
    std::map<std::string, std::string> files;
    for (const std::string &folder : folders) {
        std::error_code error;
        for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
             entry.increment(error))
            if (entry->path().extension() == ".conf" &&
                !entry->path().filename().string().starts_with('.'))
                files.try_emplace(entry->path().filename(), entry->path());
    }
    Catalogue catalogue;
    for (const auto &[name, path] : files) {
        std::error_code error;
        // An empty file and a link to /dev/null are masks.
        if (!fs::is_regular_file(path, error) || fs::is_empty(path, error))
            continue;
        if (fs::file_size(path, error) > kFileMax)
            catalogue.faults.push_back(path + ": too large for one image");
        else
            Reader(path, catalogue).read();
    }
    return catalogue;
}

Result<CatalogueImage> find_image(const Catalogue &catalogue, const std::string &name,
                                  std::string_view architecture) {
    std::vector<std::string_view> names, others;
    for (const CatalogueImage &image : catalogue.images) {
        names.push_back(image.name);
        if (image.name == name && image.architecture == architecture)
            return image;
        if (image.name == name)
            others.push_back(image.architecture);
    }
    for (const std::string &wrong : catalogue.faults)
        if (wrong.contains("/" + name + ".conf:"))
            return fail(EINVAL, wrong);
    if (!others.empty())
        return fail(ENOENT, fmt::format("the catalogue has {} for {} only, not for {}", name,
                                        fmt::join(others, " and "), architecture));
    return fail(ENOENT,
                fmt::format("there is no file {0}, and no image of this name in the catalogue.{1}",
                            name, did_you_mean(name, names)));
}

std::string own_architecture() {
    utsname machine{};
    uname(&machine);
    const std::string_view name = machine.machine;
    if (name.starts_with("armv"))
        return "arm";
    if (name.size() == 4 && name.starts_with('i') && name.ends_with("86"))
        return "i386";
    return std::string(name);
}

bool is_architecture(std::string_view name) {
    return std::ranges::find(kArchitectures, name) != std::end(kArchitectures);
}

std::optional<std::string> parse_digest(std::string_view hex) {
    if ((hex.size() != 64 && hex.size() != 128) ||
        !std::ranges::all_of(hex, [](char c) { return digit_value(c).has_value(); }))
        return std::nullopt;
    return (hex.size() == 64 ? "sha256:" : "sha512:") + to_lower(hex);
}

bool is_protected(std::string_view url) {
    for (const std::string_view own : {"http://127.0.0.1", "http://[::1]", "http://localhost"})
        if (url.starts_with(own) &&
            (url.size() == own.size() || url[own.size()] == '/' || is_port(url.substr(own.size()))))
            return true;
    return url.starts_with("https://");
}

}  // namespace qemunit::ctl
