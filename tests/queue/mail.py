# SPDX-License-Identifier: ISC
"""mail.py - what the groups of queue share: mail that is sent, and what became of it."""
import email
import json
import smtplib

from suite import wait_for

U1, U2 = "u1@example.test", "u2@example.test"
USERS = [(U1, "pass"), (U2, "pass")]


def send(s, to, sender=U1, body="body", subject="hello"):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        c.sendmail(sender, to, f"From: <{sender}>\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode())


def entries(s):
    out = json.loads(s.merpati("--json", "queue", "list").stdout)
    return out if isinstance(out, list) else next(v for v in out.values() if isinstance(v, list))


def reports(s):
    """The messages of U1 that are reports."""
    return [m for m in (email.message_from_bytes(p.read_bytes()) for p in s.files(U1)) if m.get_content_type() == "multipart/report"]


def folders(s, mode):
    """All folders of deferred/ get this mode."""
    wait_for(lambda: "event=replayed" in s.log())  # they are there
    for p in (s.dir / "spool" / "deferred").iterdir():
        p.chmod(mode)


def deferred_files(s):
    """Names that count: not those of files that are being written."""
    return [p.name for p in (s.dir / "spool" / "deferred").rglob("*") if p.is_file() and not p.suffix]
