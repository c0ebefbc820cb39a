// SPDX-License-Identifier: MIT
//
// `qemunitctl edit`, `clone`, `rename` and `remove`, with other VMs beside.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/made_vm.h"
#include "tests/e2e/user_session.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kSmall[] = "[VM]\nMemory=64M\n";

// An ini file, and a folder with a disk in it, of a VM that has not run.
class VmAtRest {
  public:
    explicit VmAtRest(const std::string &name, const std::string &ini) : vm(name) {
        write_file(vm.ini_path(), ini);
        fs::create_directories(vm.state());
        fs::permissions(vm.state(), fs::perms(0711));
    }
    ~VmAtRest() {
        fs::remove_all(vm.ini_path() + ".d");
        run_words("systemctl disable " + vm.unit());
    }
    VmAtRest(const VmAtRest &) = delete;
    VmAtRest &operator=(const VmAtRest &) = delete;
    std::string disk(const std::string &name = "root.img") const { return vm.state() + "/" + name; }

    MadeVm vm;
};

std::string drive_at(const std::string &file, const std::string &more = "") {
    return "[Drive " + fs::path(file).stem().native() + "]\nFile=" + file + "\n" + more;
}

TEST(Vms, RemoveAsksFirst) {
    const VmAtRest a("rmask", kSmall + drive_at("root.img"));
    write_file(a.disk(), "disk");
    {
        Terminal terminal({"qemunitctl", "remove", "rmask"});
        ASSERT_SEEN(terminal, "Delete? [y/N]");
        terminal.type("\n");
        EXPECT_EQ(terminal.wait(), 1);
    }
    EXPECT_EQ(a.vm.ini(), kSmall + drive_at("root.img"));
    Terminal terminal({"qemunitctl", "remove", "rmask"});
    ASSERT_SEEN(terminal, "Delete? [y/N]");
    terminal.type("y\n");
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
    EXPECT_FALSE(fs::exists(a.vm.ini_path()));
    EXPECT_EQ(read_file(a.disk()), "disk");
    // What is left of it, by the same command.
    const Finished left = ctl("remove rmask --yes");
    EXPECT_TRUE(left.status == 1 && left.says("--with-disks deletes the folder")) << left;
    EXPECT_TRUE(ctl("remove rmask --yes --with-disks").ok());
    EXPECT_FALSE(fs::exists(a.vm.state()));
    const Finished none = ctl("remove rmask --yes --with-disks");
    EXPECT_TRUE(none.status == 1 && none.says("there is no rmask.ini in /etc/qemunit")) << none;
}

TEST(Vms, RemoveDoesNotAskAScript) {
    const VmAtRest a("rmscript", kSmall + drive_at("root.img"));
    write_file(a.disk(), "disk");
    const Finished removed = run({"qemunitctl", "remove", "rmscript"});
    EXPECT_TRUE(removed.ok()) << removed;
    expect_contains(
        removed.output,
        "To be deleted:\n  /etc/qemunit/rmscript.ini\nTo be left:\n  "
        "/var/lib/qemunit/rmscript: 1 file, 4.0K; --with-disks deletes the folder, too\n");
    EXPECT_FALSE(fs::exists(a.vm.ini_path()));
    EXPECT_EQ(read_file(a.disk()), "disk");
}

