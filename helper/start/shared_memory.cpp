// SPDX-License-Identifier: MIT
#include "helper/start/shared_memory.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "common/unique_fd.h"

namespace qemunit::helper {

namespace {

// Of machines, since QEMU 10.0 (hw/core/machine.c).
constexpr std::string_view kSharesAll = "aux-ram-share";
// What QEMU itself calls the memory of a PC, and names it in a migration (default_ram_id of
// hw/i386/pc_q35.c and pc_piix.c): with another name, no state that was saved before would fit.
constexpr std::string_view kMemoryName = "pc.ram";

bool read_at(int fd, void *buffer, std::size_t size, uint64_t place) {
    return pread(fd, buffer, size, static_cast<off_t>(place)) == static_cast<ssize_t>(size);
}

// Of the file `fd`, whose length is `length`.
bool has_text(int fd, uint64_t length, const Elf64_Shdr &section, std::string_view text) {
    const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    const uint64_t begin = section.sh_offset & ~(page - 1);
    if (section.sh_offset > length || section.sh_size > length - section.sh_offset ||
        section.sh_size == 0)
        return false;
    const std::size_t size = section.sh_offset + section.sh_size - begin;
    void *const mapped =
        mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, static_cast<off_t>(begin));
    if (mapped == MAP_FAILED)
        return false;
    const bool found = memmem(mapped, size, text.data(), text.size()) != nullptr;
    munmap(mapped, size);
    return found;
}

// A value of a QEMU option, by its name: from behind the "=" to the comma.
std::string_view value_of(std::string_view option, std::string_view name) {
    const std::string key = fmt::format(",{}=", name);
    const std::size_t at = option.find(key);
    if (at == option.npos)
        return {};
    option.remove_prefix(at + key.size());
    return option.substr(0, option.find(','));
}

std::string *value_behind(std::vector<std::string> &words, std::string_view option) {
    const auto found = std::ranges::find(words, option);
    return found == words.end() || found + 1 == words.end() ? nullptr : &*(found + 1);
}

bool is_shared(const std::string &object) {
    return object.starts_with("memory-backend-memfd,") && value_of(object, "share") == "on";
}

}  // namespace

bool hands_over_guests(const std::string &program) {
    const UniqueFd fd(open(program.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    Elf64_Ehdr header{};
    if (!fd || fstat(fd.get(), &status) != 0 || !read_at(fd.get(), &header, sizeof header, 0) ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(Elf64_Shdr) ||
        header.e_shstrndx >= header.e_shnum)
        return false;
    std::vector<Elf64_Shdr> sections(header.e_shnum);
    if (!read_at(fd.get(), sections.data(), sections.size() * sizeof sections.front(),
                 header.e_shoff))
        return false;
    const auto length = static_cast<uint64_t>(status.st_size);
    for (const Elf64_Shdr &section : sections) {
        constexpr std::string_view kConstants(".rodata", sizeof ".rodata");  // with its null
        char name[kConstants.size()] = {};
        if (section.sh_type == SHT_PROGBITS &&
            read_at(fd.get(), name, sizeof name,
                    sections[header.e_shstrndx].sh_offset + section.sh_name) &&
            std::string_view(name, sizeof name) == kConstants)
            return has_text(fd.get(), length, section, kSharesAll);
    }
    return false;
}

bool share_memory(std::vector<std::string> &qemu) {
    std::vector<std::string> changed = qemu;
    std::string *const machine = value_behind(changed, "-machine");
    const std::string *const size = value_behind(changed, "-m");
    if (!machine || !size || machine->find(kSharesAll) != machine->npos)
        return false;
    *machine += fmt::format(",{}=on", kSharesAll);
    if (const std::string backend(value_of(*machine, "memory-backend")); !backend.empty()) {
        for (auto word = changed.begin(); word + 1 < changed.end(); ++word)
            if (*word == "-object" && value_of(*(word + 1), "id") == backend &&
                is_shared(*(word + 1))) {
                qemu = std::move(changed);
                return true;
            }
        return false;
    }
    *machine += fmt::format(",memory-backend={}", kMemoryName);
    const std::string object = fmt::format("memory-backend-memfd,id={},size={},share=on",
                                           kMemoryName, size->substr(0, size->find(',')));
    // Where the helper adds what the ini does not say.
    changed.insert(changed.begin() + 1, {"-object", object});
    qemu = std::move(changed);
    return true;
}

}  // namespace qemunit::helper
