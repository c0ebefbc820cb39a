// SPDX-License-Identifier: MIT
#include "ctl/verbs/ini_words.h"

#include <algorithm>
#include <utility>

#include "common/shared_names.h"

namespace qemunit::ctl {

namespace {

struct Known {
    std::string_view option;
    std::string_view begin;  // of the option's value
    std::string_view word;
    bool has_value = false;
};

// Options that are a key's alone (generator/qemu/); the first that fits counts.
constexpr Known kKnown[] = {
    {"-smp", "", "CPUs= in [VM]", true},
    {"-m", "", "Memory= in [VM]", true},
    {"-overcommit", "", "Locked= in [Memory]"},
    {"-cpu", "", "CPU= in [VM]", true},
    {"-machine", "", "Machine= in [VM], or what needs it so"},
    {"-uuid", "", "UUID= in [VM]", true},
    {"-k", "", "Keyboard= in [VM]", true},
    {"-rtc", "", "Clock= in [VM]"},
    {"-gdb", "", "Debugger= in [VM]"},
    {"-S", "", "StartPaused= in [VM]"},
    {"-loadvm", "", "LoadSnapshot= in [VM]", true},
    {"-bios", "", "BIOS= in [Boot]", true},
    {"-kernel", "", "Kernel= in [Boot]", true},
    {"-initrd", "", "Initrd= in [Boot]", true},
    {"-shim", "", "Shim= in [Boot]", true},
    {"-append", "", "Append= in [Boot]", true},
    {"-dtb", "", "DeviceTree= in [Boot]", true},
    {"-boot", "", "[Boot]"},
    {"-display", "", "Display= in [VM]"},
    {"-vnc", "", "Display= in [VM]"},
    {"-spice", "", "Display= in [VM]"},
    {"-smbios", "type=11,path=/", "[CloudInit]"},
    {"-smbios", "", "SMBIOS= in [Boot]"},
    {"-action", "panic=", "OnPanic= in [VM]"},
    {"-action", "watchdog=", "Watchdog= in [VM]"},
    {"-action", "reboot=", "OnReboot= in [VM]"},
    {"-tpmdev", "", "TPM= in [VM]"},
    {"-global", "driver=cfi.pflash01,property=secure", "Firmware= in [VM]"},
    {"-global", "", "DeviceProperty= in [VM]"},
    {"-drive", "if=pflash", "Firmware= in [VM]"},
    {"-device", "tpm-", "TPM= in [VM]"},
    {"-device", "pvpanic", "OnPanic= in [VM]"},
    {"-device", "i6300esb", "Watchdog= in [VM]"},
    {"-device", "virtio-rng", "RNG= in [VM]"},
    {"-device", "virtio-balloon", "Balloon= in [VM]"},
    {"-device", "vhost-vsock", "VSockCID= in [VM]"},
    {"-device", "usb-kbd", "Display= in [VM]"},
    {"-device", "usb-tablet", "Display= in [VM]"},
};

// Devices without a section of their own, whose ids begin with "qemunit-".
constexpr Known kOwn[] = {
    {"", kRngId, "RNG= in [VM]"},
    {"", kTpmId, "TPM= in [VM]"},
    {"", kMemoryId, "[Memory], or what needs it so"},
    {"", kPortIds, "HotPlugPorts= in [VM]"},
    {"", kScreenId, "Display= in [VM], or [Screen]"},
    {"", kSpiceAgentId, "Agent= in [Screen]"},
    {"", kRedirectionIds, "USBRedirection= in [Screen]"},
    {"", kSeedId, "[CloudInit]"},
    {"", kGuestAgentDevice, "GuestAgent= in [VM]"},
};

// Of parts of a section, whose ids end with its name.
constexpr std::pair<std::string_view, std::string_view> kSectionIds[] = {
    {kShareIds, "Share"},
    {kIoThreadIds, "Drive"},
    {kSoundIds, "Sound"},
    {kHostDevicePortIds, "HostDevice"},
};

std::string section(std::string_view kind, std::string_view name) {
    return "[" + std::string(kind) + " " + std::string(name) + "]";
}

// A device of a section, by what it is connected to.
std::string section_of_device(const QemuOption &device) {
    const std::string_view model = device.parts.front();
    if (const std::string drive = device.part("drive"); !drive.empty())
        return section("Drive", drive);
    if (const std::string network = device.part("netdev"); !network.empty())
        return section("Network", network);
    if (!device.part("audiodev").empty())
        return section("Sound", device.part("id"));
    if (model.starts_with("virtio-9p") || model.starts_with("vhost-user-fs"))
        return section("Share", device.part("id"));
    if (model == "vfio-pci" || model == "usb-host")
        return section("HostDevice", device.part("id"));
    if (model == "virtserialport")
        return section("Channel", device.part("chardev"));
    if (const std::string port = device.part("chardev"); !port.empty())
        return section("Serial", port);
    return {};
}

std::string section_of(const QemuOption &option) {
    constexpr std::string_view kCredential = "name=opt/io.systemd.credentials/";
    const std::string id = option.part("id");
    if (option.name == "-device")
        return section_of_device(option);
    if (option.name == "-drive" && !id.empty())
        return section("Drive", id);
    if (option.name == "-netdev" && !id.empty())
        return section("Network", id);
    if (const std::string network = option.part("netdev");
        option.name == "-net" && !network.empty())
        return section("Network", network);
    if (option.name == "-fsdev" && !id.empty())
        return section("Share", id);
    if (option.name == "-chardev" && !id.empty())
        return section("Serial", id);
    if (option.name == "-serial" && option.value.starts_with("chardev:"))
        return section("Serial", option.value.substr(option.value.find(':') + 1));
    if (option.name == "-fw_cfg" && option.value.starts_with(kCredential))
        return section("Credential", option.parts.front().substr(kCredential.size()));
    if (option.name == "-fw_cfg")
        return option.value.starts_with("name=opt/org.tianocore/") ? "Firmware= in [VM]"
                                                                   : "FirmwareFile= in [Boot]";
    return {};
}

}  // namespace

std::string QemuOption::part(std::string_view key) const {
    for (const std::string &text : parts)
        if (text.starts_with(key) && text.size() > key.size() && text[key.size()] == '=')
            return text.substr(key.size() + 1);
    return {};
}

IniWord ini_word(const QemuOption &option) {
    std::string own = option.part("id");
    if (own.empty())
        own = option.part("tpmdev");
    if (option.name == "-device" && option.parts.front().ends_with("intel-hda"))
        own = own.substr(0, own.rfind('-'));  // a sound card's controller
    for (const auto &[ids, kind] : kSectionIds)
        if (own.starts_with(ids))
            return {section(kind, own.substr(ids.size()))};
    for (const Known &known : kOwn)
        if (own.starts_with(known.begin))
            return {std::string(known.word)};
    if (own.starts_with(kOwnIds))
        return {};
    if (option.name == "-smp" && option.parts.size() > 1)
        return {"CPUs= in [VM], or [CPU]", true};
    if (option.name == "-m" && option.parts.size() > 1)
        return {"Memory= in [VM], or Maximum= in [Memory]", true};
    for (const Known &known : kKnown)
        if (option.name == known.option && option.value.starts_with(known.begin))
            return {std::string(known.word), known.has_value};
    if (std::string text = section_of(option); !text.empty())
        return {std::move(text)};
    return {"Arguments= in [VM] (" + option.text() + ")"};
}

}  // namespace qemunit::ctl
