# SPDX-License-Identifier: ISC
"""smtp.py - SMTP by lines: rows of the table in README, what deaths cost, PROXY, and what a reload must not drop."""
import base64
import os
import signal
import socket
import ssl
import struct
import threading
import time

from pop3 import Pop
from suite import Suite, free_ports, wait_for

U1, U2 = "u1@example.test", "u2@example.test"
ROLES_ALWAYS_THERE = [("queue", "spool"), ("queue", "sched"), ("queue", "bounce"), ("queue", "drop"), ("queue", "sts"), ("queue", "fetch"),
                      ("deliver", "placer"), ("deliver", "lookup")]


class Line:
    """A raw conversation."""

    def __init__(self, s, kind="smtp", ahead=b"", address="127.0.0.1"):
        self.s = socket.create_connection((address, s.port(kind)), timeout=20)
        self.s.sendall(ahead)
        if kind == "submissions":
            self.s = ssl._create_unverified_context().wrap_socket(self.s)
        self.f = self.s.makefile("rb")
        self.greeting = self.get()

    def say(self, data):
        self.s.sendall(data)

    def get(self):
        try:
            return self.f.readline().decode(errors="replace").rstrip("\r\n")
        except ConnectionResetError:
            return ""

    def reply(self):
        while True:
            r = self.get()
            if r[3:4] != "-":
                return r

    def ask(self, *lines):
        """The reply to the last of them."""
        for line in lines:
            self.say(line.encode() + b"\r\n")
            r = self.reply()
        return r

    def close(self):
        self.f.close()
        self.s.close()

    def starttls(self):
        r = self.ask("STARTTLS")
        self.f.close()
        self.s = ssl._create_unverified_context().wrap_socket(self.s)
        self.f = self.s.makefile("rb")
        return r


class Imap(Pop):
    """A conversation in which a tagged line ends a reply."""

    def ask(self, *lines):
        """The tagged reply to the last of them."""
        for line in lines:
            self.s.sendall(line.encode() + b"\r\n")
            reply = self.get()
            while reply and not reply.startswith(line.split()[0] + " "):
                reply = self.get()
        return reply


def plain(user, password):
    return "AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def message(to=U1):
    return ("EHLO client.test", "MAIL FROM:<a@example.net>", f"RCPT TO:<{to}>", "DATA", "Subject: x\r\n\r\nx\r\n.")


def send_one(s, to=U1):
    """The first refusal, or the final reply."""
    c = Line(s)
    for line in message(to):
        r = c.ask(line)
        if r[:1] not in ("2", "3"):
            break
    c.close()
    return r


def submission(t):
    with Suite(common__plaintext_auth_on_loopback=False) as s:
        s.users([(U1, "pass"), (U2, "pass")])
        s.start()
        for kind in ("submission", "submissions"):
            c = Line(s, kind)
            c.ask("EHLO client.test")
            if kind == "submission":
                r = c.ask(plain(U1, "pass"))
                t.check(r.startswith("538 5.7.11"), "a password without TLS: 538 5.7.11", r)
                r = c.ask(f"MAIL FROM:<{U1}>")
                t.check(r.startswith("530 5.7.0"), "no TLS on 587: 530 5.7.0", r)
                c.starttls()
                c.ask("EHLO client.test")
            r = c.ask(f"MAIL FROM:<{U1}>")
            t.check(r.startswith("530 5.7.0"), f"no AUTH on {kind}: 530 5.7.0", r)
            r = c.ask(plain(U1, "wrong"))
            t.check(r.startswith("535 5.7.8"), f"wrong password on {kind}: 535 5.7.8", r)
            c.ask(plain(U1, "pass"))
            r = c.ask(f"MAIL FROM:<{U2}>")
            t.check(r.startswith("553 5.7.1"), f"a sender that is not the login's on {kind}: 553 5.7.1", r)
            r = c.ask(f"MAIL FROM:<{U1}>")
            t.check(r.startswith("250"), "its own: taken", r)
            c.close()


