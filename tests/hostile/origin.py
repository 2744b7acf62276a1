# SPDX-License-Identifier: ISC
"""origin.py - from where a message came: what its Received field and the log say of that, XFORWARD and submission_hide_client."""
import re
import socket

from smtp import Line, plain
from suite import Suite, wait_for

U1 = "u1@example.test"
FROM, BY = "from client.test ([127.0.0.1])\r\n\t", "by mail.example.test (merpati) with "
# of a client: listener, its hello, whether it begins TLS and logs in, the protocol of RFC 3848 in Received
CLIENTS = (("smtp", "HELO", False, False, "SMTP"), ("smtp", "EHLO", False, False, "ESMTP"), ("smtp", "EHLO", True, False, "ESMTPS"),
           ("submission", "EHLO", False, True, "ESMTPA"), ("submission", "EHLO", True, True, "ESMTPSA"),
           ("submissions", "EHLO", False, True, "ESMTPSA"), ("lmtp", "LHLO", False, False, "LMTP"), ("lmtp", "LHLO", True, False, "LMTPS"))


def send(c):
    """Its id, or the refusal."""
    r = c.ask(f"MAIL FROM:<{U1}>", f"RCPT TO:<{U1}>", "DATA", "Subject: x\r\n\r\nx\r\n.")
    return r.split()[-1] if r.startswith("250 2.0.0 Ok: queued as ") else r


def received(s, mid):
    """Our field, of what is in the mailbox."""
    text = wait_for(lambda: [p.read_bytes() for p in s.files(U1) if p.name.startswith(mid)])
    return text[0].split(b"\r\nReceived: ")[1].decode() if text else ""


def clients(t, hidden, **settings):
    with Suite(**settings) as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")
        for kind, hello, begins_tls, logs_in, protocol in CLIENTS:
            c = Line(s, kind)
            if begins_tls:
                c.ask(f"{hello} before.test")
                c.starttls()
            c.ask(f"{hello} client.test", *([plain(U1, "pass")] if logs_in else []))
            mid = send(c)
            field, want = received(s, mid), ("" if logs_in and hidden else FROM) + BY + protocol
            tls = r"\r\n\t\(TLS1\.3 TLS_\w+\)" if protocol.rstrip("A").endswith("S") else ""
            t.check(re.match(re.escape(want) + tls + f" id {mid}\r\n", field),
                    f"{kind} {protocol}, {settings or 'nothing set'}: Received {'from' if field.startswith('from') else 'by'}", field[:200] or mid)
            c.close()


def by_path(t):
    """LMTP at a path: there is no address, and no network that a setting could name."""
    with Suite(smtpd__xclient_networks=["0.0.0.0/0", "::/0"], smtpd__xforward_networks=["0.0.0.0/0", "::/0"]) as s:
        s.user(U1, "pass")
        path = str(s.dir / "lmtp")
        s.settings["smtpd"]["listen_lmtp"].append(path)
        s.write_conf()
        s.start("queue", "deliver", "smtpd")
        c = Line.__new__(Line)
        c.s = socket.socket(socket.AF_UNIX)
        c.s.settimeout(20)
        c.s.connect(path)
        c.f = c.s.makefile("rb")
        c.get()
        c.ask("LHLO client.test")
        r = c.ask("XCLIENT ADDR=192.0.2.7"), c.ask("XFORWARD ADDR=192.0.2.7")
        t.check(all(x.startswith("550 5.7.0") for x in r), "LMTP at a path: neither XCLIENT nor XFORWARD", str(r))
        mid = send(c)
        field = received(s, mid)
        t.check(field.startswith("from client.test ([local])\r\n\t" + BY + f"LMTP id {mid}"), "Received says that it is local", field[:200] or mid)
        t.check(re.search(rf"event=accepted sid=\w+ mid={mid} client=unix ", s.log()), "and the log", s.log()[-600:])
        c.close()


def forwarded(t):
    """One line of the log, of the next message alone."""
    with Suite(smtpd__xforward_networks=["127.0.0.0/8"]) as s:
        s.user(U1, "pass")
        s.start("queue", "deliver", "smtpd")

        def told(mid):
            lines = re.findall(rf"event=(\w+) sid=\w+ mid={mid} (.*)", s.log())
            return [rest for event, rest in lines if event == "accepted_for"]
        c = Line(s)
        c.ask("EHLO client.test")
        r = c.ask("XFORWARD NAME=first.test ADDR=192.0.2.7 PORT=4711", "XFORWARD PROTO=ESMTP HELO=a+20b IDENT=4F2+22 SOURCE=REMOTE")
        t.check(r.startswith("250 2.0.0"), "XFORWARD, in two commands", r)
        mid = send(c)
        t.check(told(mid) == ['client=127.0.0.1 name=first.test addr=192.0.2.7 helo="a b" ident="4F2\\""'], "the log says from whom the message came", told(mid))
        field = received(s, mid)
        t.check(field.startswith(FROM + BY + "ESMTP ") and "192.0.2.7" not in field, "Received says who brought it", field)
        mid = send(c)
        t.check(told(mid) == [], "the next one came from who brings it", told(mid))
        c.ask("XFORWARD ADDR=IPV6:2001:DB8:0::7 NAME=[UNAVAILABLE] HELO=[TEMPUNAVAIL]")
        mid = send(c)
        t.check(told(mid) == ['client=127.0.0.1 name=[UNAVAILABLE] addr=2001:db8::7 helo=[TEMPUNAVAIL] ident=""'], "what is not known is said, too", told(mid))
        c.ask("XFORWARD IDENT=4F3")
        mid = send(c)
        t.check(told(mid) == ['client=127.0.0.1 name="" addr="" helo="" ident=4F3'], "an id without an address", told(mid))
        c.ask("XFORWARD ADDR=192.0.2.8")
        r = c.ask("XFORWARD ADDR=192.0.2.9 PORT=x")
        mid = send(c)
        t.check(r.startswith("501 5.5.4") and told(mid) == [], "what is refused leaves nothing of what was said before", f"{r} {told(mid)}")
        for between in ("RSET", "EHLO client.test"):
            c.ask("XFORWARD ADDR=192.0.2.8", between)
            mid = send(c)
            t.check(told(mid) == [], f"nor does {between}", told(mid))
        r = c.ask(f"MAIL FROM:<{U1}>", "XFORWARD ADDR=192.0.2.8")
        t.check(r.startswith("503 5.5.1"), "not in a transaction", r)
        c.close()


def origin(t):
    clients(t, True)
    clients(t, False, smtpd__submission_hide_client=False)
    by_path(t)
    forwarded(t)
