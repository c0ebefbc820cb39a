// SPDX-License-Identifier: MIT
#include "bus/access/callers.h"

#include <malloc.h>

#include <string_view>
#include <utility>

#include "common/bus_call.h"

namespace qemunit::bus {

namespace {

// Names whose user is remembered, which saves a question of 0.1 ms to the bus for each call.
constexpr std::size_t kNamesMax = 1000;

}  // namespace

Result<> Callers::watch(sd_bus *bus) {
    sd_bus_slot *slot = nullptr;
    // arg2, the new owner: none.
    if (int r = sd_bus_add_match(bus, &slot,
                                 "type='signal',sender='org.freedesktop.DBus',"
                                 "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
                                 "member='NameOwnerChanged',arg2=''",
                                 on_name_owner_changed, this);
        r < 0)
        return fail_errno(r, "cannot watch for callers that leave");
    leaving_.reset(slot);
    return {};
}

// Anybody may send a signal straight to us: see SystemdUnits::is_from_systemd().
int Callers::on_name_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *) {
    const char *sender = sd_bus_message_get_sender(message), *name = nullptr;
    if (sender && sender == std::string_view(kBusDaemon) &&
        sd_bus_message_read(message, "s", &name) > 0)
        static_cast<Callers *>(userdata)->leave(name);
    return 0;
}

void Callers::leave(const std::string &name) {
    if (const auto caller = callers_.extract(name))
        caller.mapped()->is_there = false;
}

std::shared_ptr<void> Callers::take_place(const std::string &whose) {
    const auto place = count_->of.find(whose);
    const unsigned open = place == count_->of.end() ? 0 : place->second;
    const std::size_t memory = memory_();
    if (open >= kMaxOfUser || count_->all >= kMax || memory >= kMaxBytes ||
        (open > 0 && memory >= kTightBytes))
        return nullptr;
    ++count_->all;
    ++count_->of[whose];
    return {count_.get(), [count = count_, whose](void *) {
                --count->all;
                if (--count->of[whose] == 0)
                    count->of.erase(whose);
            }};
}

std::optional<OpenCall> Callers::open(const std::string &name) {
    if (callers_.size() >= kNamesMax)
        std::erase_if(callers_, [](const auto &known) { return known.second.use_count() == 1; });
    auto &caller = callers_[name];
    if (!caller)
        caller = std::make_shared<Caller>(Caller{name, std::nullopt});
    OpenCall call;
    call.caller_ = caller;
    if (caller->uid)  // identify() comes next
        return call;
    call.place_ = take_place(name);
    return call.place_ ? std::optional(std::move(call)) : std::nullopt;
}

bool Callers::identify(OpenCall &call, uint32_t uid, bool is_trusted) {
    call.caller_->uid = uid;
    call.place_.reset();
    if (is_trusted)
        return true;
    call.place_ = take_place(std::to_string(uid));
    return call.place_ != nullptr;
}

Callers &callers() {
    static Callers all;
    return all;
}

std::size_t bytes_in_use() {
    const auto memory = mallinfo2();
    return memory.uordblks + memory.hblkhd;  // those on the heap, those with a mapping each
}

}  // namespace qemunit::bus
