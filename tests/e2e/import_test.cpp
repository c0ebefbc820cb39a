// SPDX-License-Identifier: MIT
//
// `qemunitctl import`: QEMU started by hand and the VM that comes of the same words have the same
// devices, as QEMU itself reports them. Bus addresses and ids aside, and what the man page says is
// left out.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <sstream>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/made_vm.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kFolder[] = "/srv/import";

// Disks of nothing, which no firmware boots.
class ImportFolder {
  public:
    ImportFolder() {
        fs::create_directories(kFolder);
        fs::permissions(kFolder, fs::perms(0755));
        for (const char *name : {"a.img", "b.img", "c.img", "d.img", "cd.iso", "fd.img"}) {
            const std::string path = std::string(kFolder) + "/" + name;
            write_file(path, std::string(1440 * 1024, '\0'));
            // Those that only Arguments= names are opened by QEMU itself.
            fs::permissions(path, fs::perms(0666));
        }
        EXPECT_TRUE(
            run({"qemu-img", "create", "-f", "qcow2", kFolder + std::string("/q.img"), "4M"}).ok());
        // A power of two, as SD cards are.
        write_file(kFolder + std::string("/sd.img"), std::string(2 << 20, '\0'));
        fs::permissions(kFolder + std::string("/sd.img"), fs::perms(0666));
        EXPECT_TRUE(run({"qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", "a.img",
                         kFolder + std::string("/layer.qcow2")})
                        .ok());
        fs::create_directories(kFolder + std::string("/share"));
    }
    ~ImportFolder() { fs::remove_all(kFolder); }
    ImportFolder(const ImportFolder &) = delete;
    ImportFolder &operator=(const ImportFolder &) = delete;
};

using Devices = std::map<std::string, int>;

struct Report {
    Devices devices;
    std::string processors, memory;
};

Report read_report(const std::string &text) {
    Report report;
    std::istringstream lines(text);
    static const std::regex device("^ *dev: ([^,]+),.*"), memory("base memory: (\\d+).*"),
        processor("^[* ]+CPU #(\\d+):.*");
    std::smatch match;
    int processors = 0;
    for (std::string line; std::getline(lines, line);) {
        while (line.ends_with('\r'))
            line.pop_back();
        if (std::regex_match(line, match, device))
            ++report.devices[match[1]];
        else if (std::regex_match(line, match, memory))
            report.memory = match[1];
        else if (std::regex_match(line, match, processor))
            ++processors;
    }
    report.processors = std::to_string(processors);
    return report;
}

constexpr char kQuestions[] = "info qtree\\ninfo cpus\\ninfo memory_size_summary\\n";

Report started_by_hand(const std::string &command) {
    const Finished hand = run(
        {"bash", "-c",
         std::string("cd ") + kFolder + " && rm -f m.in m.out && mkfifo m.in m.out && { printf '" +
             kQuestions + "quit\\n' >m.in & timeout 60 cat m.out & timeout 60 " + command +
             " -S -monitor pipe:m </dev/null >hand.log 2>&1; : <>m.in; : "
             "<>m.out; wait; cat hand.log; }"});
    const Report report = read_report(hand.output);
    EXPECT_FALSE(report.devices.empty()) << hand;
    return report;
}

// What `qemunitctl import` makes of the commands: all are there before systemd reads them, once.
class ImportedVms {
  public:
    ImportedVms() = default;
    ~ImportedVms() {
        run({"systemctl", "kill", "--kill-who=main", "--signal=KILL", "qemu@imported*.service"});
        run({"systemctl", "stop", "qemu@imported*.service"});
        run({"systemctl", "reset-failed", "qemu@imported*.service"});
        for (const std::string &name : names_) {
            fs::remove(ini_path(name));
            fs::remove_all("/var/lib/qemunit/" + name);
        }
        run_words("systemctl daemon-reload");
    }
    ImportedVms(const ImportedVms &) = delete;
    ImportedVms &operator=(const ImportedVms &) = delete;

