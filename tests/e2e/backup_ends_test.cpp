// SPDX-License-Identifier: MIT
//
// Backups that do not go their way: their caller, qemunitd, QEMU or the room for them goes, the
// guest is stopped or saved, its agent hangs. Never is there a backup that restores wrong.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <string>

#include "tests/e2e/backups.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_call_with.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

std::string ini_with_disk() {
    return silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=16M\n";
}

// A program that has begun a backup, on a connection of its own.
class Puller {
  public:
    explicit Puller(std::string vm) : vm_(std::move(vm)), bus_(open_system_bus()) {}
    ~Puller() {
        if (socket_ >= 0)
            close(socket_);
    }
    Puller(const Puller &) = delete;
    Puller &operator=(const Puller &) = delete;

    // "" or the error's name.
    std::string begin(const std::string &since = "") {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = nullptr;
        const int r =
            sd_bus_call_method(bus_.get(), "org.qemunit1", vm_path(vm_).c_str(), "org.qemunit1.VM",
                               "BeginBackup", &error, &reply, "s", since.c_str());
        const std::string name = r < 0 ? (error.name ? error.name : "?") : "";
        message_ = error.message ? error.message : "";
        int fd = -1;
        const char *checkpoint = nullptr;
        if (r >= 0 && sd_bus_message_read(reply, "hs", &fd, &checkpoint) > 0) {
            socket_ = dup(fd);
            checkpoint_ = checkpoint;
        }
        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        return name;
    }
    // qemu-img as a client: all of a disk into a file.
    Finished pull(const std::string &disk, const std::string &to) const {
        return run({"qemu-img", "convert", "-O", "raw",
                    "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"nbd\",\"export\":\"" + disk +
                        "\",\"server\":{\"type\":\"unix\",\"path\":\"/proc/" +
                        std::to_string(getpid()) + "/fd/" + std::to_string(socket_) + "\"}}}",
                    to});
    }
    void leave() { bus_.reset(); }
    // EndBackup, whose answer it does not wait for.
    void end_and_leave() {
        sd_bus_call_method_async(bus_.get(), nullptr, "org.qemunit1", vm_path(vm_).c_str(),
                                 "org.qemunit1.VM", "EndBackup", nullptr, nullptr, "b", 1);
        leave();
    }

    const std::string &checkpoint() const { return checkpoint_; }
    const std::string &message() const { return message_; }

  private:
    const std::string vm_;
    BusPtr bus_;
    int socket_ = -1;
    std::string checkpoint_, message_;
};

std::string end_backup(const VmUnderTest &vm, bool is_kept) {
    return call_vm_with(vm.name(), "EndBackup",
                        [is_kept](sd_bus_message *call) {
                            return sd_bus_message_append(call, "b", int{is_kept});
                        })
        .error;
}

std::string nodes_of(const VmUnderTest &vm) {
    return run({"qemunitctl", "qmp", vm.name(), "query-named-block-nodes", "{\"flat\":true}"})
        .output;
}

// Each look is a call to QEMU.
bool wait_until_no_backup(const VmUnderTest &vm) {
    const Deadline deadline;
    while (nodes_of(vm).find("qemunit-backup-") != std::string::npos)
        if (deadline.passed())
            return false;
    return true;
}

TEST(Backup, EndsWhenItsCallerLeaves) {
    VmUnderTest vm("bkleft", ini_with_disk());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Puller first(vm.name());
    ASSERT_EQ(first.begin(), "") << first.message();
    expect_contains(nodes_of(vm), "qemunit-backup-0-filter");
    Puller second(vm.name());
    EXPECT_EQ(second.begin(), "org.qemunit1.Error.Busy");
    EXPECT_EQ(second.begin("no-such"), "org.qemunit1.Error.Busy");
    EXPECT_EQ(call_vm(vm.name(), "SaveSnapshot", "one").error, "org.qemunit1.Error.Busy");
    first.leave();
    EXPECT_TRUE(wait_until_no_backup(vm));
    EXPECT_EQ(call_vm(vm.name(), "MonitorCommand", "info status").value, "VM status: running");
    EXPECT_EQ(second.begin("no-such"), "org.qemunit1.Error.NoCheckpoint");
    EXPECT_EQ(second.begin("no/such"), "org.qemunit1.Error.InvalidArgument");
    EXPECT_EQ(second.begin(), "") << second.message();
    EXPECT_EQ(end_backup(vm, false), "");
    EXPECT_EQ(end_backup(vm, false), "org.qemunit1.Error.InvalidArgument");
    EXPECT_EQ(nodes_of(vm).find("qemunit-checkpoint"), std::string::npos);
}

