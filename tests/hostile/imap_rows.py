# SPDX-License-Identifier: ISC
"""imap_rows.py - the IMAP column of the tables in README, and clients that send too much or read too little."""
import os
import re
import time

import fronts
from fronts import U1
from imap import Gone, Imap
from suite import Suite, fill, small_disk, wait_for

MESSAGE = b"From: <a@example.net>\r\nSubject: x\r\n\r\nbody\r\n"
SESSION_GROWTH_MAX = 24 << 20  # of memory, whatever a client asks for and does not read; with sanitizers


def client(s, user=U1, password="pass", tls=False):
    c = Imap(s.port("imaps" if tls else "imap"), tls)
    c.login(user, password)
    return c


def ended(c):
    """What the server says before it closes: BYE's code and text."""
    said = []
    try:
        while True:
            r = c.response()
            if r[1] == "BYE":
                said.append(" ".join(r[2]) + " " + r[3])
    except Gone:
        return said


def tried(s):
    """A login's failure, in one line."""
    try:
        return str(Imap(s.port("imap")).do(f'LOGIN "{U1}" "pass"'))
    except Gone as e:
        return str(e)


def refusals(t):
    with Suite(imapd__idle_time=10, imapd__message_size=65536) as s:
        s.user(U1, "pass", "--quota", "128K")
        s.start("imapd")
        idle = client(s)
        begin = time.monotonic()
        for user, password in ((U1, "wrong"), ("nobody@example.test", "pass")):
            r = Imap(s.port("imap")).do(f'LOGIN "{user}" "{password}"')
            t.check(r.status == "NO" and r.code == ["AUTHENTICATIONFAILED"], f"{user}, {password}: NO [AUTHENTICATIONFAILED]", r)
        c = client(s)
        r = c.do("NOOP " + "x" * 100000)
        t.check(r.status == "BAD" and c.do("NOOP").ok, "a line too long: BAD, and the session goes on", r)
        r = c.do("APPEND INBOX {70000}")
        t.check(r.status == "NO" and r.code == ["TOOBIG"], "a message too large: NO [TOOBIG], before it is sent", r)
        r = c.do(["APPEND INBOX ", b"x" * 70000])
        t.check(r.status == "NO" and r.code == ["TOOBIG"] and c.do("NOOP").ok, "and where the client does not wait", r)
        replies = [c.append("INBOX", b"x: y\r\n\r\n" + b"z" * 60000) for _ in range(3)]
        t.check([r.status for r in replies] == ["OK", "OK", "NO"] and replies[2].code == ["OVERQUOTA"],
                "mailbox over quota: NO [OVERQUOTA]", str(replies[2]))
        replies = [c.do("XYZZY") for _ in range(50)]
        said = ended(c)
        t.check(all(r.status == "BAD" for r in replies) and len(said) == 1, "too many bad commands: BYE and the end", said)
        said = ended(idle)
        took = time.monotonic() - begin
        t.check(len(said) == 1 and 8 < took < 25, "idle too long: BYE and the end", f"{said} after {took:.1f} s")


class Greeted(Imap):
    """As fronts.crowds wants it."""

    def __init__(self, s):
        super().__init__(s.port("imap"))
        self.said = " ".join([self.greeting[1], *(f"[{x}]" for x in self.greeting[2] if x == "LIMIT")])

    def has_ended(self):
        return ended(self) == []


def crowds(t):
    fronts.crowds(t, "imapd", Greeted, "BYE [LIMIT]", lambda c: c.do("LOGOUT"), lambda c: c.login(U1, "pass").ok)
    fronts.crowds_of_all(t, "imapd", Greeted, "BYE [LIMIT]")

    def login(c, user):
        r = c.do(f'LOGIN "{user}" "pass"')
        return r.status if r.ok else " ".join([r.status, *(f"[{x}]" for x in r.code)])
    fronts.crowds_of_sessions(t, "imapd", Greeted, login, lambda c: c.do("LOGOUT"))


def sent_ahead(t):
    fronts.sent_ahead(t, "imapd", "imap", b"a STARTTLS\r\n", b"b NOOP\r\n")  # RFC 9051 6.2.1