    std::string import(const std::string &command) {
        names_.push_back("imported" + std::to_string(names_.size() + 1));
        const Finished done = run({"bash", "-c",
                                   std::string("cd ") + kFolder + " && qemunitctl import -o " +
                                       ini_path(names_.back()) + " -- " + command});
        EXPECT_TRUE(done.status == 0 || done.status == 1) << done;
        return names_.back();
    }
    static std::string ini(const std::string &name) {
        return fs::exists(ini_path(name)) ? read_file(ini_path(name)) : "";
    }
    static Report report(const std::string &name) {
        const std::string unit = "qemu@" + name + ".service";
        const Finished started = run({"systemctl", "start", unit});
        EXPECT_TRUE(started.ok()) << run({"systemctl", "status", "-n30", unit}) << ini(name);
        std::string text;
        for (const char *question : {"info qtree", "info cpus", "info memory_size_summary"})
            text += monitor_command(name, question).value + "\n";
        // The guests do not know the power button.
        run({"systemctl", "kill", "--kill-who=main", "--signal=KILL", unit});
        EXPECT_TRUE(wait_for_state(unit, "failed"));
        return read_report(text);
    }

  private:
    static std::string ini_path(const std::string &name) { return "/etc/qemunit/" + name + ".ini"; }

    std::vector<std::string> names_;
};

void take_away(Devices &devices, const std::string &name, int count) {
    if ((devices[name] -= count) <= 0)
        devices.erase(name);
}

std::string devices_text(const Devices &devices) {
    std::string text;
    for (const auto &[name, count] : devices)
        text += name + (count > 1 ? " x" + std::to_string(count) : "") + "\n";
    return text;
}

// What QEMU adds to a PC by itself, and what Display=vnc brings.
void leave_out(const std::string &command, const std::string &ini, Devices &hand, Devices &ours) {
    const bool has_display = ini.find("\nDisplay=vnc\n") != std::string::npos;
    if (command.find("-nodefaults") == std::string::npos &&
        command.find("qemu-system-x86_64") != std::string::npos) {
        take_away(hand, "isa-parallel", 1);
        if (command.find("-fda") == std::string::npos)
            take_away(hand, "floppy", 1);
        if (command.find("cdrom") == std::string::npos && command.find("-cd,") == std::string::npos)
            take_away(hand, "ide-cd", 1);
        if (!has_display && command.find("-vga") == std::string::npos)
            take_away(hand, "VGA", 1);
        if (!ours.contains("isa-fdc"))
            take_away(hand, "isa-fdc", 1);
    }
    if (command.find("versatilepb") != std::string::npos)
        for (const char *name : {"sd-card", "scsi-cd"})
            take_away(hand, name, 1);
    if (has_display)
        for (const char *name : {"usb-kbd", "usb-tablet", "qemu-xhci", "usb-hub"})
            if (!hand.contains(name))
                take_away(ours, name, 1);
}

