// SPDX-License-Identifier: MIT
//
// [Drive NAME]: -hda and its like, -drive, -blockdev, and the devices that the guest sees them by.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "common/whole_number.h"
#include "ctl/import/conversion.h"

namespace qemunit::ctl {

namespace {

constexpr unsigned kNodesMax = 64;

// "http://…", "nbd:…", "fat:…": no file.
bool is_protocol(std::string_view file) {
    const std::size_t colon = file.find(':');
    return colon != file.npos && colon > 1 && file.substr(0, colon).find('/') == file.npos &&
           !file.starts_with("file:");
}

std::string plain_file(std::string file) {
    return file.starts_with("file:") ? file.substr(5) : file;
}

// What the options of a drive say, whichever option that was.
struct DriveWords {
    std::string file, format, cache, aio, media, serial;
    bool is_read_only = false, is_ephemeral = false, discards = false, is_protocol = false;
    Properties rest;
    std::vector<std::string> backing;  // of -blockdev
};

class DriveConversion {
  public:
    explicit DriveConversion(Conversion &c) : c_(c), vm_(c.vm) {}

    void convert() {
        place();
        for (Conversion::Drive *drive : in_order())
            convert_drive(*drive);
        for (Conversion::Device &device : c_.devices)
            if (!device.is_done && device.properties.has("drive"))
                convert_node_device(device);
        for (Conversion::Device &device : c_.devices)
            convert_empty_cd(device);
        for (Conversion::Drive &drive : c_.drives)
            if (drive.section.empty())
                keep_drive(drive);
        keep_nodes();
    }

  private:
    std::string default_interface() const { return c_.machine.drive_interface; }

    // Which place each has, as QEMU counts them (drive_new()).
    void place() {
        std::map<std::string, std::set<unsigned>> taken;
        for (Conversion::Drive &drive : c_.drives) {
            drive.interface =
                drive.properties.has("if") ? drive.properties.get("if") : default_interface();
            auto &places = taken[drive.interface];
            auto index = whole_number<unsigned>(drive.properties.get("index"));
            if (!index && drive.properties.has("unit")) {
                const auto bus = whole_number<unsigned>(drive.properties.get("bus")),
                           unit = whole_number<unsigned>(drive.properties.get("unit"));
                const unsigned units = drive.interface == "ide" && !c_.machine.is_q35 ? 2 : 1;
                index = bus.value_or(0) * units + unit.value_or(0);
            }
            drive.index = index.value_or(0);
            while (!index && places.contains(drive.index))
                ++drive.index;
            places.insert(drive.index);
        }
    }

    // As the guest counts them.
    std::vector<Conversion::Drive *> in_order() {
        std::vector<Conversion::Drive *> drives;
        for (Conversion::Drive &drive : c_.drives)
            drives.push_back(&drive);
        std::vector<std::string> interfaces;  // in the order of their first drives
        for (const Conversion::Drive &drive : c_.drives)
            interfaces.push_back(drive.interface);
        std::ranges::sort(drives, {}, [&](const Conversion::Drive *drive) {
            return std::tuple(std::ranges::find(interfaces, drive->interface) - interfaces.begin(),
                              drive->index, drive - c_.drives.data());
        });
        return drives;
    }

    void convert_drive(Conversion::Drive &drive) {
        if (c_.machine.is_board)
            return;
        Properties properties = drive.properties;
        const std::string id = properties.take("id");
        DriveWords words = read_drive(properties);
        if (words.is_protocol)
            return convert_protocol(drive, words);
        const std::string &bus = drive.interface;
        if (bus == "none") {
            Conversion::Device *device = device_of(id);
            if (device && convert_device(*device, id, words))
                drive.section = id;
            return;
        }
        std::string interface, name;
        const auto letter = static_cast<char>('a' + drive.index % 26);
        if (bus == "ide")
            interface = "ide", name = std::string("hd") + letter;
        else if (bus == "virtio")
            name = std::string("vd") + letter;
        else if (bus == "floppy")
            interface = "floppy", name = std::string("fd") + letter;
        else
            return;
        if (!id.empty() && !is_letters(id))
            name = id;
        drive.section = emit(id.empty() ? name : id, name, interface, words, {});
    }

