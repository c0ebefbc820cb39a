#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# VMs as resources of Pacemaker, on two nodes with Corosync, QEMU and systemd that are all real. The guest counts on its disk,
# which both nodes share, and in its memory (tests/guests/counter.S): if a second copy wrote there, the two would disagree.
# To be run by tools/cluster-test. Arguments: the shared folder, and which tests, "Cluster.*Node*".
import fnmatch
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(__file__))
from cluster import Cluster, run, until  # noqa: E402

cluster = Cluster(sys.argv[1])
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def agent(more="", operations="", meta=""):
    """The VM as ocf:qemunit:VM, which may move."""
    return ('<primitive id="vm1" class="ocf" provider="qemunit" type="VM">'
            f'<instance_attributes id="vm1-p"><nvpair id="vm1-p-name" name="name" value="vm1"/>{more}</instance_attributes>'
            f'<meta_attributes id="vm1-m"><nvpair id="vm1-m-a" name="allow-migrate" value="true"/>{meta}</meta_attributes>'
            '<operations><op id="vm1-start" name="start" interval="0" timeout="180s"/><op id="vm1-stop" name="stop" interval="0" timeout="120s"/>'
            '<op id="vm1-to" name="migrate_to" interval="0" timeout="180s" on-fail="block"/>'
            '<op id="vm1-from" name="migrate_from" interval="0" timeout="120s"/>'
            f'<op id="vm1-monitor" name="monitor" interval="5s" timeout="60s"/>{operations}</operations></primitive>')


class Guest:
    """What the guest has printed since this was made."""

    def __init__(self):
        self.since = time.time()

    def lines(self, name):
        return cluster[name].console(self.since)

    def boots(self):
        return sum(line.startswith("BOOT ") for name in cluster.nodes for line in self.lines(name))

    def last(self, name):
        numbers = [int(line[2:], 16) for line in self.lines(name) if line.startswith("N ") and len(line) == 10]
        return numbers[-1] if numbers else 0

    def counts_at(self, name):
        """Waits until it has gone on there by some numbers."""
        first = until(f"the guest prints at {name}", lambda: self.last(name))
        until(f"the guest goes on at {name}", lambda: self.last(name) >= first + 8)
        self.agrees()

    def agrees(self):
        """As far as the nodes are up: one that comes back has its journal from before."""
        for name in filter(lambda name: cluster[name].is_up(), cluster.nodes):
            wrong = [line for line in self.lines(name) if "DISAGREE" in line]
            assert not wrong, f"two copies have written to one disk: {wrong}"
        disk = (cluster.shared / "disks/vm1.raw").read_bytes()
        assert disk[:4] != b"DISA", "two copies have written to one disk"


class Started:
    """The VM as a resource, with both nodes in the cluster, whatever was before: `here` is where it runs, the other one is `there`."""

    def __init__(self, here=None):
        cluster.start()
        if not cluster.exists("vm1"):
            cluster.create(agent())
        cluster.any_node().run("crm_resource --resource vm1 --clear")
        if cluster.has_failures():
            cluster.any_node().run("crm_resource --refresh")
        cluster.settle()
        if here and cluster.place() != here:
            move(here)
        self.here = cluster[cluster.place()]
        self.there = cluster.other(self.here.name)
        self.guest = Guest()
        self.guest.counts_at(self.here.name)

    def expect_moved(self):
        """It runs there, and has never stopped."""
        expect(cluster.place(), self.there.name)
        self.guest.counts_at(self.there.name)
        expect(self.here.state_of_unit(), "inactive")
        expect(self.guest.boots(), 0)


def move(name):
    """By an administrator; the constraint for it is gone again afterwards."""
    node = cluster.any_node()
    node.run(f"crm_resource --resource vm1 --move --node {name}")
    cluster.settle()
    node.run("crm_resource --resource vm1 --clear")


