# SPDX-License-Identifier: ISC
"""sent.py - what the groups of the relay suite share: mail that is sent, and what becomes of it."""
import email
import smtplib

from suite import wait_for

U1 = "u1@example.test"
USERS = [(U1, "pass")]
QUICK = dict(queue__retry_first=1, queue__retry_most=1, queue__relay_down_first=1, queue__relay_down_most=1)
TIMES = {f"queue__relay_{k}_time": 2 for k in ("connect", "greeting", "command", "data", "block", "end")}


def send(s, to, sender=U1, body="body\r\n", subject="hello", options=(), rcpt_options=()):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        text = body if isinstance(body, bytes) else body.encode()
        c.sendmail(sender, to, f"From: <{sender}>\r\nSubject: {subject}\r\n\r\n".encode() + text, options, rcpt_options)


def burst(s, n, domains=("elsewhere.test",), first=0):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        for i in range(first, first + n):
            c.sendmail(U1, [f"a@{domains[i % len(domains)]}"], f"Subject: n{i}\r\n\r\nbody\r\n".encode())


def to(sink, pattern="*", scheme="smtp", options=""):
    return f"{pattern}={scheme}://[127.0.0.1]:{sink.port}{options}"


def reports(s):
    """The fields of the reports that U1 got."""
    out = []
    for p in s.files(U1):
        m = email.message_from_bytes(p.read_bytes())
        if m.get_content_type() == "multipart/report":
            out.append("".join(x.as_string() for x in m.get_payload()[1].get_payload()))
    return out


def is_reported(s, what, address):
    return wait_for(lambda: any(what in r and address in r for r in reports(s)), 20)


def waits(s, what):
    return wait_for(lambda: what in s.merpati("queue", "list").stdout + s.log(), 20)