def keeper(t):
    """What a keeper's death costs: nothing; and what it costs when no other one can begin."""
    with Suite(imapd__linger_time=0) as s:
        s.user(U1, "pass")
        s.start("imapd")
        c = client(s)
        c.append("INBOX", MESSAGE)
        c.do("SELECT INBOX")
        t.check(s.kill_keepers(U1) == 1, "the keeper is killed under a session")
        r = c.do(r"STORE 1 +FLAGS (\Flagged)")
        t.check(r.ok, "its session asks the next one", r)
        with s.no_keeper(U1):
            r = c.do(r"STORE 1 +FLAGS (\Seen)")
            t.check(r.status == "NO" and r.code == ["UNAVAILABLE"], "a change, and no keeper can begin: NO [UNAVAILABLE]", r)
            r = c.do("STATUS INBOX (MESSAGES)")
            t.check(r.status == "NO" and r.code == ["UNAVAILABLE"], "a question, and no keeper can begin: NO [UNAVAILABLE]", r)
        r = c.do("FETCH 1 (FLAGS)")
        c.do("NOOP")
        d = client(s)
        d.do("SELECT INBOX")
        r = d.do("FETCH 1 (FLAGS)")
        flags = r.numbered("FETCH")[0][1][0][1]
        t.check("\\Flagged" in flags and "\\Seen" not in flags, "the next attempt starts one: what was refused is not there", flags)


def damage(t):
    """Pages of the index are written over: it is put aside and made anew, no message is lost, no UID comes twice."""
    with Suite(imapd__linger_time=0) as s:
        s.user(U1, "pass")
        s.start("imapd")
        c = client(s)
        for _ in range(20):
            c.append("INBOX", MESSAGE)
        r = c.do("SELECT INBOX")
        uidnext, validity = int(r.codes("UIDNEXT")[0][0]), r.codes("UIDVALIDITY")[0][0]
        c.do("LOGOUT")
        t.check(s.damage_index(U1) > 5, "tables and logs are written over")

        def opened():
            try:
                d = client(s)
                return d if d.do("SELECT INBOX").ok else None
            except Gone:
                return None
        d = wait_for(opened, 20)
        t.check(d is not None, "a damaged index: SELECT works again", s.log()[-500:])
        if not d:
            return
        r = d.do("SELECT INBOX")
        again, same = int(r.codes("UIDNEXT")[0][0]), r.codes("UIDVALIDITY")[0][0] == validity
        count = [int(u[0]) for u in r.untagged if u[1:] == ["EXISTS"]]
        t.check(count == [20] and list(s.mailbox(U1).glob("index.broken-*")), "it is put aside, and no message is lost", str(count))
        t.check(not same or again >= uidnext, "and no UID is given out twice", f"{uidnext} {again} {same}")


def deaths(t):
    """What README says that they cost."""
    with Suite() as s:
        s.user(U1, "pass")
        s.start("imapd")
        c, waiting = client(s), Imap(s.port("imap"))
        c.append("INBOX", MESSAGE)
        s.kill("imapd", "session")
        t.check(ended(c) == [], "a session is killed: its client's connection ends")
        r = waiting.do(f'LOGIN "{U1}" "pass"')
        t.check(r.ok and waiting.do("STATUS INBOX (MESSAGES)").of("STATUS") == [["INBOX", ["MESSAGES", "1"]]],
                "and another client of the account goes on", r)
        s.kill("imapd", "auth")
        r = tried(s)
        if "UNAVAILABLE" in r:
            r = tried(s)
        t.check(r.startswith("OK"), "auth is killed: NO [UNAVAILABLE] at most once", r)
        s.kill("imapd", "key")
        try:
            c = Imap(s.port("imaps"), True)
        except (OSError, Gone):  # the handshake of that moment
            c = Imap(s.port("imaps"), True)
        t.check(c.login(U1, "pass").ok, "key is killed: at most one handshake fails")
        front = Imap(s.port("imap"))
        s.kill("imapd", "front")
        t.check(ended(front) == [] and ended(c) == [], "a front is killed: its clients' connections end, those in TLS too")
        t.check(waiting.do("NOOP").ok, "and those that it passed on whole do not")
        t.check(tried(s).startswith("OK"), "and the next one serves")


def stop(t):
    with Suite() as s:
        s.user(U1, "pass")
        s.start("imapd")
        before, session, idle = Imap(s.port("imap")), client(s), client(s, tls=True)
        idle.do("SELECT INBOX")
        idle.begin("IDLE")
        idle.response()
        s.procs["imapd"].terminate()
        for c, what in ((before, "before the login"), (session, "after it"), (idle, "in IDLE")):
            said = ended(c)
            t.check(len(said) == 1 and said[0].startswith("UNAVAILABLE"), f"the server stops, {what}: BYE [UNAVAILABLE]", said)
        t.check(s.stop("imapd") == {"imapd": 0}, "and ends with 0")


