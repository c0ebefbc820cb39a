# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Another release of Debian in a folder, and this folder's tools run in it as if that were the machine. Sourced by
# tools/test; the trees are kept in build/trees, or in QEMUNIT_TREES.

trees=${QEMUNIT_TREES:-$build_dir/trees}
mirror=${QEMUNIT_MIRROR:-http://deb.debian.org/debian}

# make_tree RELEASE: $trees/RELEASE, or today's state of it.
make_tree() {
    local tree=$trees/$1 part=$trees/$1.part
    mkdir -p "$trees"
    if [[ ! -d $tree ]]; then
        rm -rf --one-file-system "$part"
        ${calm:-} debootstrap --variant=minbase "$1" "$part" "$mirror" || {
            echo "Cannot make a tree of Debian $1 from $mirror: is there a network? With QEMUNIT_MIRROR=" \
                "another mirror is taken, and QEMUNIT_TREES= names a folder with a tree made before, $1."
            return 1
        }
        echo "deb $mirror $1 main" >"$part/etc/apt/sources.list"
        mv "$part" "$tree"
    elif [[ $(find "$tree/var/lib/apt/lists" -maxdepth 0 -mmin +1440) ]]; then
        run_in_tree "$1" sh -c 'apt-get -q update && apt-get -q --yes dist-upgrade'
    fi
}

# run_in_tree RELEASE COMMAND…, in this folder there; the build folder is the tree's own.
# shellcheck disable=SC2016,SC2154 # for the shell in there; of the one who sources this
run_in_tree() (
    cd "$trees/$1" && ${calm:-} unshare --mount --propagation private sh -ec '
        source=$1 && shift
        mount --bind . . && cd "$PWD" && mount -t tmpfs -o mode=0755 run run
        cp -L /etc/resolv.conf etc && mkdir -p src build && mount --bind "$source" src
        for folder in proc sys dev; do mount --rbind /$folder $folder; done
        pivot_root . mnt && umount -l /mnt && cd /src
        exec env -u TMPDIR PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive QEMUNIT_BUILD_DIR=/build QEMUNIT_SMOKE= "$@"
    ' sh "$source_dir" "${@:2}"
)