constexpr const char *kHandCommands[] = {
    "qemu-system-x86_64 -m 64 -hda a.img -nographic",
    "qemu-system-x86_64 -m 64 -hda q.img -cdrom cd.iso -boot d -net nic -net user",
    "qemu-system-x86_64 -m 128 -smp 2 -drive file=q.img,if=virtio -nic user,model=virtio-net-pci "
    "-nographic",
    "qemu-system-x86_64 -m 64 -drive file=layer.qcow2,if=virtio -nographic -nic none",
    "qemu-system-x86_64 -machine q35 -m 64 -drive file=a.img,format=raw -display none",
    "qemu-system-x86_64 -M q35 -m 64 -nodefaults -drive id=d,if=none,file=a.img,format=raw -device "
    "ide-hd,drive=d -display none -serial null",
    "qemu-system-x86_64 -m 64 -nodefaults -device virtio-scsi-pci,id=s -drive "
    "id=d,if=none,file=a.img,format=raw -device scsi-hd,drive=d,bus=s.0 -drive "
    "id=e,if=none,media=cdrom,file=cd.iso -device scsi-cd,drive=e -display none -serial null",
    "qemu-system-x86_64 -m 64 -nodefaults -device lsi53c895a,id=s -drive "
    "id=d,if=none,file=a.img,format=raw -device scsi-hd,drive=d,bus=s.0 -display none -serial null",
    "qemu-system-x86_64 -m 64 -nodefaults -blockdev "
    "driver=file,node-name=f,filename=q.img -blockdev driver=qcow2,node-name=d,file=f -device "
    "virtio-blk-pci,drive=d,num-queues=2,serial=x1 -blockdev "
    "driver=raw,node-name=n,file.driver=file,file.filename=b.img -device nvme,drive=n,serial=n1 "
    "-display none -serial null",
    "qemu-system-x86_64 -m 64 -nodefaults -device qemu-xhci -drive "
    "id=u,if=none,file=a.img,format=raw -device usb-storage,drive=u -display none -serial null",
    "qemu-system-x86_64 -m 64 -usb -device usb-tablet -vga std -hda a.img",
    "qemu-system-x86_64 -m 64 -fda fd.img -boot a -nographic",
    "qemu-system-x86_64 -m 64 -nodefaults -device virtio-serial -chardev "
    "socket,path=/tmp/ga.sock,server=on,wait=off,id=ga -device "
    "virtserialport,chardev=ga,name=org.qemu.guest_agent.0 -device virtio-rng-pci -device "
    "virtio-balloon -display none -serial null",
    "qemu-system-x86_64 -m 64 -nodefaults -netdev user,id=n0,hostfwd=tcp:127.0.0.1:18022-:22 "
    "-device "
    "e1000,netdev=n0,mac=52:54:00:00:11:22 -netdev user,id=n1 -device rtl8139,netdev=n1 -display "
    "none -serial null",
    "qemu-system-x86_64 -m 64 -virtfs local,path=share,mount_tag=host0,security_model=mapped-xattr "
    "-nic none -nographic",
    "qemu-system-x86_64 -m 64 -nodefaults -device i6300esb -action watchdog=poweroff -device AC97 "
    "-display none -serial null -serial null",
    "qemu-system-x86_64 -m 64 -nodefaults -object iothread,id=io -drive "
    "id=d,if=none,file=a.img,format=raw,werror=stop -device virtio-blk-pci,drive=d,iothread=io "
    "-device isa-debug-exit,iobase=0xf4 -display none -serial null",
    "qemu-system-x86_64 -M q35 -m 64 -nodefaults -smp 4,sockets=1,cores=2,threads=2 -device "
    "pcie-root-port,id=rp,chassis=1 -device virtio-net-pci,bus=rp,netdev=n -netdev user,id=n "
    "-display none -serial null",
    "qemu-system-x86_64 -m 64,slots=2,maxmem=1G -object memory-backend-ram,id=m,size=32M -device "
    "pc-dimm,memdev=m -nodefaults -display none -serial null -no-reboot -global "
    "isa-debugcon.iobase=0x402",
    "qemu-system-x86_64 -m 64 -drive file=fat:rw:share,format=raw -nographic -nic none",
    "qemu-system-x86_64 -M microvm -m 64 -nodefaults -no-user-config -drive "
    "id=d,if=none,file=a.img,format=raw -device virtio-blk-device,drive=d -serial null -display "
    "none",
    "qemu-system-x86_64 -m 64 -s -nic user,model=ne2k_pci -hda a.img -snapshot -nographic",
    "qemu-system-i386 -m 64 -nodefaults -hda a.img -display none -serial null",
    "qemu-system-aarch64 -M virt -cpu cortex-a57 -m 128 -drive if=none,file=a.img,format=raw,id=hd "
    "-device virtio-blk-device,drive=hd -nographic",
    "qemu-system-aarch64 -M virt -m 128 -smp 2 -drive file=a.img,format=raw -nic user -nographic",
    "qemu-system-riscv64 -M virt -m 128 -drive file=a.img,format=raw,id=hd,if=none -device "
    "virtio-blk-device,drive=hd -netdev user,id=n -device virtio-net-device,netdev=n -nographic",
    "qemu-system-arm -M versatilepb -m 128 -drive file=a.img,format=raw -net nic -net user "
    "-nographic",
    "qemu-system-x86_64 -m 64 -hda a.img -hdb b.img -hdc c.img -vga qxl -net nic,model=pcnet "
    "-net user",
    "qemu-system-x86_64 -m 64 -device lsi53c895a -device scsi-hd,drive=x -drive "
    "if=none,id=x,file=a.img,format=raw -device megasas,id=m -device scsi-hd,drive=y,bus=m.0 "
    "-drive if=none,id=y,file=b.img,format=raw -nographic -nodefaults -serial null",
    "qemu-system-x86_64 -m 64 -nodefaults -device sdhci-pci -device sd-card,drive=s -drive "
    "if=none,id=s,file=sd.img,format=raw -display none -serial null",
    "qemu-system-x86_64 -m 64 -M pc -nodefaults -device ahci,id=ah -device "
    "ide-hd,drive=s,bus=ah.0 -drive if=none,id=s,file=a.img,format=raw -display none -serial "
    "null",
    "qemu-system-x86_64 -m 64 -M q35 -device virtio-gpu-pci -display none -nic none -serial "
    "null",
    "qemu-system-x86_64 -m 64 -M q35 -usb -device usb-ehci,id=e -device "
    "usb-storage,bus=e.0,drive=u -drive if=none,id=u,file=a.img,format=raw -nodefaults "
    "-display none -serial null",
    "qemu-system-x86_64 -m 64 -cpu Haswell,+avx2 -device vmxnet3,netdev=n -netdev user,id=n "
    "-display none -hda a.img",
    "qemu-system-x86_64 -m 64 -nodefaults -device pci-bridge,id=b1,chassis_nr=1 -device "
    "virtio-blk-pci,bus=b1,addr=2,drive=x -drive if=none,id=x,file=a.img,format=raw -display "
    "none -serial null",
    "qemu-system-x86_64 -m 64 -nodefaults -device virtio-scsi-pci -device "
    "scsi-hd,drive=x,wwn=0x5000c50015ea71ac -drive "
    "if=none,id=x,file=a.img,format=raw,cache=unsafe,discard=unmap -device "
    "virtio-serial-pci,max_ports=4 -chardev null,id=c -device virtconsole,chardev=c -device "
    "virtserialport,chardev=c2,name=my.port -chardev null,id=c2 -display none",
    "qemu-system-x86_64 -M q35,sata=off -m 64 -nodefaults -device intel-iommu -device "
    "piix3-ide,id=pide -device ide-hd,drive=x,bus=pide.0 -drive "
    "if=none,id=x,file=a.img,format=raw -display none -serial null",
    "qemu-system-aarch64 -M virt,gic-version=3 -cpu max -m 128 -device virtio-gpu-pci -device "
    "qemu-xhci -device usb-kbd -device usb-tablet -drive if=virtio,file=a.img,format=raw -nic "
    "user -vnc 127.0.0.1:7",
    "qemu-system-aarch64 -M raspi3b -sd sd.img -nographic -nic none",
    "qemu-system-arm -M vexpress-a9 -m 128 -sd sd.img -nographic -net nic -net user",
    "qemu-system-riscv64 -M virt -nographic -m 128 -device virtio-rng-device -device "
    "virtio-net-pci,netdev=n -netdev user,id=n",
    "qemu-system-riscv64 -nographic -m 128 -bios none",
    "qemu-system-x86_64 -m 64 -drive file=a.img,index=0,media=disk,format=raw -drive "
    "file=cd.iso,index=2,media=cdrom -boot order=d,menu=on -rtc base=localtime -vnc :3 -usb "
    "-usbdevice tablet",
    "qemu-system-x86_64 -accel tcg -smp 2,sockets=1,cores=2,threads=1 -m 64 -serial stdio "
    "-device virtio-gpu-pci -display default,show-cursor=on -device qemu-xhci -device usb-kbd "
    "-device usb-tablet -device intel-hda -device hda-duplex -drive "
    "file=q.img,if=virtio,cache=writethrough -nic user,model=virtio,hostfwd=tcp::10122-:22",
    "qemu-system-x86_64 -m 64 -cdrom cd.iso -netdev user,id=n0 -device e1000,netdev=n0",
    "qemu-system-x86_64 -rtc base=localtime -m 64 -serial null -serial null -drive "
    "file=a.img,if=ide,cache=writeback",
    "qemu-system-aarch64 -m 128 -cpu cortex-a57 -smp 2 -M virt -nographic -drive "
    "if=none,file=cd.iso,id=cdrom,media=cdrom -device virtio-scsi-device -device "
    "scsi-cd,drive=cdrom -drive if=none,file=a.img,format=raw,id=hd0 -device "
    "virtio-blk-device,drive=hd0",
    "qemu-system-riscv64 -machine virt -nographic -bios none -device "
    "loader,file=a.img,addr=0x80200000",
    "qemu-system-aarch64 -M virt -m 128 -cpu cortex-a57 -no-reboot -device tulip,netdev=net0 "
    "-netdev user,id=net0 -snapshot -device virtio-blk-device,drive=d0 -drive "
    "file=a.img,if=none,id=d0,format=raw -nographic -serial null -monitor none",
    "qemu-system-x86_64 -m 64 -net nic,model=virtio,macaddr=52:54:00:12:34:56 -net "
    "user,hostfwd=tcp:127.0.0.1:4444-:22 -chardev null,id=st,mux=on -device virtio-serial-pci "
    "-device virtconsole,chardev=st -mon chardev=st",
};

