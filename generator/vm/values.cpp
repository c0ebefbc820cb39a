// SPDX-License-Identifier: MIT
#include "generator/vm/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/ascii.h"
#include "common/cloud/ssh_key.h"
#include "common/console/regular_expression.h"
#include "common/did_you_mean.h"
#include "common/time_units.h"
#include "common/whole_number.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

// "1.5" of 1024 is 1536. Without a point, the number is a whole one, as everywhere.
std::optional<uint64_t> part_of(std::string_view number, uint64_t unit) {
    constexpr std::size_t kDigitsMost = 3;
    const std::size_t point = std::min(number.find('.'), number.size());
    const auto whole = whole_number(number.substr(0, point));
    if (!whole || *whole > UINT64_MAX / 2 / unit)
        return std::nullopt;
    if (point == number.size())
        return *whole * unit;
    const std::string_view digits = number.substr(point + 1);
    const auto part = whole_number(digits);
    if (!part || digits.size() > kDigitsMost)
        return std::nullopt;
    uint64_t parts = 1;
    for (std::size_t i = 0; i < digits.size(); ++i)
        parts *= 10;
    return *whole * unit + *part * unit / parts;
}

// systemd's sizes (systemd.syntax(7)): bytes, or a number with K, M, G, T to the base 1024.
Parsed<uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view kSuffixes = "KMGT";
    unsigned shift = 0;
    std::string_view digits = text;
    if (!digits.empty()) {
        if (const std::size_t i = kSuffixes.find(digits.back()); i != kSuffixes.npos) {
            shift = 10 * (static_cast<unsigned>(i) + 1);
            digits.remove_suffix(1);
        } else if (digits.back() == 'B') {
            digits.remove_suffix(1);
        }
    }
    if (const auto number = whole_number(digits.substr(0, digits.find('.')));
        number && *number > (uint64_t{1} << 62) >> shift)
        return std::unexpected("larger than any machine.");
    const auto bytes = shift > 0 ? part_of(digits, uint64_t{1} << shift) : whole_number(digits);
    if (!bytes)
        return std::unexpected("not a size; write 512M or 2G.");
    return *bytes;
}

constexpr std::size_t kHostNameMax = 64;  // sethostname(2)

// "2026-01-31", or "2026-01-31T12:00:00": what QEMU's -rtc base= takes.
bool is_date(std::string_view text) {
    constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
    if (text.size() != 10 && text.size() != kForm.size())
        return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (kForm[i] == 'd' ? !is_digit(text[i]) : text[i] != kForm[i])
            return false;
    return true;
}

std::string_view leading_digits(std::string_view text) {
    return text.substr(0, text.find_first_not_of("0123456789"));
}

bool is_hex(std::string_view text, std::size_t digits) {
    return text.size() == digits && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

}  // namespace

bool is_interface_name(std::string_view text) {
    const auto is_char = [](char c) {
        return is_alphanumeric_or(c, "_.-");
    };
    return !text.empty() && text.size() <= kInterfaceNameMax &&
           std::ranges::all_of(text, is_char) && text.front() != '-' &&
           text.find_first_not_of('.') != text.npos;
}

std::string not_one_of(std::string_view text, std::span<const std::string_view> names) {
    return fmt::format("not one of {}.{}", fmt::join(names, ", "), did_you_mean(text, names));
}

Parsed<std::string> parse_value(As<std::string>, std::string_view text) {
    return std::string(text);
}

// The words of systemd.syntax(7).
Parsed<bool> parse_value(As<bool>, std::string_view text) {
    const std::string lower = to_lower(text);
    for (std::string_view word : {"1", "yes", "y", "true", "t", "on"})
        if (lower == word)
            return true;
    for (std::string_view word : {"0", "no", "n", "false", "f", "off"})
        if (lower == word)
            return false;
    return std::unexpected("not a boolean; write yes or no.");
}

Parsed<FilePath> parse_value(As<FilePath>, std::string_view text) {
    // systemd refuses such paths in BindPaths=, and a relative one would leave the VM's folder.
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        if (rest.substr(0, slash) == "..")
            return std::unexpected("a path must not contain '..'; write it in full.");
        rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    if (text.ends_with('/'))
        return std::unexpected("the path of a folder, not of a file.");
    return FilePath{std::string(text)};
}

