# SPDX-License-Identifier: ISC
"""settings.py - smtpd's limits of sessions in time and number, the oldest TLS, the work of SCRAM: each has its effect."""
import base64
import collections
import re
import select
import smtplib
import subprocess
import threading
import time

from pop3 import Pop
from smtp import Line, message
from suite import Suite, wait_for

U1, NOBODY = "u1@example.test", "nobody@example.test"
TOO_LONG = "421 4.4.2 This took too long"
LIMIT_SEC = 10  # the least that session_time and transaction_time may be


class Talker:
    """Never silent for longer than a second: what ends it is no idle_time."""

    def __init__(self, s, *lines, again, is_answered=True):
        self.line, self.again, self.is_answered, self.farewell, self.took = Line(s), again, is_answered, "", 0
        self.begin = time.monotonic()
        self.last = self.line.ask("EHLO client.test", *lines)

    def turn(self):
        """Says its lines again, unless the server ended it: between two lines, or with a reply."""
        for line in self.again:
            if select.select([self.line.s], [], [], 0)[0]:
                self.hear()
            if not self.farewell:
                self.line.say(line.encode() + b"\r\n")
                if self.is_answered:
                    self.hear()

    def hear(self):
        self.last = self.line.get()
        if not self.farewell and not self.last.startswith("250"):
            self.farewell, self.took = self.last or "nothing", time.monotonic() - self.begin

    def ended_in_time(self):
        return self.farewell == TOO_LONG and LIMIT_SEC - 0.1 < self.took < LIMIT_SEC + 5 and self.line.get() == ""

    def __str__(self):
        return f"{self.farewell or self.last} after {self.took:.1f} s"


def talk_on(talkers, until):
    """A line of each in a second, until these have ended; at most twice the limit."""
    end = time.monotonic() + 2 * LIMIT_SEC
    while time.monotonic() < end and not all(x.farewell for x in until):
        select.select([x.line.s for x in talkers if not x.farewell], [], [], 1)
        for x in talkers:
            if not x.farewell:
                x.turn()


def times(t):
    """session_time and transaction_time: they count though the client is busy, and only where they are set."""
    mail, rcpt = "MAIL FROM:<a@example.net>", f"RCPT TO:<{U1}>"
    with Suite(smtpd__session_time=LIMIT_SEC) as a, Suite(smtpd__transaction_time=LIMIT_SEC) as b:
        for s in (a, b):
            s.user(U1, "pass")
            s.start("queue", "deliver", "smtpd")
        none = Talker(b, again=["NOOP"])
        many = Talker(b, mail, again=["RSET", mail])
        txn = Talker(b, mail, again=[rcpt])
        data = Talker(b, mail, rcpt, "DATA", again=["one more line"], is_answered=False)
        session = Talker(a, again=["NOOP"])
        within = Talker(a, mail, again=[rcpt])
        ending = [txn, data, session, within]
        talk_on([none, many, *ending], until=ending)
        t.check(session.ended_in_time(), f"session_time is over: {TOO_LONG}, and the end", session)
        t.check(within.ended_in_time(), "within a transaction too", within)
        t.check(txn.ended_in_time(), f"transaction_time is over: {TOO_LONG}, and the end", txn)
        t.check(data.ended_in_time(), "in the midst of a message too", data)
        for x, what in ((none, "who has no transaction"), (many, "who begins another has all the time for it, and")):
            t.check(not x.farewell and x.line.ask("NOOP").startswith("250"), f"{what} is served on", x)
        t.check(all(s.log().count("code=421 status=4.4.2") == 2 for s in (a, b)), "the log says so, of these four alone")
        t.check(b.queue_count() == 0 and not b.files(U1), "and no half message is left")
        for x in (none, many, *ending):
            x.line.close()


def sessions_most(t):
    with Suite(smtpd__sessions_most=3, smtpd__sessions_spare=1) as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")
        held = [Line(s) for _ in range(3)]
        r = [c.ask("EHLO client.test") for c in held]
        t.check(all(x.startswith("250") for x in r), "as many sessions as sessions_most", str(r))
        c = Line(s)
        t.check(c.greeting.startswith("220"), "one more is greeted: it costs no session yet", c.greeting)
        r = c.ask("EHLO client.test")
        t.check(r.startswith("421 4.3.2") and c.get() == "", "its first word: 421 4.3.2, no session can be had", r)
        n = len(s.pids("smtpd", "session"))
        t.check(n == 3, "and there are no more processes", str(n))
        c.close()
        r = held[0].ask("MAIL FROM:<a@example.net>")
        t.check(r.startswith("250"), "those that are served are served on", r)
        held[1].ask("QUIT")
        held[2].close()  # without QUIT: its process goes
        r = []
        t.check(wait_for(lambda: r.append(one(s)) or r[-1].startswith("250"), 10), "two leave: the next one is served", str(r[-1:]))
        for c in held:
            c.close()


