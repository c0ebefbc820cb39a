// SPDX-License-Identifier: MIT
#include "generator/vm/mac_address.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "common/concat.h"

namespace qemunit::generator {

namespace {

uint64_t read_little_endian(const void *bytes, std::size_t count) {
    uint8_t raw[8] = {};
    std::memcpy(raw, bytes, count);
    uint64_t value = 0;
    for (int i = 7; i >= 0; --i)
        value = value << 8 | raw[i];
    return value;
}

class SipHash {
  public:
    explicit SipHash(const HostId &key) {
        const uint64_t k0 = read_little_endian(key.bytes.data(), 8);
        const uint64_t k1 = read_little_endian(key.bytes.data() + 8, 8);
        v0_ ^= k0;
        v1_ ^= k1;
        v2_ ^= k0;
        v3_ ^= k1;
    }

    uint64_t of(std::string_view text) {
        const uint64_t length = static_cast<uint64_t>(text.size()) << 56;
        for (; text.size() >= 8; text.remove_prefix(8))
            take(read_little_endian(text.data(), 8));
        take(length | read_little_endian(text.data(), text.size()));
        v2_ ^= 0xff;
        for (int i = 0; i < 4; ++i)
            mix();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

  private:
    void take(uint64_t word) {
        v3_ ^= word;
        mix();
        mix();
        v0_ ^= word;
    }
    void mix() {
        v0_ += v1_, v2_ += v3_;
        v1_ = std::rotl(v1_, 13) ^ v0_, v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v1_, v0_ += v3_;
        v1_ = std::rotl(v1_, 17) ^ v2_, v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ = std::rotl(v2_, 32);
    }

    uint64_t v0_ = 0x736f6d6570736575, v1_ = 0x646f72616e646f6d;
    uint64_t v2_ = 0x6c7967656e657261, v3_ = 0x7465646279746573;
};

}  // namespace

uint64_t keyed_hash(const HostId &key, std::string_view text) {
    return SipHash(key).of(text);
}

uint32_t hash_of_name(const Vm &vm, const Network &network) {
    uint32_t hash = 2166136261u;
    for (char c : concat(vm.name, "/", network.name))
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return (hash ^ (hash >> 24)) & 0xffffff;
}

bool is_made_with_host_id(const Network &network) {
    return !network.mac &&
           (network.type == NetworkType::tap || network.type == NetworkType::bridge);
}

std::string mac_address(const Vm &vm, const Network &network) {
    if (network.mac)
        return network.mac->text;
    // The machine's ID itself must not be seen in a network (machine-id(5)): it is the key.
    const uint32_t bits =
        is_made_with_host_id(network) && vm.host_id
            ? keyed_hash(*vm.host_id, concat("qemunit MAC ", vm.name, "/", network.name)) & 0xffffff
            : hash_of_name(vm, network);
    return fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", bits >> 16, (bits >> 8) & 0xff,
                       bits & 0xff);
}

}  // namespace qemunit::generator
