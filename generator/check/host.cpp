// SPDX-License-Identifier: MIT
#include "generator/check/host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <vector>

#include "common/cloud/ssh_key.h"
#include "common/did_you_mean.h"
#include "common/files/trusted_path.h"
#include "common/host_device/host_use.h"
#include "common/host_device/pci_device.h"
#include "common/host_device/usb_device.h"
#include "common/paths.h"
#include "common/qemu_options/table.h"
#include "common/unique_fd.h"
#include "generator/check/backing_file.h"
#include "generator/check/child_user.h"
#include "generator/check/image_check.h"
#include "generator/check/port_holder.h"
#include "generator/qemu/arguments.h"
#include "generator/qemu/drive_files.h"
#include "generator/vm/defaults.h"
#include "generator/vm/enumerations.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

bool exists(const std::string &path) {
    return access(path.c_str(), F_OK) == 0 || errno == EACCES;
}

// Nothing of what is no file, or cannot be read, or is larger than a credential may be.
std::optional<std::string> read_text(const std::string &path) {
    constexpr std::size_t kMost = 1 << 20;
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat status {};
    if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        static_cast<std::size_t>(status.st_size) > kMost)
        return std::nullopt;
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    const ssize_t n = read(file.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

// Whether the path is in the state directory of a user's VM: only systemd knows for sure where it
// is.
bool is_systemds_to_resolve(const std::string &path) {
    return path.starts_with(kSpecifier);
}

// The machines of `qemu`, which lists them as "q35   Standard PC …" below a heading. Empty if QEMU
// does not answer. Each QEMU is asked once, however many VMs are checked.
const std::vector<std::string> &machines_of(const std::string &qemu, const std::string &user) {
    static std::map<std::string, std::vector<std::string>> asked;
    const auto [known, is_new] = asked.try_emplace(qemu);
    if (!is_new)
        return known->second;
    std::istringstream help(output_of({qemu, "-machine", "help"}, user).value_or(""));
    for (std::string line; std::getline(help, line);)
        if (const std::size_t space = line.find(' '); space != line.npos && !line.ends_with(':'))
            known->second.push_back(line.substr(0, space));
    return known->second;
}

class HostChecker {
  public:
    HostChecker(const Vm &vm, Architecture host, CheckFor purpose, Diagnostics &diagnostics)
        : vm_(vm), host_(host), purpose_(purpose), diagnostics_(diagnostics) {}

    void check() {
        const std::string qemu = qemu_arguments(vm_, host_).front();
        if (!exists(qemu))
            warn("VM", vm_.qemu ? "QEMU" : "Architecture",
                 fmt::format("{} does not exist; is QEMU for this architecture installed?", qemu));
        if ((vm_.accelerator == Accelerator::kvm ||
             (falls_back_to_tcg(vm_, host_) && purpose_ == CheckFor::person)) &&
            !exists("/dev/kvm"))
            warn("VM", "Accelerator",
                 vm_.accelerator == Accelerator::kvm
                     ? "Accelerator=kvm: this machine has no /dev/kvm; the VM will not start."
                     : "This machine has no /dev/kvm: the VM runs slowly, by emulation.");
        check_file("Boot", "Kernel", vm_.boot.kernel);
        check_file("Boot", "Initrd", vm_.boot.initrd);
        check_file("Boot", "Shim", vm_.boot.shim);
        check_file("Boot", "DeviceTree", vm_.boot.device_tree);
        check_file("Boot", "BIOS", vm_.boot.bios);
        for (const FirmwareFile &file : vm_.boot.firmware_files)
            check_file("Boot", "FirmwareFile", file.file);
        if (vm_.boot.kernel && purpose_ == CheckFor::person) {
            check_console();
            check_panic();
        }
        check_machine(qemu);
        check_arguments();
        for (const Drive &drive : vm_.drives)
            check_drive(drive);
        check_images(vm_, [&](std::string_view section, std::string_view key,
                              const std::string &message) { warn(section, key, message); });
        for (const Network &network : vm_.networks) {
            if (network.type == NetworkType::passt)
                check_program("Network " + network.name, "Type", kPasstPath, "passt");
            for (const HostForward &forward : network.host_forwards)
                check_port(network, forward);
        }
        for (const Share &share : vm_.shares) {
            const std::string section = "Share " + share.name;
            if (!std::filesystem::is_directory(share.path->text))
                warn(section, "Path", fmt::format("Path={}: no such folder.", share.path->text));
            if (share.type == ShareType::virtiofs)
                check_program(section, "Type", kVirtiofsdPath, "virtiofsd");
        }
        for (const HostDevice &device : vm_.host_devices)
            check_host_device(device);
        for (const Credential &credential : vm_.credentials)
            if (credential.file && credential.file->text.starts_with('/'))
                check_file("Credential " + credential.name, "File", credential.file);
        check_cloud_init();
        if (vm_.tpm)
            check_program("VM", "TPM", "/usr/bin/swtpm", "swtpm");
        if (vm_.vsock_cid && !exists("/dev/vhost-vsock"))
            warn("VM", "VSockCID",
                 "This machine has no /dev/vhost-vsock: the VM will not start. Is the kernel's "
                 "module vhost_vsock loaded?");
    }

  private:
    // As qemunit-hostdev does at the start; what it would refuse, or do now, is said before.
    void check_host_device(const HostDevice &device) {
        const std::string section = "HostDevice " + device.name;
        if (device.pci)
            check_pci_device(section, device);
        else if (const auto found = find_usb_devices("", *device.usb);
                 !found && device.optional && found.error().code == ENOENT)
            return;
        else if (!found)
            warn(section, "USB",
                 fmt::format("USB={}: {}.", device.usb->text, found.error().message));
        else if (!device.force)
            check_use(section, "USB", device.usb->text,
                      use_by_host("", usb_folder("", found->front().port)));
    }

    void check_pci_device(const std::string &section, const HostDevice &device) {
        const std::string &address = device.pci->text;
        const auto say = [&](const Error &error) {
            warn(section, "PCI", fmt::format("PCI={}: {}.", address, error.message));
        };
        const auto found = find_pci_device("", address);
        if (!found)
            return say(found.error());
        std::vector<std::string> given;
        for (const HostDevice &other : vm_.host_devices)
            if (other.pci)
                given.push_back(other.pci->text);
        if (const auto viable = check_group("", *found, given); !viable)
            say(viable.error());
        if (!device.force)
            check_use(section, "PCI", address, use_by_host("", *found));
    }

    void check_use(std::string_view section, std::string_view key, const std::string &address,
                   const std::string &use) {
        if (!use.empty())
            warn(section, key,
                 fmt::format(
                     "{}={}: this machine itself uses the device: {}; the VM will not start. "
                     "With Force=yes it takes the device all the same.",
                     key, address, use));
    }

    void check_cloud_init() {
        const CloudInit &cloud = vm_.cloud_init;
        check_plain_file("CloudInit", "UserData", cloud.user_data);
        check_plain_file("CloudInit", "MetaData", cloud.meta_data);
        check_plain_file("CloudInit", "NetworkConfig", cloud.network_config);
        for (const SshKey &key : cloud.ssh_keys)
            if (key.is_file)
                check_keys(key.text);
        struct stat status {};
        const std::string ini = vm_.location("CloudInit", "Password").path;
        if (cloud.password && stat(ini.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0)
            warn("CloudInit", "Password",
                 fmt::format("Password=: everybody on this machine may read the hash in this file; "
                             "run: chmod o-r {}",
                             ini));
    }

    // As qemunit-seed reads it when the VM starts.
    void check_keys(const std::string &file) {
        check_plain_file("CloudInit", "SSHKey", FilePath{file});
        const auto text = read_text(absolute_path(vm_, FilePath{file}));
        if (!text)
            return;
        if (const auto keys = ssh_keys_in(file, *text); !keys)
            warn("CloudInit", "SSHKey", fmt::format("SSHKey={}: {}.", file, keys.error().message));
    }

    void check_drive(const Drive &drive) {
        const std::string section = "Drive " + drive.name;
        if (drive.file && !drive.is_made_by_us())
            check_file(section, "File", drive.file);
        check_file(section, "BackingFile", drive.backing_file);
        for (const FilePath &layer : drive.backing_layers)
            check_file(section, "BackingLayer", layer);
        if (drive.file) {
            const bool is_written =
                !drive.read_only && !drive.ephemeral && drive.media == DriveMedia::disk;
            check_access(section, "File", *drive.file, is_written);
            check_layers(section, drive);
        }
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

    // A guest that reboots by itself leaves QEMU running, unless its pvpanic driver was there
    // before.
    void check_panic() {
        if (!vm_.on_panic)
            return;
        for (const std::string &text : vm_.boot.append)
            for (const std::string &word : split_words(text))
                if (word.starts_with("panic=") && word != "panic=0")
                    warn("Boot", "Append",
                         fmt::format("{}: before the guest has loaded its driver for OnPanic={} "
                                     "(pvpanic-pci), a panic reboots it, and nobody else is told. "
                                     "Have that driver in the initrd, see qemunit.ini(5).",
                                     word, name_of(*vm_.on_panic)));
    }

    void check_file(std::string_view section, std::string_view key,
                    const std::optional<FilePath> &file) {
        if (!file || is_systemds_to_resolve(absolute_path(vm_, *file)))
            return;
        if (!exists(absolute_path(vm_, *file)))
            warn(section, key,
                 fmt::format("{}={}: no such file: {}.", key, file->text,
                             absolute_path(vm_, *file)));
        else if (section == "Boot" || key.starts_with("Backing"))
            check_access(section, key, *file, /*write=*/false);
    }

    void check_plain_file(std::string_view section, std::string_view key,
                          const std::optional<FilePath> &file) {
        check_file(section, key, file);
        struct stat status {};
        if (file && stat(absolute_path(vm_, *file).c_str(), &status) == 0 &&
            !S_ISREG(status.st_mode))
            warn(section, key, fmt::format("{}={}: not a file.", key, file->text));
    }

    // Without User=, one with the group that all VMs have.
    std::string user() const { return vm_.user ? vm_.user->text : "qemunit"; }

    // A file in the VM's own folder is its user's from the first start on: systemd sees to that
    // once, when it makes the folder the user's (path_chown_recursive() in its exec-invoke.c).
    void check_access(std::string_view section, std::string_view key, const FilePath &file,
                      bool write) {
        const std::string path = absolute_path(vm_, file), folder = vm_.paths.state_dir(vm_.name);
        if (vm_.paths.is_of_user() || is_systemds_to_resolve(path) || is_opened_by_root(path) ||
            (path.starts_with(folder + "/") && !is_owned_by(folder, user())) ||
            may_open(path, write, user()) != std::optional(false))
            return;
        if (!vm_.user)
            return warn(
                section, key,
                fmt::format("{0}={1}: QEMU may not {2} it. Allow it to the group of all VMs with "
                            "`setfacl -m g:{3}:{4} {5}`, or choose the file's owner with User= in "
                            "[VM].",
                            key, file.text, write ? "read and write" : "read", user(),
                            write ? "rw" : "r", path));
        warn(section, key,
             fmt::format("{0}={1}: the user '{2}', who runs QEMU, may not {3} it. Allow it with "
                         "`setfacl -m u:{2}:{4} {5}` or `chown {2} {5}`, or choose another user "
                         "with User= in [VM].",
                         key, file.text, user(), write ? "read and write" : "read",
                         write ? "rw" : "r", path));
    }

    // Root may open it, whatever its mode is. Where others than root can change the path, that is
    // done with the rights of a user that the ini names.
    bool is_opened_by_root(const std::string &path) const {
        const auto files = drive_files(vm_);
        const auto file = std::ranges::find(files, path, &DriveFile::path);
        if (file == files.end() || !file->is_opened_by_root)
            return false;
        if (named_user(vm_).empty())
            return true;
        const auto found = find_path(path);
        return found && found->is_only_roots;
    }

    bool is_named(const Drive &drive, unsigned layer, const std::string &path) const {
        return std::ranges::any_of(drive_files(vm_), [&](const DriveFile &file) {
            return file.drive == &drive && file.layer == layer && file.path == path;
        });
    }

    // Checks the file that the image is a layer on, and the file below that one, and so on: QEMU
    // gets what the ini names.
    void check_layers(const std::string &section, const Drive &drive) {
        constexpr unsigned kLayersMax = 20;
        std::string image = absolute_path(vm_, *drive.file);
        if (is_systemds_to_resolve(image))
            return;
        for (unsigned layer = 1; layer <= kLayersMax; ++layer) {
            const auto below = backing_file_of(image);
            if (!below)
                return;
            const std::string fault = fmt::format("File={}: the image {} is a layer on {}",
                                                  drive.file->text, image, *below);
            if (!exists(*below))
                return warn(section, "File", fault + ", which does not exist.");
            if (!is_named(drive, layer, *below))
                return warn(section, "File",
                            fmt::format("{}, which the ini does not name: name that with {}={}.",
                                        fault, key_of_layer(layer), *below));
            image = *below;
        }
    }

    // Asks a QEMU of the distribution alone: we run no other program for the sake of a message.
    void check_machine(const std::string &qemu) {
        if (!vm_.machine || vm_.qemu)
            return;
        const std::string asking = user();
        const std::vector<std::string> &known = machines_of(qemu, asking);
        const std::vector<std::string_view> machines(known.begin(), known.end());
        if (machines.empty() || std::ranges::find(machines, vm_.machine->text) != machines.end())
            return;
        warn("VM", "Machine",
             fmt::format("Machine={}: {} has no such machine.{} `{} -machine help` lists them.",
                         vm_.machine->text, qemu, did_you_mean(vm_.machine->text, machines), qemu));
    }

    // What the sandbox keeps QEMU from; QEMU says it late, and not why.
    void check_arguments() {
        std::vector<std::string> words;
        for (const QemuWord &word : vm_.arguments)
            words.push_back(word.text);
        OpenedByService opened;
        for (const UnitLine &line : vm_.service_lines) {
            opened.network |= line.key == "PrivateNetwork" && line.value == "no";
            opened.paths |= line.key.starts_with("Bind");
        }
        for (const std::string &fault : faults_of_arguments(words, opened))
            warn("VM", "Arguments", "Arguments=: " + fault);
    }

    void check_port(const Network &network, const HostForward &forward) {
        const std::string section = "Network " + network.name,
                          assignment = "HostForward=" + forward.text;
        // A person hears this from the check of the ini (networks.cpp).
        if (const unsigned first = first_unprivileged_port();
            purpose_ == CheckFor::failed_start && network.type == NetworkType::user &&
            forward.host_port < first && !names_port_privilege(vm_))
            warn(
                section, assignment,
                fmt::format(
                    "{}: a port below {} needs the privilege CAP_NET_BIND_SERVICE, which "
                    "the user network does not have: take one from {} on, or let everybody have it "
                    "with `sysctl net.ipv4.ip_unprivileged_port_start={}`.",
                    assignment, first, first, forward.host_port));
        const auto holder = holder_of(forward);
        if (!holder || holder->vm == vm_.name || (holder->process.empty() && geteuid() != 0))
            return;
        std::string by = holder->process.empty() ? "" : fmt::format(" by {}", holder->process);
        if (!holder->vm.empty())
            by = fmt::format(" by the VM '{}', {}", holder->vm, holder->process);
        // QEMU's words, for who looks for them: it is not QEMU any more that opens the port.
        const std::string words =
            purpose_ == CheckFor::failed_start && network.type == NetworkType::user
                ? fmt::format(" (Could not set up host forwarding rule '{}'.)", forward.text)
                : "";
        warn(section, assignment,
             fmt::format("{}: {} port {} of this machine is taken{}.{}", assignment,
                         forward.protocol == "tcp" ? "TCP" : "UDP", forward.host_port, by, words));
    }

    void check_program(std::string_view section, std::string_view key, std::string_view path,
                       std::string_view package) {
        if (!exists(std::string(path)))
            warn(section, key,
                 fmt::format("{}= needs {}; on Debian it is in the package {}.", key, path,
                             package));
    }

    // An image or a process may have given itself the name that a message quotes.
    void warn(std::string_view section, std::string_view key, const std::string &message) {
        diagnostics_.push_back({vm_.location(section, key), Severity::warning, printable(message)});
    }

    const Vm &vm_;
    const Architecture host_;
    const CheckFor purpose_;
    Diagnostics &diagnostics_;
};

}  // namespace

void check_host(const Vm &vm, Architecture host, Diagnostics &diagnostics, CheckFor purpose) {
    HostChecker(vm, host, purpose, diagnostics).check();
}

}  // namespace qemunit::generator
