# SPDX-License-Identifier: ISC
"""sieve.py - ManageSieve: what is in the way of scripts, deaths, a full disk, crowds."""
import base64
import os
import re
import signal
import socket

import fronts
from fronts import U1
from suite import Suite, fill, small_disk, wait_for


class Sieve:
    """A conversation; a reply is its verdict with its code: "OK", "NO (QUOTA)"."""

    def __init__(self, s):
        self.s = socket.create_connection(("127.0.0.1", s.port("sieve")), timeout=20)
        self.f = self.s.makefile("rb")
        self.said = self.reply()

    def reply(self):
        """"": the end; also one with octets of ours unread, which the kernel says by a reset."""
        try:
            while line := self.f.readline():
                if m := re.match(rb"(OK|NO|BYE)( \([A-Z/]+\))?", line):
                    return m[0].decode()
                if m := re.match(rb"\{(\d+)\}\r\n$", line):
                    self.text = self.f.read(int(m[1]))
        except ConnectionResetError:
            pass
        return ""

    def has_ended(self):
        return self.reply() == ""

    def ask(self, line):
        try:
            self.s.sendall(line.encode() + b"\r\n")
            return self.reply()
        except OSError:
            return ""

    def login(self, user=U1, password="pass"):
        return self.ask(f'AUTHENTICATE "PLAIN" "{base64.b64encode(f"{chr(0)}{user}{chr(0)}{password}".encode()).decode()}"')

    def put(self, name, text):
        return self.ask(f'PUTSCRIPT "{name}" {{{len(text)}+}}\r\n{text}')

    def close(self):
        self.f.close()
        self.s.close()


def session(s, user=U1):
    c = Sieve(s)
    if (said := c.login(user)) != "OK":
        raise RuntimeError(f"login: {said}")
    return c


def script(n):
    return f"# {n}\r\nkeep;\r\n" + f"# {'x' * 1000}\r\n" * 100


def in_the_way(t):
    """The user's own folder has what is no script."""
    with Suite(deliver__linger_time=0) as s:
        s.user(U1, "pass")
        s.start("deliver")
        c = session(s)
        t.check(c.put("a", "keep;") == "OK" and c.ask('SETACTIVE "a"') == "OK", "a script is stored")
        folder = s.mailbox(U1) / "sieve"
        st = (folder / "a.sieve").stat()
        home = s.mailbox(U1).stat()
        t.check((st.st_mode & 0o7777, st.st_uid) == (0o600, home.st_uid), "its file is the mailbox's, and for it alone", str(st))
        (s.dir / "outside").write_text("outside\n")
        os.chmod(s.dir / "outside", 0o666)
        (folder / "link.sieve").symlink_to(s.dir / "outside")
        os.mkfifo(folder / "fifo.sieve", 0o666)
        for name in ("link", "fifo"):
            t.check(c.ask(f'GETSCRIPT "{name}"') == "NO (TRYLATER)", f"a {name} in place of a script is not read")
            t.check(c.ask(f'SETACTIVE "{name}"') == "NO (NONEXISTENT)", f"and is none to be made active: {name}")
        t.check(c.put("link", "stop;") == "OK" and (s.dir / "outside").read_text() == "outside\n" and not (folder / "link.sieve").is_symlink(),
                "a script that is put takes the link's place, and does not follow it")
        (folder / "active").unlink()
        os.mkfifo(folder / "active", 0o666)
        t.check(c.ask("LISTSCRIPTS") == "NO (TRYLATER)", "a FIFO where the active one is named: no hang")
        t.check(c.ask('SETACTIVE "a"') == "OK" and (folder / "active").read_text() == "a\n", "SETACTIVE puts a file there again")
        c.close()
        folder.rename(s.mailbox(U1) / "away")
        folder.symlink_to(s.dir)
        c = Sieve(s)
        t.check(c.login() == "BYE (TRYLATER)" and c.has_ended(), "the folder itself is a link: nobody goes there")
        c.close()


