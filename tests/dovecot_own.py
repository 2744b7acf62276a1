# SPDX-License-Identifier: ISC
"""dovecot_own.py - a Dovecot of a test's own: unprivileged, in a temporary directory; what it is for says its configuration."""
import grp
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from suite import wait_for

CONF = """
base_dir = {d}/run
state_dir = {d}/state
log_path = {d}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {d}/users
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def is_installed(service):
    return shutil.which("dovecot") is not None and pathlib.Path(f"/usr/lib/dovecot/{service}").exists()


class DovecotOwn:
    """answers(): it serves; a subclass says so."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="merpati-dovecot-"))
        self.me = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        for name in ("run", "state", "home"):
            (self.dir / name).mkdir()

    def configure(self, more, users, **values):
        """more: of dovecot.conf, with the names of values in braces; users: lines of its passwd-file.  It starts."""
        (self.dir / "users").write_text(users)
        (self.dir / "dovecot.conf").write_text((CONF + more).format(
            d=self.dir, user=self.me.pw_name, group=grp.getgrgid(self.me.pw_gid).gr_name, uid=self.me.pw_uid, gid=self.me.pw_gid, **values))
        for path in (self.dir, *self.dir.rglob("*")):
            if os.geteuid() == 0:
                os.chown(path, self.me.pw_uid, self.me.pw_gid)
        self.start()

    def start(self):
        as_user = {"user": self.me.pw_uid, "group": self.me.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        self.out = open(self.dir / "out", "ab")
        self.proc = subprocess.Popen(["dovecot", "-F", "-c", self.dir / "dovecot.conf"], stdout=self.out, stderr=self.out, **as_user)
        if not wait_for(lambda: self.answers() or self.proc.poll() is not None, 30) or self.proc.poll() is not None:
            raise RuntimeError(f"dovecot did not start: {self.said()}")

    def said(self):
        return "".join(p.read_text(errors="replace")[-2000:] for p in (self.dir / "out", self.dir / "log") if p.exists())

    def stop(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            self.proc.wait(20)
        self.out.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.said())
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
