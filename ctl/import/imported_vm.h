// SPDX-License-Identifier: MIT
//
// A VM that is brought along, as sections and keys of an ini file, with what was lost on the way.
// All readers of `qemunitctl import` fill one. Pure; what it prints is one line for each value,
// whatever the value holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qemunit::ctl {

class ImportedVm {
  public:
    std::string name;  // that the VM had; "" if it had none that is good here
    // Its UEFI variables and the state of its TPM on this machine; "" if there are none.
    std::string uefi_variables, tpm_state;

    // That they do not come along, where nobody copies them to `state`, the VM's own folder.
    void lose_state(const std::string &state);

    // Sections come out in the order of their kinds, and of each kind in that of their first
    // mention.
    void open_section(std::string_view section);
    void set(std::string_view section, std::string_view key, std::string value);
    void add(std::string_view section, std::string_view key, std::string value);
    void remove(std::string_view section, std::string_view key);
    bool has_section(std::string_view section) const;
    bool has(std::string_view section, std::string_view key) const;
    std::string get(std::string_view section, std::string_view key) const;
    std::vector<std::string> sections(std::string_view kind) const;  // "Drive": their names

    // A line Arguments=.
    void argument(const std::vector<std::string> &words);
    // The words of all of them.
    const std::vector<std::string> &arguments() const { return arguments_; }
    // A file that QEMU opens because Arguments= names it.
    void open_path(const std::string &path, bool is_written);
    // For sockets that Arguments= opens.
    void need_network();

    // `wanted`, or what is like it, and nobody has yet.
    std::string device_name(std::string_view wanted, std::string_view otherwise);

    void lost(std::string what);
    void changed(std::string what);
    bool is_whole() const { return lost_ == 0; }
    std::size_t lost_count() const { return lost_; }
    // For what is known only when all is read: the name in a path.
    void replace_in_arguments(std::string_view from, const std::string &to);

    std::string text(std::string_view heading) const;

  private:
    struct Section {
        std::string title;
        std::vector<std::pair<std::string, std::string>> settings;
    };
    Section &section(std::string_view title);
    const Section *find(std::string_view title) const;
    void note(std::string text);

    std::vector<Section> sections_;
    std::vector<std::vector<std::string>> argument_lines_;
    std::vector<std::string> arguments_;
    std::vector<std::string> notes_, names_;
    std::size_t lost_ = 0;
};

// A word as Arguments= reads it again, whatever it holds.
std::string argument_word(std::string_view word);
// A path as a word of BindPaths= in [Service].
std::string service_path(std::string_view path);
// Whether a line of the ini can hold it as a value.
bool is_ini_value(std::string_view value);
// "2G", "512M" or bytes.
std::string memory_text(uint64_t bytes);

}  // namespace qemunit::ctl
