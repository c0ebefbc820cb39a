# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What tools/demo and tools/test have in common: packages, builds, guests. Sourced by
# them, from any folder; changes nothing but build/ and the installed packages.

source_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
build_dir=${QEMUNIT_BUILD_DIR:-$source_dir/build}
# shellcheck disable=SC2034 # for those who source this
linux_guest=$build_dir/linux-guest

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

say() {
    echo "== $*"
}

# Runs a command and shows what it said only if it failed.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" &>"$log" </dev/null || status=$?
    if ((status)); then
        cat "$log" >&2
        echo "failed with $status: $*" >&2
    fi
    rm -f "$log"
    return "$status"
}

# All that building, testing and the throwaway system need on a bare Debian 12 or 13.
packages=(
    g++ cmake ninja-build pkg-config
    clang-19 libclang-rt-19-dev
    libsystemd-dev libfmt-dev nlohmann-json3-dev libinih-dev libedit-dev libgtest-dev libgmock-dev scdoc
    binutils-x86-64-linux-gnu binutils-aarch64-linux-gnu
    mount util-linux systemd systemd-container dbus dbus-user-session polkitd socat openssh-client python3-dbus
    qemu-system-x86 qemu-system-arm qemu-system-misc opensbi qemu-utils ovmf qemu-efi-aarch64
    swtpm passt
    iproute2 busybox-static cpio kmod bash-completion zsh man-db
)
# Debian 12 has these in packages of QEMU's and systemd's.
grep -q '^VERSION_ID="12"' /etc/os-release || packages+=(virtiofsd systemd-dev)
# So has Debian 13 this.
grep -q '^VERSION_ID="1[23]"' /etc/os-release || packages+=(qemu-system-riscv)

install_packages() {
    local package missing=()
    for package in "${packages[@]}"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    if ((${#missing[@]})); then
        say "Installing ${missing[*]}"
        # Another repository of this machine may be out of reach; apt-get install will tell.
        quietly apt-get -q update || true
        quietly env DEBIAN_FRONTEND=noninteractive \
            apt-get -q install --yes --no-install-recommends "${missing[@]}"
    fi
}

# build PRESET [TARGET…]
build() {
    say "Building preset $1"
    (cd "$source_dir" && quietly cmake --preset "$1" -B "$build_dir/$1") &&
        quietly cmake --build "$build_dir/$1" --parallel "$(nproc)" ${2:+--target "${@:2}"}
}

[[ $EUID == 0 ]] || die "must run as root: it installs packages and boots a container"
command -v apt-get >/dev/null || die "needs Debian, or a relative of it with apt-get"