def killed(t):
    """What was answered OK is there; what was not, whole or not at all."""
    with Suite() as s:
        s.user(U1, "pass")
        s.start("deliver")
        path = s.mailbox(U1) / "sieve" / "a.sieve"
        told = sent = -1
        wrong = []
        for _ in range(8):
            c = session(s)
            for _ in range(5):
                sent += 1
                if c.put("a", script(sent)) == "OK":
                    told = sent
            text = script(sent + 1)
            sent += 1
            c.s.sendall(f'PUTSCRIPT "a" {{{len(text)}+}}\r\n{text}\r\n'.encode())
            s.kill("deliver", "session")
            if c.reply() == "OK":
                told = sent
            c.close()
            have = path.read_bytes().decode()
            if have not in (script(n) for n in range(told, sent + 1)):
                wrong.append(f"told {told}, sent {sent}, there is {have[:20]!r} of {len(have)}")
        t.check(not wrong and told >= 30, f"kill -9 of a session that stores a script: {told} of {sent} told, and whole", "; ".join(wrong))
        c, other = session(s), Sieve(s)
        s.kill("deliver", "auth")
        said = other.login()
        t.check((said if said == "OK" else other.login()) == "OK", "auth is killed: NO (TRYLATER) at most once", said)
        front = s.kill("deliver", "front")
        t.check(wait_for(lambda: front[0] not in s.pids("deliver", "front"), 20), "a front is killed")
        t.check(c.ask("NOOP") == "OK", "who is logged in without TLS does not notice")
        c.close()
        other.close()
        t.check(session(s).ask("LISTSCRIPTS") == "OK", "and the next one serves")


def disk_full(t):
    if os.geteuid() != 0:
        t.skip("disk full at PUTSCRIPT", "needs root to mount a small file system")
        return
    with small_disk(30) as (inside, outside), Suite(base=inside, common__log=f"{outside}/log") as s:
        s.user(U1, "pass")
        s.start("deliver")
        c = session(s)
        t.check(c.put("a", "keep;") == "OK", "a script is there")
        fill(s.dir / "filler")
        t.check(c.put("a", script(1)) == "NO (QUOTA)", "disk full: NO (QUOTA)")
        t.check(c.ask('GETSCRIPT "a"') == "OK" and c.text == b"keep;", "and the old one is as it was", str(c.text[:50]))
        t.check([p.name for p in (s.mailbox(U1) / "sieve").iterdir()] == ["a.sieve"], "and no other file is left")
        (s.dir / "filler").unlink()
        t.check(c.put("a", script(1)) == "OK", "room again: it is stored")
        c.close()


def off(t):
    """Without listen_sieve nobody listens, and none of its processes is there."""
    with Suite(deliver__listen_sieve=[]) as s:
        s.start("deliver")
        t.check({s.role_of(p) for p in s.pids("deliver")} == {"placer", "lookup", "events", "retention", "metrics"}, "listen_sieve = {}: no process of ManageSieve",
                str([s.role_of(p) for p in s.pids("deliver")]))
        s.settings["deliver"]["listen_sieve"] = [f"127.0.0.1:{s.port('sieve')}"]
        s.write_conf()
        s.user(U1, "pass")
        s.procs["deliver"].send_signal(signal.SIGHUP)
        t.check(wait_for(lambda: s.pids("deliver", "front") and s.pids("deliver", "auth"), 20), "a reload with an address starts them")
        c = session(s)
        t.check(c.ask("LISTSCRIPTS") == "OK", "and they serve")
        c.close()


def crowds(t):
    fronts.crowds(t, "deliver", Sieve, "BYE (TRYLATER)", lambda c: c.ask("LOGOUT"), lambda c: c.login() == "OK")
    fronts.crowds_of_sessions(t, "deliver", Sieve, lambda c, user: c.login(user), lambda c: c.ask("LOGOUT"))
    fronts.sent_ahead(t, "deliver", "sieve", b"STARTTLS\r\n", b"NOOP\r\n", greeting=9)  # RFC 5804 2.2


def sieve(t):
    for part in (in_the_way, killed, off, disk_full, crowds):
        part(t)
