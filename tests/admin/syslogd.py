# SPDX-License-Identifier: ISC
"""syslogd.py - log = syslog: lines as datagrams at /dev/log, as syslogd takes them (RFC 3164 4.1.1)."""
import os
import pathlib
import poplib
import re
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from suite import Suite, wait_for

MAIL = 2  # the facility
LEVELS = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"]
DEVICES = ("null", "zero", "full", "random", "urandom")
USER = "u1@example.test"


class Syslogd:
    """Everything that comes to a socket of that name."""

    def __init__(self, path):
        self.path, self.lines = path, []
        self.start()

    def start(self):
        self.path.unlink(missing_ok=True)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(self.path))
        os.chmod(self.path, 0o666)
        threading.Thread(target=self.serve, args=(self.sock,), daemon=True).start()

    def serve(self, sock):
        try:
            while True:
                data = sock.recv(65536)
                if data:
                    self.lines.append(data.decode(errors="replace"))
        except OSError:
            pass

    def stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class SyslogSuite(Suite):
    """Its daemons have a /dev of their own, with our syslogd in it."""

    def __init__(self, **settings):
        super().__init__(common__log="syslog", **settings)
        self.dev = self.dir / "dev"
        self.dev.mkdir()
        for name in DEVICES:
            (self.dev / name).touch()
        (self.dev / "shm").mkdir(mode=0o1777)
        (self.dev / "fd").symlink_to("/proc/self/fd")
        self.syslogd = Syslogd(self.dev / "log")

    def program(self, name):
        real = super().program(name)
        if name == "merpati":
            return real
        wrapper = self.dir / f"in-a-dev-{name}"
        mounts = "".join(f"mount --bind /dev/{d} {self.dev}/{d} && " for d in DEVICES)
        wrapper.write_text(f"#!/bin/sh\nexec unshare -m --propagation private sh -c '{mounts}mount --rbind {self.dev} /dev && exec {real} \"$@\"' {name} \"$@\"\n")
        wrapper.chmod(0o755)
        return wrapper

    def log(self):
        return "\n".join(self.syslogd.lines) if hasattr(self, "syslogd") else ""


def can_mount():
    """Namespaces of mounts, and mounts in them."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "mount", "--bind", "/tmp", "/mnt"], stderr=subprocess.DEVNULL).returncode == 0


def login(s, password):
    c = poplib.POP3("127.0.0.1", s.port("pop3"), timeout=20)
    try:
        c.user(USER)
        c.pass_(password)
        c.quit()
    except poplib.error_proto:
        c.close()


def syslog(t):
    if not can_mount():
        t.skip("log = syslog", "needs root, and a namespace of mounts")
        return
    with SyslogSuite() as s:
        s.user(USER, "pass")
        s.start("pop3d")
        login(s, "pass")
        login(s, "wrong")
        came = wait_for(lambda: all(f"event={e}" in s.log() for e in ("started", "login", "login_failed")), 10)
        t.check(came, "lines of the monitor, a front and auth come to /dev/log, jailed as they are", s.log()[-600:])
        lines = list(s.syslogd.lines)
        form = re.compile(r"<(\d+)>pop3d/(\w+)\[(\d+)\]: level=(\w+) event=\w+( [^\n\0]*)?")
        bad = [x for x in lines if not form.fullmatch(x)]
        t.check(lines and not bad, "each a datagram: priority, program, process, and no date or end of line", str(bad[:2]))
        wrong = [x for x in lines for m in [form.fullmatch(x)] if m and int(m[1]) != MAIL << 3 | LEVELS.index(m[4])]
        t.check(not wrong, "the priority is facility mail and the line's own level", str(wrong[:2]))
        roles = {m[2] for x in lines for m in [form.fullmatch(x)] if m}
        t.check({"monitor", "auth"} <= roles and len(roles) >= 3, "of several roles", str(roles))
        s.syslogd.stop()
        s.syslogd.start()
        before = len(s.syslogd.lines)
        login(s, "wrong")
        t.check(wait_for(lambda: any("event=login_failed " in x for x in s.syslogd.lines[before:]), 10),
                "syslogd began anew: lines come again, with the first one", str(s.syslogd.lines[before:]))
        t.check(any("pop3d/monitor" in x and "event=syslog_back" in x for x in s.syslogd.lines[before:]), "and the monitor says that some may be missing")
        login(s, "pass")
        t.check(wait_for(lambda: any("event=login " in x for x in s.syslogd.lines[before:]), 10), "and those of other processes come too",
                str(s.syslogd.lines[before:]))
        for what, hint in (("when lines were lost meanwhile", None), ("with USR1", signal.SIGUSR1)):
            s.syslogd.stop()
            login(s, "pass")  # nobody listens: it must not matter
            s.syslogd.start()
            if hint:
                s.procs["pop3d"].send_signal(hint)
            before = len(s.syslogd.lines)
            t.check(wait_for(lambda: login(s, "pass") or any("event=login " in x for x in s.syslogd.lines[before:]), 10),
                    f"they come again {what}", s.errors("pop3d")[-300:])
    with SyslogSuite() as s:
        s.user(USER, "pass")
        s.syslogd.stop()
        s.start("pop3d", wait=False)
        t.check(wait_for(lambda: "event=started" in s.errors("pop3d"), 10), "a syslogd that comes later: lines go to stderr", s.errors("pop3d")[-300:])
        s.syslogd.start()
        s.procs["pop3d"].send_signal(signal.SIGUSR1)
        t.check(wait_for(lambda: login(s, "pass") or "event=login " in s.log(), 10), "and to it after USR1", s.errors("pop3d")[-300:])
        bad = [x for x in s.syslogd.lines if not form.fullmatch(x)]
        t.check(s.syslogd.lines and not bad, "in its form", str(bad[:2]))
    if pathlib.Path("/dev/log").exists():
        t.skip("no syslogd", "there is one here")
        return
    with Suite(common__log="syslog") as s:
        s.user(USER, "pass")
        s.start("pop3d", wait=False)
        t.check(wait_for(lambda: "event=started" in s.errors("pop3d"), 10) and "event=log_not_opened log=syslog" in s.errors("pop3d"),
                "without a syslogd lines go to stderr, and say so", s.errors("pop3d")[-300:])
