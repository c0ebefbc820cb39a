# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The other way to boot the copy of the system: on a machine that QEMU emulates, with Debian's own
# kernel and the copy as its root file system, by 9p. It has all that Debian 12 has, whatever the
# kernel of this machine leaves out, and takes its time. Sourced by tools/throwaway, for --kernel.

# shellcheck disable=SC2154 # root, scratch, kernel and so on are of the one who sources this
for file in vmlinuz-9p initrd-9p; do
    [[ -s $kernel/$file ]] || die "no $file in $kernel: run tools/fetch-linux-guest --for-tests $kernel"
done

# What a system that boots would clean up, and by what it would know a container.
mount -t tmpfs -o mode=1777 qemunit "$root/tmp"
rm -f "$root/.dockerenv"

# What is mounted below "/" is not in the copy. Read-only, since that system cleans its /tmp.
for folder in ${visible[@]+"${visible[@]}"}; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
    mount -o remount,bind,ro "$root$folder"
done

# An initrd may be several archives in a row, and the last /init counts.
mkdir "$scratch/init"
cat >"$scratch/init/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
# do_or_end COMMAND…: nobody is there who could help.
do_or_end() {
    "$@" && return
    echo "The initrd of tools/throwaway failed: $*"
    poweroff -f
}
do_or_end mount -t proc proc /proc
do_or_end mount -t sysfs sys /sys
do_or_end mount -t devtmpfs dev /dev
do_or_end modprobe -a virtio_pci 9pnet_virtio 9p dummy
options=trans=virtio,version=9p2000.L,msize=1048576
mkdir /copy
do_or_end mount -t 9p -o "$options,cache=loose" copy /copy
do_or_end mount -t tmpfs -o mode=0755,nosuid,nodev run /copy/run
mkdir /copy/run/throwaway
do_or_end mount -t 9p -o "$options" channel /copy/run/throwaway
# What is written to the second serial port is to come out as it is.
do_or_end stty -F /dev/ttyS1 raw -echo
# For who loads modules by name later: systemd, udev.
mkdir -p /copy/lib/modules
do_or_end cp -a /lib/modules/. /copy/lib/modules/
do_or_end mount --move /dev /copy/dev
do_or_end mount --move /sys /copy/sys
umount /proc
exec switch_root /copy /lib/systemd/systemd
END
chmod 755 "$scratch/init/init"
{
    cat "$kernel/initrd-9p"
    # The kernel looks for the next archive at a multiple of four only (init/initramfs.c).
    head -c $((-$(stat --format=%s "$kernel/initrd-9p") & 3)) /dev/zero
    (cd "$scratch/init" && echo init | cpio --quiet -o -H newc)
} >"$scratch/initrd"

# What VMs in there can be given: an IOMMU, network cards in a group of their own and in one for two (behind a
# bridge of the old bus), an NVMe disk behind a subsystem, a tablet and a stick of USB.
truncate --size 16M "$scratch/stick" "$scratch/nvme"
# shellcheck disable=SC2054 # the commas are QEMU's
spare_devices=(
    -device intel-iommu,intremap=on
    -device e1000,id=card,addr=0x10,mac=52:54:00:00:10:01
    -device pcie-pci-bridge,id=bridge,addr=0x11
    -device e1000,bus=bridge,addr=1,mac=52:54:00:00:11:01
    -device e1000,bus=bridge,addr=2,mac=52:54:00:00:11:02
    -device nvme-subsys,id=subsystem -device nvme,subsys=subsystem,serial=nvme,addr=0x13
    -drive "if=none,id=nvme,format=raw,file=$scratch/nvme" -device nvme-ns,drive=nvme,shared=on
    -device qemu-xhci,id=usb,addr=0x12
    -device usb-tablet,bus=usb.0,port=1
    -drive "if=none,id=stick,format=raw,file=$scratch/stick" -device usb-storage,bus=usb.0,port=2,drive=stick,serial=stick
)

# Not its QEMU's, but the command's exit status, which a machine that is off cannot tell. A kernel
# that panics restarts at once, and so does a systemd that crashes: that ends QEMU as well.
boot() {
    timeout --foreground --kill-after=30 $((deadline + 60)) \
        qemu-system-x86_64 -nodefaults -no-user-config -display none \
        -no-reboot -machine q35,kernel-irqchip=split -accel tcg,thread=multi -cpu max -smp 2 -m 2G \
        "${spare_devices[@]}" \
        -kernel "$kernel/vmlinuz-9p" -initrd "$scratch/initrd" \
        -append "console=ttyS0 intel_iommu=on loglevel=4 panic=-1 systemd.unit=throwaway.target \
systemd.show_status=error systemd.crash_reboot=yes TERM=dumb" \
        -virtfs "local,path=$root,mount_tag=copy,security_model=passthrough,multidevs=remap" \
        -virtfs "local,path=$scratch/channel,mount_tag=channel,security_model=passthrough" \
        -serial "file:$scratch/console" -serial "file:$scratch/channel/output" \
        </dev/null &>"$scratch/qemu" || cat "$scratch/qemu" >&2
    if [[ ! -e $scratch/channel/status ]]; then
        if [[ -e $scratch/channel/started ]]; then
            show_console
            echo "throwaway: the machine ended before the command" >&2
        fi
        return 1
    fi
    local said
    said=$(<"$scratch/channel/status")
    [[ $said == [0-9]* ]] || said=1 # the name of a signal
    return "$said"
}
