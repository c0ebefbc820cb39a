// SPDX-License-Identifier: MIT
//
// A drive that is attached while the VM runs, in QEMU's words: its names, the machine's place for
// it, what QEMU is told. Pure. QEMU's names tell which drives there are: qemunitd keeps no list.
#pragma once

#include <nlohmann/json.hpp>

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::bus {

struct HotDrive {
    std::string name;
    std::string format = "raw";
    std::string serial;
    bool read_only = false;
    bool is_file_read_only = false;  // how the image is open
    bool is_block_device = false;
    bool discard = false;   // space that the guest gives back
    std::string interface;  // "virtio" or "scsi"; "": what the machine has room for
    std::string origin;     // by which the caller knows the drive again
};

// The id of the device, and of the block node below it. The generator leaves names that begin
// with "qemunit-" to us.
std::string hot_drive_id(std::string_view name);
// The name of the drive; "" if the id is of something else.
std::string hot_drive_name(std::string_view id);

// By which any qemunitd, and `reload`, know that the guest was asked to let go of the drive and may
// do so any time: QEMU tells nobody. Read-only, or it would be part of a snapshot.
std::string leaving_mark(std::string_view name);
nlohmann::json leaving_mark_arguments(std::string_view name);

// The text that QEMU keeps beside the image (add-fd, "opaque"), by which the image is found again.
std::string hot_drive_label(std::string_view name, std::string_view origin = {});
// Whether that element of query-fdsets is the image of the drive.
bool is_image_of(const nlohmann::json &set, std::string_view name);

// What is wrong with these options, for people; "" if nothing is.
std::string hot_drive_name_fault(std::string_view name);
std::string hot_drive_serial_fault(std::string_view serial);

// The part of the machine that matters here: its type and its devices ("port1" ->
// "pcie-root-port").
struct HotPlugMachine {
    std::string type;                            // "pc-q35-7.2-machine"
    std::map<std::string, std::string> devices;  // with ids only
};

// Of the answer to qom-list; "child<pcie-root-port>" is a device, links are none.
std::map<std::string, std::string> qom_children(const nlohmann::json &qom_list);
// Whether this qom-list of a bus has a device in it.
bool is_bus_taken(const nlohmann::json &qom_list);

// The root ports that may be free, each a bus of that name.
std::vector<std::string> pcie_root_ports(const HotPlugMachine &machine);

struct HotPlugPlace {
    std::string driver;  // "virtio-blk-pci"
    std::string bus;
};

// The best place, or why there is none and what to do. `free_ports`: of pcie_root_ports().
std::expected<HotPlugPlace, std::string> hot_plug_place(const HotPlugMachine &machine,
                                                        const std::vector<std::string> &free_ports,
                                                        const std::string &vm,
                                                        std::string_view interface = {});

// The arguments of blockdev-add and device_add; `fd_set` as add-fd returned it.
nlohmann::json blockdev_arguments(const HotDrive &drive, const nlohmann::json &fd_set);
nlohmann::json device_arguments(const HotDrive &drive, const HotPlugPlace &place);

}  // namespace qemunit::bus
