# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# How the copy of the system is booted unless another way is asked for: in a container, with the
# kernel of this machine. Sourced by tools/throwaway; undoes nothing, which is for that script's end.

# shellcheck disable=SC2154 # root, scratch, visible and so on are of the one who sources this

# The copy has the unified hierarchy of control groups alone, as Debian 12 does, also where this
# machine has it beside those of version 1, or somewhere else. It has the controllers that no
# hierarchy of version 1 has taken.
if [[ $(stat --file-system --format=%T /sys/fs/cgroup) != cgroup2fs ]]; then
    umount --recursive --lazy /sys/fs/cgroup 2>/dev/null || true
    mount -t cgroup2 cgroup2 /sys/fs/cgroup || die "cannot mount the unified control groups"
fi
# A group of its own, since systems that run at the same time must not meet in one. Where a
# systemd runs, it makes the group, and hands it over with all controllers. Elsewhere there are
# those that our parent has for its children: what it has is not ours to change.
if [[ -d /run/systemd/system ]]; then
    in_own_group=(systemd-run --scope --quiet --collect --property=Delegate=yes
        --description="Throwaway system ${scratch##*/}")
else
    group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
    group=${group%/}/${scratch##*/}
    mkdir "$group" || die "cannot make the control group $group"
    # shellcheck disable=SC2016 # for the shell in there
    in_own_group=(sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group")
fi

nspawn=(systemd-nspawn --quiet --boot --register=no --keep-unit --directory="$root"
    --machine="${scratch##*/}" --hostname="$hostname" --resolv-conf=off
    --timezone=off --link-journal=no --bind="$scratch/channel:/run/throwaway"
    --bind="$scratch/channel/kmsg-fifo:/dev/kmsg")
if [[ $network ]]; then
    nspawn+=(--network-bridge="$network")
else
    nspawn+=(--private-network)
fi
for folder in ${visible[@]+"${visible[@]}"}; do
    nspawn+=("--bind-ro=$folder")
done
for folder in ${writable[@]+"${writable[@]}"}; do
    nspawn+=("--bind=$folder")
done
# Devices of this machine that VMs use, where it has them, with the owner and mode that udev
# gives them: nodes of their own, so that those of this machine stay as they are.
mkdir "$scratch/devices"
bind_device() { # DEVICE TYPE GROUP MODE [NAME]
    local name=${5-${1#/dev/}} numbers
    [[ -e $1 ]] || return 0
    read -r -a numbers < <(stat --format='0x%t 0x%T' "$1")
    mknod --mode="$4" "$scratch/devices/${name##*/}" "$2" "${numbers[@]}" &&
        chgrp "$3" "$scratch/devices/${name##*/}" &&
        nspawn+=("--bind=$scratch/devices/${name##*/}:/dev/$name")
}
bind_device /dev/kvm c "$(awk -F: '$1 == "kvm" { print $3 }' "$root/etc/group")" 0660
bind_device /dev/net/tun c root 0666
bind_device /dev/vhost-vsock c root 0666
bind_device /dev/fuse c root 0666
# A disk, where this machine can make one: its name in the copy is the same everywhere.
truncate --size=1M "$scratch/disk"
if disk=$(losetup --find --show "$scratch/disk" 2>/dev/null); then
    bind_device "$disk" b root 0600 throwaway-disk
fi
# nspawn's own folder for what it passes on; on some machines /run is no tmpfs.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=0755 qemunit /run/systemd/nspawn

boot() (
    if [[ $terminal ]]; then
        exec "${in_own_group[@]}" "${nspawn[@]}" \
            --console=interactive systemd.unit=throwaway.target \
            systemd.show_status=no systemd.log_target=journal-or-kmsg
    fi
    # The inner deadline is the service's, and leaves a journal; this one is for a system
    # that hangs itself. In the group there must be nobody but nspawn, which makes groups in it:
    # where processes are, there are no controllers to hand on.
    exec timeout --foreground --kill-after=30 $((deadline + 60)) \
        "${in_own_group[@]}" "${nspawn[@]}" \
        --console=read-only systemd.unit=throwaway.target \
        </dev/null &>"$scratch/console"
)
