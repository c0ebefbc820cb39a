// SPDX-License-Identifier: MIT
//
// From the options of a QEMU to the sections of an ini file. The steps are files of their own, and
// all work on one Conversion: collect() sorts the options, the others take what they know out of
// it, and keep_rest() leaves the rest to Arguments=. For `qemunitctl import`. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/qemu_options/properties.h"
#include "ctl/import/command.h"
#include "ctl/import/imported_vm.h"
#include "ctl/import/surroundings.h"

namespace qemunit::ctl {

// What QEMU has by itself, if nobody says otherwise.
struct MachineFacts {
    std::string type;
    bool is_board = false;  // has a bus and a card of its own, for which there are no keys
    bool is_pc = false, is_q35 = false, is_microvm = false;
    std::string drive_interface;  // of a -drive without if=
    std::string card;             // of a -net nic without model=; "": it has none
    std::string cpu;              // "": not known, or as without CPU=
    bool has_screen = false;
    unsigned cpus = 1;
    uint64_t memory = 128 << 20;
};

struct Conversion {
    explicit Conversion(const Surroundings &around) : surroundings(around) {}

    const Surroundings &surroundings;
    ImportedVm vm;
    MachineFacts machine;
    std::string architecture;

    struct Drive {
        Properties properties;  // of -drive
        bool is_cdrom = false;
        std::string option;  // what it came by
        std::string interface;
        unsigned index = 0;
        std::string section;  // once it has one
    };
    struct Device {
        Properties properties;  // "driver" is the first
        bool is_done = false;
        std::string driver() const { return properties.get("driver"); }
        std::string id() const { return properties.get("id"); }
    };
    struct Backend {
        std::string type, id;
        Properties properties;
        bool is_used = false;
        std::string option = "-netdev";
    };

    std::vector<Drive> drives;
    std::map<std::string, Properties> nodes;  // of -blockdev
    std::vector<std::string> node_order;
    std::vector<Device> devices;
    std::vector<Backend> netdevs;          // -netdev
    std::vector<Properties> cards;         // -nic, with "type"
    std::vector<Properties> legacy_nics;   // -net nic
    std::vector<Backend> legacy_backends;  // -net user, …
    std::map<std::string, Properties> chardevs, objects, fsdevs, tpmdevs;
    std::vector<std::string> object_order, chardev_order;
    std::vector<std::string> serials;       // values of -serial
    std::vector<QemuCommand::Given> given;  // what is left for the steps, in its order

    bool has_spice_agent = false;
    bool has_nodefaults = false, has_nographic = false, is_snapshot = false;
    bool has_default_network = true;
    std::string display, vga, keyboard, boot_order;
    bool has_display = false, has_vga = false;
    std::vector<std::string> screens;  // the options by which somebody saw the screen
    std::string name_given;

    std::string path(const std::string &text) const { return absolute_path(surroundings, text); }
    // A word that is the last one of its kind is taken out.
    void keep(std::string option, std::string value);
    // "-set device.NAME.KEY=VALUE" for what has no key.
    void set_rest(std::string_view group, const std::string &id, const Properties &rest);
    // The value of an option, JSON or not.
    Properties parse(const std::string &value, std::string_view implied);
    std::string gdb_socket() const { return surroundings.state + kNamePlace + "gdb.sock"; }
};

void collect(Conversion &conversion, const QemuCommand &command);
void convert_machine(Conversion &conversion);   // [VM], [Boot]
void convert_firmware(Conversion &conversion);  // Firmware=
void convert_drives(Conversion &conversion);    // [Drive]
void convert_networks(Conversion &conversion);  // [Network]
void convert_ports(Conversion &conversion);     // [Serial], [Channel], GuestAgent=
void convert_shares(Conversion &conversion);    // [Share]
void convert_display(Conversion &conversion);   // Display=, with the devices that come with it
void convert_devices(Conversion &conversion);   // the other devices; what has no key stays
void convert_hardware(Conversion &conversion);  // options of the machine that have a key
void keep_rest(Conversion &conversion);         // Arguments=

// Whether somebody sees the screen by SPICE.
bool is_shown_by_spice(const Conversion &conversion);
// "virtio-rng-pci" is one of the kind "rng".
bool is_virtio(const std::string &driver, std::string_view kind);
// What says where a device is, which is for the ini's own devices to say.
void drop_places(Properties &properties);
// Of a device of the ini's own that sat elsewhere than QEMU puts it. `what`: its name.
void say_moved(ImportedVm &vm, const std::string &what, const Properties &properties);
// Of SCSI, with one bus for disks.
bool is_scsi_controller(std::string_view driver);
MachineFacts machine_facts(std::string_view architecture, std::string_view type);

// Settings for an image: its path, its format, and what it is a layer on.
void set_image(ImportedVm &vm, const Surroundings &surroundings, const std::string &section,
               const std::string &path, const std::string &format);
// The format that the generator takes without Format=.
std::string format_by_name(std::string_view path);

// All of it.
Result<ImportedVm> import_command(const std::vector<std::string> &words,
                                  const Surroundings &surroundings);

}  // namespace qemunit::ctl