def ask_agent(node, action, environment="", resource="vm1"):
    """The agent as Pacemaker calls it: its exit status, and what it says."""
    done = node.try_run(f"OCF_ROOT=/usr/lib/ocf OCF_RESOURCE_INSTANCE={resource} OCF_RESKEY_CRM_meta_interval=0 OCF_RESKEY_CRM_meta_timeout=60000 "
                        f"{environment} /usr/lib/ocf/resource.d/qemunit/VM {action}")
    return done.returncode, done.stdout


def expect(seen, wanted):
    assert seen == wanted, f"{seen!r} is not {wanted!r}"


NOT_RUNNING, NOT_INSTALLED, NOT_CONFIGURED = 7, 5, 6

# --- The agent alone ---


@test
def TheAgentPassesOcfTester():
    said = cluster["node1"].run("ocf-tester -n vm1 /usr/lib/ocf/resource.d/qemunit/VM", timeout=600)
    assert "passed all tests" in said, said


@test
def AProbeStartsNothing():
    node = cluster["node1"]
    node.run("systemctl enable --now qemu-serial@vm1.socket qemu-monitor@vm1.socket; systemctl stop qemunitd")
    try:
        expect(ask_agent(node, "monitor")[0], NOT_RUNNING)
        expect(node.state_of_unit(), "inactive")
        expect(node.state_of_unit("qemunitd"), "inactive")
        status, said = ask_agent(node, "validate-all", "OCF_CHECK_LEVEL=10")
        expect(status, NOT_CONFIGURED)
        assert "sockets.target pulls in qemu-serial@vm1.socket" in said, said
    finally:
        node.run("systemctl disable --now qemu-serial@vm1.socket qemu-monitor@vm1.socket")
    expect(ask_agent(node, "validate-all", "OCF_CHECK_LEVEL=10"), (0, ""))


@test
def AStopNeedsNoIniFile():
    node = cluster["node1"]
    node.run("systemctl start qemu@vm1")
    node.run("mv /etc/qemunit/vm1.ini /root/ && systemctl daemon-reload")
    try:
        expect(ask_agent(node, "monitor")[0], 0)
        expect(ask_agent(node, "stop")[0], 0)
        expect(node.state_of_unit(), "inactive")
        expect(ask_agent(node, "stop")[0], 0)
        status, said = ask_agent(node, "start")
        expect(status, NOT_INSTALLED)
        assert "no VM 'vm1' is configured" in said, said
        expect(ask_agent(node, "monitor")[0], NOT_RUNNING)
        expect(ask_agent(node, "stop")[0], 0)
    finally:
        node.run("mv /root/vm1.ini /etc/qemunit/ && systemctl daemon-reload")


@test
def AMemoryThatWasSavedIsNotTaken():
    node = cluster["node1"]
    node.run("mkdir -p /var/lib/qemunit/vm1 && touch /var/lib/qemunit/vm1/hibernated")
    try:
        status, said = ask_agent(node, "start")
        expect(status, NOT_INSTALLED)
        assert "hibernated may be older than the disks" in said, said
    finally:
        node.run("rm /var/lib/qemunit/vm1/hibernated")


@test
def AStopEndsInTime():
    node = cluster["node1"]
    for environment in ("OCF_RESKEY_force_stop=true", "OCF_RESKEY_CRM_meta_timeout=12000"):
        node.run("systemctl start qemu@vm1 && kill -STOP $(systemctl show --property=MainPID --value qemu@vm1)")
        begin = time.monotonic()
        expect(ask_agent(node, "stop", environment)[0], 0)
        assert node.state_of_unit() in ("inactive", "failed"), node.state_of_unit()
        assert time.monotonic() - begin < 50, "QEMU was not killed before the unit's time was up"


