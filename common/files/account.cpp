// SPDX-License-Identifier: MIT
#include "common/files/account.h"

#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "common/whole_number.h"

namespace qemunit {

namespace {

std::vector<gid_t> groups_of(const char *name, gid_t gid) {
    int count = 64;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    while (getgrouplist(name, gid, groups.data(), &count) < 0) {
        if (static_cast<std::size_t>(count) <= groups.size())
            return {gid};
        groups.resize(static_cast<std::size_t>(count));
    }
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

// setfsuid(2) and setfsgid(2) do not tell whether they worked; called with an impossible ID, they
// return the one that counts now.
bool is_fs_user(uid_t uid, gid_t gid) {
    return static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1))) == uid &&
           static_cast<gid_t>(setfsgid(static_cast<gid_t>(-1))) == gid;
}

}  // namespace

Result<Account> find_account(const std::string &name) {
    const auto uid = whole_number<uid_t>(name);
    const passwd *entry = uid ? getpwuid(*uid) : getpwnam(name.c_str());
    if (entry == nullptr && !uid)
        return fail(ENOENT, "there is no user '" + name + "'");
    if (entry == nullptr)
        return Account{name, *uid, *uid, {*uid}};
    return Account{name, entry->pw_uid, entry->pw_gid, groups_of(entry->pw_name, entry->pw_gid)};
}

Result<ActingAs> ActingAs::begin(const Account &account) {
    ActingAs acting;
    if (geteuid() == account.uid)
        return acting;
    const int count = getgroups(0, nullptr);
    acting.own_groups_.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    if (count < 0 || getgroups(count, acting.own_groups_.data()) < 0)
        return fail_errno(errno, "cannot tell which groups this process has");
    if (setgroups(account.groups.size(), account.groups.data()) != 0)
        return fail_errno(errno, "cannot open files as user '" + account.name + "'");
    acting.is_acting_ = true;
    setfsgid(account.gid);
    setfsuid(account.uid);
    if (!is_fs_user(account.uid, account.gid))
        return fail(EPERM, "cannot open files as user '" + account.name + "'");
    return acting;
}

ActingAs::ActingAs(ActingAs &&other) noexcept
    : is_acting_(std::exchange(other.is_acting_, false)),
      own_groups_(std::move(other.own_groups_)) {}

ActingAs::~ActingAs() {
    if (!is_acting_)
        return;
    setfsuid(geteuid());
    setfsgid(getegid());
    // To go on with somebody else's groups would be to go on with somebody else's rights.
    if (setgroups(own_groups_.size(), own_groups_.data()) != 0 || !is_fs_user(geteuid(), getegid()))
        std::abort();
}

}  // namespace qemunit
