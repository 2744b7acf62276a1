# SPDX-License-Identifier: ISC
"""mta.py - a Postfix as another host: it takes mail at a port of 127.0.0.1, and one transport of its own has it from there."""
import os
import shutil
import subprocess

from suite import SBIN, free_ports, listens, wait_for

MAIN_CF = """compatibility_level = 3.6
queue_directory = {d}/q
data_directory = {d}/data
mail_owner = postfix
inet_interfaces = 127.0.0.1
mydestination =
mynetworks =
smtpd_reject_unlisted_recipient = no
maillog_file = /dev/stdout
"""

MASTER_CF = """127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
{transport}
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def has_postfix():
    return os.geteuid() == 0 and shutil.which("postfix", path=SBIN) is not None


class Postfix:
    """In the folder d: main is what its main.cf has besides, transport a line of its master.cf."""

    def __init__(self, d, main, transport):
        self.d = d
        self.port, = free_ports(1)
        for name in ("etc", "q", "data"):
            (d / name).mkdir(parents=True)
        shutil.chown(d / "data", "postfix")
        (d / "etc/main.cf").write_text(MAIN_CF.format(d=d) + main)
        (d / "etc/master.cf").write_text(MASTER_CF.format(port=self.port, transport=transport))

    def _command(self, verb):
        return {"args": ["postfix", "-c", self.d / "etc", verb], "env": dict(os.environ, PATH=SBIN), "stdout": self.out, "stderr": self.out}

    def __enter__(self):
        self.out = open(self.d / "log", "ab")
        self.process = subprocess.Popen(**self._command("start-fg"), stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        subprocess.run(**self._command("stop"))
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:  # what failed in here is told, not that
            self.process.kill()
            self.process.wait()
        finally:
            self.out.close()

    def is_up(self):
        return wait_for(lambda: listens(self.port), 30)

    def queue_count(self):
        return sum(1 for name in ("maildrop", "incoming", "active", "deferred") for f in (self.d / "q" / name).rglob("*") if f.is_file())

    def log(self):
        return (self.d / "log").read_text()