    // A name that is letters of -boot order= alone would be taken for them, and the other way
    // round.
    bool is_letters(std::string_view name) const {
        return !c_.boot_order.empty() && name == c_.boot_order;
    }

    DriveWords read_drive(Properties &properties) {
        DriveWords words;
        for (const std::string_view name :
             {"if", "index", "bus", "unit", "node-name", "auto-read-only", "addr", "boot", "cyls",
              "heads", "secs", "trans"})
            properties.take(name);
        words.file = properties.take("file");
        for (const std::string_view name : {"filename", "file.filename"})
            if (properties.has(name))
                words.file = properties.take(name);
        words.format = properties.take("format");
        if (properties.has("driver"))
            words.format = properties.take("driver");
        const std::string protocol = properties.take("file.driver");
        words.is_protocol = is_protocol(words.file) ||
                            (!protocol.empty() && protocol != "file" && protocol != "host_device");
        words.file = plain_file(words.file);
        read_common(properties, words);
        words.rest = properties;
        return words;
    }

    void read_common(Properties &properties, DriveWords &words) {
        words.media = properties.take("media");
        words.is_read_only = properties.take_bool("read-only", properties.take_bool("readonly"));
        words.is_ephemeral = properties.take_bool("snapshot", c_.is_snapshot);
        words.cache = properties.take("cache");
        const bool is_direct = properties.take_bool("cache.direct"),
                   flushes_nothing = properties.take_bool("cache.no-flush"),
                   writes_through = properties.has("cache.writeback") &&
                                    !properties.take_bool("cache.writeback");
        if (words.cache.empty() && flushes_nothing)
            words.cache = "unsafe";
        else if (words.cache.empty() && is_direct)
            words.cache = writes_through ? "directsync" : "none";
        else if (words.cache.empty() && writes_through)
            words.cache = "writethrough";
        words.aio = properties.take("aio");
        const std::string discard = properties.take("discard");
        words.discards = discard == "unmap" || discard == "on";
        words.serial = properties.take("serial");
        for (const std::string_view name :
             {"file.locking", "locking", "file.node-name", "file.auto-read-only", "file.aio",
              "file.cache.direct", "file.cache.no-flush", "file.discard"})
            properties.take(name);
    }

    // The chain of -blockdev below a device.
    std::optional<DriveWords> read_node(const std::string &name) {
        DriveWords words;
        bool has_format = false;
        std::string next = name;
        for (unsigned count = 0; count < kNodesMax && !next.empty(); ++count) {
            const auto found = c_.nodes.find(next);
            if (found == c_.nodes.end())
                return std::nullopt;
            used_nodes_.insert(next);
            Properties node = found->second;
            const std::string driver = node.take("driver");
            next = node.take("file");
            const std::string backing = node.take("backing");
            node.take("node-name");
            node.take("auto-read-only");
            if (driver == "file" || driver == "host_device" || driver == "host_cdrom") {
                words.file = node.take("filename");
            } else {
                if (!has_format && driver != "raw" && driver != "throttle")
                    words.format = driver;
                else if (!has_format)
                    words.format = "raw";
                has_format = true;
                if (node.has("file.filename"))
                    words.file = node.take("file.filename");
                const std::string protocol = node.take("file.driver");
                if (!protocol.empty() && protocol != "file" && protocol != "host_device")
                    return std::nullopt;
                if (next.empty() && words.file.empty())
                    return std::nullopt;  // nbd, rbd, …
            }
            DriveWords of_node;
            read_common(node, of_node);
            words.is_read_only = words.is_read_only || of_node.is_read_only;
            words.discards = words.discards || of_node.discards;
            if (words.cache.empty())
                words.cache = of_node.cache;
            if (words.aio.empty())
                words.aio = of_node.aio;
            for (const auto &[key, value] : node.all())
                if (key == "detect-zeroes" || key.starts_with("l2-cache"))
                    words.rest.add(key, value);
                else
                    vm_.lost(fmt::format("-blockdev {}: {}={}: no key says it", name, key, value));
            for (std::string below = backing;
                 !below.empty() && c_.nodes.contains(below) && words.backing.size() < kNodesMax;) {
                used_nodes_.insert(below);
                Properties layer = c_.nodes[below];
                std::string file = layer.get("file.filename");
                if (const auto inner = c_.nodes.find(layer.get("file")); inner != c_.nodes.end()) {
                    used_nodes_.insert(inner->first);
                    file = inner->second.get("filename");
                }
                words.backing.push_back(file);
                below = layer.get("backing");
            }
        }
        words.is_ephemeral = c_.is_snapshot;
        if (words.file.empty())
            return std::nullopt;
        return words;
    }

