# SPDX-License-Identifier: ISC
"""unanswered.py - what a session of smtpd says when a process that it asks stands still, or cannot come back; and that it is served again after."""
import contextlib
import os
import signal
import time

from smtp import Line, message, plain
from suite import Suite, wait_for

U1, U2 = "u1@example.test", "u2@example.test"
LATER = "; try again later"
LOOKUP_DOWN = "451 4.3.0 Recipients cannot be looked up now" + LATER
AUTH_DOWN = "454 4.7.0 Authentication is not available now"
WAIT_MOST_SEC = 15  # the longest of their waits is auth's, 10 s


@contextlib.contextmanager
def standing_still(s, daemon, role):
    pid, = s.pids(daemon, role)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def opened(s, *lines, kind="smtp", login=False):
    c = Line(s, kind)
    c.ask("EHLO client.test", *([plain(U1, "pass")] if login else []), *lines)
    return c


def told(t, what, asked, want):
    """asked: {what is asked: (connection, line)}, all at once; each is told so in time."""
    began = time.monotonic()
    for c, line in asked.values():
        c.say(line.encode() + b"\r\n")
    for name, (c, _) in asked.items():
        r = c.reply()
        t.check(r == want and time.monotonic() - began < WAIT_MOST_SEC, f"{what}, {name}: {want[:9]}", r)


def lookup(t):
    with Suite(smtpd__vrfy=True) as s:
        s.users([(U1, "pass"), (U2, "pass")])
        s.start("queue", "deliver", "smtpd")
        login = dict(kind="submission", login=True)
        asked = {"RCPT": (opened(s, "MAIL FROM:<a@example.net>"), f"RCPT TO:<{U1}>"), "VRFY": (opened(s), f"VRFY {U1}"),
                 "MAIL of a login": (opened(s, **login), f"MAIL FROM:<{U2}>"),
                 "From of a login": (opened(s, f"MAIL FROM:<{U1}>", f"RCPT TO:<{U1}>", "DATA", **login), f"From: {U2}\r\n\r\n.")}
        with standing_still(s, "smtpd", "lookup"):
            told(t, "lookup stands still", asked, LOOKUP_DOWN)
        (rcpt, line), (vrfy, ask), (mail, _), (author, _) = asked.values()
        replies = [rcpt.ask(line), vrfy.ask(ask), mail.ask(f"MAIL FROM:<{U2}>"),
                   author.ask(f"MAIL FROM:<{U1}>", f"RCPT TO:<{U1}>", "DATA", f"From: {U2}\r\n\r\n.")]
        t.check([r[:9] for r in replies] == ["250 2.1.5", "250 2.1.5", "553 5.7.1", "550 5.7.1"], "and goes on: each is told what is so", str(replies))


def auth(t):
    with Suite() as s:
        s.user(U1, "pass")
        s.start("smtpd")
        c = opened(s, kind="submission")
        with standing_still(s, "smtpd", "auth"):
            told(t, "auth stands still", {"AUTH": (c, plain(U1, "pass"))}, AUTH_DOWN)
        r = c.ask(plain(U1, "pass"))
        t.check(r.startswith("235"), "and goes on: the same client logs in", r)


def budget(t):
    with Suite(smtpd__budget_action="defer", smtpd__budget_account=["messages=2/hour"]) as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")
        text = f"From: {U1}\r\n\r\n."
        c = opened(s, f"MAIL FROM:<{U1}>", f"RCPT TO:<{U1}>", "DATA", kind="submission", login=True)
        other = opened(s, kind="submission")
        with standing_still(s, "smtpd", "budget"):
            told(t, "budget stands still", {"a message": (c, text)}, "451 4.3.0 Budgets cannot be looked up now" + LATER)
            told(t, "budget stands still", {"AUTH": (other, plain(U1, "pass"))}, AUTH_DOWN)
            t.check(other.ask(f"MAIL FROM:<{U1}>").startswith("530 5.7.0"), "nor is that a login")
        send = f"MAIL FROM:<{U1}>", f"RCPT TO:<{U1}>", "DATA", text
        r = [c.ask(*send)[:9] for _ in range(3)]
        t.check(r == ["250 2.0.0", "250 2.0.0", "452 4.7.1"], "and goes on: what was refused meanwhile costs nothing", r)


def spool(t):
    with Suite(smtpd__etrn_domains=["elsewhere.test"]) as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")
        c = opened(s, *message()[1:3])
        with standing_still(s, "queue", "spool"):
            told(t, "the spool stands still", {"DATA": (c, "DATA"), "ETRN": (opened(s), "ETRN elsewhere.test")}, "451 4.3.0 The queue does not answer" + LATER)
        t.check(wait_for(lambda: c.ask(*message()[1:]).startswith("250")), "and goes on: the message is taken")


def key(t):
    """Its file is not there, so each that the monitor starts ends."""
    with Suite() as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")
        file, away = s.dir / "key.pem", s.dir / "key.away"
        c = opened(s, kind="submission")
        file.rename(away)
        s.kill("smtpd", "key")
        r = c.ask("STARTTLS")
        t.check(r == "454 4.7.0 TLS is not available now", "no process with the private keys: 454 4.7.0", r)
        r = c.ask("NOOP")
        t.check(r.startswith("250"), "the conversation goes on without TLS", r)
        away.rename(file)
        t.check(wait_for(lambda: c.ask("STARTTLS").startswith("220"), 30), "its file is back: TLS is, too")
        c.close()
        c = opened(s)
        t.check(c.starttls().startswith("220") and c.ask("EHLO client.test").startswith("250"), "a handshake comes to its end")
        c.close()


def unanswered(t):
    for part in (lookup, auth, budget, spool, key):
        part(t)