def again(what, most):
    """The first result of what() that is a success; None when it took more than most refusals."""
    for _ in range(most + 1):
        try:
            r = what()
            if r[:1] in ("2", "3"):
                return r
            if r[:1] not in ("4", ""):
                return None
        except OSError:
            pass
    return None


def deaths(t):
    """What README says that they cost."""
    with Suite() as s:
        s.users([(U1, "pass")])
        s.start()
        held, silent = Line(s), Line(s)
        held.ask("EHLO client.test", "MAIL FROM:<a@example.net>")
        pids = s.pids("smtpd", "session")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: s.log().count("event=process_died role=session") >= len(pids), 10)
        t.check(held.get() == "", "the sessions are killed: the client of one loses its connection")
        held.close()
        r = silent.ask(*message())
        t.check(r.startswith("250 2."), "a connection that waits for its first command is served by a new one", r)
        silent.close()
        served, silent = Line(s), Line(s)
        served.ask("EHLO client.test")
        s.kill("smtpd", "front")
        t.check(silent.get() == "", "the front is killed: connections without a first command end")
        r = served.ask("MAIL FROM:<a@example.net>")
        t.check(r.startswith("250"), "those that are served go on", r)
        served.close()
        silent.close()
        t.check(wait_for(lambda: again(lambda: send_one(s), 1), 10), "and the next one takes connections")
        for role in ("lookup", "key", "auth"):
            def once():
                c = Line(s, "submission")
                c.ask("EHLO client.test")
                c.starttls()
                r = c.ask("EHLO client.test", plain(U1, "pass"))
                if r.startswith("235"):
                    r = c.ask(f"MAIL FROM:<{U1}>", f"RCPT TO:<{U1}>")
                c.close()
                return r
            s.kill("smtpd", role)
            t.check(again(once, 1), f"{role} is killed: 4xx or a failed handshake at most once")
        t.check("event=bug" not in s.log(), "nobody met a bug of ours")


def fronts(t):
    """Several fronts: each gets the sessions that it asked for."""
    with Suite(smtpd__front_count=3, smtpd__sessions_spare=1, smtpd__connections_per_address=500) as s:
        s.users([(U1, "pass")])
        s.start()
        held, slowest = [], 0
        for _ in range(60):
            begin = time.monotonic()
            held.append(Line(s))
            r = held[-1].ask("EHLO client.test")
            slowest = max(slowest, time.monotonic() - begin)
            if not r.startswith("250"):
                break
        t.check(r.startswith("250") and slowest < 4, "three fronts: each of 60 clients has a session at once", f"{r} {slowest:.1f} s")
        for c in held:
            c.close()
        r = send_one(s)
        t.check(r.startswith("250"), "and mail is taken", r)


def crowds(t):
    """Limits hold for all fronts together; one that dies gives back what it held, and not more."""
    for setting, what in (("connections_per_address", "of an address"), ("connections_most", "in all")):
        with Suite(**{"smtpd__front_count": 2, f"smtpd__{setting}": 4}) as s:
            s.start("smtpd")
            held = {}
            for front in s.pids("smtpd", "front"):
                others = [p for p in s.pids("smtpd", "front") if p != front]
                for p in others:
                    os.kill(p, signal.SIGSTOP)
                held[front] = [Line(s) for _ in range(2)]
                for p in others:
                    os.kill(p, signal.SIGCONT)
            t.check(len(held) == 2 and all(c.greeting.startswith("220") for h in held.values() for c in h),
                    f"four connections {what}, two at each of two fronts")
            c = Line(s)
            t.check(c.greeting.startswith("421") and c.get() == "", f"one more {what}, at whatever front: 421", c.greeting)
            c.close()
            dead, alive = held
            os.kill(dead, signal.SIGKILL)
            wait_for(lambda: dead not in s.pids("smtpd", "front") and len(s.pids("smtpd", "front")) == 2, 10)
            again = [Line(s) for _ in held[dead]]
            t.check(all(c.greeting.startswith("220") for c in again), "a front dies: its places are free again", str([c.greeting for c in again]))
            c = Line(s)
            t.check(c.greeting.startswith("421"), f"and those {what} of the other are not", c.greeting)
            c.close()
            held[alive][0].close()
            t.check(wait_for(lambda: Line(s).greeting.startswith("220"), 10), f"one {what} leaves: the next one is served")
            for c in held[alive] + again:
                c.close()