// QEMU aborts if what takes a backup apart comes twice.
TEST(Backup, EndsOnceWhoeverEndsIt) {
    VmUnderTest vm("bktwice", ini_with_disk());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    for (int round = 0; round < 10; ++round) {
        Puller puller(vm.name());
        ASSERT_EQ(puller.begin(), "") << puller.message();
        puller.end_and_leave();
        end_backup(vm, true);
        ASSERT_TRUE(wait_until_no_backup(vm));
    }
    EXPECT_EQ(call_vm(vm.name(), "MonitorCommand", "info status").value, "VM status: running");
}

TEST(Backup, OutlivesQemunitd) {
    VmUnderTest vm("bkkill", ini_with_disk());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    prepare_disks(guest);
    guest.run("dd if=/dev/urandom of=/dev/vda bs=1M count=2 conv=fsync");
    const std::string sum = sum_in_guest(guest, "/dev/vda");
    Puller puller(vm.name());
    ASSERT_EQ(puller.begin(), "") << puller.message();
    run_words("systemctl kill --signal=KILL qemunitd.service");
    guest.run("dd if=/dev/urandom of=/dev/vda bs=1M count=4 conv=fsync");
    const std::string image = "/var/lib/bkkill.raw";
    const Finished pulled = puller.pull("root", image);
    EXPECT_TRUE(pulled.ok()) << pulled;
    EXPECT_EQ(run({"sha256sum", image}).output.substr(0, 64), sum);
    fs::remove(image);
    Puller other(vm.name());
    EXPECT_EQ(other.begin(), "org.qemunit1.Error.Busy");
    EXPECT_EQ(end_backup(vm, true), "");
    EXPECT_EQ(other.begin(puller.checkpoint()), "") << other.message();
    EXPECT_EQ(end_backup(vm, false), "");
}

TEST(Backup, EndsWithoutAWordIfItsCallerLeavesWhileNoQemunitdIsThere) {
    VmUnderTest vm("bkorphan", ini_with_disk());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Puller puller(vm.name());
    ASSERT_EQ(puller.begin(), "") << puller.message();
    run_words("systemctl stop qemunitd.service");
    puller.leave();
    ASSERT_TRUE(run_words("systemctl start qemunitd.service").ok());
    EXPECT_TRUE(wait_until_no_backup(vm));
    EXPECT_EQ(nodes_of(vm).find("qemunit-checkpoint"), std::string::npos);
    EXPECT_EQ(call_vm(vm.name(), "MonitorCommand", "info status").value, "VM status: running");

    // With a caller who is still there, it ends with that one.
    Puller patient(vm.name());
    ASSERT_EQ(patient.begin(), "") << patient.message();
    ASSERT_TRUE(run_words("systemctl restart qemunitd.service").ok());
    expect_contains(nodes_of(vm), "qemunit-backup-0-filter");
    patient.leave();
    EXPECT_TRUE(wait_until_no_backup(vm));
}

// Little room for what guests overwrite meanwhile, as long as this object lives.
class SmallScratch {
  public:
    SmallScratch() {
        fs::create_directories(fs::path(kDropIn).parent_path());
        write_file(kDropIn,
                   "[Service]\nPrivateTmp=no\n"
                   "TemporaryFileSystem=/tmp:mode=1777 /var/tmp:mode=1777,size=6M\n");
        restart();
    }
    ~SmallScratch() {
        fs::remove(kDropIn);
        restart();
    }
    SmallScratch(const SmallScratch &) = delete;
    SmallScratch &operator=(const SmallScratch &) = delete;

  private:
    static constexpr char kDropIn[] = "/run/systemd/system/qemunitd.service.d/90-small.conf";

    static void restart() {
        run_words("systemctl daemon-reload");
        run_words("systemctl restart qemunitd.service");
    }
};

// What the scratch file may take: all else that has a size is larger, but for what is in the file.
uint64_t smallest_node(const VmUnderTest &vm) {
    const std::string nodes = nodes_of(vm);
    const std::regex kSize("\"virtual-size\": *([0-9]+)");
    uint64_t smallest = UINT64_MAX;
    for (std::sregex_iterator found(nodes.begin(), nodes.end(), kSize), end; found != end; ++found)
        if (const uint64_t size = std::stoull((*found)[1]); size % 65536 == 0)
            smallest = std::min(smallest, size);
    return smallest;
}

