# SPDX-License-Identifier: ISC
"""Servers as sources: a live Dovecot, our own imapd, and strangers that lie."""
import imaplib
import os
import random
import signal
import socket
import subprocess
import threading
import time

from box import USER, Box, letter, quoted, run_import, uidls
from dovecot import Dovecot, has_pop3, is_installed
from suite import Suite, wait_for

FOLDERS = ["INBOX", "Sent Messages", "Trash", "lists", "lists/c&APY-deburg", "lists/c", "a b", "q\"uo\\te", "empty", "Drafts"]
FLAGS = ["", "\\Seen", "\\Seen \\Answered", "\\Flagged work", "\\Seen $Forwarded NonJunk", "\\Deleted", "\\Draft"]
DATE = 1_400_000_000


def fill(d, n=500):
    """n messages in 10 folders, with gaps in their numbers."""
    rng = random.Random(1)
    with Box(d.imap, "anna", "theirs") as box:
        for name in FOLDERS[1:]:
            box.imap.create(quoted(name))
        for name in ("INBOX", "lists/c&APY-deburg", "Sent Messages"):
            box.imap.subscribe(quoted(name))
        filled = [f for f in FOLDERS if f != "empty"]
        for i in range(n):
            flags = FLAGS[i % len(FLAGS)]
            date = imaplib.Time2Internaldate(DATE + i * 1000)
            typ, said = box.imap.append(quoted(filled[i % len(filled)]), f"({flags})", date, letter(i, rng.randrange(100, 20000)))
            assert typ == "OK", said
        for name in filled:
            box.imap.select(quoted(name))
            box.imap.uid("STORE", "2:3", "+FLAGS.SILENT", "(\\Deleted)")
            box.imap.uid("EXPUNGE", "2:3")


def same(t, theirs, ours, what, numbers=True):
    """All folders of theirs are in ours, with all that is in them."""
    bad = []
    for name, there in theirs.items():
        here = ours.get(name)
        if here is None:
            bad.append((name, "missing"))
            continue
        if numbers and (there["uidvalidity"], there["uidnext"]) != (here["uidvalidity"], here["uidnext"]):
            bad.append((name, "numbers", there["uidvalidity"], here["uidvalidity"], there["uidnext"], here["uidnext"]))
        a, b = there["messages"], here["messages"]
        if (a != b) if numbers else (sorted(map(str, a.values())) != sorted(map(str, b.values()))):
            diff = [u for u in sorted(set(a) | set(b)) if a.get(u) != b.get(u)]
            bad.append((name, "messages", len(a), len(b), [(u, str(a.get(u))[:90], str(b.get(u))[:90]) for u in diff[:3]]))
    t.check(not bad, what, bad[:3])


def imap_args(d, s, *more, tls="implicit"):
    port = d.imaps if tls == "implicit" else d.imap
    return ["--user", "anna", "--password-stdin", "--tls", tls, *(["--ca", s.dir / "cert.pem"] if tls != "none" else []), *more,
            "imap", f"localhost:{port}"]


