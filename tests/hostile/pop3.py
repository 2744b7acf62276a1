# SPDX-License-Identifier: ISC
"""pop3.py - the POP3 column of the table in README, and how long mail stays with each policy."""
import os
import poplib
import re
import socket
import ssl
import time

import fronts
from fronts import U1
from suite import Suite, clock_of, fill, small_disk, wait_for

DAY = 86400


class Pop:
    """A conversation that knows only lines."""

    def __init__(self, s, kind="pop3"):
        self.s = socket.create_connection(("127.0.0.1", s.port(kind)), timeout=20)
        if kind in ("pop3s", "imaps"):
            self.s = ssl._create_unverified_context().wrap_socket(self.s)
        self.f = self.s.makefile("rb")
        self.said = re.match(r"\S*( \[\S+\])?", self.get())[0]  # "+OK", "-ERR [SYS/TEMP]"

    def has_ended(self):
        return self.get() == ""

    def get(self):
        return self.f.readline().decode(errors="replace").rstrip("\r\n")

    def ask(self, *lines):
        """The reply to the last of them."""
        for line in lines:
            self.s.sendall(line.encode() + b"\r\n")
            reply = self.get()
        return reply

    def login(self, user=U1, password="pass"):
        return self.ask(f"USER {user}", f"PASS {password}")

    def close(self):
        self.f.close()
        self.s.close()


def maildrop(s, user=U1, retrieve=()):
    """How many messages a session of poplib finds; it fetches those numbers, and says QUIT."""
    p = poplib.POP3("127.0.0.1", s.port("pop3"), timeout=20)
    p.user(user)
    p.pass_("pass")
    count = p.stat()[0]
    for n in retrieve:
        p.retr(n)
    p.quit()
    return count


def text(n):
    return f"Subject: {n}\r\n\r\nmessage {n}\r\n".encode()


def policies(t):
    """Never, after so many days, at retrieval: RFC 2449 6.7."""
    with Suite(pop3d__linger_time=0) as s:
        keeps = {"always@example.test": "always", "days@example.test": "3", "once@example.test": "0"}
        for user, keep in keeps.items():
            s.user(user, "pass", "--pop3-keep", keep)
            for n in range(3):
                s.message(user, text(n))
        set_clock = clock_of(s)
        s.start("pop3d")

        def seen(what, want, retrieve=()):
            got = [maildrop(s, user, retrieve) for user in keeps]
            t.check(got == want, f"kept always, 3 days, until fetched: {what}", f"{got}, wanted {want}")
        seen("nothing fetched", [3, 3, 3])
        seen("one is fetched", [3, 3, 3], [2])
        seen("after that", [3, 3, 2])
        # fetched without QUIT: it stays
        p = poplib.POP3("127.0.0.1", s.port("pop3"), timeout=20)
        p.user("once@example.test")
        p.pass_("pass")
        p.retr(1)
        p.close()
        # TOP is not fetching
        p = poplib.POP3("127.0.0.1", s.port("pop3"), timeout=20)
        p.user("once@example.test")
        p.pass_("pass")
        p.top(1, 100)
        p.quit()
        seen("without QUIT, and only TOP", [3, 3, 2])
        set_clock(3 * DAY - 600)
        for user in keeps:
            s.message(user, text(9))
        seen("before the third day is over, and one more comes", [4, 4, 3])
        seen("still", [4, 4, 3])
        set_clock(3 * DAY + 600)
        seen("after it, until QUIT", [4, 4, 3])
        seen("then what is old is gone, what is new is there", [4, 1, 3])
        set_clock(1000 * DAY)
        seen("years later", [4, 1, 3])
        seen("years later, again", [4, 0, 3])


def refusals(t):
    with Suite(pop3d__idle_time=10) as s:
        s.user(U1, "pass")
        s.message(U1, text(1))
        s.start("pop3d")
        idle = Pop(s)
        idle.login()
        begin = time.monotonic()
        c = Pop(s)
        r = c.login(password="wrong")
        t.check(r.startswith("-ERR [AUTH]"), "wrong password: -ERR [AUTH]", r)
        r = c.login(user="nobody@example.test")
        t.check(r.startswith("-ERR [AUTH]"), "no such user: the same", r)
        c.close()
        c = Pop(s)
        r = c.ask("x" * 20000)
        t.check(r.startswith("-ERR"), "a line too long before the login: -ERR", r)
        r = c.login()
        t.check(r.startswith("+OK"), "and the login goes on", r)
        r = c.ask("NOOP " + "x" * 20000)
        t.check(r.startswith("-ERR"), "a line too long: -ERR", r)
        r = c.ask("STAT")
        t.check(r.startswith("+OK 1 "), "and the session goes on", r)
        replies = [c.ask("XYZZY") for _ in range(19)]
        t.check(all(x.startswith("-ERR") for x in replies) and c.get() == "", "too many bad commands: -ERR and the end",
                str(replies))
        c.close()
        c = Pop(s)
        replies = [c.ask("XYZZY") for _ in range(10)]
        t.check(all(x.startswith("-ERR") for x in replies) and c.get() == "",
                "too many bad commands before the login: -ERR and the end", str(replies))
        c.close()
        r = idle.get()
        took = time.monotonic() - begin
        t.check(r == "" and 8 < took < 20, "idle too long: the end", f"{r!r} after {took:.1f} s")
        idle.close()


def sent_ahead(t):
    fronts.sent_ahead(t, "pop3d", "pop3", b"STLS\r\n", b"NOOP\r\n")  # RFC 2595 4


