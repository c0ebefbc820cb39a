// SPDX-License-Identifier: MIT
//
// The words of the ini file for each enumeration of vm.h. The first of several words for
// one value is the one that messages and documentation use.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "common/helper_options.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

template <typename E>
using Name = std::pair<std::string_view, E>;

// A std::array of Name<E> for each enumeration.
template <typename E>
inline constexpr int kNames = 0;

template <>
inline constexpr auto kNames<Architecture> = std::to_array<Name<Architecture>>({
    {"x86_64", Architecture::x86_64},
    {"i386", Architecture::i386},
    {"aarch64", Architecture::aarch64},
    {"arm", Architecture::arm},
    {"riscv64", Architecture::riscv64},
    {"amd64", Architecture::x86_64},
    {"arm64", Architecture::aarch64},
});
template <>
inline constexpr auto kNames<Accelerator> = std::to_array<Name<Accelerator>>({
    {"auto", Accelerator::automatic},
    {"kvm", Accelerator::kvm},
    {"tcg", Accelerator::tcg},
});
template <>
inline constexpr auto kNames<Firmware> = std::to_array<Name<Firmware>>({
    {"bios", Firmware::bios},
    {"uefi", Firmware::uefi},
    {"uefi-secure", Firmware::uefi_secure},
});
template <>
inline constexpr auto kNames<GuestOs> = std::to_array<Name<GuestOs>>({
    {"generic", GuestOs::generic},
    {"windows", GuestOs::windows},
});
template <>
inline constexpr auto kNames<RebootAction> = std::to_array<Name<RebootAction>>({
    {"reset", RebootAction::reset},
    {"poweroff", RebootAction::poweroff},
});
template <>
inline constexpr auto kNames<Display> = std::to_array<Name<Display>>({
    {"none", Display::none},
    {"vnc", Display::vnc},
    {"spice", Display::spice},
});
template <>
inline constexpr auto kNames<HardwareVersion> = std::to_array<Name<HardwareVersion>>({
    {"0.1", HardwareVersion::v0_1},
    {"0.8", HardwareVersion::v0_8},
});
template <>
inline constexpr auto kNames<VideoCard> = std::to_array<Name<VideoCard>>({
    {"std", VideoCard::standard},
    {"virtio", VideoCard::virtio},
    {"qxl", VideoCard::qxl},
    {"cirrus", VideoCard::cirrus},
    {"vmware", VideoCard::vmware},
    {"bochs", VideoCard::bochs},
    {"ramfb", VideoCard::ramfb},
});
template <>
inline constexpr auto kNames<SoundModel> = std::to_array<Name<SoundModel>>({
    {"hda", SoundModel::hda},
    {"ac97", SoundModel::ac97},
    {"es1370", SoundModel::es1370},
    {"sb16", SoundModel::sb16},
    {"usb", SoundModel::usb},
});
template <>
inline constexpr auto kNames<WatchdogAction> = std::to_array<Name<WatchdogAction>>({
    {"no", WatchdogAction::no},
    {"reset", WatchdogAction::reset},
    {"shutdown", WatchdogAction::shutdown},
    {"poweroff", WatchdogAction::poweroff},
    {"pause", WatchdogAction::pause},
    {"inject-nmi", WatchdogAction::inject_nmi},
    {"none", WatchdogAction::none},
    {"yes", WatchdogAction::reset},
});
template <>
inline constexpr auto kNames<PanicAction> = std::to_array<Name<PanicAction>>({
    {"fail", PanicAction::fail},
    {"restart", PanicAction::restart},
    {"pause", PanicAction::pause},
});
template <>
inline constexpr auto kNames<Activation> = std::to_array<Name<Activation>>({
    {"none", Activation::none},
    {"socket", Activation::socket},
});
template <>
inline constexpr auto kNames<StopAction> = std::to_array<Name<StopAction>>({
    {helper_option::kPoweroff, StopAction::poweroff},
    {helper_option::kHibernate, StopAction::hibernate},
    {helper_option::kQuit, StopAction::quit},
});
template <>
inline constexpr auto kNames<DriveInterface> = std::to_array<Name<DriveInterface>>({
    {"virtio", DriveInterface::virtio},
    {"scsi", DriveInterface::scsi},
    {"nvme", DriveInterface::nvme},
    {"ide", DriveInterface::ide},
    {"sata", DriveInterface::sata},
    {"usb", DriveInterface::usb},
    {"floppy", DriveInterface::floppy},
    {"sd", DriveInterface::sd},
});
template <>
inline constexpr auto kNames<DriveMedia> = std::to_array<Name<DriveMedia>>({
    {"disk", DriveMedia::disk},
    {"cdrom", DriveMedia::cdrom},
});
template <>
inline constexpr auto kNames<DriveCache> = std::to_array<Name<DriveCache>>({
    {"writeback", DriveCache::writeback},
    {"writethrough", DriveCache::writethrough},
    {"none", DriveCache::none},
    {"directsync", DriveCache::directsync},
    {"unsafe", DriveCache::unsafe},
});
template <>
inline constexpr auto kNames<DriveAio> = std::to_array<Name<DriveAio>>({
    {"threads", DriveAio::threads},
    {"native", DriveAio::native},
    {"io_uring", DriveAio::io_uring},
});
template <>
inline constexpr auto kNames<NetworkType> = std::to_array<Name<NetworkType>>({
    {"user", NetworkType::user},
    {"tap", NetworkType::tap},
    {"bridge", NetworkType::bridge},
    {"passt", NetworkType::passt},
    {"none", NetworkType::none},
});
template <>
inline constexpr auto kNames<SerialType> = std::to_array<Name<SerialType>>({
    {"isa", SerialType::isa},
    {"virtio", SerialType::virtio},
});
template <>
inline constexpr auto kNames<ShareType> = std::to_array<Name<ShareType>>({
    {"9p", ShareType::ninep},
    {"virtiofs", ShareType::virtiofs},
    {"vfat", ShareType::vfat},
});

template <typename E>
std::string_view name_of(E wanted) {
    for (const auto &[name, value] : kNames<E>)
        if (value == wanted)
            return name;
    return {};
}

}  // namespace qemunit::generator