def test_dovecot(t):
    with Suite() as s, Dovecot(s.dir / "cert.pem", s.dir / "key.pem") as d:
        fill(d)
        s.user(USER, "pass")
        dry, _ = run_import(s, "--dry-run", *imap_args(d, s), input="theirs\n")
        t.check(sum(r["fetched"] for r in dry.values()) == 482 and not s.files(USER), "--dry-run counts, and brings nothing", dry)
        rows, _ = run_import(s, *imap_args(d, s), input="theirs\n")
        t.check(all(r["source"] == r["here"] == r["fetched"] and r["uids"] == "kept" and not r["failed"] for r in rows.values())
                and len(rows) == 10, "500 messages in 10 folders: counts of both sides", rows)
        s.start("imapd")
        with Box(d.imap, "anna", "theirs") as there, Box(s.port("imap")) as here:
            same(t, there.all(), here.all(), "all that Dovecot shows, we show: numbers, flags, dates, bytes")
            folders = here.folders()
            t.check("\\sent" in folders["Sent Messages"] and "\\trash" in folders["Trash"] and "Sent" not in folders, "special uses", folders)
            subscribed = here.subscriptions()
            t.check({"INBOX", "lists/c&APY-deburg", "Sent Messages"} <= subscribed and not {"a b", "lists"} & subscribed, "subscriptions", subscribed)
        # the other server goes on
        with Box(d.imap, "anna", "theirs") as there:
            there.imap.append("INBOX", "(\\Seen)", imaplib.Time2Internaldate(DATE), letter(9001))
            there.imap.append("lists", "", imaplib.Time2Internaldate(DATE), letter(9002))
            there.imap.select("INBOX")
            there.imap.uid("STORE", "1", "+FLAGS", "(\\Flagged late)")
            there.imap.uid("STORE", "4", "FLAGS", "()")
            there.imap.uid("STORE", "5", "+FLAGS", "(\\Deleted)")
            there.imap.expunge()
            there.imap.create('"new one"')
            there.imap.append('"new one"', "", imaplib.Time2Internaldate(DATE), letter(9003))
        rows, _ = run_import(s, *imap_args(d, s), input="theirs\n")
        with Box(d.imap, "anna", "theirs") as there, Box(s.port("imap")) as here:
            same(t, there.all(), here.all(), "a second run brings mail, flags, removals and folders")
        t.check(sum(r["fetched"] for r in rows.values()) == 3 and rows["INBOX"]["flagged"] == 2, "and fetches only that", rows)
        t.check(s.merpati("mailbox", "verify", USER).returncode == 0, "the mailbox is sound")