def nonsense(t):
    """Nesting, and lines without an end: a tagged answer, and the session goes on."""
    with Suite() as s:
        s.user(U1, "pass")
        s.start("imapd")
        c = client(s)
        c.append("INBOX", MESSAGE)
        c.do("SELECT INBOX")
        deep = {"SEARCH ((((...": "SEARCH " + "(" * 10000 + "ALL" + ")" * 10000,
                "SEARCH NOT NOT NOT ...": "SEARCH " + "NOT " * 10000 + "ALL",
                "SEARCH OR OR OR ...": "SEARCH " + "OR " * 10000 + "ALL " * 10001,
                "FETCH ((((...": "FETCH 1 " + "(" * 10000,
                "FETCH BODY[1.1.1...": "FETCH 1 BODY[" + "1." * 10000 + "1]",
                "LIST ((((...": "LIST " + "(" * 10000,
                "STORE ((((...": "STORE 1 FLAGS " + "(" * 10000,
                "LIST *%*%...": 'LIST "" "' + "*%" * 20000 + '"',
                "a set of 20,000 ranges": "FETCH " + ",".join("1" for _ in range(20000)) + " UID",
                "a search of 1 MB in one line": "SEARCH " + "SUBJECT x " * 105000}
        for what, command in deep.items():
            r = c.do(command)
            t.check(r.status in ("OK", "NO", "BAD") and c.do("NOOP").ok, f"{what}: a tagged answer, and it goes on", r.status)
        r = c.do(["SEARCH ", *[x for _ in range(9000) for x in ("SUBJECT ", b"x" * 100, " ")], "ALL"])
        t.check(r.status in ("OK", "NO", "BAD") and c.do("NOOP").ok, "a search of 1 MB in literals: a tagged answer", r.status)
        r = c.do(["CREATE ", b"x" * (3 << 20)])
        t.check(r.status == "BAD" and c.do("NOOP").ok, "a name of 3 MB: BAD, and it goes on", r)
        c.begin("APPEND INBOX {99999999999+}")
        said = ended(c)
        t.check(len(said) == 1 and said[0].startswith("TOOBIG"), "100 GB that do not wait: BYE [TOOBIG]", said)


def memory(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Private_Dirty: +(\d+) kB", f.read(), re.M)[1]) << 10


def unread(t):
    """A client that asks for 100 MB and reads nothing costs a session a bounded buffer."""
    with Suite(imapd__idle_time=10, imapd__linger_time=0) as s:
        s.env["ASAN_OPTIONS"] += ":quarantine_size_mb=1"
        s.user(U1, "pass")
        s.start("imapd")
        c = client(s)
        big = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 65536
        for _ in range(5):
            c.append("INBOX", big)
        c.do("SELECT INBOX")
        c.do("FETCH 1 (FLAGS BODY[])")
        pid = s.pids("imapd", "session")[0]
        before = memory(pid)
        for _ in range(20):
            c.begin("FETCH 1:* (BODY.PEEK[] ENVELOPE FLAGS)")
        most = 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            most = max(most, memory(pid))
            time.sleep(0.05)
        t.check(most - before < SESSION_GROWTH_MAX, "a client asks for 100 MB and reads nothing: memory is bounded",
                f"{(most - before) >> 10} KB")
        t.check(wait_for(lambda: pid not in s.pids("imapd", "session"), 30), "and it is left after idle_time")


def disk_full(t):
    if os.geteuid() != 0:
        t.skip("disk full at APPEND", "needs root to mount a small file system")
        return
    with small_disk(80) as (inside, outside), \
            Suite(base=inside, common__log=f"{outside}/log", imapd__linger_time=0) as s:
        s.user(U1, "pass")
        s.start("imapd")
        c = client(s)
        t.check(c.append("INBOX", MESSAGE).ok, "a message is appended")
        fill(s.dir / "filler")
        big = b"Subject: big\r\n\r\n" + b"x" * (2 << 20)
        r = c.append("INBOX", big)
        t.check(r.status == "NO" and r.code == ["UNAVAILABLE"], "disk full at APPEND: NO [UNAVAILABLE]", r)
        r = c.do("STATUS INBOX (MESSAGES)")
        t.check(r.of("STATUS") == [["INBOX", ["MESSAGES", "1"]]], "and nothing half-visible", r)
        (s.dir / "filler").unlink()
        r = c.append("INBOX", big)
        t.check(r.ok, "room again: it is appended", r)
        c.do("SELECT INBOX")
        r = c.do("FETCH 1:* (UID RFC822.SIZE)")
        sizes = [dict(zip(f[0][::2], f[0][1::2]))["RFC822.SIZE"] for _, f in r.numbered("FETCH")]
        t.check(sizes == [str(len(MESSAGE)), str(len(big))], "both are there, whole", sizes)


def imap(t):
    for part in (refusals, crowds, sent_ahead, keeper, damage, deaths, stop, nonsense, unread, disk_full):
        part(t)
