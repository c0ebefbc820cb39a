// SPDX-License-Identifier: MIT
#include "generator/host_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/paths.h"
#include "generator/image_check.h"
#include "generator/qemu_arguments.h"

namespace qemunit {

namespace {

bool exists(const std::string &path) {
    return access(path.c_str(), F_OK) == 0 || errno == EACCES;
}

// The state directory of a user's VM: where it is, nobody else knows for sure.
bool is_systemds_to_resolve(const std::string &path) {
    return path.starts_with(kSpecifier);
}

class Checker {
  public:
    Checker(const Vm &vm, Architecture host, Diagnostics &diagnostics)
        : vm_(vm), host_(host), diagnostics_(diagnostics) {}

    void check() {
        const std::string qemu = qemu_arguments(vm_, host_).front();
        if (!exists(qemu))
            warn("VM", vm_.qemu ? "QEMU" : "Architecture",
                 fmt::format("{} does not exist; is QEMU for this architecture installed?", qemu));
        if ((vm_.accelerator == Accelerator::kvm || falls_back_to_tcg(vm_, host_)) &&
            !exists("/dev/kvm"))
            warn("VM", "Accelerator",
                 vm_.accelerator == Accelerator::kvm
                     ? "Accelerator=kvm: this machine has no /dev/kvm; the VM will not start."
                     : "This machine has no /dev/kvm: the VM runs slowly, by emulation.");
        check_file("Boot", "Kernel", vm_.boot.kernel);
        check_file("Boot", "Initrd", vm_.boot.initrd);
        check_file("Boot", "Shim", vm_.boot.shim);
        if (vm_.boot.kernel)
            check_console();
        for (const Drive &drive : vm_.drives)
            check_drive(drive);
        check_images(vm_, [&](std::string_view section, std::string_view key, std::string message) {
            warn(section, key, std::move(message));
        });
        for (const Network &network : vm_.networks)
            if (network.type == NetworkType::passt)
                check_program("Network " + network.name, "Type", kPasstPath, "passt");
        for (const Share &share : vm_.shares) {
            const std::string section = "Share " + share.name;
            if (!std::filesystem::is_directory(share.path->text))
                warn(section, "Path", fmt::format("Path={}: no such folder.", share.path->text));
            if (share.type == ShareType::virtiofs)
                check_program(section, "Type", kVirtiofsdPath, "virtiofsd");
        }
        for (const Credential &credential : vm_.credentials)
            if (credential.file && credential.file->text.starts_with('/'))
                check_file("Credential " + credential.name, "File", credential.file);
        if (vm_.tpm)
            check_program("VM", "TPM", "/usr/bin/swtpm", "swtpm");
        if (vm_.vsock_cid && !exists("/dev/vhost-vsock"))
            warn("VM", "VSockCID",
                 "This machine has no /dev/vhost-vsock: the VM will not start. Is the kernel's "
                 "module vhost_vsock loaded?");
    }

  private:
    void check_drive(const Drive &drive) {
        const std::string section = "Drive " + drive.name;
        if (drive.file && !drive.is_made_by_us())
            check_file(section, "File", drive.file);
        check_file(section, "BackingFile", drive.backing_file);
        if (!drive.is_made_by_us())
            return;
        check_program(section, drive.size ? "Size" : "BackingFile", "/usr/bin/qemu-img",
                      "qemu-utils");
        const std::string folder =
            std::filesystem::path(absolute_path(vm_, *drive.file)).parent_path();
        if (!is_systemds_to_resolve(folder) && folder != vm_.paths.state_dir(vm_.name) &&
            !std::filesystem::is_directory(folder))
            warn(section, "File",
                 fmt::format("File={}: no such folder to make the image in: {}.", drive.file->text,
                             folder));
    }

    void check_console() {
        const auto names_console = [](const std::string &text) {
            return text.find("console=") != text.npos;
        };
        if (!vm_.boot.append.empty() && std::ranges::none_of(vm_.boot.append, names_console))
            warn("Boot", "Append",
                 fmt::format("Append= names no console: Linux then prints nothing on the serial "
                             "port. Add {}.",
                             console_parameter(vm_, host_)));
    }

    void check_file(std::string_view section, std::string_view key,
                    const std::optional<FilePath> &file) {
        if (!file || is_systemds_to_resolve(absolute_path(vm_, *file)))
            return;
        if (!exists(absolute_path(vm_, *file)))
            warn(section, key,
                 fmt::format("{}={}: no such file: {}.", key, file->text,
                             absolute_path(vm_, *file)));
    }

    void check_program(std::string_view section, std::string_view key, std::string_view path,
                       std::string_view package) {
        if (!exists(std::string(path)))
            warn(section, key,
                 fmt::format("{}= needs {}; on Debian it is in the package {}.", key, path,
                             package));
    }

    void warn(std::string_view section, std::string_view key, std::string message) {
        diagnostics_.push_back({vm_.location(section, key), Severity::warning, std::move(message)});
    }

    const Vm &vm_;
    const Architecture host_;
    Diagnostics &diagnostics_;
};

}  // namespace

void check_host(const Vm &vm, Architecture host, Diagnostics &diagnostics) {
    Checker(vm, host, diagnostics).check();
}

}  // namespace qemunit
