# SPDX-License-Identifier: ISC
"""hosts.py - groups of the relay suite: which hosts there are for a domain, their addresses and ours, without a DNS."""
import os
import re
import smtplib
import socket

from internet import Internet
from sent import QUICK, U1, USERS, is_reported, reports, send, to
from sink import CAPS, Sink
from suite import Suite, wait_for


def exchangers(t):
    """The mail hosts of a domain, in order; those that are none, or ourselves."""
    if os.geteuid() != 0:
        t.skip("mail hosts by MX", "needs root, for port 25")
        return
    with Suite(queue__routes=["*=mx"], **QUICK) as s, Internet(s.dir) as net, Sink(host="127.0.5.2", port=25, name="two") as two, \
            Sink(host="127.0.5.4", port=25, name="mail.example.test") as self, Sink(host="::1", port=25) as six:
        net.zone("good.test", """
            @        MX 20 two
            @        MX 10 none
            two      A 127.0.5.2
            none     A 127.0.5.1
            implicit A 127.0.5.2
            both     A 127.0.5.1
            both     AAAA ::1
            null     MX 0 .
            bad      MX 10 nohost
            ours     MX 10 mail.example.test.
            behind   MX 10 two
            behind   MX 10 mail.example.test.
            loop     A 127.0.5.4
            """)
        net.zone("example.test", "mail A 127.0.5.1")
        net.start()
        s.settings["common"].update(net.settings())
        s.write_conf()
        s.users(USERS)
        s.start()
        for n, domain in enumerate(("good.test", "implicit.good.test", "[127.0.5.2]")):
            send(s, [f"a@{domain}"], subject=domain)
            t.check(wait_for(lambda: domain in two.subjects(), 30), f"{domain}: to the host that is there", s.log()[-900:])
        send(s, ["a@both.good.test"])
        t.check(wait_for(lambda: len(six.messages) == 1, 30), "a host of two addresses, of which one works", s.log()[-900:])
        for domain, status in (("null.good.test", "5.1.10"), ("nobody.good.test", "5.1.2"), ("bad.good.test", "5.4.4"), ("ours.good.test", "5.4.6"),
                               ("loop.good.test", "5.4.6"), ("behind.good.test", "5.4.6")):
            send(s, [f"a@{domain}"])
            t.check(is_reported(s, status, domain), f"{domain}: returned with {status}", str(reports(s)[-1:]) + s.log()[-500:])
        t.check(not self.messages and len(two.messages) == 3, "and nothing of that was sent")
        t.check(wait_for(lambda: s.queue_count() == 0, 20), "the queue is empty")


def international(t):
    """Domains that are not ASCII: looked up in A-labels, and written so for a server that knows no others."""
    if os.geteuid() != 0:
        t.skip("domains that are not ASCII", "needs root, for port 25")
        return
    with Suite(queue__routes=["*=mx"], **QUICK) as s, Internet(s.dir) as net, Sink(host="127.0.5.12", port=25, name="new") as new, \
            Sink(host="127.0.5.14", port=25, name="old", caps=[c for c in CAPS if c != "SMTPUTF8"]) as old:
        net.zone("xn--bcher-kva.test", "@ MX 10 mail\nmail A 127.0.5.12")
        net.zone("old.test", "xn--fa-hia MX 10 mail\nmail A 127.0.5.14")
        net.start()
        s.settings["common"].update(net.settings())
        s.write_conf()
        s.users(USERS)
        s.start()

        def post(to, subject, head="", sender=U1):
            with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
                c.ehlo()
                c.sendmail(sender, [to] if isinstance(to, str) else to, f"From: <{U1}>\r\nSubject: {subject}\r\n{head}\r\nx\r\n".encode(), ["SMTPUTF8"])

        post(["a@bücher.test", "käthe@Bücher.test"], "new")
        t.check(wait_for(lambda: "new" in new.subjects(), 30) and "a@bücher.test" in new.messages[0].rcpts, "looked up in A-labels, written as it was",
                str([m.rcpts for m in new.messages]) + s.log()[-900:])
        post("a@faß.old.test", "old")
        t.check(wait_for(lambda: "old" in old.subjects(), 30) and old.messages[0].rcpts == ["a@xn--fa-hia.old.test"] and "SMTPUTF8" not in old.messages[0].lines[0],
                "a server without SMTPUTF8: in A-labels", str([m.lines for m in old.messages]) + s.log()[-900:])
        post("a@faß.old.test", "sender", sender="b@bücher.test")
        t.check(wait_for(lambda: "sender" in old.subjects(), 30) and old.messages[-1].sender == "b@xn--bcher-kva.test", "its sender, too", s.log()[-900:])
        for to, head, what in (("käthe@faß.old.test", "", "a local part that is not ASCII"), ("b@faß.old.test", "To: b@faß.old.test\r\n", "a head that is not")):
            post(to, "back", head)
            t.check(is_reported(s, "5.6.7", to.split("@")[1].split(".", 1)[1]), f"{what}: returned", str(reports(s)[-1:]) + s.log()[-500:])
        try:
            post("a@♥.test", "none")
        except smtplib.SMTPRecipientsRefused as e:
            t.check(list(e.recipients.values())[0][0] == 501, "a domain that cannot be: refused at RCPT", str(e))
        else:
            t.check(False, "a domain that cannot be: refused at RCPT")
        t.check(len(old.messages) == 2 and wait_for(lambda: s.queue_count() == 0, 20), "the queue is empty", s.log()[-500:])


