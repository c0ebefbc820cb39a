// SPDX-License-Identifier: MIT
//
// `qemunitctl list` of several machines. What ssh would bring is brought by a script in its place:
// the bus of this system, or no answer.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kFolder[] = "/srv/fleet";

class InPlaceOfSsh {
  public:
    InPlaceOfSsh() {
        fs::create_directories(kFolder);
        write_file(
            kFolder + std::string("/ssh"),
            "#!/bin/bash\n"
            "case \" $* \" in\n"
            "    *' gone '*) echo 'ssh: connect to host gone port 22: No route to host' >&2\n"
            "        exit 255 ;;\n"
            "    *) if { : </dev/tty; } 2>/dev/null; then echo 'has a terminal' >&2; exit 1; fi\n"
            "        exec systemd-stdio-bridge ;;\n"
            "esac\n");
        fs::permissions(kFolder + std::string("/ssh"), fs::perms(0755));
    }
    ~InPlaceOfSsh() { fs::remove_all(kFolder); }
    InPlaceOfSsh(const InPlaceOfSsh &) = delete;
    InPlaceOfSsh &operator=(const InPlaceOfSsh &) = delete;
};

Finished ctl_of_fleet(const std::string &words) {
    return run({"bash", "-c", std::string("PATH=") + kFolder + ":$PATH qemunitctl " + words});
}

TEST(Fleet, AHostThatDoesNotAnswerHidesNoOther) {
    const InPlaceOfSsh ssh;
    const VmUnderTest vm("fleetvm", boot_sector_ini());
    const Finished list = ctl_of_fleet("-H alpha,gone,beta list");
    EXPECT_EQ(list.status, 1);
    expect_contains(list.output, "alpha  fleetvm  off");
    expect_contains(list.output, "beta   fleetvm  off");
    expect_contains(list.output, "qemunitctl: gone: ssh: connect to host gone port 22: No route");
    EXPECT_FALSE(list.says("has a terminal")) << list;

    write_file(kFolder + std::string("/hosts"), "alpha  # upstairs\nbeta\n");
    const Finished names = ctl_of_fleet("list --names --hosts=/srv/fleet/hosts");
    EXPECT_TRUE(names.ok()) << names;
    expect_contains(names.output, "alpha fleetvm\n");
    expect_contains(names.output, "beta fleetvm\n");
}

TEST(Fleet, OnlyListTakesSeveral) {
    const Finished status = run_words("qemunitctl -H alpha,beta status vm1");
    EXPECT_EQ(status.status, 2);
    expect_contains(status.output, "qemunitctl --host=alpha,beta list");
    const Finished both = run_words("qemunitctl -H alpha list --hosts=/srv/fleet/hosts");
    EXPECT_EQ(both.status, 1);
    expect_contains(both.output, "--host and --user do not go with it");
}

}  // namespace
}  // namespace qemunit::e2e