def proxy(t):
    """PROXY protocol, from a network that may speak it: the client is who it says, in log, Received and limits."""
    v1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 25\r\n"
    v2 = b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11\0\x0c" + socket.inet_aton("192.0.2.8") + socket.inet_aton("192.0.2.1") + \
        struct.pack("!HH", 5000, 25)
    with Suite(common__proxy_networks=["127.0.0.2/32"], smtpd__connections_per_address=1, pop3d__connections_per_address=1,
               smtpd__relay_networks=["127.0.0.0/8"], smtpd__rdns="off", smtpd__spf="off", smtpd__dkim="off", smtpd__dmarc="off") as s:
        s.users([(U1, "pass")])
        s.start()

        def via_proxy(kind, ahead):
            c = Line.__new__(Line) if kind == "smtp" else Pop.__new__(Pop)
            c.s = socket.create_connection(("127.0.0.1", s.port(kind)), timeout=20, source_address=("127.0.0.2", 0))
            c.s.sendall(ahead)
            c.f = c.s.makefile("rb")
            c.greeting = c.get()
            return c
        for name, head, address in (("v1", v1, "192.0.2.7"), ("v2", v2, "192.0.2.8")):
            c = via_proxy("smtp", head)
            t.check(c.greeting.startswith("220"), f"PROXY {name}: a greeting behind it", c.greeting)
            r = c.ask("EHLO client.test", "MAIL FROM:<a@example.net>", "RCPT TO:<x@elsewhere.test>")
            t.check(r.startswith("550 5.7.1"), f"PROXY {name}: relaying as {address} would, not as the proxy", r)
            other = via_proxy("smtp", head)
            t.check(other.greeting.startswith("421 4.7.0"), f"PROXY {name}: counted as {address}", other.greeting)
            other.close()
            r = c.ask(f"RCPT TO:<{U1}>", "DATA", "Subject: x\r\n\r\nx\r\n.")
            t.check(r.startswith("250"), f"PROXY {name}: a message is taken", r)
            c.close()
            t.check(wait_for(lambda: any(f"[{address}]".encode() in p.read_bytes() for p in s.files(U1)), 10),
                    f"PROXY {name}: Received names {address}")
            p = via_proxy("pop3", head)
            r = p.ask(f"USER {U1}")
            t.check(r.startswith("-ERR [AUTH]"), f"PROXY {name}: to pop3d {address} is no client on loopback", r)
            other = via_proxy("pop3", head)
            t.check(other.greeting.startswith("-ERR [SYS/TEMP]"), f"PROXY {name}: counted as {address} there too", other.greeting)
            other.close()
            p.close()
        for name, head in (("v1", v1), ("v2", v2)):
            raw = socket.create_connection(("127.0.0.1", s.port("submissions")), timeout=20, source_address=("127.0.0.2", 0))
            raw.sendall(head)
            with ssl._create_unverified_context().wrap_socket(raw) as tls:
                r = tls.recv(1000)
                t.check(r.startswith(b"220 "), f"PROXY {name}: before TLS from the first byte", repr(r))
                other = socket.create_connection(("127.0.0.1", s.port("submissions")), timeout=20, source_address=("127.0.0.2", 0))
                other.sendall(head)
                t.check(other.recv(1000) == b"", f"PROXY {name}: and counted there by the client's address")
                other.close()
            address = "192.0.2.7" if name == "v1" else "192.0.2.8"
            t.check(wait_for(lambda: "event=closed_early sid=" in s.log() and f"client={address}" in s.log().split("closed_early")[-1], 10),
                    f"PROXY {name}: the log names it")
        c = via_proxy("smtp", b"PROXY NONSENSE\r\n")
        t.check(c.greeting == "", "a header that is none: the end", c.greeting)
        c.close()
        c = Line(s, ahead=v1)
        r = c.greeting if c.greeting.startswith("554") else c.get()  # spoken before the greeting, or seen as a command
        t.check(r[:3] in ("554", "500"), "PROXY from elsewhere is no header: refused", r)
        c.close()