    Conversion::Device *device_of(const std::string &id) {
        const auto found = std::ranges::find_if(c_.devices, [&](const Conversion::Device &device) {
            return !id.empty() && device.properties.get("drive") == id && !device.is_done;
        });
        return found == c_.devices.end() ? nullptr : &*found;
    }

    void convert_node_device(Conversion::Device &device) {
        const std::string node = device.properties.get("drive");
        if (c_.machine.is_board || !c_.nodes.contains(node))
            return;
        const std::set<std::string> before = used_nodes_;
        const auto words = read_node(node);
        if (!words || !convert_device(device, device.id().empty() ? node : device.id(), *words))
            used_nodes_ = before;
    }

    void convert_empty_cd(Conversion::Device &device) {
        const std::string driver = device.driver();
        if (!device.is_done && !c_.machine.is_board && !device.properties.has("drive") &&
            (driver == "ide-cd" || driver == "scsi-cd"))
            convert_device(device, device.id().empty() ? "cd" : device.id(), {});
    }

    // The controller that a device says it is on; nullptr: the machine's own, or the first that is
    // good for it.
    Conversion::Device *controller_of(const Conversion::Device &device) {
        std::string bus = device.properties.get("bus");
        bus = bus.substr(0, bus.rfind('.'));
        const auto found = std::ranges::find_if(c_.devices, [&](const Conversion::Device &one) {
            return !bus.empty() && one.id() == bus;
        });
        return found == c_.devices.end() ? nullptr : &*found;
    }

    // "", where the ini has none for it.
    std::string interface_of(const Conversion::Device &device, bool &is_cdrom) {
        const std::string driver = device.driver();
        const Conversion::Device *controller = controller_of(device);
        if (driver == "virtio-blk" || driver.starts_with("virtio-blk-"))
            return "virtio";
        if (driver == "nvme")
            return "nvme";
        if (driver == "usb-storage")
            return "usb";
        if (driver == "floppy")
            return "floppy";
        is_cdrom = driver.ends_with("-cd");
        if (driver == "scsi-hd" || driver == "scsi-cd" || driver == "scsi-disk") {
            // Ours is one, of the kind that is said of it later.
            const Conversion::Device *first = first_scsi_controller();
            return first && (!controller || controller == first) ? "scsi" : "";
        }
        if (driver == "ide-hd" || driver == "ide-cd" || driver == "ide-drive") {
            if (controller)
                return controller->driver() == "ahci" || controller->driver() == "ich9-ahci"
                           ? "sata"
                           : "";
            return c_.machine.is_pc || c_.machine.is_q35 ? "ide" : "";
        }
        return "";
    }

    const Conversion::Device *first_scsi_controller() const {
        const auto found = std::ranges::find_if(c_.devices, [](const Conversion::Device &device) {
            return is_scsi_controller(device.driver());
        });
        return found == c_.devices.end() ? nullptr : &*found;
    }

