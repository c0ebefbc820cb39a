// SPDX-License-Identifier: MIT
//
// Display=: whether the guest had a screen, and whether somebody could see it.
#include <fmt/format.h>

#include <algorithm>

#include "common/shared_names.h"
#include "common/whole_number.h"
#include "ctl/import/conversion.h"

namespace qemunit::ctl {

namespace {

bool is_screen(std::string_view driver) {
    for (const std::string_view kind :
         {"VGA", "vga", "qxl", "virtio-vga", "virtio-gpu", "bochs-display", "cirrus-vga",
          "vmware-svga", "ramfb", "ati-vga", "secondary-vga"})
        if (driver.starts_with(kind))
            return true;
    return false;
}

// Beside one of these, QEMU adds no card of its own (default_list in its softmmu/vl.c).
bool replaces_own_card(std::string_view driver) {
    for (const std::string_view kind :
         {"VGA", "isa-vga", "cirrus-vga", "isa-cirrus-vga", "vmware-svga", "qxl-vga", "virtio-vga",
          "ati-vga", "vhost-user-vga"})
        if (driver.starts_with(kind))
            return true;
    return false;
}

bool is_input(std::string_view driver) {
    return driver == "usb-tablet" || driver == "usb-kbd" || driver == "usb-mouse";
}

bool takes_usb(const Conversion &c) {
    return std::ranges::any_of(c.devices, [](const Conversion::Device &device) {
        return !device.is_done && device.driver().starts_with("usb-") && !is_input(device.driver());
    });
}

void drop_input(Conversion &c) {
    for (Conversion::Device &device : c.devices)
        if (!device.is_done && is_input(device.driver()))
            device.is_done = true;
    if (takes_usb(c))
        return;
    bool has_controller = false;
    const auto is_controller = [](std::string_view driver) {
        return driver.ends_with("xhci") || driver.contains("usb-ehci") ||
               driver.contains("usb-uhci") || driver == "piix3-usb-uhci";
    };
    for (Conversion::Device &device : c.devices)
        if (!device.is_done && is_controller(device.driver())) {
            device.is_done = true;
            if (!has_controller && device.driver() != "qemu-xhci")
                c.vm.argument({"-set", "device.qemunit-usb.driver=" + device.driver()});
            has_controller = true;
        }
    std::erase_if(c.given, [&](const QemuCommand::Given &given) {
        if (given.option != "usb")
            return false;
        // The ones of a PC, which each guest has a driver for.
        if (c.machine.is_pc && !has_controller)
            c.vm.argument({"-set", "device.qemunit-usb.driver=piix3-usb-uhci"});
        else
            c.vm.changed("the USB controllers of -usb -> qemu-xhci");
        return true;
    });
}

// The agent and the USB devices of the viewer, which come by channels of SPICE.
void convert_spice(Conversion &c) {
    if (!c.has_spice_agent)
        c.vm.set("Screen", "Agent", "no");
    unsigned redirections = 0;
    for (Conversion::Device &device : c.devices)
        if (!device.is_done && device.driver() == "usb-redir") {
            c.chardevs.erase(device.properties.get("chardev"));
            device.is_done = true;
            ++redirections;
        }
    if (redirections > 0)
        c.vm.set("Screen", "USBRedirection", fmt::to_string(redirections));
}

// "qxl-vga" and "qxl" of -vga are Card=qxl.
std::string_view card_word(std::string_view driver) {
    constexpr std::pair<std::string_view, std::string_view> kCards[] = {{"VGA", "std"},
                                                                        {"std", "std"},
                                                                        {"qxl-vga", "qxl"},
                                                                        {"qxl", "qxl"},
                                                                        {"cirrus-vga", "cirrus"},
                                                                        {"cirrus", "cirrus"},
                                                                        {"vmware-svga", "vmware"},
                                                                        {"vmware", "vmware"},
                                                                        {"virtio-vga", "virtio"},
                                                                        {"virtio", "virtio"},
                                                                        {"bochs-display", "bochs"},
                                                                        {"ramfb", "ramfb"}};
    for (const auto &[name, word] : kCards)
        if (driver == name)
            return word;
    return {};
}

// The card that Display= brings becomes the one that there was.
void convert_card(Conversion &c, Properties card, bool is_spice) {
    const bool is_pc = c.machine.is_pc || c.machine.is_q35;
    const std::string driver = card.take("driver");
    for (const std::string_view place : {"id", "bus", "addr", "multifunction"})
        card.take(place);
    std::string_view word = card_word(driver);
    if (!is_pc && (driver == "virtio-gpu-pci" || driver == "virtio-gpu-device" || driver == "std"))
        word = "virtio";  // a machine without a card of its own gets this one
    const std::string_view ours = !is_pc ? "virtio" : is_spice ? "qxl" : "std";
    if (word.empty())
        card.add("driver", driver);
    else if (word != ours)
        c.vm.set("Screen", "Card", std::string(word));
    if (const auto megabytes = whole_number<unsigned>(card.get("vgamem_mb"));
        megabytes && *megabytes > 0 && word != "virtio") {
        c.vm.set("Screen", "Memory", fmt::format("{}M", *megabytes));
        card.take("vgamem_mb");
    }
    if (card.has("xres") && card.has("yres") &&
        (word == "std" || word == "virtio" || word == "qxl" || word == "bochs")) {
        const std::string width = card.take("xres");
        c.vm.set("Screen", "Resolution", fmt::format("{}x{}", width, card.take("yres")));
    }
    if (const std::string outputs = card.get("max_outputs");
        !outputs.empty() && (word == "virtio" || word == "qxl")) {
        card.take("max_outputs");
        if (outputs != "1")
            c.vm.set("Screen", "Outputs", outputs);
    }
    c.set_rest("device", std::string(kScreenId), card);
}

}  // namespace

bool is_shown_by_spice(const Conversion &c) {
    return std::ranges::any_of(
        c.screens, [](const std::string &screen) { return screen.starts_with("-spice"); });
}

void convert_display(Conversion &c) {
    if (c.machine.is_board) {
        if (!c.screens.empty())
            c.vm.lost(fmt::format("{}: the screen of this machine", c.screens.back()));
        if (!c.vga.empty() && c.vga != "none")
            c.vm.argument({"-vga", c.vga});
        return;
    }
    std::vector<Conversion::Device *> cards;  // those that may be the one of Display=vnc
    bool is_replaced = false;
    for (Conversion::Device &device : c.devices)
        is_replaced = is_replaced || (!device.is_done && replaces_own_card(device.driver()));
    const bool has_own_card =
        c.machine.has_screen && !c.has_nodefaults && !c.has_vga && !is_replaced;
    const bool is_by_option = has_own_card || (c.has_vga && c.vga != "none");
    for (Conversion::Device &device : c.devices)
        if (!device.is_done && !is_by_option && is_screen(device.driver()) &&
            (!is_replaced || replaces_own_card(device.driver())))
            cards.push_back(&device);
    const bool has_card = is_by_option || !cards.empty();
    // A server shows the screen also beside -display none and -nographic.
    const bool has_server = std::ranges::any_of(c.screens, [](const std::string &screen) {
        return screen.starts_with("-vnc") || screen.starts_with("-spice");
    });
    const bool is_seen = has_server || (!c.has_nographic && !c.display.starts_with("none"));
    bool is_shown = false;
    if (!has_card || !is_seen) {
        if (c.has_vga && c.vga != "none")
            c.vm.argument({"-vga", c.vga});
        if (!c.screens.empty() && !has_card)
            c.vm.changed(fmt::format("{}: the guest has no screen", c.screens.back()));
    } else {
        is_shown = true;
        const bool is_spice = is_shown_by_spice(c);
        c.vm.set("VM", "Display", is_spice ? "spice" : "vnc");
        if (is_spice)
            convert_spice(c);
        if (!c.keyboard.empty())
            c.vm.set("VM", "Keyboard", c.keyboard);
        for (const std::string &screen : c.screens)
            if (!is_spice || screen.starts_with("-spice"))
                c.vm.changed(fmt::format("{} -> {}", screen,
                                         is_spice ? "SPICE, spice.sock" : "VNC, vnc.sock"));
        if (c.screens.empty())
            c.vm.changed("the window -> VNC, vnc.sock");
        Properties card;
        if (!cards.empty())
            card = cards.front()->properties;
        else
            card.add("driver", has_own_card || c.vga.empty() ? "std" : c.vga);
        convert_card(c, std::move(card), is_spice);
        if (!cards.empty())
            cards.front()->is_done = true;
        drop_input(c);
    }
    if ((c.machine.is_pc || c.machine.is_q35) && !c.has_nodefaults)
        c.vm.changed(
            fmt::format("what QEMU adds by itself is left out: {}a parallel port, a floppy "
                        "drive, an empty CD drive",
                        has_own_card && !is_shown ? "a VGA card, " : ""));
}

}  // namespace qemunit::ctl