TEST(Import, GivesTheGuestTheDevicesThatItHad) {
    const ImportFolder folder;
    ImportedVms vms;
    std::vector<std::pair<std::string, std::string>> imported;
    for (const std::string command : kHandCommands)
        if (fs::exists("/usr/bin/" + command.substr(0, command.find(' '))))
            imported.emplace_back(command, vms.import(command));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    unsigned same = 0;
    std::string others;
    for (const auto &[command, name] : imported) {
        const std::string ini = ImportedVms::ini(name);
        Report hand = started_by_hand(command), ours = ImportedVms::report(name);
        leave_out(command, ini, hand.devices, ours.devices);
        const bool is_same = hand.devices == ours.devices && hand.memory == ours.memory &&
                             hand.processors == ours.processors;
        same += is_same;
        if (!is_same)
            others += command + "\n--- by hand: " + hand.memory + " " + hand.processors + "\n" +
                      devices_text(hand.devices) + "--- imported: " + ours.memory + " " +
                      ours.processors + "\n" + devices_text(ours.devices) + ini + "\n";
    }
    const size_t count = imported.size();
    EXPECT_GE(same * 10, count * 9) << others;
    std::cout << same << " of " << count << " command lines give the same devices\n" << others;
}

TEST(Import, ReadsTheCommandOfAProcess) {
    const ImportFolder folder;
    const Finished done = run({"bash", "-c",
                               std::string("cd ") + kFolder +
                                   " && MEM=96 && { qemu-system-x86_64 -name running -m $MEM "
                                   "-nodefaults -drive file=q.img,if=virtio -display none -S "
                                   "-pidfile pid </dev/null & until [[ -s pid ]]; do "
                                   "kill -0 $! || break; done; cd / && qemunitctl import --pid=$!; "
                                   "status=$?; kill $!; wait; exit $status; }"});
    EXPECT_TRUE(done.ok()) << done;
    expect_contains(done.output, "Memory=96M\n");
    expect_contains(done.output, "File=/srv/import/q.img\nFormat=qcow2\n");
}