Parsed<FolderPath> parse_value(As<FolderPath>, std::string_view text) {
    auto path = parse_value(As<FilePath>{}, text);
    if (!path)
        return std::unexpected(text.ends_with('/') ? "write it without the '/' at its end."
                                                   : path.error());
    if (!text.starts_with('/'))
        return std::unexpected("not an absolute path; write it in full, as in /srv/share.");
    return FolderPath{path->text};
}

Parsed<ProgramPath> parse_value(As<ProgramPath>, std::string_view text) {
    auto path = parse_value(As<FilePath>{}, text);
    if (!path)
        return std::unexpected(path.error());
    if (!text.starts_with('/'))
        return std::unexpected(
            "not an absolute path; write it in full, as in /usr/bin/qemu-system-x86_64.");
    return ProgramPath{path->text};
}

Parsed<QemuName> parse_value(As<QemuName>, std::string_view text) {
    const auto is_char = [](char c) {
        return is_alphanumeric_or(c, "_.-+");
    };
    if (!std::ranges::all_of(text, is_char))
        return std::unexpected(
            "not a name; letters, digits, '_', '.', '-' and '+' only. Options go to Arguments=.");
    return QemuName{std::string(text)};
}

Parsed<MemorySize> parse_value(As<MemorySize>, std::string_view text) {
    const auto bytes = parse_size(text);
    if (!bytes)
        return std::unexpected(bytes.error());
    if (*bytes < 1u << 20)
        return std::unexpected(fmt::format(
            "less than a machine can start with (1M); did you forget the unit, as in {}M?",
            leading_digits(text)));
    return MemorySize{*bytes};
}

Parsed<DiskSize> parse_value(As<DiskSize>, std::string_view text) {
    constexpr unsigned kSector = 512;
    const auto bytes = parse_size(text);
    if (!bytes)
        return std::unexpected(bytes.error());
    if (*bytes == 0 || *bytes % kSector != 0)
        return std::unexpected(
            fmt::format("not whole sectors of {} bytes; did you forget the unit, as in {}G?",
                        kSector, leading_digits(text)));
    return DiskSize{*bytes};
}

// As IOReadBandwidthMax= and IOReadIOPSMax= of systemd.resource-control(5): K, M, G, T to the base
// 1000. The most is QEMU's (THROTTLE_VALUE_MAX in include/qemu/throttle.h).
Parsed<Rate> parse_value(As<Rate>, std::string_view text) {
    constexpr std::string_view kSuffixes = "KMGT";
    constexpr uint64_t kMost = 1'000'000'000'000'000;
    uint64_t unit = 1;
    std::string_view digits = text;
    if (const std::size_t i = text.empty() ? text.npos : kSuffixes.find(text.back());
        i != kSuffixes.npos) {
        for (std::size_t power = 0; power <= i; ++power)
            unit *= 1000;
        digits.remove_suffix(1);
    }
    const auto number = whole_number(digits);
    if (!number)
        return std::unexpected("not a rate; write how many in a second, as 500 or 10M.");
    if (*number == 0)
        return std::unexpected("nothing at all; write nothing behind the '=' for no limit.");
    if (*number > kMost / unit)
        return std::unexpected("more than QEMU can count (1000T).");
    return Rate{*number * unit};
}

// More than a qcow2 image is good for.
constexpr unsigned kSnapshotsMax = 1000;

Parsed<SnapshotCount> parse_value(As<SnapshotCount>, std::string_view text) {
    const auto number = whole_number(text);
    if (!number || *number == 0 || *number > kSnapshotsMax)
        return std::unexpected(
            fmt::format("not a number of snapshots; write 1 to {}.", kSnapshotsMax));
    return SnapshotCount{static_cast<unsigned>(*number)};
}

Parsed<CpuCount> parse_value(As<CpuCount>, std::string_view text) {
    const auto number = whole_number(text);
    if (!number || *number < 1 || *number > kCpusMax)
        return std::unexpected(fmt::format("not a number of CPUs from 1 to {}.", kCpusMax));
    return CpuCount{static_cast<unsigned>(*number)};
}

Parsed<Uuid> parse_value(As<Uuid>, std::string_view text) {
    constexpr std::size_t kGroups[] = {8, 4, 4, 4, 12};
    std::string_view rest = text;
    for (std::size_t digits : kGroups) {
        if (!is_hex(rest.substr(0, digits), digits))
            return std::unexpected("not a UUID; `uuidgen` prints one.");
        rest.remove_prefix(digits);
        if (rest.starts_with('-') && digits != 12)
            rest.remove_prefix(1);
        else if (!rest.empty())
            return std::unexpected("not a UUID; `uuidgen` prints one.");
    }
    return Uuid{std::string(text)};
}