    bool convert_device(Conversion::Device &device, const std::string &wanted,
                        const DriveWords &words) {
        bool is_cdrom = words.media == "cdrom";
        const std::string interface = interface_of(device, is_cdrom);
        if (interface.empty())
            return false;
        DriveWords merged = words;
        merged.media = is_cdrom && interface != "virtio" && interface != "nvme" ? "cdrom" : "";
        merged.is_read_only =
            words.is_read_only || (words.media == "cdrom" && merged.media.empty());
        Properties properties = device.properties;
        say_moved(vm_, device.driver(), properties);
        for (const std::string_view name : {"driver", "drive", "id", "bus", "addr", "unit",
                                            "channel", "scsi-id", "lun", "multifunction", "port"})
            properties.take(name);
        if (const std::string serial = properties.take("serial"); !serial.empty())
            merged.serial = serial;
        const std::string driver = device.driver();
        if (interface == "virtio" && driver != "virtio-blk" &&
            driver != (c_.machine.is_microvm ? "virtio-blk-device" : "virtio-blk-pci"))
            properties.add("driver", driver);
        device.is_done = true;
        emit(wanted, wanted, interface == "virtio" ? "" : interface, merged, std::move(properties));
        return true;
    }

    std::string emit(const std::string &wanted, const std::string &otherwise,
                     const std::string &interface, const DriveWords &words, Properties properties) {
        const std::string name = vm_.device_name(is_letters(wanted) ? "drive-" + wanted : wanted,
                                                 otherwise.empty() ? "disk" : otherwise),
                          section = "Drive " + name;
        const bool is_cdrom = words.media == "cdrom";
        vm_.open_section(section);
        if (!words.file.empty()) {
            set_image(vm_, c_.surroundings, section, c_.path(words.file), words.format);
            for (std::size_t i = 0; i < words.backing.size(); ++i)
                if (!words.backing[i].empty() && !vm_.has(section, "BackingFile") && i == 0)
                    vm_.set(section, "BackingFile", c_.path(words.backing[i]));
        }
        const bool is_virtio_cd = is_cdrom && interface.empty();
        if (is_cdrom && !is_virtio_cd)
            vm_.set(section, "Media", "cdrom");
        if (!interface.empty())
            vm_.set(section, "Interface", interface);
        if ((words.is_read_only && !is_cdrom) || is_virtio_cd)
            vm_.set(section, "ReadOnly", "yes");
        if (words.is_ephemeral && !words.is_read_only && !is_cdrom)
            vm_.set(section, "Ephemeral", "yes");
        if (!words.cache.empty() && words.cache != "writeback")
            vm_.set(section, "Cache", words.cache);
        if (words.discards)
            vm_.set(section, "Discard", "yes");
        if (!words.aio.empty() && words.aio != "threads")
            vm_.set(section, "AIO", words.aio);
        if (!words.serial.empty())
            vm_.set(section, "Serial", words.serial);
        if (const std::string index = properties.take("bootindex"); !index.empty())
            vm_.set(section, "BootIndex", index);
        c_.set_rest("drive", name, words.rest);
        c_.set_rest("device", name, properties);
        return name;
    }

    // fat:DIRECTORY is a share; the others stay as they are.
    void convert_protocol(Conversion::Drive &drive, const DriveWords &words) {
        std::string folder = words.file;
        if (!folder.starts_with("fat:") || folder.contains(":rw:") || drive.interface != "virtio")
            return;
        folder.erase(0, 4);
        for (const std::string_view word : {"floppy:", "12:", "16:", "32:"})
            if (folder.starts_with(word))
                folder.erase(0, word.size());
        while (folder.size() > 1 && folder.ends_with('/'))
            folder.pop_back();
        const std::string name = vm_.device_name("fat", "fat"), section = "Share " + name;
        vm_.set(section, "Path", c_.path(folder));
        vm_.set(section, "Type", "vfat");
        if (Conversion::Device *device = device_of(drive.properties.get("id")))
            device->is_done = true;
        drive.section = name;
    }

