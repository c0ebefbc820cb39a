// SPDX-License-Identifier: MIT
//
// A line from a person, with history and completion: libedit. From anything but a terminal,
// just the next line. The one file that includes libedit's header is line_editor.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ctl/monitor/command_names.h"

namespace qemunit::ctl {

class LineEditor {
  public:
    // `completer`: gets the line as far as the cursor.
    LineEditor(std::string prompt, std::function<Completion(std::string_view)> completer);
    ~LineEditor();
    LineEditor(const LineEditor &) = delete;
    LineEditor &operator=(const LineEditor &) = delete;

    // Without its end; nothing at the end of the input.
    std::optional<std::string> read();
    bool has_terminal() const { return editor_ != nullptr; }

  private:
    struct Editor;
    std::unique_ptr<Editor> editor_;
};

}  // namespace qemunit::ctl