TEST(Vms, RemoveTakesAllThatIsTheVmsOwn) {
    const std::string outside = "/srv/rmall-data.img", read_only = "/srv/rmall-base.img";
    const VmAtRest a("rmall", kSmall + drive_at("root.img") + drive_at(outside) +
                                  drive_at(read_only, "ReadOnly=yes\n"));
    write_file(outside, "x");
    write_file(read_only, "x");
    write_file("/srv/rmall-secret", "x");
    write_file(a.disk(), "x");
    fs::create_directories(a.disk("tpm"));
    write_file(a.disk("tpm/state"), "x");
    fs::create_symlink("/srv", a.disk("link"));
    fs::create_directories(a.vm.ini_path() + ".d");
    write_file(a.vm.ini_path() + ".d/10.conf", "[VM]\nCPUs=2\n");
    const std::string wants = "/etc/systemd/system/machines.target.wants/qemu@rmall.service",
                      known = "/root/.local/state/qemunit/known_hosts";
    fs::create_directories(known + "/qemu");
    for (const char *vm : {"rmall", "rmother"}) {
        write_file(known + "/system:" + vm, "key");
        fs::create_symlink(known + "/system:" + vm, known + "/qemu/" + vm);
    }
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(run_words("systemctl enable " + a.vm.unit()).ok());
    ASSERT_TRUE(run_words("systemctl enable --now qemu-serial@rmall.socket").ok());
    ASSERT_TRUE(fs::is_symlink(wants));
    const Finished removed = ctl("remove rmall --yes --with-disks");
    ASSERT_TRUE(removed.ok()) << removed;
    expect_contains(removed.output, read_only + ", which the VM only reads");
    for (const std::string &path :
         {a.vm.ini_path(), a.vm.ini_path() + ".d", a.vm.state(), outside, wants,
          std::string("/etc/systemd/system/sockets.target.wants/qemu-serial@rmall.socket"),
          std::string("/run/qemunit/rmall/serial.sock"), known + "/system:rmall",
          known + "/qemu/rmall", std::string("/run/systemd/generator/qemu@rmall.service.d")})
        EXPECT_FALSE(fs::exists(fs::symlink_status(path))) << path;
    EXPECT_TRUE(fs::exists(read_only) && fs::exists("/srv/rmall-secret") &&
                fs::exists(known + "/qemu/rmother"));
    fs::remove_all(known);
    fs::remove(read_only);
    fs::remove("/srv/rmall-secret");
}

// Root's own, to another disk, and what somebody laid into the folder.
TEST(Vms, RemoveSaysWhereLinksLead) {
    const VmAtRest a("rmlinked", kSmall + drive_at("root.img"));
    const std::string there = "/srv/rmlinked-folder", other = "/srv/rmlinked-other.img";
    fs::create_directories(there);
    write_file(other, "x");
    fs::remove_all(a.vm.state());
    fs::create_directory_symlink(there, a.vm.state());
    fs::create_symlink(other, a.disk("root.img"));
    const Finished removed = ctl("remove rmlinked --yes --with-disks");
    ASSERT_TRUE(removed.ok()) << removed;
    expect_contains(removed.output, a.vm.state() + ", which leads to " + there + ": 1 file");
    expect_contains(removed.output,
                    "To be left:\n  what the link " + a.disk("root.img") + " leads to\n");
    EXPECT_FALSE(removed.says("no plain file")) << removed;
    EXPECT_FALSE(fs::exists(there) || fs::is_symlink(fs::symlink_status(a.vm.state())));
    EXPECT_TRUE(fs::exists(other));
    fs::remove(other);
}

TEST(Vms, RemoveLeavesWhatAnotherVmNeeds) {
    const VmAtRest a("rmbase", kSmall + drive_at("root.img") + drive_at("lower.qcow2") +
                                   drive_at("/srv/rmshared.img")),
        b("rmlayer", kSmall + drive_at("root.qcow2") + drive_at("/srv/rmshared.img")),
        c("rmnamer", kSmall + drive_at("root.img"));
    write_file("/srv/rmshared.img", "x");
    write_file(a.disk(), "x");
    write_file(a.disk("other"), "x");
    // A chain of which no ini knows more than its top.
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", a.disk("lower.qcow2"), "1M"}).ok());
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b",
                     a.disk("lower.qcow2"), "/srv/rmmiddle.qcow2"})
                    .ok());
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b",
                     "/srv/rmmiddle.qcow2", b.disk("root.qcow2")})
                    .ok());
    fs::create_directories(c.vm.ini_path() + ".d");
    write_file(c.vm.ini_path() + ".d/10.conf",
               "[VM]\nArguments=-drive file=" + a.disk() + ",format=raw,readonly=on\n");
    const Finished removed = ctl("remove rmbase --yes --with-disks");
    ASSERT_TRUE(removed.ok()) << removed;
    expect_contains(removed.output, a.disk("lower.qcow2") + ": ");
    expect_contains(removed.output, "of the VM 'rmlayer' is a layer on it");
    expect_contains(removed.output, a.disk() + ": the VM 'rmnamer' names it");
    expect_contains(removed.output, "/srv/rmshared.img: the VM 'rmlayer' names it");
    EXPECT_TRUE(fs::exists(a.disk()) && fs::exists(a.disk("lower.qcow2")) &&
                fs::exists("/srv/rmshared.img"));
    EXPECT_FALSE(fs::exists(a.disk("other")) || fs::exists(a.vm.ini_path()));
    for (const char *path : {"/srv/rmshared.img", "/srv/rmmiddle.qcow2"})
        fs::remove(path);
}

