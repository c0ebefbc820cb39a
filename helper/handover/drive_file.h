// SPDX-License-Identifier: MIT
//
// One file of a drive, as the generator tells qemunit-open and qemunit-helper: which fd set of
// QEMU's it is for, and what the ini says of it. Knows no file by more than its path.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit::helper {

struct DriveFile {
    unsigned set = 0;  // of QEMU's
    std::string drive;
    std::string_view key = "File";  // of the ini: also "BackingFile", "BackingLayer"
    bool write = false;
    std::string format;
    bool format_is_guessed = false;  // from the path
    std::string path;

    bool is_backing() const { return key != "File"; }
};

// Of --drive-file: "1:root:rw:qcow2:/srv/a.qcow2". "raw,guessed" goes by the path.
Result<DriveFile> parse_drive_file(std::string_view text);
// Of --backing-file, which is only read: "2:root:raw:/srv/base.img".
Result<DriveFile> parse_backing_file(std::string_view text);
// Of --backing-layer, what that is a layer on.
Result<DriveFile> parse_backing_layer(std::string_view text);

// What systemd keeps the open file as.
std::string stored_name(const DriveFile &file);

// "[Drive root] File=/srv/a.qcow2"
std::string key_of(const DriveFile &file);

// Why the file could not be opened, in QEMU's words.
Error not_opened(const DriveFile &file, int code, std::string_view what_to_do);

}  // namespace qemunit::helper