def test_killed(t):
    """kill -9 of all its processes, again and again: nothing is lost and nothing comes twice."""
    with Suite() as s, Dovecot(s.dir / "cert.pem", s.dir / "key.pem") as d:
        fill(d)
        s.user(USER, "pass")
        killed = 0
        for _ in range(8):
            here = len(s.files(USER))
            p = subprocess.Popen([s.program("merpati"), "-c", s.conf, "import", USER, *imap_args(d, s)], env=s.env, stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            p.stdin.write(b"theirs\n")
            p.stdin.close()
            wait_for(lambda: len(s.files(USER)) > here + random.randrange(5, 80) or p.poll() is not None, 30, 0.001)
            killed += p.poll() is None
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            p.wait()
        t.check(killed >= 3, "it was killed while it worked", killed)
        rows, _ = run_import(s, *imap_args(d, s), input="theirs\n")
        s.start("imapd")
        with Box(d.imap, "anna", "theirs") as there, Box(s.port("imap")) as here:
            same(t, there.all(), here.all(), "resumed after kills: the same account")
        code = s.merpati("mailbox", "verify", USER, check=False)
        t.check(code.returncode == 0, "and the mailbox is sound", code.stdout)


def test_uidls(t):
    """UIDLs of a live POP3 server: by the order where sizes agree, else by heads; without them nothing is brought."""
    with Suite() as s, Dovecot(s.dir / "cert.pem", s.dir / "key.pem") as d:
        with Box(d.imap, "anna", "theirs") as there:
            for i in range(30):
                there.imap.append("INBOX", "", None, letter(i, 1000 if i % 3 else 3000))
            there.imap.append("INBOX", "", None, letter(7, 1000))  # once more, another UIDL
            there.imap.append("Trash", "", None, letter(99))
            there.imap.select("INBOX")
            there.imap.uid("STORE", "4", "+FLAGS", "(\\Deleted)")
            there.imap.expunge()
        theirs = uidls(d.pop3, "anna", "theirs")
        s.start("pop3d")
        for way, port in (("implicit", d.pop3s), ("starttls", d.pop3), ("none", d.pop3)):
            user = f"{way}@example.test"
            s.user(user, "pass")
            rows, p = run_import(s, *imap_args(d, s, "--pop3", f"localhost:{port}", tls=way), user=user, input="theirs\n")
            t.check(uidls(s.port("pop3"), user) == theirs and len(theirs) == 30, f"sizes agree: all UIDLs, {way}", (p.stderr, rows))
        # Dovecot shows fewer by POP3: order says nothing then
        with Box(d.imap, "anna", "theirs") as there:
            there.imap.select("INBOX")
            there.imap.uid("STORE", "2,9,20:21", "+FLAGS", "($POP3Deleted)")
        fewer = uidls(d.pop3, "anna", "theirs")
        s.user(USER, "pass")
        rows, _ = run_import(s, *imap_args(d, s, "--pop3", f"localhost:{d.pop3s}"), input="theirs\n")
        ours = uidls(s.port("pop3"))
        hidden = [at for at, uidl in enumerate(theirs) if uidl not in fewer]
        t.check(len(fewer) == 26 and [u for at, u in enumerate(ours) if at not in hidden] == fewer and
                not set(theirs) & {ours[at] for at in hidden}, "sizes do not agree: all UIDLs by heads", (fewer, ours))
        t.check(rows["INBOX"]["here"] == 30 and not rows["INBOX"]["note"], "and no word of it", rows["INBOX"])
        for what, port, password, code in (("no server there", 1, "theirs", 75), ("a server that is none", d.imaps, "theirs", 76)):
            s.user(f"u{port}@example.test", "pass")
            rows, p = run_import(s, *imap_args(d, s, "--pop3", f"localhost:{port}"), user=f"u{port}@example.test", check=None,
                                 input=f"{password}\n")
            t.check(p.returncode == code and not s.files(f"u{port}@example.test"), f"{what}: nothing is brought: {p.stderr.strip()}",
                    (p.returncode, rows))


def liar(s, uidl):
    """A POP3 server that says this to UIDL, and knows neither CAPA nor an end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        c, _ = listener.accept()
        f = c.makefile("rb")
        try:
            c.sendall(b"+OK\r\n")
            for line in f:
                word = line.split()[0].upper()
                if word == b"LIST":
                    c.sendall(b"+OK\r\n1 10\r\n.\r\n")
                elif word == b"UIDL":
                    c.sendall(b"+OK\r\n")
                    while True:
                        c.sendall(uidl)
                else:
                    c.sendall(b"-ERR\r\n" if word in (b"CAPA", b"TOP") else b"+OK\r\n")
        except OSError:
            pass  # it had enough
        finally:
            c.close()
            listener.close()
    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def test_pop3_strangers(t):
    with Suite() as s, Dovecot(s.dir / "cert.pem", s.dir / "key.pem") as d:
        with Box(d.imap, "anna", "theirs") as there:
            there.imap.append("INBOX", "", None, letter(1))
        for n, (what, said) in enumerate((("a list without an end", b"1 a\r\n" * 1000), ("a line without an end", b"x" * 5000),
                                          ("lines that are none", b"\r\r\n\n" * 1000))):
            user = f"u{n}@example.test"
            s.user(user, "pass")
            begin = time.monotonic()
            rows, p = run_import(s, *imap_args(d, s, "--pop3", f"localhost:{liar(s, said)}", tls="none"), user=user, check=None,
                                 input="theirs\n")
            t.check(p.returncode in (69, 75, 76) and not s.files(user) and time.monotonic() - begin < 100,
                    f"a POP3 server says {what}: {p.stderr.strip()}", (p.returncode, rows))


def test_ways(t):
    """TLS in its three ways, names, authorities, passwords, namespaces."""
    with Suite() as s, Dovecot(s.dir / "cert.pem", s.dir / "key.pem", separator=".", prefix="INBOX.") as d:
        with Box(d.imap, "anna", "theirs") as there:
            for name in ("INBOX.work.2020", "INBOX.Trash"):
                there.imap.create(quoted(name))
                there.imap.append(quoted(name), "", None, letter(1))
                there.imap.subscribe(quoted(name))
        for i, tls in enumerate(("starttls", "none", "implicit")):
            user = f"u{i}@example.test"
            s.user(user, "pass")
            rows, _ = run_import(s, *imap_args(d, s, tls=tls), user=user, input="theirs\n")
            t.check(rows.get("work/2020", {}).get("here") == 1 and rows.get("Trash", {}).get("here") == 1,
                    f"--tls {tls}; the prefix of a namespace goes", rows)
        s.user(USER, "pass")
        for what, args, password, code in (
                ("a wrong password", imap_args(d, s), "wrong", 77),
                ("an authority that is another", [*imap_args(d, s)[:4], "implicit", "imap", f"localhost:{d.imaps}"], "theirs", 77),
                ("another name", [*imap_args(d, s)[:-1], f"127.0.0.2:{d.imaps}"], "theirs", 77),
                ("no server", [*imap_args(d, s)[:-1], "localhost:1"], "theirs", 75),
                ("no such host", [*imap_args(d, s)[:-1], "nothing.invalid"], "theirs", None),
                ("TLS on the port without", [*imap_args(d, s)[:-1], f"localhost:{d.imap}"], "theirs", 75)):
            rows, p = run_import(s, *args, check=None, input=password + "\n")
            t.check((p.returncode == code if code else p.returncode in (68, 75, 77)) and p.stderr.startswith("merpati: ") and not rows,
                    f"{what}: {p.stderr.strip()}", (p.returncode, p.stderr))
        rows, p = run_import(s, "--user", "anna", "--password-stdin", "--no-verify", "--tls", "implicit", "imap", f"127.0.0.1:{d.imaps}",
                             input="theirs\n")
        t.check(rows["INBOX"]["failed"] == 0, "--no-verify", rows)
        t.check("theirs" not in s.log(), "no password in the log")


def test_own(t):
    """Our own imapd is a source as others are."""
    with Suite() as there, Suite() as s:
        there.user("anna@example.test", "theirs")
        there.start("imapd")

        class D:
            imap = there.port("imap")
        with Box(D.imap, USER, "theirs") as box:
            for name in ("lists", "lists/deep", "Gel&APY-scht"):
                box.imap.create(quoted(name))
            for i in range(60):
                name = ("INBOX", "lists/deep", "Gel&APY-scht", "Sent")[i % 4]
                box.imap.append(quoted(name), f"({FLAGS[i % len(FLAGS)]})", imaplib.Time2Internaldate(DATE + i), letter(i, 3000))
        s.user(USER, "pass")
        args = ["--user", USER, "--password-stdin", "--ca", there.dir / "cert.pem"]
        rows, _ = run_import(s, *args, "--tls", "implicit", "imap", f"localhost:{there.port('imaps')}", input="theirs\n")
        s.start("imapd")
        with Box(D.imap, USER, "theirs") as a, Box(s.port("imap")) as b:
            same(t, a.all(), b.all(), "from our own imapd: the same account")
        rows, _ = run_import(s, *args, "--tls", "starttls", "imap", f"localhost:{there.port('imap')}", input="theirs\n")
        t.check(all(r["fetched"] == r["failed"] == 0 for r in rows.values()), "again, by STARTTLS: nothing to do", rows)


# ---- strangers ----

class Fake:
    """A server that answers by rules: command (without its tag) -> lines, or a function of the socket and the tag."""

    def __init__(self, rules, greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] fake\r\n"):
        self.rules, self.greeting = rules, greeting
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            c, _ = self.server.accept()
            c.sendall(self.greeting)
            f = c.makefile("rb")
            for line in f:
                tag, _, words = line.decode(errors="replace").strip().partition(" ")
                answer = next((a for w, a in self.rules.items() if words.upper().startswith(w)), None)
                if callable(answer):
                    answer(c, tag)
                    continue
                c.sendall((answer or "{tag} OK done\r\n").replace("{tag}", tag).encode("latin-1"))
        except OSError:
            pass

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join(60)
        self.server.close()


EXAMINE = "* 2 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 9] x\r\n{tag} OK x\r\n"
LIST = '* LIST () "/" INBOX\r\n{tag} OK x\r\n'
TWO = "".join(f'* {i} FETCH (UID {i} FLAGS () INTERNALDATE "17-Jul-2020 02:44:25 +0000" RFC822.SIZE 20)\r\n' for i in (1, 2)) + "{tag} OK x\r\n"


def endless(line):
    def say(c, tag):
        c.settimeout(60)
        while True:
            c.sendall(line * 100)
    return say


def test_strangers(t):
    body = "* 1 FETCH (UID 1 BODY[] {10}\r\nSubject: a)\r\n"
    cases = {
        "no greeting": ({}, b"220 smtp\r\n"),
        "good-bye": ({}, b"* BYE go away\r\n"),
        "a line without an end": ({"CAPABILITY": None, "LIST": endless(b"x" * 1000)}, None),
        "folders without an end": ({"LIST": endless(b'* LIST () "/" "' + b"x" * 50 + b'"\r\n')}, None),
        "responses without an end": ({"LIST": LIST, "EXAMINE": endless(b"* 5 EXISTS\r\n")}, None),
        "messages without an end": ({"LIST": LIST, "EXAMINE": EXAMINE, "UID FETCH 1:*": endless(
            b'* 1 FETCH (UID 1 FLAGS () INTERNALDATE "17-Jul-2020 02:44:25 +0000" RFC822.SIZE 20)\r\n')}, None),
        "a literal of a name that is too long": ({"LIST": '* LIST () "/" {999999999}\r\n'}, None),
        "a literal that fits in no number": ({"LIST": '* LIST () "/" {99999999999999999999999}\r\n'}, None),
        "a message of 100 GB": ({"LIST": LIST, "EXAMINE": EXAMINE, "UID FETCH 1:*": TWO, "UID FETCH": "* 1 FETCH (UID 1 BODY[] {100000000000}\r\n"}, None),
        "a connection that ends in a message": ({"LIST": LIST, "EXAMINE": EXAMINE, "UID FETCH 1:*": TWO,
                                                 "UID FETCH": lambda c, tag: (c.sendall(b"* 1 FETCH (UID 1 BODY[] {100}\r\nSub"), c.shutdown(2))}, None),
        "an answer to nothing": ({"LIST": "x9 OK x\r\n"}, None),
        "BAD to a FETCH": ({"LIST": LIST, "EXAMINE": EXAMINE, "UID FETCH 1:*": TWO, "UID FETCH": "{tag} BAD no\r\n"}, None),
    }
    for what, (rules, greeting) in cases.items():
        fake = Fake({k: v for k, v in rules.items() if v}, *([greeting] if greeting else []))
        with Suite() as s:
            s.user(USER, "pass")
            start = time.monotonic()
            rows, p = run_import(s, "--user", "x", "--password-stdin", "--tls", "none", "imap", f"127.0.0.1:{fake.port}", check=None, input="y\n")
            t.check(p.returncode in (65, 69, 75, 76) and p.stderr.startswith("merpati: ") and time.monotonic() - start < 60,
                    f"{what}: {p.stderr.strip()[:100]}", (p.returncode, p.stderr, rows))
            verified = s.merpati("mailbox", "verify", USER, check=False)
            if verified.returncode:
                t.check(False, f"{what}: the mailbox is sound", verified.stdout)
        fake.close()


def test_odd(t):
    """Servers that are odd, and may be: quoted bodies, NIL, UID behind the body, messages nobody asked for, one twice."""
    fetched = ('* 1 FETCH (BODY[] {22}\r\nSubject: one\n\nbare LF\n UID 1)\r\n'
               '* 7 FETCH (UID 77 BODY[] {3}\r\nabc)\r\n'
               '* 2 FETCH (FLAGS (\\Seen))\r\n'
               '* 1 FETCH (UID 1 BODY[] {6}\r\nagain\n)\r\n'
               '* 2 FETCH (UID 2 BODY[] "Subject: quoted")\r\n'
               '* 3 FETCH (UID 3 BODY[] NIL)\r\n'
               "{tag} OK it ends in {5}\r\n")
    three = "".join(f'* {i} FETCH (RFC822.SIZE 20 UID {i} X-GM-LABELS ("a" (b)) FLAGS (\\Seen a$b) INTERNALDATE "17-Jul-2020 02:44:25 +0000")\r\n'
                    for i in (3, 1, 2, 1)) + "{tag} OK x\r\n"
    fake = Fake({"LIST": '* LIST (\\All) "/" "All Mail"\r\n* LIST () NIL {5}\r\nINBOX\r\n* LIST (\\Noselect) "/" box\r\n* LIST () "/" "a/../b"\r\n{tag} OK x\r\n',
                 "EXAMINE INBOX": None, "EXAMINE": EXAMINE.replace("2 EXISTS", "3 EXISTS"), "UID FETCH 1:*": three, "UID FETCH": fetched})
    fake.rules.pop("EXAMINE INBOX")
    with Suite() as s:
        s.user(USER, "pass")
        rows, p = run_import(s, "--user", "x", "--password-stdin", "--tls", "none", "imap", f"127.0.0.1:{fake.port}", check=65, input="y\n")
        t.check(rows["INBOX"]["fetched"] == 2 and rows["INBOX"]["failed"] == 1, "what came is here, what did not is told", rows)
        t.check("other folders" in rows["All Mail"]["note"] and "name" in rows["a/../b"]["note"] and "box" not in rows, "views, names, containers", rows)
        s.start("imapd")
        with Box(s.port("imap")) as box:
            got = {u: m[2] for u, m in box.folder("INBOX")["messages"].items()}
            t.check(got == {1: b"Subject: one\r\n\r\nbare LF\r\n", 2: b"Subject: quoted"}, "bytes of odd messages", got)
    fake.close()


def test_renumbered(t):
    """A server that numbers its folder anew: the messages here are left alone, and that is said."""
    def fake(uidvalidity):
        return Fake({"LIST": LIST, "EXAMINE": EXAMINE.replace("UIDVALIDITY 5", f"UIDVALIDITY {uidvalidity}"), "UID FETCH 1:*": TWO,
                     "UID FETCH": '* 1 FETCH (UID 1 BODY[] "a")\r\n* 2 FETCH (UID 2 BODY[] "b")\r\n{tag} OK x\r\n'})
    with Suite() as s:
        s.user(USER, "pass")
        for uidvalidity, code in ((5, 0), (6, 65), (5, 0)):
            f = fake(uidvalidity)
            rows, _ = run_import(s, "--source", "the old one", "--user", "x", "--password-stdin", "--tls", "none", "imap",
                                 f"127.0.0.1:{f.port}", check=code, input="y\n")
            f.close()
            t.check(rows["INBOX"]["here"] == 2 and ("anew" in rows["INBOX"]["note"]) == (code == 65),
                    f"UIDVALIDITY {uidvalidity}", rows)


def run(t):
    tests = [test_own, test_strangers, test_odd, test_renumbered]
    if is_installed():
        tests = [test_dovecot, test_killed, test_ways, *tests]
        if has_pop3():
            tests += [test_uidls, test_pop3_strangers]
        else:
            t.skip("UIDLs of a live POP3 server", "Dovecot's pop3 is not installed")
    else:
        t.skip("a live Dovecot", "it is not installed")
    for test in tests:
        try:
            test(t)
        except Exception as e:  # a test's failure must not end the others
            t.check(False, test.__name__, f"{type(e).__name__}: {e}")
