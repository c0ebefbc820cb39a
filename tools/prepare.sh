# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What tools/demo and tools/test have in common: packages, builds, progress. Sourced by
# them, from any folder; changes nothing but build/ and the installed packages.

source_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
build_dir=${QEMUNIT_BUILD_DIR:-$source_dir/build}
# shellcheck disable=SC2034 # for those who source this
linux_guest=$build_dir/linux-guest
# shellcheck disable=SC2034
cloud_image=$build_dir/cloud-image

# shellcheck source-path=SCRIPTDIR source=progress.sh
source "$source_dir/tools/progress.sh"

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

say() {
    [[ ! -t 1 ]] || printf '\r\033[K'
    echo "== $*"
}

# Debian packages, for a bare Debian 12, 13 or sid: what builds the product,
build_packages=(
    g++ cmake ninja-build pkg-config
    libsystemd-dev libfmt-dev nlohmann-json3-dev libinih-dev libedit-dev libslirp-dev
    libcurl4-openssl-dev libexpat1-dev python3 scdoc
)
# shellcheck disable=SC2034 # for those who source this
# what boots it in a throwaway system, with a guest that is made here,
system_packages=(
    mount util-linux systemd systemd-container dbus polkitd socat
    qemu-system-x86 qemu-utils binutils-x86-64-linux-gnu busybox-static cpio kmod
)
# and what only its tests need: sanitizers, guests of other architectures, all that a VM can have beside it.
test_packages=(
    clang-19 libclang-rt-19-dev libgtest-dev libgmock-dev
    binutils-aarch64-linux-gnu qemu-system-arm qemu-system-misc opensbi ovmf qemu-efi-aarch64
    apparmor dbus-user-session openssh-client python3-dbus iproute2 swtpm passt bash-completion zsh man-db
    gnupg gpgv strace mmdebstrap e2fsprogs rsync python3-pytest
)
# Nodes of a cluster, for tools/cluster-test.
cluster_packages=(
    corosync pacemaker pacemaker-cli-utils resource-agents libxml2-utils openssh-server openssh-client iproute2 python3
)
# The page of Cockpit, and a browser to look at it: large, and for tools/test --page alone.
# shellcheck disable=SC2034
page_packages=(
    cockpit-ws cockpit-bridge cockpit-system sudo chromium chromium-driver python3-selenium
)
# Debian 12 has these in packages of systemd's and QEMU's, and
if ! grep -q '^VERSION_ID="12"' /etc/os-release; then
    build_packages+=(systemd-dev)
    test_packages+=(virtiofsd)
    # so has Debian 13 this.
    grep -q '^VERSION_ID="13"' /etc/os-release || test_packages+=(qemu-system-riscv)
fi

apt_get() {
    # Somebody else may be installing something at this moment.
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@"
}

# install_packages PACKAGE…: those that are missing.
install_packages() {
    local package missing=() log=$build_dir/packages.log
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    say "Installing ${missing[*]}"
    # Another repository of this machine may be out of reach; apt-get install will tell.
    track packages "$log" apt_get update || true
    track packages "$log" apt_get install --yes --no-install-recommends "${missing[@]}" || {
        cat "$log" >&2
        echo "cannot install ${missing[*]}: is there a network, and a mirror in /etc/apt?" >&2
        return 1
    }
}

# In the throwaway systems they are started by hand; a machine that has not had them shall not begin with them.
install_cluster_packages() {
    local service
    for service in corosync pacemaker ssh; do
        [[ -e /lib/systemd/system/$service.service || -e /etc/systemd/system/$service.service ]] ||
            ln -s /dev/null "/etc/systemd/system/$service.service"
    done
    install_packages "${system_packages[@]}" "${cluster_packages[@]}"
}

# build PRESET [OPTION OF cmake…] [-- TARGET…], with what "$calm" says before it
calm=''
# shellcheck disable=SC2086 # nothing, or a word
build() {
    local preset=$1 options=() log=$build_dir/build-$1.log
    while shift && (($#)) && [[ $1 != -- ]]; do
        options+=("$1")
    done
    if (cd "$source_dir" && $calm cmake --preset "$preset" -B "$build_dir/$preset" \
        ${options[@]+"${options[@]}"}) &>"$log" </dev/null &&
        track "building $preset" "$log" $calm cmake --build "$build_dir/$preset" \
            --parallel "$(nproc)" ${2:+--target "${@:2}"}; then
        return 0
    fi
    # Of a build that failed, what failed: the rest is progress.
    sed -n '/^FAILED\|error\|Error/,$p' "$log" | head -n 100 >&2
    echo "failed: the build of preset $preset; all of it is in $log" >&2
    return 1
}

[[ $EUID == 0 ]] || die "must run as root: it installs packages and boots a container"
command -v apt-get >/dev/null || die "needs Debian, or a relative of it with apt-get"
mkdir -p "$build_dir"
