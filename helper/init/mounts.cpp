// SPDX-License-Identifier: MIT
#include "helper/init/mounts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <initializer_list>

#include "common/run/protocol.h"
#include "helper/init/devices.h"
#include "helper/init/end.h"

namespace qemunit::init {

namespace {

void make_folders(const char *path) {
    char text[PATH_MAX];
    snprintf(text, sizeof text, "%s", path);
    for (char *slash = strchr(text + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(text, 0755);
        *slash = '/';
    }
    mkdir(text, 0755);
}

void mount_or_say(const char *what, const char *where, const char *type, unsigned long flags,
                  const char *options) {
    make_folders(where);
    if (mount(what, where, type, flags, options) != 0 && errno != EBUSY)
        printf("qemunit-init: cannot mount %s: %s\n", where, strerror(errno));
}

void mount_9p(const char *tag, const char *where, unsigned long flags, const char *cache) {
    char options[128];
    snprintf(options, sizeof options, "trans=virtio,version=9p2000.L,msize=262144,cache=%s", cache);
    make_folders(where);
    if (mount(tag, where, "9p", flags, options) != 0)
        give_up("cannot mount the folder %s at %s: %s%s", tag, where, strerror(errno),
                errno == ENODEV ? "; the kernel has no 9p, and none of its modules was found" : "");
}

// Whether `where` is one now, with a tree that a command could run in.
bool mount_tree(const char *device, const char *where) {
    char usr[64];
    snprintf(usr, sizeof usr, "%s/usr", where);
    for (const char *type : {"ext4", "xfs", "btrfs", "squashfs", "erofs", "vfat"}) {
        if (mount(device, where, type, MS_RDONLY, "") != 0)
            continue;
        if (access(usr, F_OK) == 0)
            return true;
        umount2(where, MNT_DETACH);
    }
    return false;
}

// The disk itself, or the first of its partitions with a tree.
void mount_disk(int uevents, const char *device, const char *where) {
    if (!wait_for_device(uevents, [&] { return access(device, F_OK) == 0; }))
        give_up("the image has no %s; the kernel needs virtio_blk", device);
    make_folders(where);
    if (mount_tree(device, where))
        return;
    for (int number = 1; number < 16; ++number) {
        char partition[64];
        snprintf(partition, sizeof partition, "%s%d", device, number);
        if (access(partition, F_OK) == 0 && mount_tree(partition, where))
            return;
    }
    give_up(
        "neither the image nor a partition of it is ext4, xfs, btrfs, squashfs, erofs or vfat "
        "with a folder /usr");
}

constexpr char kNewRoot[] = "/newroot";

// What is below `lower` stays as it is: what the guest writes is in memory.
void mount_overlay(const char *lower) {
    mount_or_say("tmpfs", "/layer", "tmpfs", 0, "mode=0755");
    mkdir("/layer/upper", 0755);
    mkdir("/layer/work", 0755);
    char options[256];
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=/layer/upper,workdir=/layer/work",
             lower);
    make_folders(kNewRoot);
    if (mount("root", kNewRoot, "overlay", 0, options) != 0)
        give_up(
            "cannot lay a layer in memory over the root: %s%s", strerror(errno),
            errno == ENODEV ? "; the kernel has no overlay, and no module of it was found" : "");
}

}  // namespace

void mount_root(const Job &job, int uevents) {
    const char *root = next_value(job, run::kRoot);
    if (root == nullptr || strcmp(root, "initrd") == 0)
        return;
    if (strncmp(root, "9p:", 3) == 0)
        mount_9p(root + 3, "/lower", MS_RDONLY, "loose");
    else if (strncmp(root, "disk:", 5) == 0)
        mount_disk(uevents, root + 5, "/lower");
    else
        give_up("unknown root '%s'", root);
    mount_overlay("/lower");
    if (chdir(kNewRoot) != 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
        chroot(".") != 0 || chdir("/") != 0)
        give_up("cannot go to the root: %s", strerror(errno));
    mount_or_say("dev", "/dev", "devtmpfs", 0, "mode=0755");
    mount_or_say("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "");
    mount_or_say("sys", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "");
}

void mount_usual() {
    mount_or_say("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
    make_folders(run::kOutputFolder);  // for what is thrown away, unless a share comes there
    mount_or_say("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    mount_or_say("pts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
    mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, "");
    (void)!symlink("/proc/self/fd", "/dev/fd");
    (void)!symlink("/proc/self/fd/0", "/dev/stdin");
    (void)!symlink("/proc/self/fd/1", "/dev/stdout");
    (void)!symlink("/proc/self/fd/2", "/dev/stderr");
}

void mount_shares(const Job &job) {
    for (char *share = next_value(job, run::kShare); share;
         share = next_value(job, run::kShare, share)) {
        char text[PATH_MAX + 64];
        snprintf(text, sizeof text, "%s", share);
        char *tag = text + 3, *path = strchr(tag, ':');
        if (path == nullptr)
            give_up("bad share '%s'", share);
        *path++ = '\0';
        mount_9p(tag, path, strncmp(text, "ro", 2) == 0 ? static_cast<unsigned long>(MS_RDONLY) : 0,
                 "mmap");
    }
}

}  // namespace qemunit::init