TEST(Vms, RemoveStopsNothing) {
    VmUnderTest vm("rmruns", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished refused = ctl("remove rmruns --yes --with-disks");
    EXPECT_EQ(refused.status, 1);
    expect_contains(refused.output,
                    "qemunitctl: rmruns: the VM is not off (active); stop it "
                    "first: systemctl stop qemu@rmruns\n");
    EXPECT_TRUE(fs::exists(vm.ini_path()));
    fs::create_directories("/usr/lib/qemunit");
    write_file("/usr/lib/qemunit/rmvendor.ini", kSmall);
    const Finished vendor = ctl("remove rmvendor --yes");
    EXPECT_TRUE(vendor.status == 1 && vendor.says("ln -s /dev/null /etc/qemunit/rmvendor.ini"))
        << vendor;
    EXPECT_TRUE(fs::exists("/usr/lib/qemunit/rmvendor.ini"));
    fs::remove("/usr/lib/qemunit/rmvendor.ini");
}

// A program in place of the editor: what it does to the file, and what came of it.
Finished edit_by(const std::string &vm, const std::string &script) {
    return run({"env", "SYSTEMD_EDITOR=f() { " + script + "; }; f", "qemunitctl", "edit", vm});
}

TEST(Vms, EditChecksAndSaysWhatHasToWait) {
    VmUnderTest vm("edruns", boot_sector_ini());
    fs::permissions(vm.ini_path(), fs::perms(0600));
    const std::string before = read_file(vm.ini_path());
    const Finished unchanged = edit_by("edruns", "true");
    EXPECT_TRUE(unchanged.ok() && unchanged.says("Nothing is changed.")) << unchanged;
    const Finished off = edit_by("edruns", "echo '# mine' >> $1");
    EXPECT_TRUE(off.ok() && off.says("It counts when the VM starts.")) << off;
    EXPECT_EQ(read_file(vm.ini_path()), before + "# mine\n");
    struct stat info {};
    ASSERT_EQ(stat(vm.ini_path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);

    const Finished bad =
        edit_by("edruns", "echo '[VM]\nMemory=lots' >> $1; stat -c %a $1 $(dirname $1)");
    EXPECT_EQ(bad.status, 1);
    expect_contains(bad.output, "600\n700\n");
    expect_contains(bad.output, "edruns.ini:");
    expect_contains(bad.output, "Memory=lots: not a size");
    const std::string kept = "what you wrote is in /run/qemunit-edit.";
    ASSERT_TRUE(bad.says(kept)) << bad;
    const std::size_t at = bad.output.find("/run/qemunit-edit.");
    const std::string copy = trimmed(bad.output.substr(at));
    EXPECT_TRUE(read_file(copy).ends_with("Memory=lots\n")) << copy;
    fs::remove_all(fs::path(copy).parent_path());
    EXPECT_EQ(read_file(vm.ini_path()), before + "# mine\n");

    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const Finished running = edit_by("edruns", "echo '[VM]\nCPUs=2' >> $1");
    ASSERT_TRUE(running.ok()) << running;
    expect_contains(running.output,
                    "Not before the VM is started anew: CPUs= in [VM]: 1 becomes 2");
    expect_contains(running.output, "systemctl restart qemu@edruns");
}

TEST(Vms, EditAsksWhereThereIsATerminal) {
    const VmAtRest a("edask", kSmall);
    const std::vector<std::string> command{"env",
                                           "EDITOR=f() { echo Memory=lots >> $1; }; f",
                                           "SYSTEMD_EDITOR=",
                                           "qemunitctl",
                                           "edit",
                                           "edask"};
    {
        Terminal terminal(command);
        ASSERT_SEEN(terminal, "[e]dit again, [k]eep it all the same, [d]iscard it?");
        terminal.type("e\n");
        ASSERT_SEEN(terminal, "[d]iscard it?");
        terminal.type("d\n");
        EXPECT_EQ(terminal.wait(), 1);
    }
    EXPECT_EQ(a.vm.ini(), kSmall);
    Terminal terminal(command);
    ASSERT_SEEN(terminal, "[d]iscard it?");
    terminal.type("k\n");
    EXPECT_EQ(terminal.wait(), 0) << terminal.rest();
    EXPECT_EQ(a.vm.ini(), std::string(kSmall) + "Memory=lots\n");
    for (const auto &entry : fs::directory_iterator("/run"))
        EXPECT_FALSE(entry.path().filename().native().starts_with("qemunit-edit")) << entry.path();
}

TEST(Vms, EditOverwritesNothingOfOthers) {
    const VmAtRest a("edmeans", kSmall);
    const Finished raced =
        edit_by("edmeans", "echo '# mine' >> $1; echo '# theirs' >> /etc/qemunit/edmeans.ini");
    EXPECT_EQ(raced.status, 1);
    expect_contains(raced.output, "edmeans.ini has been changed meanwhile, and is left as it is");
    expect_contains(raced.output, "what you wrote is in /run/qemunit-edit.");
    EXPECT_EQ(a.vm.ini(), std::string(kSmall) + "# theirs\n");
    fs::remove_all(fs::path(trimmed(raced.output.substr(raced.output.find("/run/qemunit-edit."))))
                       .parent_path());

    fs::create_directories("/usr/lib/qemunit");
    write_file("/usr/lib/qemunit/edvendor.ini", kSmall);
    const Finished copied = edit_by("edvendor", "echo CPUs=2 >> $1");
    EXPECT_TRUE(copied.ok() && copied.says("goes to /etc/qemunit/edvendor.ini")) << copied;
    EXPECT_EQ(read_file("/usr/lib/qemunit/edvendor.ini"), kSmall);
    EXPECT_EQ(read_file("/etc/qemunit/edvendor.ini"), std::string(kSmall) + "CPUs=2\n");
    fs::remove("/usr/lib/qemunit/edvendor.ini");
    fs::remove("/etc/qemunit/edvendor.ini");

    const Finished none = edit_by("edmean", "true");
    EXPECT_TRUE(none.status == 1 && none.says("Did you mean 'edmeans'?")) << none;
}

TEST(Vms, CloneHasDisksOfItsOwn) {
    const std::string outside = "/srv/cldata.img", base = "/srv/clbase.img";
    const VmAtRest a("clsource", "# mine\n" + boot_sector_ini("none.img") +
                                     "[VM]\nUUID=6ba7b810-9dad-11d1-80b4-00c04fd430c8\n" +
                                     drive_at("layer.qcow2") + drive_at(outside, "Format=raw\n") +
                                     drive_at(base, "Format=raw\nReadOnly=yes\n") +
                                     "[Network lan]\nMAC=52:54:00:12:34:56\n"
                                     "HostForward=tcp:127.0.0.1:10522-:22\n");
    const MadeVm b("clcopy");
    write_file(outside, std::string(4096, 'o'));
    write_file(base, std::string(4096, 'b'));
    // With a hole, which stays one.
    ASSERT_TRUE(run({"truncate", "-s", "64M", a.disk("sparse.img")}).ok());
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", a.disk("lower.qcow2"), "1M"}).ok());
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b",
                     a.disk("lower.qcow2"), a.disk("layer.qcow2")})
                    .ok());
    write_file(a.disk("uefi-variables.fd"), "variables");
    fs::create_directories(a.disk("tpm"));
    write_file(a.disk("tpm/state"), "tpm");
    write_file(a.disk("hibernated"), "no");
    fs::create_symlink("/etc/shadow", a.disk("link"));
    fs::create_directories(a.vm.ini_path() + ".d");
    write_file(a.vm.ini_path() + ".d/10.conf", "[VM]\nCPUs=2\n");
    fs::permissions(a.vm.ini_path(), fs::perms(0600));

    const Finished made = ctl("clone clsource clcopy");
    ASSERT_TRUE(made.ok()) << made;
    const std::string ini = b.ini();
    EXPECT_TRUE(ini.starts_with("# mine\n[VM]\n")) << ini;
    EXPECT_EQ(ini.find("6ba7b810"), ini.npos) << ini;
    EXPECT_NE(ini.find("UUID="), ini.npos) << ini;
    EXPECT_EQ(ini.find("MAC="), ini.npos) << ini;
    EXPECT_EQ(ini.find(":10522-"), ini.npos) << ini;
    EXPECT_NE(ini.find("File=cldata.img\n"), ini.npos) << ini;
    EXPECT_NE(ini.find("File=" + base), ini.npos) << ini;
    struct stat info {};
    ASSERT_EQ(stat(b.ini_path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
    EXPECT_EQ(read_file(b.ini_path() + ".d/10.conf"), "[VM]\nCPUs=2\n");
    EXPECT_EQ(read_file(b.state() + "/cldata.img"), std::string(4096, 'o'));
    EXPECT_EQ(read_file(b.state() + "/uefi-variables.fd"), "variables");
    EXPECT_EQ(read_file(b.state() + "/tpm/state"), "tpm");
    ASSERT_EQ(stat((b.state() + "/sparse.img").c_str(), &info), 0);
    EXPECT_EQ(info.st_size, 64 << 20);
    EXPECT_LT(info.st_blocks, 1024);
    EXPECT_FALSE(fs::exists(b.state() + "/hibernated"));
    EXPECT_FALSE(fs::exists(fs::symlink_status(b.state() + "/link")));
    expect_contains(made.output, "shared   " + base);
    expect_contains(made.output, "left     " + a.disk("link") + ", which is no file");
    expect_contains(made.output, "left     the hibernated machine of clsource");
    const Finished image = run({"qemu-img", "info", b.state() + "/layer.qcow2"});
    expect_contains(image.output, "backing file: " + b.state() + "/lower.qcow2");
    EXPECT_EQ(fs::status(b.state()).permissions(), fs::perms(0700));

    // And nothing over what is there.
    const Finished again = ctl("clone clsource clcopy");
    EXPECT_TRUE(again.status == 1 && again.says("there is a VM 'clcopy' already")) << again;
    fs::remove_all(b.ini_path() + ".d");
    fs::remove(outside);
    fs::remove(base);
}

// It would be hidden when the file system is mounted, as the start of the VM does.
TEST(Clone, NothingIsMadeWhereAFileSystemIsMissing) {
    const std::string unit = "/etc/systemd/system/var-lib-qemunit-clmissing.mount";
    write_file(unit, "[Mount]\nWhat=tmpfs\nWhere=/var/lib/qemunit/clmissing\nType=tmpfs\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    write_file("/srv/clmissing.img", std::string(1 << 20, 'x'));
    VmUnderTest source("clwhole", boot_sector_ini() + "[Drive data]\nFile=data.raw\nFormat=raw\n");
    fs::create_directories("/var/lib/qemunit/clwhole");
    write_file("/var/lib/qemunit/clwhole/data.raw", std::string(1 << 20, 'x'));
    const std::string backup = "/var/lib/backup-of-clwhole";
    ASSERT_TRUE(source.start().ok()) << source.status();
    const Finished backed_up = ctl("backup clwhole " + backup);
    ASSERT_TRUE(backed_up.ok()) << backed_up;
    ASSERT_TRUE(source.stop().ok());
    for (const std::string &words :
         {std::string("new clmissing /srv/clmissing.img --full-copy --memory=64M --ssh-key="),
          std::string("clone clwhole clmissing"), "restore " + backup + " clmissing"}) {
        const Finished made = ctl(words);
        EXPECT_EQ(made.status, 1) << made;
        EXPECT_TRUE(made.says("is a mount point of var-lib-qemunit-clmissing.mount")) << made;
        EXPECT_FALSE(fs::exists("/etc/qemunit/clmissing.ini")) << words;
        EXPECT_FALSE(fs::exists("/var/lib/qemunit/clmissing/data.raw")) << words;
        fs::remove_all("/var/lib/qemunit/clmissing");
        fs::remove("/etc/qemunit/clmissing.ini");
    }
    fs::remove(unit);
    fs::remove_all(backup);
    fs::remove_all("/var/lib/qemunit/clwhole");
    fs::remove("/srv/clmissing.img");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
}

TEST(Vms, CloneRunsBesideItsSource) {
    const VmAtRest a("clfirst", kSmall + std::string("[Drive root]\nFile=root.img\nFormat=raw\n"
                                                     "[Network lan]\n"
                                                     "HostForward=tcp:127.0.0.1:10523-:22\n"));
    fs::copy_file(kGuestDir + "/console.img", a.disk());
    const MadeVm b("clsecond");
    const Finished made = ctl("clone clfirst clsecond");
    ASSERT_TRUE(made.ok()) << made;
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    for (const std::string vm : {"clfirst", "clsecond"}) {
        ASSERT_TRUE(run({"systemctl", "start", "qemu@" + vm}).ok())
            << run({"systemctl", "status", "qemu@" + vm});
        Terminal console({"qemunitctl", "console", vm});
        ASSERT_SEEN(console, kGuestReady);
    }
    const Finished running = ctl("clone clfirst clthird");
    EXPECT_TRUE(running.status == 1 && running.says("the VM is not off (active)")) << running;
}

TEST(Vms, CloneFromASnapshot) {
    const VmAtRest a("clsnap", kSmall + drive_at("root.qcow2"));
    const MadeVm b("clthen");
    const auto write_byte = [&](const std::string &image, const char *pattern) {
        const std::string command = std::string("write -P ") + pattern + " 0 4096";
        return run({"qemu-io", "-f", "qcow2", "-c", command, image}).ok();
    };
    // Its backing file, no user without rights can read.
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", a.disk("base.qcow2"), "1M"}).ok());
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b",
                     a.disk("base.qcow2"), a.disk("root.qcow2")})
                    .ok());
    fs::permissions(a.disk("base.qcow2"), fs::perms(0600));
    ASSERT_TRUE(write_byte(a.disk("root.qcow2"), "1"));
    ASSERT_TRUE(run({"qemu-img", "snapshot", "-c", "then", a.disk("root.qcow2")}).ok());
    ASSERT_TRUE(write_byte(a.disk("root.qcow2"), "2"));
    const Finished none = ctl("clone clsnap clthen --snapshot=never");
    EXPECT_TRUE(none.status == 1 && none.says("it cannot be put back to a snapshot 'never'"))
        << none;
    EXPECT_FALSE(fs::exists(b.ini_path()) || fs::exists(b.state()));
    const Finished made = ctl("clone clsnap clthen --snapshot=then");
    ASSERT_TRUE(made.ok()) << made;
    const auto has_byte = [&](const std::string &image, const char *pattern) {
        const std::string command = std::string("read -P ") + pattern + " 0 4096";
        return !run({"qemu-io", "-f", "qcow2", "-c", command, image}).says("Pattern verification");
    };
    EXPECT_TRUE(has_byte(b.state() + "/root.qcow2", "1"));
    EXPECT_TRUE(has_byte(a.disk("root.qcow2"), "2"));
    EXPECT_TRUE(run({"qemu-img", "check", "-f", "qcow2", b.state() + "/root.qcow2"}).ok());
}