def places_of_submission(t):
    """Strangers do not take the last quarter of the sessions: who submits is served."""
    with Suite(smtpd__sessions_most=4, smtpd__sessions_spare=1) as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")
        held = [Line(s) for _ in range(3)]
        r = [c.ask("EHLO client.test") for c in held]
        t.check(all(x.startswith("250") for x in r), "three of four sessions serve strangers", str(r))
        c = Line(s)
        t.check(c.ask("EHLO client.test").startswith("421 4.3.2"), "one more is refused")
        with smtplib.SMTP("127.0.0.1", s.port("submission"), timeout=60) as own:
            t.check(own.ehlo()[0] == 250, "who submits is served")
        held[0].ask("QUIT")
        r = []
        t.check(wait_for(lambda: r.append(one(s)) or r[-1].startswith("250"), 10), "a stranger leaves: the next one is served", str(r[-1:]))
        for x in (*held, c):
            x.close()


def one(s):
    """A message on a connection that ends with QUIT: the first that is no success, or the reply to the message."""
    c = Line(s)
    said = [c.greeting]
    for line in (*message(), "QUIT"):
        if said[-1][:1] not in ("2", "3"):
            break
        said.append(c.ask(line))
    c.close()
    return said[-2] if said[-1].startswith("221") else said[-1]


def serves_most(t):
    """Sessions retire under several clients at once."""
    with Suite(smtpd__serves_most=3, smtpd__sessions_spare=1) as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")
        said = []

        def client():
            for _ in range(8):
                said.append(one(s))
        threads = [threading.Thread(target=client) for _ in range(3)]
        for th in threads:
            th.start()
        for th in threads:
            th.join()
        bad = [r for r in said if not r.startswith("250 2.")]
        t.check(len(said) == 24 and not bad, "serves_most=3: none of 24 connections notices that sessions retire", str(bad[:3]))
        served = collections.Counter(re.findall(r"smtpd/session\[(\d+)\]: level=info event=accepted", s.log()))
        t.check(sum(served.values()) == 24 and max(served.values()) == 3, "each session served three at most, and some three", str(served))
        gone = [int(p) for p, n in served.items() if n == 3]
        t.check(gone and wait_for(lambda: not set(gone) & set(s.pids("smtpd", "session")), 10), "those that did have ended")
        t.check(not re.search(r"event=(process_died|process_ended|bug)", s.log()), "which is no death to the log")
        t.check(wait_for(lambda: len(s.files(U1)) == 24, 10), "and the mail is there")


def handshake(s, kind, version, starttls=()):
    """What openssl says: the version that was agreed upon, or the server's alert."""
    p = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{s.port(kind)}", "-brief", f"-{version}",
                        "-cipher", "DEFAULT@SECLEVEL=0", *starttls],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=30)
    found = re.search(r"Protocol version: (\S+)|(alert protocol version)", p.stdout)
    return (found[1] or found[2]) if found else p.stdout


def tls_minimum(t):
    doors = [("submissions", ()), ("smtp", ("-starttls", "smtp")), ("pop3s", ()), ("pop3", ("-starttls", "pop3")),
             ("imaps", ()), ("imap", ("-starttls", "imap"))]
    refusal = "alert protocol version"
    for minimum, wanted in (("1.2", {"tls1_1": refusal, "tls1_2": "TLSv1.2", "tls1_3": "TLSv1.3"}),
                            ("1.3", {"tls1_2": refusal, "tls1_3": "TLSv1.3"})):
        with Suite(common__tls_minimum=minimum) as s:
            s.start("queue", "smtpd", "pop3d", "imapd")
            for version, outcome in wanted.items():
                r = {kind: handshake(s, kind, version, how) for kind, how in doors}
                t.check(all(x == outcome for x in r.values()), f"tls_minimum = {minimum}, a client of {version}: {outcome}", str(r))
            said = s.log().count('why="A packet with illegal or unsupported version was received."')
            t.check(said == len(doors), "and the log says so, once a refusal", str(said))


def iterations(s, user, mechanism):
    """How often the server asks for the hash."""
    c = Pop(s)
    first = base64.b64encode(f"n,,n={user},r=fyko+d2lbbFgONRv9qkxdawL".encode()).decode()
    said = base64.b64decode(c.ask(f"AUTH {mechanism} {first}").removeprefix("+ ")).decode()
    c.close()
    return int(re.search(r",i=(\d+)$", said)[1])


def scram_iterations(t):
    def asked(s, user):
        return [iterations(s, user, m) for m in ("SCRAM-SHA-256", "SCRAM-SHA-1")]

    def logs_in(s):
        c = Pop(s)
        r = c.login()
        c.close()
        return r
    with Suite(common__scram_iterations=5000) as s:
        s.user(U1, "pass")
        s.start("pop3d")
        r = asked(s, U1)
        t.check(r == [5000] * 2, "scram_iterations: a password is hashed that often, by either hash", str(r))
        t.check(asked(s, NOBODY) == [5000] * 2, "who does not exist is asked for as many")
        t.check(logs_in(s).startswith("+OK"), "and the password is right")
        s.stop("pop3d")
        s.settings["common"]["scram_iterations"] = 6000
        s.write_conf()
        s.start("pop3d")
        t.check(asked(s, U1) == [5000] * 2 and logs_in(s).startswith("+OK"), "it is set anew: a password from before stays what it was")
        s.merpati("user", "passwd", "--password-stdin", U1, input="pass\n")
        r = asked(s, U1)
        t.check(r == [6000] * 2 and logs_in(s).startswith("+OK"), "a new password has the new number", str(r))


def settings(t):
    for part in (times, sessions_most, places_of_submission, serves_most, tls_minimum, scram_iterations):
        part(t)