def reload_all(t):
    """HUP to all daemons under load: nothing is dropped, no message is refused, lost or doubled."""
    with Suite() as s:
        s.users([(U1, "pass"), (U2, "pass")])
        s.start()
        smtp, pop, pops = Line(s), Pop(s), Pop(s, "pop3s")
        imap, imaps = Imap(s, "imap"), Imap(s, "imaps")
        smtp.ask("EHLO client.test", "MAIL FROM:<a@example.net>")
        pop.login()
        pops.login(U2)
        for c in (imap, imaps):
            c.ask(f"a LOGIN {U2} pass", "b SELECT INBOX")
        ending, taken, refused = threading.Event(), [], []

        def sender():
            while not ending.is_set():
                r = send_one(s)
                (taken if r.startswith("250") else refused).append(r)
        threads = [threading.Thread(target=sender) for _ in range(2)]
        for th in threads:
            th.start()
        before_pids = {(d, r): set(s.pids(d, r)) for d, r in ROLES_ALWAYS_THERE}
        for _ in range(2):
            enough = len(taken) + 10
            wait_for(lambda: len(taken) > enough, 20)
            before = s.log().count("event=started")
            for p in s.procs.values():
                p.send_signal(signal.SIGHUP)
            t.check(wait_for(lambda: s.log().count("event=started") == before + len(s.procs), 30), "HUP to all: a new generation of each")
        enough = len(taken) + 10
        wait_for(lambda: len(taken) > enough, 20)
        ending.set()
        for th in threads:
            th.join()
        t.check(wait_for(lambda: not any(before_pids[d, r] & set(s.pids(d, r)) for d, r in before_pids), 10),
                "and none of the processes before is left but those that serve")
        # on a busy machine a spool may be longer than a second in coming: queue is down for that moment
        odd = [r for r in refused if not r.startswith("451 4.3.0")]
        t.check(not odd and len(taken) > 30, f"{len(taken)} messages meanwhile, nobody is dropped", "; ".join(odd[:3]))
        t.check(wait_for(lambda: s.queue_count() == 0, 20), "the queue gets empty")
        t.check(wait_for(lambda: len(s.files(U1)) == len(taken), 10), "each is there once", f"{len(s.files(U1))} of {len(taken)}")
        r = smtp.ask(f"RCPT TO:<{U1}>", "DATA", "Subject: x\r\n\r\nx\r\n.")
        t.check(r.startswith("250"), "an SMTP transaction from before comes to its end", r)
        t.check(pop.ask("NOOP").startswith("+OK") and pop.ask("QUIT").startswith("+OK"), "a POP3 session from before too")
        t.check(pops.ask("NOOP").startswith("+OK") and pops.ask("QUIT").startswith("+OK"), "and one that a front relays out of TLS")
        t.check(imap.ask("c NOOP", "d LOGOUT").startswith("d OK"), "an IMAP session from before goes on")
        t.check(imaps.ask("c NOOP", "d LOGOUT").startswith("d OK"), "and one that a front relays out of TLS")