Parsed<ClockBase> parse_value(As<ClockBase>, std::string_view text) {
    if (text != "utc" && text != "localtime" && !is_date(text))
        return std::unexpected("not a clock; write utc, localtime, or 2026-01-31T12:00:00.");
    return ClockBase{std::string(text)};
}

// systemd.time(7): numbers, each with a unit or none, which means seconds.
Parsed<TimeSpan> parse_value(As<TimeSpan>, std::string_view text) {
    struct Unit {
        uint64_t usec;
        std::vector<std::string_view> names;
    };
    constexpr uint64_t kDay = 86'400 * kSecond;
    static const Unit kUnits[] = {
        {1, {"us", "usec"}},
        {1000, {"ms", "msec"}},
        {kSecond, {"", "s", "sec", "second", "seconds"}},
        {60 * kSecond, {"m", "min", "minute", "minutes"}},
        {3600 * kSecond, {"h", "hr", "hour", "hours"}},
        {kDay, {"d", "day", "days"}},
        {7 * kDay, {"w", "week", "weeks"}},
        {2'629'800 * kSecond, {"M", "month", "months"}},
        {31'557'600 * kSecond, {"y", "year", "years"}},
    };
    const std::string all(text);
    if (text == "infinity")
        return TimeSpan{all, UINT64_MAX};
    const auto fault = std::unexpected("not a time span; write 90s, 5min or infinity.");
    if (text.empty())
        return fault;
    uint64_t usec = 0;
    while (!(text = trim(text)).empty()) {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
        const std::string_view number = text.substr(0, digits);
        text = trim(text.substr(digits));
        const std::size_t end = std::min(text.find_first_of(" \t0123456789"), text.size());
        const auto unit = std::ranges::find_if(kUnits, [&](const Unit &u) {
            return std::ranges::find(u.names, text.substr(0, end)) != u.names.end();
        });
        if (unit == std::end(kUnits))
            return fault;
        const auto added = part_of(number, unit->usec);
        if (!added || *added > UINT64_MAX - usec)
            return fault;
        usec += *added;
        text.remove_prefix(end);
    }
    return TimeSpan{all, usec / kSecond};
}

Parsed<ReadyWhen> parse_value(As<ReadyWhen>, std::string_view text) {
    constexpr std::string_view kSerial = "serial:";
    if (text == "started")
        return ReadyWhen{};
    if (text == "agent")
        return ReadyWhen{ReadyWhen::Thing::agent, {}};
    if (text == "notify")
        return ReadyWhen{ReadyWhen::Thing::notify, {}};
    if (!text.starts_with(kSerial))
        return std::unexpected("not one of started, serial:REGEX, agent, notify.");
    const std::string expression(text.substr(kSerial.size()));
    if (const std::string fault = expression_fault(expression); !fault.empty())
        return std::unexpected(fault);
    return ReadyWhen{ReadyWhen::Thing::serial_line, expression};
}

// vsock(7): 0 to 2 are the hypervisor, this machine and the host; the highest means "any".
Parsed<VsockCid> parse_value(As<VsockCid>, std::string_view text) {
    const auto number = whole_number(text);
    if (!number || *number < 3 || *number > 0xfffffffe)
        return std::unexpected("not a CID of a guest, from 3 to 4294967294.");
    return VsockCid{static_cast<unsigned>(*number)};
}

Parsed<BootPosition> parse_value(As<BootPosition>, std::string_view text) {
    constexpr unsigned kMax = 9999;
    const auto number = whole_number(text);
    if (!number || *number > kMax)
        return std::unexpected(fmt::format("not a position from 0 to {}.", kMax));
    return BootPosition{static_cast<unsigned>(*number)};
}

// The kernel's rule is wider (dev_valid_name()); a unit is named after the interface.
Parsed<InterfaceName> parse_value(As<InterfaceName>, std::string_view text) {
    if (!is_interface_name(text))
        return std::unexpected(fmt::format(
            "not the name of an interface; letters, digits, '_', '.' and '-', at most {} in all.",
            kInterfaceNameMax));
    return InterfaceName{std::string(text)};
}

