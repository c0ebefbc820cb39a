# SPDX-License-Identifier: MIT
#
# Two nodes with Pacemaker as the tests see them: commands in a node, and waiting for what the cluster says. All waiting is for a
# state, with a deadline. Used by cluster_test.py.
import pathlib
import subprocess
import time

PATIENCE = 180


class Failed(AssertionError):
    pass


def run(*command, check=True, timeout=PATIENCE):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    if check and done.returncode:
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
    return done


def until(what, function, patience=PATIENCE):
    """Calls `function` until it returns something true, and returns that."""
    deadline = time.monotonic() + patience
    while True:
        seen = function()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise Failed(f"not within {patience} s: {what}")
        time.sleep(0.2)


class Node:
    def __init__(self, number, shared):
        self.name = f"node{number}"
        self.address = f"10.99.0.{number}"
        self.shared = shared

    def ssh(self, *words, timeout=PATIENCE):
        """One connection for many commands, as long as the node is the same one."""
        return run("ssh", "-i", f"{self.shared}/key", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR",
                   "-oBatchMode=yes", "-oConnectTimeout=5", "-oServerAliveInterval=2", "-oServerAliveCountMax=5", "-oControlMaster=auto",
                   f"-oControlPath={self.shared}/{self.name}.ssh", "-oControlPersist=yes", f"root@{self.address}", *words,
                   check=False, timeout=timeout)

    def try_run(self, command, timeout=PATIENCE):
        return self.ssh(command, timeout=timeout)

    def run(self, command, **options):
        done = self.try_run(command, **options)
        if done.returncode:
            raise Failed(f"{self.name}: {command}: exit status {done.returncode}\n{done.stdout}")
        return done.stdout.strip()

    def is_up(self):
        return self.try_run("true").returncode == 0

    def wait_until_up(self):
        until(f"{self.name} answers", self.is_up)

    def boot_id(self):
        done = self.try_run("cat /run/boot")
        return done.stdout if done.returncode == 0 else ""

    def state_of_unit(self, unit="qemu@vm1"):
        return self.run(f"systemctl show --property=ActiveState --value {unit}")

    def console(self, since, vm="vm1"):
        """All that the guest has printed on this node since that time."""
        return self.run(f"journalctl --quiet --output=cat --since=@{since:.6f} QEMUNIT_VM={vm} QEMUNIT_PORT=serial").splitlines()

    def reboot(self, options=""):
        before = self.boot_id()
        self.try_run(f"systemctl reboot {options}", timeout=30)
        self.ssh("-O", "exit")
        return before

    def pull_plug(self):
        """Power off and on again: no process of the node gets to know."""
        return self.reboot("--force --force")

    def wait_until_rebooted(self, before):
        until(f"{self.name} has restarted", lambda: self.boot_id() not in ("", before))


class Cluster:
    def __init__(self, shared):
        self.shared = pathlib.Path(shared)
        self.nodes = {f"node{number}": Node(number, shared) for number in (1, 2)}

    def __getitem__(self, name):
        return self.nodes[name]

    def other(self, name):
        return self.nodes["node2" if name == "node1" else "node1"]

    def any_node(self):
        for node in self.nodes.values():
            if node.is_up() and node.try_run("crmadmin --dc_lookup --timeout=5s").returncode == 0:
                return node
        raise Failed("no node is in the cluster")

    def start(self, *names):
        """Has nodes join, and waits until Pacemaker has them."""
        for name in names or self.nodes:
            self[name].wait_until_up()
        for name in names or self.nodes:
            self[name].run("systemctl start pacemaker")
        for name in self.nodes:
            until(f"{name} is online", lambda: self.is_online(name))

    def is_online(self, name):
        for node in self.nodes.values():
            done = node.try_run("crm_mon --one-shot --output-as=xml --include=nodes")
            if done.returncode == 0:
                return any(f'name="{name}"' in line and 'online="true"' in line and 'pending="false"' in line
                           for line in done.stdout.splitlines())
        return False

    def settle(self):
        """Until the cluster has nothing left to do."""
        self.any_node().run(f"crm_resource --wait --timeout={PATIENCE}", timeout=PATIENCE + 30)

    def create(self, xml):
        self.any_node().run(f"cibadmin --create --scope resources --xml-text '{xml}'")

    def has_failures(self):
        return "<failures>" in self.any_node().run("crm_mon --one-shot --output-as=xml")

    def exists(self, resource):
        return self.any_node().try_run(f"crm_resource --resource {resource} --query-xml").returncode == 0

    def delete(self, resource):
        node = self.any_node()
        node.run(f"crm_resource --resource {resource} --set-parameter target-role --meta --parameter-value Stopped")
        self.settle()
        node.run(f"cibadmin --delete --xml-text '<primitive id=\"{resource}\"/>'")
        self.settle()

    def place(self, resource="vm1"):
        """The node where the cluster says that it runs."""
        done = self.any_node().try_run(f"crm_resource --resource {resource} --locate --quiet")
        return done.stdout.split()[0] if done.returncode == 0 and done.stdout.split() else ""

    def wait_until_at(self, name, resource="vm1"):
        until(f"{resource} is at {name}", lambda: self.place(resource) == name)

    def status(self):
        texts = []
        for node in self.nodes.values():
            texts.append(f"--- {node.name} ---\n" + node.try_run("crm_mon --one-shot --inactive --failcounts; systemctl status --no-pager 'qemu@*'").stdout)
        return "\n".join(texts)
