// SPDX-License-Identifier: MIT
#include "helper/init/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <initializer_list>

#include "common/run/protocol.h"
#include "helper/init/devices.h"
#include "helper/init/end.h"

namespace qemunit::init {

namespace {

// The kernel's name for the first one; nobody gives it another one here.
constexpr char kCard[] = "eth0";
constexpr char kCardInSys[] = "/sys/class/net/eth0";

struct Addresses {
    char own[16], mask[16], gateway[16], name_server[16];
};

void set_address(sockaddr &place, const char *text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
        give_up("'%s' is no address", text);
    memcpy(&place, &address, sizeof address);
}

void configure(const Addresses &addresses) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq own{}, mask{}, up{};
    for (ifreq *request : {&own, &mask, &up})
        strcpy(request->ifr_name, kCard);
    set_address(own.ifr_addr, addresses.own);
    set_address(mask.ifr_netmask, addresses.mask);
    up.ifr_flags = IFF_UP | IFF_RUNNING;
    rtentry way{};
    set_address(way.rt_dst, "0.0.0.0");
    set_address(way.rt_genmask, "0.0.0.0");
    set_address(way.rt_gateway, addresses.gateway);
    way.rt_flags = RTF_UP | RTF_GATEWAY;
    if (fd < 0 || ioctl(fd, SIOCSIFADDR, &own) != 0 || ioctl(fd, SIOCSIFNETMASK, &mask) != 0 ||
        ioctl(fd, SIOCSIFFLAGS, &up) != 0 || ioctl(fd, SIOCADDRT, &way) != 0)
        give_up("cannot set up %s: %s", kCard, strerror(errno));
    close(fd);
}

// The one of the host's tree may be a link to what is not there.
void write_name_server(const char *address) {
    constexpr char kPath[] = "/etc/resolv.conf";
    mkdir("/etc", 0755);
    unlink(kPath);
    const int fd = open(kPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || dprintf(fd, "nameserver %s\n", address) < 0)
        printf("qemunit-init: cannot write %s: %s\n", kPath, strerror(errno));
    close(fd);
}

}  // namespace

void bring_up_loopback() {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (fd >= 0)
        ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

void set_up_card(const Job &job, int uevents) {
    const char *ordered = next_value(job, run::kNetwork);
    if (ordered == nullptr)
        return;
    Addresses addresses{};
    if (sscanf(ordered, "%15s %15s %15s %15s", addresses.own, addresses.mask, addresses.gateway,
               addresses.name_server) != 4)
        give_up("bad network '%s'", ordered);
    if (!wait_for_device(uevents, [] { return access(kCardInSys, F_OK) == 0; }))
        give_up("there is no network card; the kernel needs virtio_net, built in or as a module");
    configure(addresses);
    write_name_server(addresses.name_server);
}

}  // namespace qemunit::init