// Also before the copy is put back to a snapshot.
TEST(Vms, CloneOpensNoFileThatAnImageHasItsDataIn) {
    const VmAtRest a("cldata", kSmall + drive_at("root.qcow2"));
    const MadeVm b("cldatacopy");
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "-o",
                     "data_file=" + a.disk("data.raw"), a.disk("root.qcow2"), "1M"})
                    .ok());
    for (const std::string snapshot : {"", " --snapshot=then"}) {
        const Finished refused = ctl("clone cldata cldatacopy" + snapshot);
        EXPECT_TRUE(refused.status == 1 && refused.says("its data is in another file")) << refused;
        EXPECT_FALSE(fs::exists(b.ini_path()) || fs::exists(b.state()));
    }
}

// What is left of a copy that was killed goes with the next one.
TEST(Vms, CloneLeavesNothingWhenItIsInterrupted) {
    const VmAtRest a("clbig", kSmall + drive_at("root.img", "Format=raw\n"));
    const MadeVm b("clint");
    ASSERT_TRUE(run({"dd", "if=/dev/urandom", "of=" + a.disk(), "bs=1M", "count=64"}).ok());
    const std::string unfinished = "/var/lib/qemunit/.clint.clone";
    for (const char *signal : {"TERM", "KILL"}) {
        // At its third write of a quarter of a megabyte.
        const Finished cut = run({"strace", "-f", "-qq", "-o", "/dev/null", "-e",
                                  std::string("inject=pwrite64:signal=") + signal + ":when=3",
                                  "qemunitctl", "clone", "clbig", "clint"});
        EXPECT_NE(cut.status, 0) << cut;
        EXPECT_FALSE(fs::exists(b.ini_path()) || fs::exists(b.state()));
        EXPECT_EQ(fs::exists(unfinished), std::string(signal) == "KILL") << cut;
    }
    const Finished made = ctl("clone clbig clint");
    ASSERT_TRUE(made.ok()) << made;
    EXPECT_FALSE(fs::exists(unfinished));
    EXPECT_TRUE(run({"cmp", a.disk(), b.state() + "/root.img"}).ok());
}