def reload_refused(t):
    """What would not start is not begun: the old configuration serves on."""
    with Suite() as s:
        s.users([(U1, "pass")])
        s.start()
        taken = socket.create_server(("127.0.0.1", 0))
        mine = list(s.settings["smtpd"]["listen_smtp"])
        for what, section, name, value in (
                ("an address that is taken", "smtpd", "listen_smtp", mine + ["127.0.0.1:%d" % taken.getsockname()[1]]),
                ("a log file that cannot be", "common", "log", f"{s.dir}/none/log")):
            before, log = s.settings[section][name], s.dir / "log"
            s.settings[section][name] = value
            s.write_conf()
            refusals = log.read_text().count("event=reload_refused")
            s.procs["smtpd"].send_signal(signal.SIGHUP)
            t.check(wait_for(lambda: log.read_text().count("event=reload_refused") > refusals, 20), f"HUP with {what}: refused and said")
            s.settings[section][name] = before
            r = send_one(s)
            t.check(r.startswith("250"), "and the old configuration serves on", r)
        t.check("Address already in use" in s.log(), "the log says why")
        taken.close()
        other = free_ports(1)[0]
        s.settings["smtpd"]["listen_smtp"] = [f"127.0.0.1:{other}"]
        s.write_conf()
        starts = s.log().count("event=started")
        s.procs["smtpd"].send_signal(signal.SIGHUP)
        wait_for(lambda: s.log().count("event=started") > starts, 20)
        with socket.create_connection(("127.0.0.1", other), timeout=20) as c:
            t.check(c.recv(100).startswith(b"220"), "HUP with another address: it is served")
        try:
            socket.create_connection(("127.0.0.1", s.port("smtp")), timeout=5).close()
            gone = False
        except ConnectionRefusedError:
            gone = True
        t.check(gone, "and the old one is not")


def stopping(t):
    """TERM: whoever is between transactions is told, and goes; a transaction comes to its end."""
    farewell = "421 4.3.2 The service stops or starts again; try again later"
    with Suite() as s:
        s.users([(U1, "pass")])
        s.start("queue", "deliver", "smtpd")
        held = {f"silent on {kind}": Line(s, kind) for kind in ("smtp", "submission", "lmtp")}
        held["greeted"] = Line(s)
        held["greeted"].ask("EHLO client.test")
        held["logged in with TLS"] = login = Line(s, "submissions")
        login.ask("EHLO client.test", plain(U1, "pass"))
        at_mail, at_data = Line(s), Line(s)
        at_mail.ask(*message()[:2])
        at_data.ask(*message()[:4])
        s.procs["smtpd"].send_signal(signal.SIGTERM)
        for who, c in held.items():
            r = c.get()
            t.check(r == farewell and c.get() == "", f"TERM, a client that is {who}: 421 4.3.2 and the end", r)
        r = at_mail.ask(*message()[2:]), at_data.ask(*message()[4:])
        t.check(all(x.startswith("250 2.0.0") for x in r), "transactions that are open are served", str(r))
        r = at_mail.get(), at_data.get()
        t.check(r == (farewell, farewell) and at_mail.get() == "", "up to their ends", str(r))
        t.check(s.stop("smtpd") == {"smtpd": 0} and "event=stop_deadline" not in s.log(), "and the daemon ends before stop_time")


def stop_deadline(t):
    with Suite(common__stop_time="2s") as s:
        s.users([(U1, "pass")])
        s.start("queue", "deliver", "smtpd", "pop3d")
        c = Line(s)
        c.ask("EHLO client.test", "MAIL FROM:<a@example.net>", f"RCPT TO:<{U1}>", "DATA")
        begin = time.monotonic()
        statuses = s.stop("smtpd")
        took = time.monotonic() - begin
        t.check(statuses == {"smtpd": 0} and 1.5 < took < 8, "TERM with a message half sent: the end after stop_time", f"{statuses} {took:.1f} s")
        t.check("event=stop_deadline" in s.log() and c.get() == "", "and the log says whom it cost")
        c.close()
        p = Pop(s)
        p.login()
        begin = time.monotonic()
        s.stop("pop3d")
        r = p.get()
        t.check(r.startswith("-ERR [SYS/TEMP]") and p.get() == "" and time.monotonic() - begin < 8,
                "TERM of pop3d: its clients are told, and go", r)
        p.close()


def smtp(t):
    for part in (submission, deaths, fronts, crowds, proxy, reload_all, reload_refused, stopping, stop_deadline):
        part(t)
