#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes a snapshot of a VM, or goes back to it, and lists what there is.

    snapshot.py VM            lists the snapshots
    snapshot.py VM save TAG
    snapshot.py VM load TAG
    snapshot.py VM delete TAG

Needs python3-dbus. What the methods do: org.qemunit1(5).
"""
import sys
import time

import dbus

METHODS = {"save": "SaveSnapshot", "load": "LoadSnapshot", "delete": "DeleteSnapshot"}


def main(arguments):
    if len(arguments) not in (1, 3) or len(arguments) == 3 and arguments[1] not in METHODS:
        sys.exit(__doc__)
    bus = dbus.SystemBus()
    manager = dbus.Interface(bus.get_object("org.qemunit1", "/org/qemunit1"), "org.qemunit1.Manager")
    try:
        path = manager.GetVM(arguments[0])
        vm = dbus.Interface(bus.get_object("org.qemunit1", path), "org.qemunit1.VM")
        if len(arguments) == 3:
            # Snapshots take their time: not the 25 seconds that D-Bus usually waits.
            vm.get_dbus_method(METHODS[arguments[1]])(arguments[2], timeout=600)
        for tag, size, usec in vm.ListSnapshots():
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(usec / 1_000_000))
            print(f"{when}  {size / 1_048_576:8.1f} MiB  {tag}")
    except dbus.DBusException as error:
        sys.exit(f"{error.get_dbus_name()}: {error.get_dbus_message()}")


if __name__ == "__main__":
    main(sys.argv[1:])