TEST(Vms, RenameTakesAllThatIsTheVmsOwn) {
    const VmAtRest a("rnold", "# mine\n" + std::string(kSmall) +
                                  "[Drive root]\nFile=/var/lib/qemunit/rnold/root.img\nFormat=raw\n"
                                  "[Network lan]\n[CloudInit]\nUser=joe\n");
    const VmAtRest b("rnnew", "");
    fs::remove(b.vm.ini_path());
    fs::copy_file(kGuestDir + "/console.img", a.disk());
    fs::create_directories(a.vm.ini_path() + ".d");
    write_file(a.vm.ini_path() + ".d/10.conf", "[VM]\nCPUs=2\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    for (const char *unit : {"qemu@rnold.service", "qemu-snapshot@rnold.timer"})
        ASSERT_TRUE(run({"systemctl", "enable", unit}).ok());
    ASSERT_TRUE(run_words("systemctl enable --now qemu-serial@rnold.socket").ok());
    const auto mac = [](const std::string &vm) {
        const std::string text = run({"systemctl", "cat", "qemu@" + vm}).output;
        const std::size_t at = text.find("mac=");
        return at == text.npos ? "none" : text.substr(at, 21);
    };
    const std::string before = mac("rnold"), known = "/root/.local/state/qemunit/known_hosts";
    fs::create_directories(known);
    write_file(known + "/system:rnold", "key");
    const Finished renamed = ctl("rename rnold rnnew");
    ASSERT_TRUE(renamed.ok()) << renamed;
    EXPECT_FALSE(fs::exists(a.vm.ini_path()) || fs::exists(a.vm.state()) ||
                 fs::exists(a.vm.ini_path() + ".d"));
    const std::string ini = b.vm.ini();
    EXPECT_TRUE(ini.starts_with("# mine\n[VM]\n")) << ini;
    expect_contains(ini, "File=/var/lib/qemunit/rnnew/root.img\n");
    expect_contains(ini, "Hostname=rnold\n");
    EXPECT_EQ(mac("rnnew"), before);
    EXPECT_EQ(read_file(b.vm.ini_path() + ".d/10.conf"), "[VM]\nCPUs=2\n");
    for (const char *unit :
         {"qemu@rnnew.service", "qemu-serial@rnnew.socket", "qemu-snapshot@rnnew.timer"})
        EXPECT_EQ(trimmed(run({"systemctl", "is-enabled", unit}).output), "enabled") << unit;
    for (const char *unit :
         {"qemu@rnold.service", "qemu-serial@rnold.socket", "qemu-snapshot@rnold.timer"})
        EXPECT_EQ(trimmed(run({"systemctl", "is-enabled", unit}).output), "disabled") << unit;
    EXPECT_FALSE(fs::exists("/run/qemunit/rnold/serial.sock"));
    EXPECT_TRUE(!fs::exists(known + "/system:rnold") && fs::exists(known + "/system:rnnew"));
    fs::remove_all(known);
    // The socket listens under the new name, and boots the VM with its old disk.
    Terminal console({"qemunitctl", "console", "rnnew"});
    ASSERT_SEEN(console, kGuestReady);
    run_words("systemctl disable --now qemu-serial@rnnew.socket qemu-snapshot@rnnew.timer");
}

TEST(Vms, RenameRefusesWhereSomebodyWouldLoseAFile) {
    const VmAtRest a("rnbase", kSmall + drive_at("root.img")), b("rnuser", kSmall);
    write_file(a.disk(), "x");
    const auto refused = [&](const std::string &why) {
        const Finished renamed = ctl("rename rnbase rnother");
        EXPECT_TRUE(renamed.status == 1 && renamed.says(why)) << renamed;
        EXPECT_TRUE(fs::exists(a.vm.ini_path()) && fs::exists(a.disk()));
        EXPECT_FALSE(fs::exists("/etc/qemunit/rnother.ini"));
    };
    write_file(b.vm.ini_path(), kSmall + drive_at(a.disk(), "ReadOnly=yes\n"));
    refused("/root.img cannot be moved: the VM 'rnuser' names it");
    write_file(b.vm.ini_path(), kSmall);
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", a.disk(),
                     b.disk("layer.qcow2"), "1M"})
                    .ok());
    refused("layer.qcow2 of the VM 'rnuser' is a layer on it");
    fs::remove(b.disk("layer.qcow2"));
    write_file(a.disk("hibernated"), "x");
    refused("it is hibernated, and goes on only under its name");
    fs::remove(a.disk("hibernated"));
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", a.disk(),
                     a.disk("layer.qcow2"), "1M"})
                    .ok());
    refused("by this name; have it name only the file first: qemu-img rebase");
    fs::remove(a.disk("layer.qcow2"));
    const Finished taken = ctl("rename rnbase rnuser");
    EXPECT_TRUE(taken.status == 1 && taken.says("there is a VM 'rnuser' already")) << taken;
}

