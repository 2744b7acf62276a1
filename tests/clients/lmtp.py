# SPDX-License-Identifier: ISC
"""lmtp.py - other MTAs that deliver to mailboxes here, over a socket with a path: its owner alone may connect."""
import os
import shutil
import smtplib
import stat
import subprocess

from mta import Postfix, has_postfix
from suite import Suite, wait_for

USER = "u1@example.test"
MAIN_CF = """myhostname = mx.example.test
virtual_mailbox_domains = example.test
virtual_transport = lmtp:unix:{socket}
smtpd_recipient_restrictions = permit_auth_destination, reject
"""


def subjects(s, user=USER):
    return [line.split(b": ", 1)[1].decode() for p in s.files(user) for line in p.read_bytes().split(b"\r\n") if line.startswith(b"Subject: ")]


def talk(t, s, name, client):
    """One for two, of whom one is not there; smtplib reads one reply for all."""
    with client as c:
        c.sendmail("a@remote.test", [USER], f"Subject: {name}\r\n\r\nx\r\n".encode())
        refused = c.sendmail("a@remote.test", [USER, "nobody@example.test"], f"Subject: {name} 2\r\n\r\nx\r\n".encode())
    t.check(list(refused) == ["nobody@example.test"] and refused["nobody@example.test"][0] == 550, f"{name}: one of two is refused", str(refused))
    t.check(wait_for(lambda: {name, f"{name} 2"} <= set(subjects(s)), 15), f"{name}: the other has both")


def socket_rights(t, path):
    """Who may connect: root, and lmtp_user."""
    st = os.stat(path)
    t.check(stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600, "LMTP: the socket is its owner's alone", oct(st.st_mode))

    def connects(user):
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
        return subprocess.run(["python3", "-c", code], user=user, group=65534, extra_groups=[], stderr=subprocess.DEVNULL).returncode == 0
    if os.geteuid() == 0:
        t.check(not connects(65534), "LMTP: others may not connect")
        t.check(connects(st.st_uid), "LMTP: lmtp_user may")


def postfix(t, s, path):
    """It takes mail for our domain, and hands it over by LMTP."""
    with Postfix(s.dir / "postfix", MAIN_CF.format(socket=path), "lmtp unix - - n - - lmtp") as front:
        t.check(front.is_up(), "LMTP: Postfix starts", front.log()[-500:])
        with smtplib.SMTP("127.0.0.1", front.port, timeout=60) as c:
            for i in range(20):
                c.sendmail("a@remote.test", [USER, "u2@example.test"], f"Subject: postfix{i}\r\n\r\n.dot\r\n".encode())
            c.sendmail("a@remote.test", [USER, "nobody@example.test"], b"Subject: postfix nobody\r\n\r\nx\r\n")
        want = {f"postfix{i}" for i in range(20)} | {"postfix nobody"}
        t.check(wait_for(lambda: want <= set(subjects(s)), 30), "LMTP: Postfix hands all over", front.log()[-1500:])
        t.check(wait_for(lambda: "status=bounced" in front.log(), 20) and "nobody@example.test" in front.log() and "5.1.1" in front.log(),
                "LMTP: and returns what is for nobody, by its own reply", front.log()[-1500:])
        t.check(sorted(x for x in subjects(s) if x.startswith("postfix")) == sorted(want), "LMTP: each once")


def run(t):
    root = os.geteuid() == 0
    with Suite() as s:
        path = s.dir / "lmtp"
        s.settings["smtpd"]["listen_lmtp"].append(str(path))
        s.settings["smtpd"]["lmtp_user"] = "postfix" if has_postfix() else "nobody" if root else ""
        s.write_conf()
        s.users([(USER, "pass"), ("u2@example.test", "pass")])
        s.start()
        socket_rights(t, path)
        talk(t, s, "LMTP by TCP", smtplib.LMTP("127.0.0.1", s.port("lmtp")))
        talk(t, s, "LMTP by a path", smtplib.LMTP(str(path)))
        if shutil.which("swaks"):
            r = subprocess.run(["swaks", "--protocol", "LMTP", "--socket", str(path), "--to", USER, "--from", "a@remote.test",
                                "--header", "Subject: swaks-lmtp"], stdout=subprocess.PIPE, text=True, timeout=60)
            t.check(r.returncode == 0 and wait_for(lambda: "swaks-lmtp" in subjects(s), 15), "LMTP: swaks", r.stdout[-800:])
        else:
            t.skip("LMTP: swaks", "the program is not installed")
        received = next(p.read_bytes() for p in s.files(USER) if b"LMTP by a path\r\n" in p.read_bytes())
        t.check(b" ([local])\r\n\tby mail.example.test (merpati) with LMTP id " in received, "LMTP: Received says so", received[:400].decode())
        if has_postfix():
            postfix(t, s, path)
        else:
            t.skip("LMTP: Postfix in front", "needs root and postfix")