def crowds(t):
    fronts.crowds(t, "pop3d", Pop, "-ERR [SYS/TEMP]", lambda c: c.ask("QUIT"), lambda c: c.login().startswith("+OK"))
    fronts.crowds_of_all(t, "pop3d", Pop, "-ERR [SYS/TEMP]")
    fronts.crowds_of_sessions(t, "pop3d", Pop, lambda c, user: re.match(r"\S*( \[\S+\])?", c.login(user))[0], lambda c: c.ask("QUIT"))


def keeper(t):
    """What a keeper's death costs: nothing; and what it costs when no other one can begin."""
    with Suite(pop3d__linger_time=0) as s:
        s.user(U1, "pass")
        for n in range(3):
            s.message(U1, text(n))
        s.start("pop3d")
        c = Pop(s)
        r = c.login()
        t.check(r.startswith("+OK"), "login", r)
        c.ask("DELE 1")
        t.check(s.kill_keepers(U1) == 1, "the keeper is killed under a session")
        r = c.ask("STAT")
        t.check(r.startswith("+OK 2 "), "its session goes on", r)
        r = c.ask("QUIT")
        t.check(r.startswith("+OK"), "and QUIT asks the next keeper", r)
        c.close()
        c = Pop(s)
        c.login()
        c.ask("DELE 1")
        with s.no_keeper(U1):
            r = c.ask("QUIT")
            t.check(r.startswith("-ERR [SYS/TEMP]"), "QUIT, and no keeper can begin: -ERR [SYS/TEMP]", r)
            c.close()
            c = Pop(s)
            r = c.login()
            t.check(r.startswith("-ERR [SYS/TEMP]"), "a login, and no keeper can begin: -ERR [SYS/TEMP]", r)
            c.close()
        n = maildrop(s)
        t.check(n == 2, "the next attempt starts one: what QUIT refused to remove is there", str(n))


def deaths(t):
    """What README says that they cost."""
    with Suite() as s:
        s.user(U1, "pass")
        for n in range(2):
            s.message(U1, text(n))
        s.start("pop3d")
        c, waiting = Pop(s), Pop(s)
        c.login()
        c.ask("DELE 1")
        s.kill("pop3d", "session")
        t.check(c.get() == "", "a session is killed: its client's connection ends")
        c.close()
        r = waiting.login()
        t.check(r.startswith("+OK"), "another client of the account logs in", r)
        r = waiting.ask("STAT")
        t.check(r.startswith("+OK 2 "), "and what was marked stays", r)
        waiting.close()
        s.kill("pop3d", "auth")
        c = Pop(s)
        r = c.login()
        if r.startswith("-ERR [SYS/TEMP]"):
            r = c.login()
        t.check(r.startswith("+OK"), "auth is killed: -ERR [SYS/TEMP] at most once", r)
        c.close()
        s.kill("pop3d", "key")
        try:
            c = Pop(s, "pop3s")
        except OSError:  # the handshake of that moment
            c = Pop(s, "pop3s")
        r = c.login()
        t.check(r.startswith("+OK"), "key is killed: at most one handshake fails", r)
        c.close()
        c = Pop(s)
        s.kill("pop3d", "front")
        t.check(c.get() == "", "a front is killed: its clients' connections end")
        c.close()
        c = Pop(s)
        r = c.login()
        t.check(r.startswith("+OK"), "and the next one serves", r)
        c.close()


def disk_full(t):
    if os.geteuid() != 0:
        t.skip("disk full at QUIT", "needs root to mount a small file system")
        return
    count = 5000  # what the keeper's log has ahead, at most a megabyte, is not enough for them
    with small_disk(80) as (inside, outside), \
            Suite(base=inside, common__log=f"{outside}/log", pop3d__linger_time=0) as s:
        s.user(U1, "pass")
        for n in range(count):
            s.message(U1, text(n))
        s.start("pop3d")
        t.check(maildrop(s) == count, "messages are there")

        def remove_all():
            c = Pop(s)
            c.login()
            c.s.sendall(b"".join(b"DELE %d\r\n" % (i + 1) for i in range(count)))
            marked = sum(c.get().startswith("+OK") for _ in range(count))
            reply = c.ask("QUIT")
            c.close()
            return reply if marked == count else f"{marked} marked"
        fill(s.dir / "filler")
        r = remove_all()
        t.check(r.startswith("-ERR [SYS/TEMP]"), "disk full at QUIT: -ERR [SYS/TEMP]", r)
        r = remove_all()
        t.check(r.startswith("-ERR [SYS/TEMP]"), "and again", r)
        (s.dir / "filler").unlink()
        p = poplib.POP3("127.0.0.1", s.port("pop3"), timeout=20)
        p.user(U1)
        p.pass_("pass")
        n = p.stat()[0]
        bad = sum(b"\r\n".join(p.retr(i + 1)[1]) + b"\r\n" != text(i) for i in range(n))
        p.quit()
        t.check((n, bad) == (count, 0), "room again: the messages stayed, and in order", f"{n}, {bad} of them others")
        r = remove_all()
        t.check(r.startswith("+OK"), "and QUIT removes them", r)
        t.check(maildrop(s) == 0, "all of them")
        t.check(wait_for(lambda: not s.files(U1), 20), "and their files, in rounds", str(len(s.files(U1))))


def pop3(t):
    for part in (refusals, sent_ahead, crowds, keeper, deaths, policies, disk_full):
        part(t)