TEST(Backup, PlansNotWhatAnotherOneMayTake) {
    const std::string disk = "[Drive root]\nFile=root.qcow2\nSize=32M\n";
    VmUnderTest vm("bkroom", silent_linux_ini() + disk),
        other("bkroom2", silent_linux_ini() + disk);
    const SmallScratch small;
    ASSERT_TRUE(vm.start().ok() && other.start().ok()) << vm.status() << other.status();
    Puller first(vm.name()), second(other.name());
    ASSERT_EQ(first.begin(), "") << first.message();
    ASSERT_EQ(second.begin(), "") << second.message();
    const uint64_t firsts = smallest_node(vm);
    EXPECT_LT(smallest_node(other), firsts - firsts / 4);
    // And what has ended takes nothing.
    EXPECT_EQ(end_backup(vm, false), "");
    EXPECT_EQ(end_backup(other, false), "");
    ASSERT_EQ(second.begin(), "") << second.message();
    EXPECT_GT(smallest_node(other), firsts - firsts / 8);
    EXPECT_EQ(end_backup(other, false), "");
}

TEST(Backup, FailsInPlaceOfTheGuestIfTheScratchIsFull) {
    VmUnderTest vm("bkfull", silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=32M\n");
    const SmallScratch scratch;
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    prepare_disks(guest);
    guest.run("dd if=/dev/urandom of=/dev/vda bs=1M count=32 conv=fsync");
    Puller puller(vm.name());
    ASSERT_EQ(puller.begin(), "") << puller.message();
    expect_contains(guest.run("dd if=/dev/urandom of=/dev/vda bs=1M count=16 conv=fsync && "
                              "echo all is written"),
                    "all is written");
    EXPECT_FALSE(puller.pull("root", "/var/lib/bkfull.raw").ok());
    fs::remove("/var/lib/bkfull.raw");
    EXPECT_EQ(end_backup(vm, false), "");
    EXPECT_EQ(call_vm(vm.name(), "MonitorCommand", "info status").value, "VM status: running");
}

TEST(Backup, GivesWayToAHibernation) {
    VmUnderTest vm(
        "bkhiber",
        silent_linux_ini() + "[VM]\nStop=hibernate\n[Drive root]\nFile=root.qcow2\nSize=16M\n");
    const BackupFolder folder("bkhiber");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        prepare_disks(guest);
        guest.run("answer=42; dd if=/dev/urandom of=/dev/vda bs=1M count=2 conv=fsync");
        ASSERT_TRUE(ctl("backup bkhiber " + folder.path()).ok());
        Puller puller(vm.name());
        ASSERT_EQ(puller.begin(), "") << puller.message();
        ASSERT_TRUE(vm.stop().ok());
    }
    EXPECT_TRUE(fs::exists("/var/lib/qemunit/bkhiber/hibernated"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest = GuestShell::of_resumed(vm);
    EXPECT_EQ(guest.run("echo $answer"), "42\n");
    // The image has kept the checkpoint.
    guest.run("dd if=/dev/urandom of=/dev/vda bs=64k count=1 seek=50 conv=fsync");
    const Finished made = ctl("backup bkhiber " + folder.path());
    EXPECT_TRUE(made.ok()) << made;
    expect_contains(made.output, "what has changed since");
    EXPECT_EQ(restored_sum(folder, "root"), sum_in_guest(guest, "/dev/vda"));
}

void wait_for_agent(const VmUnderTest &vm) {
    const Deadline deadline;
    BusReply ping;
    do
        ping = call_vm_with(vm.name(), "AgentExecute", [](sd_bus_message *call) {
            return sd_bus_message_append(call, "ss", "guest-ping", "");
        });
    while (!ping.error.empty() && !deadline.passed());
}

TEST(Backup, FreezesAndThawsTheGuest) {
    VmUnderTest vm("bkagent", silent_linux_ini() +
                                  "[VM]\nGuestAgent=yes\n[Boot]\nInitrd=" + kGuestDir +
                                  "/initrd-agent\n[Drive root]\nFile=root.qcow2\nSize=16M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.start_agent();
    wait_for_agent(vm);
    const BackupFolder folder("bkagent");
    const Finished made = ctl("backup bkagent " + folder.path());
    EXPECT_TRUE(made.ok()) << made;
    expect_contains(made.output, "with the guest's file systems frozen");
    const BusReply status = call_vm_with(vm.name(), "AgentExecute", [](sd_bus_message *call) {
        return sd_bus_message_append(call, "ss", "guest-fsfreeze-status", "");
    });
    EXPECT_EQ(status.value, "\"thawed\"") << status;

    // An agent that hangs delays the backup, and no more.
    guest.run("kill -STOP $(cat /tmp/qga.pid)");
    const Finished hanging = ctl("backup bkagent " + folder.path());
    EXPECT_TRUE(hanging.ok() || hanging.says("does not answer")) << hanging;
    EXPECT_EQ(call_vm(vm.name(), "MonitorCommand", "info status").value, "VM status: running");
}

// What makes a guest freeze slowly is its disk; here, a hook.
TEST(Backup, ThawsAGuestThatFreezesTooLate) {
    VmUnderTest vm("bklate", silent_linux_ini() +
                                 "[VM]\nGuestAgent=yes\n[Boot]\nInitrd=" + kGuestDir +
                                 "/initrd-agent\n[Drive root]\nFile=root.qcow2\nSize=16M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    // It freezes once somebody writes to "go", and tells of the thaw by "thawed"; each if it is
    // there.
    guest.run("mkfifo /tmp/go /tmp/thawed; mkdir -p /var/run /var/log");
    guest.run(R"(printf '%s\n' '#!/bin/sh' 'echo $1 >>/tmp/hook' )"
              R"('[ $1 = thaw ] || [ ! -p /tmp/go ] || cat /tmp/go' )"
              R"('[ $1 = freeze ] || [ ! -p /tmp/thawed ] || echo >/tmp/thawed' >/tmp/hook.sh)");
    guest.run("chmod +x /tmp/hook.sh");
    guest.start_agent("-F/tmp/hook.sh");
    wait_for_agent(vm);
    const BackupFolder folder("bklate");
    const Finished made = ctl("backup bklate " + folder.path());
    EXPECT_TRUE(made.says("the guest agent, which was told to freeze")) << made;
    EXPECT_EQ(guest.run("cat /tmp/hook"), "freeze\n");
    const auto holds = [&] {
        return call_vm(vm.name(), "MonitorCommand", "info block -n")
            .value.contains("qemunit-backup-frozen");
    };
    EXPECT_TRUE(holds());
    guest.run("echo >/tmp/go; cat /tmp/thawed; rm /tmp/go /tmp/thawed");
    EXPECT_TRUE(wait_until([&] { return !holds(); }));
    // Thawed once, or twice, if the agent was late to say so.
    const std::string heard = guest.run("cat /tmp/hook");
    EXPECT_TRUE(heard == "freeze\nthaw\n" || heard == "freeze\nthaw\nthaw\n") << heard;
    // And the next one is as any.
    const Finished next = ctl("backup bklate " + folder.path());
    EXPECT_TRUE(next.ok()) << next;
    expect_contains(next.output, "with the guest's file systems frozen");
}

// `qemunitctl backup` that stands in the middle: its qemu-img tells that it is there, and goes on
// when it is let go.
class HeldBackup {
  public:
    HeldBackup(const VmUnderTest &vm, const BackupFolder &folder) {
        fs::remove_all(kPlace);
        fs::create_directories(kPlace);
        for (const char *fifo : {"/reached", "/go"}) {
            EXPECT_EQ(mkfifo((kPlace + fifo).c_str(), 0666), 0);
            EXPECT_EQ(chmod((kPlace + fifo).c_str(), 0666), 0);
        }
        write_file(kPlace + "/qemu-img", "#!/bin/sh\nif [ -p " + kPlace + "/go ]; then\n  echo >" +
                                             kPlace + "/reached\n  read word <" + kPlace +
                                             "/go\nfi\nexec /usr/bin/qemu-img \"$@\"\n");
        EXPECT_EQ(chmod((kPlace + "/qemu-img").c_str(), 0755), 0);
        const Finished begun =
            run({"systemd-run", "--unit=held-backup", "--setenv=PATH=" + kPlace + ":/usr/bin:/bin",
                 "qemunitctl", "backup", vm.name(), folder.path()});
        EXPECT_TRUE(begun.ok()) << begun;
        EXPECT_TRUE(run({"timeout", "80", "head", "-n1", kPlace + "/reached"}).ok());
    }
    ~HeldBackup() {
        run_words("systemctl stop held-backup.service");
        run_words("systemctl reset-failed held-backup.service");
        fs::remove_all(kPlace);
    }
    HeldBackup(const HeldBackup &) = delete;
    HeldBackup &operator=(const HeldBackup &) = delete;

    void kill() {
        run_words("systemctl kill --signal=KILL held-backup.service");
        EXPECT_TRUE(wait_for_state("held-backup.service", "failed"));
    }
    // It fails after that.
    void let_go() {
        fs::rename(kPlace + "/go", kPlace + "/going");
        EXPECT_TRUE(run({"timeout", "80", "sh", "-c", "echo >" + kPlace + "/going"}).ok());
        EXPECT_TRUE(wait_for_state("held-backup.service", "failed"));
    }

  private:
    const std::string kPlace = "/run/held-backup";
};

std::string write_at(int place) {
    return "dd if=/dev/urandom of=/dev/vda bs=64k count=8 conv=fsync seek=" + std::to_string(place);
}

// The next backup, of `kind`, holds what the guest has.
void expect_next(const VmUnderTest &vm, const BackupFolder &folder, GuestShell &guest,
                 const char *kind) {
    const Finished made = ctl("backup " + vm.name() + " " + folder.path());
    EXPECT_TRUE(made.ok()) << made;
    expect_contains(made.output, kind);
    EXPECT_EQ(restored_sum(folder, "root"), sum_in_guest(guest, "/dev/vda"));
    expect_good(folder);
}

TEST(Backup, IsNoneIfItIsKilled) {
    VmUnderTest vm("bkcut", ini_with_disk());
    const BackupFolder folder("bkcut");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    prepare_disks(guest);
    guest.run(write_at(0));
    expect_next(vm, folder, guest, ": full,");
    guest.run(write_at(4));
    {
        HeldBackup held(vm, folder);
        guest.run(write_at(40));
        held.kill();
    }
    EXPECT_TRUE(wait_until_no_backup(vm));
    guest.run(write_at(80));
    expect_next(vm, folder, guest, "what has changed since");
    EXPECT_EQ(folder.names().size(), 2u);
}

TEST(Backup, IsNoneIfTheVmEndsMeanwhile) {
    VmUnderTest vm("bkstop", ini_with_disk());
    const BackupFolder folder("bkstop");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        prepare_disks(guest);
        guest.run(write_at(0));
        expect_next(vm, folder, guest, ": full,");
        guest.run(write_at(4));
        HeldBackup held(vm, folder);
        guest.run(write_at(40));
        EXPECT_TRUE(vm.stop().ok());
        held.let_go();
    }
    EXPECT_EQ(folder.names().size(), 1u);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        prepare_disks(guest);
        expect_next(vm, folder, guest, "what has changed since");
        guest.run(write_at(80));
        HeldBackup held(vm, folder);
        ASSERT_EQ(kill(vm.main_pid(), SIGKILL), 0);
        ASSERT_TRUE(wait_for_state(vm.unit(), "failed"));
        held.let_go();
    }
    EXPECT_EQ(folder.names().size(), 2u);
    run_words("systemctl reset-failed " + vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    prepare_disks(guest);
    expect_next(vm, folder, guest, ": full,");
}

TEST(Backup, IsNoneIfItsFolderIsFull) {
    VmUnderTest vm("bkroom", ini_with_disk());
    const BackupFolder folder("bkroom");
    fs::create_directories(folder.path());
    ASSERT_TRUE(run({"mount", "-t", "tmpfs", "-o", "size=2m", "none", folder.path()}).ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        prepare_disks(guest);
        guest.run("dd if=/dev/urandom of=/dev/vda bs=1M count=4 conv=fsync");
        const Finished made = ctl("backup bkroom " + folder.path());
        EXPECT_FALSE(made.ok()) << made;
        expect_contains(made.output, "No space left on device");
        EXPECT_EQ(folder.names().size(), 0u);
        EXPECT_EQ(nodes_of(vm).find("qemunit-backup-"), std::string::npos);
        EXPECT_EQ(call_vm(vm.name(), "MonitorCommand", "info status").value, "VM status: running");
        ASSERT_TRUE(run({"mount", "-o", "remount,size=64m", folder.path()}).ok());
        expect_next(vm, folder, guest, ": full,");
    }
    EXPECT_TRUE(run({"umount", folder.path()}).ok());
}

TEST(Backup, IsAFullOneAfterASnapshotIsLoaded) {
    VmUnderTest vm("bksnap", ini_with_disk());
    const BackupFolder folder("bksnap");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    prepare_disks(guest);
    guest.run(write_at(0));
    expect_next(vm, folder, guest, ": full,");
    BusReply reply = call_vm(vm.name(), "SaveSnapshot", "clean");
    EXPECT_EQ(reply.error, "") << reply;
    guest.run(write_at(4));
    expect_next(vm, folder, guest, "what has changed since");
    reply = call_vm(vm.name(), "LoadSnapshot", "clean");
    EXPECT_EQ(reply.error, "") << reply;
    expect_next(vm, folder, guest, ": full,");
}

}  // namespace
}  // namespace qemunit::e2e