TEST(Import, WritesOverNothingAndKeepsTheState) {
    const ImportFolder folder;
    const MadeVm vm("broughtalong");
    const std::string variables = kFolder + std::string("/VARS.fd"),
                      xml = kFolder + std::string("/vm.xml");
    write_file(variables, "variables of the guest");
    write_file(xml,
               "<domain type='qemu'><name>x</name><memory unit='MiB'>64</memory><os><type "
               "machine='q35'>hvm</type><loader type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd"
               "</loader><nvram>" +
                   variables + "</nvram></os><devices/></domain>");
    const Finished lost = run({"qemunitctl", "import", "--libvirt=" + xml});
    EXPECT_TRUE(lost.status == 1 && lost.says("# lost: the UEFI variables")) << lost;
    const std::vector<std::string> command{"qemunitctl",   "import", "--libvirt=" + xml,
                                           "--with-state", "-o",     vm.ini_path()};
    const Finished done = run(command);
    EXPECT_TRUE(done.ok()) << done;
    EXPECT_EQ(read_file(vm.state() + "/uefi-variables.fd"), "variables of the guest");
    const std::string ini = vm.ini();
    expect_contains(ini, "Firmware=uefi\n");
    const Finished again = run(command);
    EXPECT_EQ(again.status, 1);
    expect_contains(again.output, vm.ini_path() + " is there already; nothing was written");
    EXPECT_EQ(vm.ini(), ini);
    fs::remove(vm.ini_path());
    const Finished left = run(command);
    EXPECT_EQ(left.status, 1);
    expect_contains(left.output, "is left of an earlier VM 'broughtalong'");
    EXPECT_FALSE(fs::exists(vm.ini_path()));
}

TEST(Import, CopiesNoStateThatALinkOfSomebodyElseLeadsTo) {
    const ImportFolder folder;
    const MadeVm vm("broughtlink");
    const std::string hers = kFolder + std::string("/hers"), xml = kFolder + std::string("/vm.xml");
    fs::create_directories(hers);
    fs::create_symlink("/etc/shadow", hers + "/VARS.fd");
    ASSERT_TRUE(run({"chown", "-h", "nobody", hers, hers + "/VARS.fd"}).ok());
    write_file(xml,
               "<domain type='qemu'><name>x</name><memory unit='MiB'>64</memory><os><type "
               "machine='q35'>hvm</type><loader type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd"
               "</loader><nvram>" +
                   hers + "/VARS.fd</nvram></os><devices/></domain>");
    const Finished done =
        run({"qemunitctl", "import", "--libvirt=" + xml, "--with-state", "-o", vm.ini_path()});
    EXPECT_EQ(done.status, 1) << done;
    expect_contains(vm.ini(), "# lost: the UEFI variables: cannot open " + hers);
    EXPECT_FALSE(fs::exists(vm.state() + "/uefi-variables.fd"));
}

}  // namespace
}  // namespace qemunit::e2e
