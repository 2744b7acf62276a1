# SPDX-License-Identifier: ISC
"""store.py - mail of a domain, and of an account, that goes by LMTP to another store: a Dovecot, by TCP and by a path."""
import os
import smtplib

import dovecot_own
from suite import Suite, free_ports, listens, wait_for

FAR = "far@elsewhere.test"
CONF = """
protocols = lmtp
ssl = no
mail_location = maildir:~/mail
mail_plugins = quota
recipient_delimiter = +
userdb {{
  driver = passwd-file
  args = username_format=%u {d}/users
  default_fields = uid={uid} gid={gid}
}}
plugin {{
  quota = count:box
  quota_vsizes = yes
}}
service lmtp {{
  user = {user}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener {d}/lmtp {{
    mode = 0666
  }}
}}
namespace inbox {{
  inbox = yes
}}
"""


class Store(dovecot_own.DovecotOwn):
    """anna and ben, and full, who has no room; each at store.test"""

    def __init__(self):
        super().__init__()
        os.chmod(self.dir, 0o711)
        self.port, = free_ports(1)
        self.configure(CONF, "".join(f"{u}@store.test:{{PLAIN}}x::::{self.dir}/home/{u}::userdb_quota_rule=*:bytes={room}\n"
                                     for u, room in (("anna", "1M"), ("ben", "1M"), ("full", "100"))), port=self.port)

    def answers(self):
        return listens(self.port)

    def subjects(self, user):
        out = []
        for p in (self.dir / "home" / user / "mail").rglob("*"):
            if p.parent.name in ("new", "cur"):
                out += [line[9:] for line in p.read_text(errors="replace").splitlines() if line.startswith("Subject: ")][:1]
        return sorted(out)

    def texts(self, user):
        return [p.read_bytes() for p in (self.dir / "home" / user / "mail").rglob("*") if p.parent.name in ("new", "cur")]


def from_outside(s, rcpts, subject, sender=FAR):
    """(code of each RCPT, code of DATA), as a stranger gets them."""
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        c.ehlo()
        c.mail(sender)
        codes = [c.rcpt(x)[0] for x in rcpts]
        data = c.data(f"From: <{sender}>\r\nSubject: {subject}\r\n\r\nbody\r\n".encode())[0] if 250 in codes else None
        return codes, data


def domain(t, store, way, name):
    """All mail of a domain, from anybody; each recipient is answered."""
    with Suite(queue__routes=[f"store.test={way}"], smtpd__relay_domains=["store.test"], smtpd__relay_networks=[], queue__retry_first=1,
               queue__retry_most=1, queue__relay_down_first=1, queue__relay_down_most=1) as s:
        s.users([("u1@example.test", "pass")])
        s.start("queue", "deliver", "smtpd")
        codes, data = from_outside(s, ["anna@store.test", "full@STORE.test", "nobody@store.test", "ben+x@store.test", "x@other.test", "a@sub.store.test"],
                                   f"by {name}", "u1@example.test")
        t.check(codes == [250, 250, 250, 250, 550, 550] and data == 250, f"{name}: mail for that domain is taken, and for others not", str(codes))
        t.check(wait_for(lambda: f"by {name}" in store.subjects("anna") and f"by {name}" in store.subjects("ben"), 40),
                f"{name}: who is there has it", store.said()[-900:] + s.log()[-900:])
        t.check(wait_for(lambda: s.queue_count() == 0 and len(s.files("u1@example.test")) >= 1, 40), f"{name}: the queue is empty", s.log()[-900:])
        said = "".join(p.read_text() for p in s.files("u1@example.test"))
        t.check("full@" in said and "nobody@store.test" in said and "5.1.1" in said and "5.2.2" in said and "anna@" not in said.split("Subject: by")[0],
                f"{name}: who has no room and who is not there are returned, each by what the store said", said[-1500:])
        t.check([store.subjects(u).count(f"by {name}") for u in ("anna", "ben", "full")] == [1, 1, 0], f"{name}: each once")
        head = next(x for x in store.texts("anna") if f"by {name}".encode() in x)
        t.check(head.startswith(b"Return-Path: <u1@example.test>") and head.count(b"Return-Path:") == 1, f"{name}: one Return-Path, the store's",
                head[:300].decode())
        store.stop()
        t.check(from_outside(s, ["anna@store.test"], f"waits {name}")[1] == 250, f"{name}: while the store is away mail is taken")
        t.check(wait_for(lambda: "event=destination_down" in s.log(), 30), f"{name}: and waits", s.log()[-900:])
        store.start()
        t.check(wait_for(lambda: f"waits {name}" in store.subjects("anna") and s.queue_count() == 0, 60), f"{name}: until it is back", s.log()[-900:])


def account(t, store):
    """One account of a domain of ours: a forward into the store, with a copy here, and without."""
    with Suite(queue__routes=[f"store.test=lmtp://[127.0.0.1]:{store.port}"], smtpd__relay_networks=[]) as s:
        s.users([("anna@example.test", "pass"), ("ben@example.test", "pass")])
        s.start("queue", "deliver", "smtpd")
        s.merpati("forward", "set", "anna@example.test", "anna@store.test")
        s.merpati("forward", "set", "--copy", "ben@example.test", "ben@store.test")
        codes, data = from_outside(s, ["anna@example.test", "ben@example.test", "anna@store.test"], "of an account")
        t.check(codes == [250, 250, 550] and data == 250, "an account's mail is taken, and the store's own address is not", str(codes))
        t.check(wait_for(lambda: [store.subjects(u).count("of an account") for u in ("anna", "ben")] == [1, 1] and s.queue_count() == 0, 40),
                "it is in the store", s.log()[-900:])
        t.check([len(s.files(f"{u}@example.test")) for u in ("anna", "ben")] == [0, 1], "and here where a copy stays")


def run(t):
    if not dovecot_own.is_installed("lmtp"):
        return t.skip("LMTP to another store", "dovecot-lmtpd is not installed")
    with Store() as store:
        domain(t, store, f"lmtp://[127.0.0.1]:{store.port}", "TCP")
        domain(t, store, f"lmtp+unix:{store.dir}/lmtp", "a path")
        account(t, store)
