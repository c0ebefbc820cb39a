// SPDX-License-Identifier: MIT
//
// The value of an option of QEMU, "virtio-blk-pci,drive=root,serial=a,,b", as names and values, in
// their order. For `qemunitctl import` and the check of Arguments=. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qemunit {

class Properties {
  public:
    Properties() = default;
    // A first part without '=' is the value of `implied`; a later one, as "readonly" or
    // "nodelay", is on. Doubled commas are commas (qemu_opts_parse(), keyval_parse()).
    static Properties parse(std::string_view text, std::string_view implied = "");

    // What the last one of this name says; "" if there is none.
    std::string get(std::string_view name) const;
    bool has(std::string_view name) const;
    // The same, and it is gone.
    std::string take(std::string_view name);
    std::vector<std::string> take_all(std::string_view name);
    // Whether it is on; gone as well.
    bool take_bool(std::string_view name, bool otherwise = false);
    void add(std::string name, std::string value);
    void set(std::string_view name, std::string value);

    const std::vector<std::pair<std::string, std::string>> &all() const & { return all_; }
    std::vector<std::pair<std::string, std::string>> all() && { return std::move(all_); }
    bool empty() const { return all_.empty(); }
    // As QEMU reads it again; the value of `implied` first, and without its name.
    std::string text(std::string_view implied = "") const;

  private:
    std::vector<std::pair<std::string, std::string>> all_;
};

// What QEMU takes for on: "on", "yes", "true", "y" (qapi_bool_parse()).
bool is_on(std::string_view value);

}  // namespace qemunit
