#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A VM's monitor or console, for the terminal or in a pipe, without a socket's path.

    console.py VM             the first serial port
    console.py VM PORT        another one
    console.py VM monitor     QEMU's human monitor
    console.py VM qmp         the same for programs

Needs python3-dbus. Ends with the VM, or at the end of the input. org.qemunit1(5) has the rest;
for people, there is qemunitctl(1).
"""
import os
import select
import socket
import sys

import dbus


def relay(connection):
    """Copies standard input to `connection`, and what it says to standard output."""
    sources = [sys.stdin, connection]
    while connection in sources:
        for source in select.select(sources, [], [])[0]:
            data = os.read(source.fileno(), 65536)
            if source is connection:
                os.write(sys.stdout.fileno(), data)
            elif data:
                connection.sendall(data)
            else:
                connection.shutdown(socket.SHUT_WR)
            if not data:
                sources.remove(source)


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    name, what = arguments[0], arguments[1] if len(arguments) == 2 else ""
    bus = dbus.SystemBus()
    manager = dbus.Interface(bus.get_object("org.qemunit1", "/org/qemunit1"), "org.qemunit1.Manager")
    try:
        vm = dbus.Interface(bus.get_object("org.qemunit1", manager.GetVM(name)), "org.qemunit1.VM")
        if what == "monitor":
            fd = vm.OpenMonitor()
        elif what == "qmp":
            fd = vm.OpenQMP()
        else:
            fd = vm.OpenSerial(what)
    except dbus.DBusException as error:
        sys.exit(f"{error.get_dbus_name()}: {error.get_dbus_message()}")
    with socket.socket(fileno=fd.take()) as connection:
        relay(connection)


if __name__ == "__main__":
    main(sys.argv[1:])