def full_listener(port):
    """One of ::1 whose backlog is full: who connects gets no answer, as from a host that is gone."""
    listener = socket.socket(socket.AF_INET6)
    listener.bind(("::1", port))
    listener.listen(0)
    waiting = []
    for _ in range(8):
        c = socket.socket(socket.AF_INET6)
        c.setblocking(False)
        c.connect_ex(("::1", port))
        waiting.append(c)
    return [listener, *waiting]


def addresses(t):
    """Addresses of a host are raced; connections come from where, and with the name, that the settings say."""
    with Sink(host="127.0.5.21") as k, Suite(**QUICK) as s, Internet(s.dir) as net:
        silent = full_listener(k.port)
        net.zone("good.test", "both A 127.0.5.21\nboth AAAA ::1")
        net.start()
        s.settings["common"].update(net.settings())
        s.settings["queue"].update(routes=[f"*=smtp://both.good.test:{k.port}"], relay_connect_time=600, relay_source4="127.0.0.77",
                                   relay_name="out.example.test")
        s.write_conf()
        s.users(USERS)
        s.start()
        send(s, ["a@elsewhere.test"], subject="raced")
        t.check(wait_for(lambda: k.subjects() == ["raced"], 30), "IPv6 that does not answer: over IPv4, long before its time is over", s.log()[-900:])
        t.check(k.peers == ["127.0.0.77"], "from the address that the setting says", str(k.peers))
        t.check(list(k.hellos.values()) == ["out.example.test"], "with the name that the setting says", str(k.hellos))
        for c in silent:
            c.close()
    sources = {"a.test": ("127.0.0.71", "mail.a.test"), "b.test": ("127.0.0.72", "mail.b.test"), "": ("127.0.0.77", "mail.example.test")}
    with Sink() as k, Suite(queue__routes=[to(k)], queue__relay_source4="127.0.0.77",
                            queue__relay_sources=[f"{d}={a} name={n}" for d, (a, n) in sources.items() if d] + ["vip@a.test= name=vip.a.test"]) as s:
        s.users(USERS)
        s.start()
        for i in range(2):
            for sender in ("x@a.test", "x@b.test", "x@c.test", "vip@a.test", ""):
                send(s, ["r@elsewhere.test"], sender=sender, subject=sender or "none")
        t.check(wait_for(lambda: len(k.messages) == 10, 20), "mail of several senders to one host", s.log()[-900:])
        got = {subject: (k.peers[m.connection - 1], k.hellos[m.connection]) for subject, m in zip(k.subjects(), k.messages)}
        want = {"x@a.test": sources["a.test"], "x@b.test": sources["b.test"], "x@c.test": sources[""], "none": sources[""],
                "vip@a.test": ("127.0.0.77", "vip.a.test")}
        t.check(got == want, "each from the address, and with the name, of its sender", str(got))
    with Sink(host="::1") as six, Suite(**QUICK) as s, Internet(s.dir) as net, Sink(host="127.0.5.21", port=six.port) as four:
        net.zone("good.test", "both A 127.0.5.21\nboth AAAA ::1")
        net.start()
        s.settings["common"].update(net.settings())
        s.settings["queue"].update(routes=[f"*=smtp://both.good.test:{six.port}"], relay_source6="::1")
        s.write_conf()
        s.users(USERS)
        s.start()
        send(s, ["a@elsewhere.test"])
        t.check(wait_for(lambda: len(six.messages) == 1, 30) and not four.messages and six.peers == ["::1"], "both answer: IPv6 first", s.log()[-900:])


def no_dns(t):
    """A DNS that is dead, or says that it has failed: mail waits, is not returned before its time, and goes when the DNS is back."""
    for how in ("dead", "servfail"):
        with Sink(host="127.0.5.22") as k, Suite(**QUICK) as s, Internet(s.dir) as net:
            net.zone("good.test", "mx A 127.0.5.22\n@ MX 10 mx")
            net.start()
            s.settings["common"].update(net.settings())
            s.settings["queue"].update(routes=["good.test=mx", f"*=smtp://mx.good.test:{k.port}"], lifetime=3600)
            s.write_conf()
            s.users(USERS)
            s.start()
            if how == "dead":
                net.stop()
            else:
                net.fault("", how)
            for i in range(5):
                send(s, ["a@good.test", f"b{i}@elsewhere.test", U1], subject=f"n{i}")
            t.check(wait_for(lambda: len(s.files(U1)) == 5, 20), f"DNS {how}: mail is taken, and delivered here")
            for host in ("good.test", "mx.good.test"):
                t.check(wait_for(lambda: re.search(rf'event=destination_down .*why="4\.4\.3 {host} ', s.log()), 70), f"DNS {how}: mail for {host} waits",
                        s.log()[-900:])
            s.merpati("queue", "flush")
            downs = s.log().count("event=destination_down")
            t.check(wait_for(lambda: s.log().count("event=destination_down") >= downs + 4, 70), f"DNS {how}: it is tried again", s.log()[-900:])
            t.check(s.queue_count() == 5 and not reports(s) and "event=failed" not in s.log(), f"DNS {how}: nothing is returned", str(reports(s)))
            if how == "dead":
                net.start()
            else:
                net.fault("", None)
            t.check(wait_for(lambda: set(k.subjects()) == {f"n{i}" for i in range(5)}, 60), f"DNS {how}: and goes when it is back", s.log()[-900:])
            t.check(len(k.messages) == 5, "each once", str(k.subjects()))