// Killed at each of the calls that change something, one after the other; to and fro.
TEST(Vms, RenameLosesNothingWhereverItIsKilled) {
    const VmAtRest a("rnkill",
                     kSmall + std::string("[Drive root]\nFile=root.img\n[Network lan]\n")),
        b("rndone", "");
    fs::remove(b.vm.ini_path());
    const auto drop_in = [](const std::string &vm) {
        return "[Service]\nEnvironment=X=/var/lib/qemunit/" + vm + "/x\n";
    };
    write_file(a.disk(), "disk");
    fs::create_directories(a.vm.ini_path() + ".d");
    write_file(a.vm.ini_path() + ".d/10.conf", drop_in("rnkill"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(run({"systemctl", "enable", a.vm.unit()}).ok());
    const MadeVm *from = &a.vm, *to = &b.vm;
    std::string old_name = "rnkill", new_name = "rndone";
    int kills = 0;
    for (int call = 1; call < 100; ++call) {
        const Finished cut = run({"strace", "-qq", "-o", "/dev/null", "-e",
                                  "inject=rename,renameat2,unlink,unlinkat,rmdir,symlink,mkdir,"
                                  "fsync:signal=KILL:when=" +
                                      std::to_string(call),
                                  "qemunitctl", "rename", old_name, new_name});
        if (!cut.ok()) {
            ++kills;
            EXPECT_NE(read_file(from->state() + "/root.img") == "disk",
                      read_file(to->state() + "/root.img") == "disk")
                << call;
            // Until that is done, nobody takes the disks for those of another VM.
            if (!fs::exists(from->ini_path()) && !fs::exists(to->ini_path())) {
                for (const std::string &name : {old_name, new_name}) {
                    const Finished removed = ctl("remove " + name + " --yes --with-disks");
                    EXPECT_TRUE(removed.status == 1 && removed.says("was cut short; finish it "
                                                                    "first: qemunitctl rename"))
                        << call << ": " << removed;
                }
            }
            const Finished again = ctl("rename " + old_name + " " + new_name);
            // There was nothing left to do.
            const bool was_done = fs::exists(to->ini_path()) &&
                                  again.says("there is no " + old_name + ".ini in /etc/qemunit");
            EXPECT_TRUE(again.ok() || was_done) << call << ": " << again;
        }
        ASSERT_EQ(read_file(to->state() + "/root.img"), "disk") << call;
        EXPECT_FALSE(fs::exists(from->state()) || fs::exists(from->ini_path()) ||
                     fs::exists(from->ini_path() + ".d"))
            << call;
        EXPECT_EQ(read_file(to->ini_path() + ".d/10.conf"), drop_in(new_name)) << call;
        EXPECT_EQ(trimmed(run({"systemctl", "is-enabled", to->unit()}).output), "enabled") << call;
        for (const auto &entry : fs::directory_iterator("/etc/qemunit"))
            EXPECT_FALSE(entry.path().filename().native().starts_with(".rn")) << call << entry;
        std::swap(from, to);
        std::swap(old_name, new_name);
        if (cut.ok())
            break;
    }
    EXPECT_GT(kills, 8);
    fs::remove_all(b.vm.ini_path() + ".d");
}

TEST(Vms, OfAUser) {
    const UserSession user("joe");
    user.write(user.home() + "/.config/qemunit/own.ini",
               kSmall + drive_at("root.img", "Size=1M\n"));
    const Finished edited = user.run({"env", "SYSTEMD_EDITOR=f() { echo '# mine' >> $1; }; f",
                                      "qemunitctl", "--user", "edit", "own"});
    ASSERT_TRUE(edited.ok()) << edited;
    EXPECT_TRUE(read_file(user.home() + "/.config/qemunit/own.ini").ends_with("# mine\n"));
    const Finished not_root = user.run_words("qemunitctl remove own --yes");
    EXPECT_TRUE(not_root.status == 1 && not_root.says("VMs of the system are root's to change"))
        << not_root;
    ASSERT_TRUE(user.run_words("qemunitctl --user clone own other").ok());
    const Finished renamed = user.run_words("qemunitctl --user rename other another");
    ASSERT_TRUE(renamed.ok()) << renamed;
    EXPECT_TRUE(fs::exists(user.home() + "/.config/qemunit/another.ini"));
    const Finished removed = user.run_words("qemunitctl --user remove own --yes --with-disks");
    ASSERT_TRUE(removed.ok()) << removed;
    EXPECT_FALSE(fs::exists(user.home() + "/.config/qemunit/own.ini"));
}

}  // namespace
}  // namespace qemunit::e2e
