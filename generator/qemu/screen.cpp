// SPDX-License-Identifier: MIT
//
// The screen with its keyboard and mouse, the sound cards -> QEMU's words.
#include <fmt/format.h>

#include "common/concat.h"
#include "common/shared_names.h"
#include "generator/qemu/devices.h"
#include "generator/vm/defaults.h"

namespace qemunit::generator {

namespace {

std::string card_model(const CommandLine &line) {
    const bool is_pc = line.traits().has_isa;
    switch (video_card(line.vm(), line.host())) {
        case VideoCard::standard:
            return "VGA";
        case VideoCard::virtio:
            // Where a card without VGA has been before, it stays.
            return is_pc ? "virtio-vga" : line.virtio("gpu");
        case VideoCard::qxl:
            return "qxl-vga";
        case VideoCard::cirrus:
            return "cirrus-vga";
        case VideoCard::vmware:
            return "vmware-svga";
        case VideoCard::bochs:
            return "bochs-display";
        case VideoCard::ramfb:
            return "ramfb";
    }
    return {};
}

void add_card(CommandLine &line) {
    constexpr unsigned kMegabyte = 20;
    const Screen &screen = line.vm().screen;
    OptionValue card(card_model(line));
    card.add("id", kScreenId);
    if (screen.memory) {
        const VideoCard model = video_card(line.vm(), line.host());
        if (model == VideoCard::bochs)
            card.add("vgamem", fmt::to_string(screen.memory->bytes));
        else
            card.add("vgamem_mb", fmt::to_string(screen.memory->bytes >> kMegabyte));
    }
    if (screen.resolution)
        card.add("xres", fmt::to_string(screen.resolution->width))
            .add("yres", fmt::to_string(screen.resolution->height));
    if (screen.outputs)
        card.add("max_outputs", fmt::to_string(screen.outputs->number));
    line.add_device(std::move(card));
}

// One back end for all cards: QEMU's VNC server sends what is mixed there.
std::string audio_of_vnc(const Vm &vm) {
    for (const Sound &sound : vm.sounds)
        if (sound.heard)
            return concat(kSoundIds, sound.name);
    return {};
}

void add_spice(CommandLine &line) {
    const Vm &vm = line.vm();
    line.add("-spice", OptionValue()
                           .add("unix", "on")
                           .add("addr", vm.paths.state_dir(vm.name) + "/spice.sock")
                           .add("disable-ticketing", "on"));
    if (vm.screen.agent) {
        line.add("-chardev",
                 OptionValue("spicevmc").add("id", kSpiceAgentId).add("name", "vdagent"));
        line.add_device(OptionValue("virtserialport")
                            .add("bus", concat(line.virtio_serial(), ".0"))
                            .add("chardev", kSpiceAgentId)
                            .add("name", "com.redhat.spice.0")
                            .add("id", kSpiceAgentId));
    }
    if (!vm.screen.usb_redirection)
        return;
    for (unsigned number = 1; number <= vm.screen.usb_redirection->number; ++number) {
        const std::string id = fmt::format("{}{}", kRedirectionIds, number);
        line.add("-chardev", OptionValue("spicevmc").add("id", id).add("name", "usbredir"));
        line.add_device(OptionValue("usb-redir")
                            .add("bus", concat(line.usb(), ".0"))
                            .add("chardev", id)
                            .add("id", id));
    }
}

void add_vnc(CommandLine &line) {
    const Vm &vm = line.vm();
    OptionValue vnc("unix:" + double_commas(vm.paths.state_dir(vm.name) + "/vnc.sock"));
    if (const std::string audio = audio_of_vnc(vm); !audio.empty())
        vnc.add("audiodev", audio);
    line.add("-vnc", std::move(vnc));
}

}  // namespace

void add_display(CommandLine &line) {
    const Vm &vm = line.vm();
    if (vm.display == Display::none) {
        line.add("-display", "none");
        return;
    }
    if (vm.keyboard)
        line.add("-k", vm.keyboard->text);
    if (vm.display == Display::spice) {
        line.add("-display", "none");
        add_spice(line);
    } else {
        add_vnc(line);
    }
    add_card(line);
    if (line.traits().has_pci) {
        // A tablet, because a mouse without absolute coordinates drifts from the viewer's.
        const std::string bus = concat(line.usb(), ".0");
        line.add_device(OptionValue("usb-kbd").add("bus", bus));
        line.add_device(OptionValue("usb-tablet").add("bus", bus));
    }
}

void add_sound(CommandLine &line, const Sound &sound) {
    const Vm &vm = line.vm();
    const std::string back_end = concat(kSoundIds, sound.name);
    const bool by_spice = sound.heard && vm.display == Display::spice;
    line.add("-audiodev", OptionValue(by_spice ? "spice" : "none").add("id", back_end));
    const auto add_model = [&](std::string_view model) {
        line.add_device(OptionValue(model).add("audiodev", back_end).add("id", sound.name));
    };
    switch (sound.model) {
        case SoundModel::hda: {
            const std::string controller = concat(back_end, "-hda");
            line.add_device(OptionValue(line.traits().disks == BuiltInDisks::ahci ? "ich9-intel-hda"
                                                                                  : "intel-hda")
                                .add("id", controller));
            line.add_device(OptionValue("hda-duplex")
                                .add("bus", concat(controller, ".0"))
                                .add("audiodev", back_end)
                                .add("id", sound.name));
            break;
        }
        case SoundModel::ac97:
            add_model("AC97");
            break;
        case SoundModel::es1370:
            add_model("ES1370");
            break;
        case SoundModel::sb16:
            add_model("sb16");
            break;
        case SoundModel::usb:
            line.add_device(OptionValue("usb-audio")
                                .add("bus", concat(line.usb(), ".0"))
                                .add("audiodev", back_end)
                                .add("id", sound.name));
            break;
    }
}

}  // namespace qemunit::generator
