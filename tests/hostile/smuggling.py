# SPDX-License-Identifier: ISC
"""smuggling.py - ends of a message that only somebody else takes for one: each alone, by DATA and by BDAT; and what is said ahead of STARTTLS."""
import ssl

from smtp import Line
from suite import Suite, wait_for

U1 = "u1@example.test"
SMUGGLED = b"MAIL FROM:<b@example.net>\r\nRCPT TO:<u1@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
# a bare CR or LF is in them; and lines with a NUL, which a message may have
REFUSED = {"LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CR.CR": b"\r.\r", "CRLF.LF": b"\r\n.\n", "CR.CRLF": b"\r.\r\n", "CRLF.CR": b"\r\n.\r",
           "CRLF.CR-NUL-LF": b"\r\n.\r\0\n"}
TAKEN = {"CRLF-NUL.CRLF": b"\r\n\0.\r\n", "CRLF.NUL-CRLF": b"\r\n.\0\r\n", "NUL": b"\0"}


def says(s, by, evil):
    """The reply to a message with this in it, and the connection."""
    c = Line(s)
    c.ask("EHLO x", "MAIL FROM:<a@example.net>", f"RCPT TO:<{U1}>")
    text = b"Subject: x\r\n\r\nfirst" + evil + SMUGGLED + b"\r\n"
    if by == "DATA":
        c.ask("DATA")
        c.say(text + b".\r\n")
    else:
        c.say(b"BDAT %d LAST\r\n" % len(text) + text)
    return c.get(), c


def smuggling(t):
    with Suite() as s:
        s.user(U1, "pass")
        s.start()
        for by in ("DATA", "BDAT"):
            for name, evil in REFUSED.items():
                r, c = says(s, by, evil)
                t.check(r.startswith("554 5.6.0"), f"{name} by {by}: 554 5.6.0", r)
                r = c.ask("NOOP")
                t.check(r == "250 2.0.0 Ok", f"and nothing behind {name} is taken for a command", r)
                c.close()
        t.check(not s.files(U1) and s.queue_count() == 0, "nothing was taken")
        bodies = []
        for by in ("DATA", "BDAT"):
            # where a number says where a message ends, a line of one dot is a line
            for name, evil in [*TAKEN.items(), *([("CRLF.CRLF", b"\r\n.\r\n")] if by == "BDAT" else [])]:
                r, c = says(s, by, evil)
                t.check(r.startswith("250 2.0.0"), f"{name} by {by}: taken", r)
                r = c.ask("NOOP")
                t.check(r == "250 2.0.0 Ok", f"and nothing behind {name} is taken for a command", r)
                c.close()
                kept = evil.replace(b"\r\n.", b"\r\n") if by == "DATA" else evil  # RFC 5321 4.5.2
                bodies.append(b"\r\nSubject: x\r\n\r\nfirst" + kept + SMUGGLED + b"\r\n")
        t.check(wait_for(lambda: len(s.files(U1)) >= len(bodies) and s.queue_count() == 0, 20) and len(s.files(U1)) == len(bodies),
                "each is one message", str(len(s.files(U1))))
        found = sorted(next((b for b in bodies if f.read_bytes().endswith(b)), b"none") for f in s.files(U1))
        t.check(found == sorted(bodies), "to the octet", str(found))


def injection(t):
    with Suite() as s:
        s.user(U1, "pass")
        s.start()
        c = Line(s, "submission")
        c.ask("EHLO x")
        c.say(b"STARTTLS\r\nEHLO injected\r\nMAIL FROM:<a@example.net>\r\n")
        r = c.get()
        t.check(r.startswith("220"), "STARTTLS", r)
        tls = ssl._create_unverified_context().wrap_socket(c.s)
        tls.settimeout(20)
        tls.sendall(b"NOOP\r\n")
        r = tls.recv(1000).decode()
        t.check(r.startswith("250") and r.count("\r\n") == 1, "what was sent ahead of STARTTLS is discarded", repr(r))
        tls.close()