    void keep_drive(Conversion::Drive &drive) {
        Properties properties = drive.properties;
        const std::string file = properties.get("file");
        if (drive.option.size() == 4 && drive.option != "-drive" && file.empty())
            return;
        const bool is_network = is_protocol(file) && !file.starts_with("fat:");
        if (is_network) {
            vm_.need_network();
        } else if (file.starts_with("fat:")) {
            const std::size_t begin = file.rfind(':') + 1;
            properties.set("file", file.substr(0, begin) + c_.path(file.substr(begin)));
            vm_.open_path(c_.path(file.substr(begin)), file.contains(":rw:"));
        } else if (!file.empty()) {
            const std::string path = c_.path(plain_file(file));
            properties.set("file", path);
            vm_.open_path(path, !is_on(properties.get("readonly")) &&
                                    !is_on(properties.get("snapshot")) && !c_.is_snapshot);
        }
        // In the order that it was written in.
        Properties ordered;
        for (const auto &[name, value] : drive.properties.all())
            ordered.add(name, properties.get(name));
        if (c_.is_snapshot && !properties.has("snapshot"))
            ordered.add("snapshot", "on");
        vm_.argument({"-drive", ordered.text()});
        vm_.changed(fmt::format("{} {}: there is no key for {}; it is in Arguments=", drive.option,
                                drive.properties.text(),
                                is_network || file.starts_with("fat:") ? "what is no file"
                                : c_.machine.is_board                  ? "the disks of this machine"
                                                                       : "this kind of disk"));
    }

    void keep_nodes() {
        for (const std::string &name : c_.node_order) {
            if (used_nodes_.contains(name) || is_flash(name))
                continue;
            Properties node = c_.nodes[name];
            for (const std::string_view key : {"filename", "file.filename"})
                if (const std::string file = node.get(key); !file.empty()) {
                    vm_.open_path(c_.path(file), !is_on(node.get("read-only")));
                    node.set(key, c_.path(file));
                }
            vm_.argument({"-blockdev", node.text("driver")});
        }
    }

    // Of the firmware, which has a key.
    bool is_flash(const std::string &name) const { return name.contains("pflash"); }

    Conversion &c_;
    ImportedVm &vm_;
    std::set<std::string> used_nodes_;
};

}  // namespace

bool is_scsi_controller(std::string_view driver) {
    for (const std::string_view known :
         {"virtio-scsi", "lsi53c", "megasas", "mptsas", "pvscsi", "am53c974", "dc390"})
        if (driver.starts_with(known))
            return true;
    return false;
}

std::string format_by_name(std::string_view path) {
    static constexpr std::pair<std::string_view, std::string_view> kBySuffix[] = {
        {".qcow2", "qcow2"}, {".qcow", "qcow"}, {".qed", "qed"}, {".vmdk", "vmdk"},
        {".vdi", "vdi"},     {".vhdx", "vhdx"}, {".vhd", "vpc"},
    };
    for (const auto &[suffix, format] : kBySuffix)
        if (path.ends_with(suffix))
            return std::string(format);
    return "raw";
}

void set_image(ImportedVm &vm, const Surroundings &surroundings, const std::string &section,
               const std::string &path, const std::string &format) {
    vm.set(section, "File", path);
    const auto facts = surroundings.image ? surroundings.image(path) : std::nullopt;
    std::string known = format.empty() && facts ? facts->format : format;
    if (!known.empty() && known != format_by_name(path))
        vm.set(section, "Format", known);
    if (!facts || facts->layers.empty() || (!known.empty() && known == "raw"))
        return;
    vm.set(section, "BackingFile", facts->layers.front().path);
    if (facts->layers.front().format != format_by_name(facts->layers.front().path))
        vm.set(section, "BackingFormat", facts->layers.front().format);
    for (std::size_t i = 1; i < facts->layers.size(); ++i)
        vm.add(section, "BackingLayer", facts->layers[i].path);
    for (const auto &layer : facts->layers)
        if (layer.path.substr(0, layer.path.rfind('/')) != path.substr(0, path.rfind('/')))
            vm.changed(
                fmt::format("{} is a layer on {}, in another folder: the guest reads that "
                            "file, too",
                            path, layer.path));
}

void convert_drives(Conversion &conversion) {
    DriveConversion(conversion).convert();
}

}  // namespace qemunit::ctl