@test
def AGuestWithoutAnAgentIsNotAsked():
    node = cluster["node1"]
    node.run("systemctl start qemu@vm1")
    deeply = "OCF_RESKEY_CRM_meta_interval=60000 OCF_CHECK_LEVEL=10"
    expect(ask_agent(node, "monitor", deeply)[0], 0)
    node.run("systemctl stop qemu@vm1 && mkdir -p /etc/qemunit/vm1.ini.d && printf '[VM]\\nGuestAgent=yes\\n' >/etc/qemunit/vm1.ini.d/agent.conf "
             "&& systemctl daemon-reload && systemctl start qemu@vm1")
    try:
        # There is a channel, and nobody at its other end.
        status, said = ask_agent(node, "monitor", deeply)
        expect(status, 1)
        assert "the guest agent does not answer" in said, said
        expect(ask_agent(node, "monitor")[0], 0)
    finally:
        node.run("systemctl stop qemu@vm1; rm -r /etc/qemunit/vm1.ini.d; systemctl daemon-reload")


@test
def ASecondCopyGetsNoDisk():
    guest = Guest()
    cluster["node1"].run("systemctl start qemu@vm1")
    guest.counts_at("node1")
    assert cluster["node2"].try_run("systemctl start qemu@vm1").returncode, "two copies run"
    assert 'Failed to get "write" lock' in cluster["node2"].run("journalctl -u qemu@vm1"), cluster.status()
    guest.counts_at("node1")
    cluster["node1"].run("systemctl stop qemu@vm1")
    cluster["node2"].run("systemctl reset-failed qemu@vm1")


# --- ocf:qemunit:VM ---


@test
def ItMovesWhileItRuns():
    vm = Started()
    move(vm.there.name)
    vm.expect_moved()


@test
def AFailedMoveLeavesTheSourceRunning():
    vm = Started()
    process = vm.here.run("systemctl show --property=MainPID --value qemu@vm1")
    vm.there.run("mv /etc/qemunit/vm1.ini /root/ && systemctl daemon-reload")
    try:
        vm.here.run(f"crm_resource --resource vm1 --move --node {vm.there.name}")
        cluster.settle()
        vm.guest.counts_at(vm.here.name)
        expect(vm.there.state_of_unit(), "inactive")
        vm.here.run(f"journalctl --quiet --grep 'migrate_to operation for vm1 .*{vm.there.name} does not take it: no VM .vm1. is configured'")
    finally:
        vm.there.run("mv /root/vm1.ini /etc/qemunit/ && systemctl daemon-reload")
    expect(vm.here.run("systemctl show --property=MainPID --value qemu@vm1"), process)
    # The way back, as qemunit-cluster(7) has it: nothing happens to the guest, and it can move again.
    vm.here.run("crm_resource --resource vm1 --clear && crm_resource --resource vm1 --refresh")
    cluster.settle()
    expect(vm.here.run("systemctl show --property=MainPID --value qemu@vm1"), process)
    move(vm.there.name)
    vm.expect_moved()


@test
def ANodeInStandbyKeepsNone():
    vm = Started()
    vm.here.run(f"crm_standby --node {vm.here.name} --update on")
    cluster.settle()
    vm.here.run(f"crm_standby --node {vm.here.name} --delete")
    vm.expect_moved()


@test
def InMaintenanceNothingHappensToIt():
    vm = Started()
    vm.here.run("crm_attribute --name maintenance-mode --update true")
    cluster.settle()
    vm.here.run("systemctl stop pacemaker")
    vm.guest.counts_at(vm.here.name)
    cluster.start(vm.here.name)
    cluster.settle()
    vm.here.run("crm_attribute --name maintenance-mode --delete")
    cluster.settle()
    vm.guest.counts_at(vm.here.name)
    expect(cluster.place(), vm.here.name)
    expect(vm.guest.boots(), 0)


