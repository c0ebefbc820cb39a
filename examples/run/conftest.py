# SPDX-License-Identifier: MIT
#
# A fixture for pytest: a test that takes `guest` runs commands in VMs of their own, by qemunitctl run.
#
#   def test_mount(guest):
#       assert guest("mount", "-t", "tmpfs", "none", "/mnt").returncode == 0
#
# Options for all VMs stand in $QEMUNIT_RUN_OPTIONS, as for a shell: --kernel=FILE --memory=512M
import os
import shlex
import subprocess

import pytest

# What qemunitctl(1) says of a guest that has failed, and not the command.
BROKEN = (120, 121, 124, 125)


class Guest:
    def __init__(self, folder):
        self.output = folder  # what the guest writes below $QEMUNIT_OUTPUT

    def __call__(self, *command, options=(), timeout=300, **how):
        how = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, **how}
        if "input" in how:
            del how["stdin"]
        done = subprocess.run(
            ["qemunitctl", "run", f"--timeout={timeout}s", f"--output={self.output}",
             *shlex.split(os.environ.get("QEMUNIT_RUN_OPTIONS", "")), *options, "--", *command],
            check=False, **how)
        if done.returncode in BROKEN and "qemunitctl run: " in (done.stderr or ""):
            pytest.fail(done.stderr)
        return done


@pytest.fixture
def guest(tmp_path):
    return Guest(tmp_path)