Parsed<MacAddress> parse_value(As<MacAddress>, std::string_view text) {
    bool valid = text.size() == 17;
    for (std::size_t i = 0; valid && i < 6; ++i)
        valid = is_hex(text.substr(3 * i, 2), 2) && (i == 5 || text[3 * i + 2] == ':');
    if (!valid)
        return std::unexpected("not a MAC address; write it as in 52:54:00:12:34:56.");
    if (whole_number<unsigned>(text.substr(0, 2), {.base = 16}).value_or(0) & 1)
        return std::unexpected("a multicast address, which no network card may have.");
    return MacAddress{std::string(text)};
}

Parsed<HostForward> parse_value(As<HostForward>, std::string_view text) {
    return parse_host_forward(text);
}

Parsed<FileMode> parse_value(As<FileMode>, std::string_view text) {
    const auto bits = whole_number(text, {.base = 8});
    if (!bits || *bits > 0777)
        return std::unexpected("not an access mode; write it in octal, as in 0660.");
    return FileMode{static_cast<unsigned>(*bits)};
}

// The strict form of systemd's User= (systemd.exec(5)), or a number.
Parsed<AccountName> parse_value(As<AccountName>, std::string_view text) {
    const auto is_char = [](char c) {
        return is_alphanumeric_or(c, "_-");
    };
    const bool begins_a_name = text.find_first_of("-0123456789") != 0;
    if (text.size() > 31 || !(begins_a_name || whole_number(text)) ||
        !std::ranges::all_of(text, is_char))
        return std::unexpected("not the name of a user or group.");
    return AccountName{std::string(text)};
}

bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > kHostNameMax)
        return false;
    for (std::string_view rest = text;;) {
        const std::string_view label = rest.substr(0, rest.find('.'));
        const auto is_char = [](char c) {
            return is_alphanumeric_or(c, "-");
        };
        if (label.empty() || label.size() > 63 || label.starts_with('-') || label.ends_with('-') ||
            !std::ranges::all_of(label, is_char))
            return false;
        if (label.size() == rest.size())
            return true;
        rest.remove_prefix(label.size() + 1);
    }
}

Parsed<HostName> parse_value(As<HostName>, std::string_view text) {
    if (!is_host_name(text))
        return std::unexpected(
            fmt::format("not a host name; letters, digits and '-', with dots between, at most {} "
                        "characters.",
                        kHostNameMax));
    return HostName{std::string(text)};
}

Parsed<GuestUser> parse_value(As<GuestUser>, std::string_view text) {
    const auto is_char = [](char c) {
        return is_alphanumeric_or(c, "_.-");
    };
    const bool begins_well = is_letter(text.front()) || text.front() == '_';
    if (!begins_well || text.size() > 31 || !std::ranges::all_of(text, is_char))
        return std::unexpected(
            "not a user name; a letter, then letters, digits, '_', '.' and '-', at most 31 in "
            "all.");
    return GuestUser{std::string(text)};
}

Parsed<SshKey> parse_value(As<SshKey>, std::string_view text) {
    if (is_ssh_key(text))
        return SshKey{std::string(text), false};
    if (is_private_key(text))
        return std::unexpected(
            "a private key; the public one is in the file with the suffix .pub.");
    if (text.find_first_of(" \t") != text.npos && !text.starts_with('/'))
        return std::unexpected(
            "not a public key; write the line of a .pub file of ssh-keygen, or the file's path.");
    const auto path = parse_value(As<FilePath>{}, text);
    if (!path)
        return std::unexpected(path.error());
    return SshKey{path->text, true};
}

// "$6$rounds=9999$salt$hash" and the like: no text that somebody would type.
Parsed<PasswordHash> parse_value(As<PasswordHash>, std::string_view text) {
    constexpr std::size_t kShortest = 22;  // of a hash: MD5 in crypt(5)'s base 64
    const auto is_char = [](char c) {
        return is_alphanumeric_or(c, "./$=,");
    };
    const std::size_t second = text.starts_with('$') ? text.find('$', 1) : text.npos;
    const std::size_t last = text.rfind('$');
    if (second == text.npos || second == 1 || second == last || text.size() - last <= kShortest ||
        !std::ranges::all_of(text, is_char))
        return std::unexpected(
            "not the hash of a password, see crypt(5); make one by: openssl passwd -6");
    return PasswordHash{std::string(text)};
}

}  // namespace qemunit::generator