@test
def ANodeThatShutsDownHasItsVmsMovedBefore():
    vm = Started()
    # Nothing of ours runs that a move needs.
    vm.here.run("systemctl stop qemunitd")
    before = vm.here.reboot()
    vm.guest.counts_at(vm.there.name)
    vm.here.wait_until_rebooted(before)
    cluster.start(vm.here.name)
    cluster.settle()
    vm.expect_moved()


# It came from there, as the node still remembers that is to start it.
@test
def ANodeThatDiesHasItsVmsStartedElsewhere():
    vm = Started("node1")
    vm.there.run("test -e /var/lib/qemunit/vm1/moved-away")
    before = vm.here.pull_plug()
    vm.guest.counts_at(vm.there.name)
    vm.here.wait_until_rebooted(before)
    assert "reboot of node1" in vm.there.run("stonith_admin --history node1 --verbose"), cluster.status()
    expect(vm.guest.boots(), 1)


@test
def APartitionLeavesOneCopy():
    vm = Started("node2")
    before = vm.here.boot_id()
    partition(True)
    try:
        # node1's fencing is delayed: node2 loses, and is off before the VM starts.
        vm.guest.counts_at("node1")
        vm.here.wait_until_rebooted(before)
    finally:
        partition(False)
    expect(vm.guest.boots(), 1)
    cluster.start()
    cluster.settle()
    expect(cluster.place(), "node1")
    vm.guest.agrees()
    expect(vm.guest.boots(), 1)


def partition(is_cut):
    """The nodes do not see each other; the test sees both."""
    for port in run("bridge", "link", "show").stdout.splitlines():
        run("bridge", "link", "set", "dev", port.split()[1].split("@")[0].rstrip(":"), "isolated", "on" if is_cut else "off")


# --- systemd:qemu@vm1, without anything of ours ---


@test
def APlainUnitIsAResource():
    cluster.start()
    if cluster.exists("vm1"):
        cluster.delete("vm1")
    guest = Guest()
    cluster.create('<primitive id="plain" class="systemd" type="qemu@vm1"><operations>'
                   '<op id="plain-start" name="start" interval="0" timeout="120s"/><op id="plain-stop" name="stop" interval="0" timeout="120s"/>'
                   '<op id="plain-monitor" name="monitor" interval="10s" timeout="60s"/></operations></primitive>')
    cluster.settle()
    here = cluster[cluster.place("plain")]
    guest.counts_at(here.name)
    before = here.reboot()
    # It is stopped here, then started there.
    guest.counts_at(cluster.other(here.name).name)
    here.wait_until_rebooted(before)
    expect(guest.boots(), 2)


def prepare():
    for node in cluster.nodes.values():
        node.wait_until_up()
    cluster.start()
    node = cluster.any_node()
    for number, delay in ((1, 8), (2, 0)):
        cluster.create(f'<primitive id="power{number}" class="stonith" type="fence_throwaway">'
                       f'<instance_attributes id="power{number}-p"><nvpair id="power{number}-p1" name="pcmk_host_list" value="node{number}"/>'
                       f'<nvpair id="power{number}-p2" name="pcmk_delay_base" value="{delay}s"/></instance_attributes></primitive>')
    node.run("crm_attribute --name stonith-enabled --update true")
    cluster.settle()


def main():
    wanted = sys.argv[2] if len(sys.argv) > 2 else "*"
    failed = 0
    begin = time.monotonic()
    prepare()
    print(f"The cluster is up after {time.monotonic() - begin:.0f} s", flush=True)
    for function in TESTS:
        name = "Cluster." + function.__name__
        if not fnmatch.fnmatchcase(name, wanted):
            continue
        print(f"[ RUN      ] {name}", flush=True)
        begin = time.monotonic()
        try:
            function()
            word = "[       OK ]"
        except Exception:  # noqa: BLE001
            traceback.print_exc(file=sys.stdout)
            print(cluster.status())
            word = "[  FAILED  ]"
            failed += 1
        print(f"{word} {name} ({round((time.monotonic() - begin) * 1000)} ms)", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
