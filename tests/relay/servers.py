# SPDX-License-Identifier: ISC
"""servers.py - groups of the relay suite: what a server can, and what it does to us."""
import re
import smtplib
import time

from sent import QUICK, TIMES, U1, USERS, is_reported, reports, send, to, waits
from sink import CAPS, Sink
from suite import Suite, wait_for


def plain(t):
    """One message after another over one connection, as they were, without the Return-Path line."""
    with Sink() as k, Suite(queue__routes=[to(k)]) as s:
        s.users(USERS)
        s.start()
        dots = ".\r\n..\r\nfrom\r\n.begins\r\n" + "x" * 900 + "\r\n"
        for i in range(20):
            send(s, [f"a{i}@elsewhere.test", "b@elsewhere.test", U1], subject=f"n{i}", body=dots)
        t.check(wait_for(lambda: len(k.messages) == 20, 20), "20 messages arrive", str(len(k.messages)))
        t.check(sorted(k.subjects()) == sorted(f"n{i}" for i in range(20)), "each once")
        m = k.messages[0]
        t.check(all(len(m.rcpts) == 2 for m in k.messages), "two recipients of a host in one transaction")
        t.check(m.text.endswith(dots.encode()) and m.text.startswith(b"Received:"), "as they were, without Return-Path", str(m.text[:200]))
        t.check(f"SIZE={len(m.text)}" in m.lines[0], "with their size", m.lines[0])
        t.check(wait_for(lambda: len(s.files(U1)) == 20 and s.queue_count() == 0, 20), "the recipient here has all, the queue is empty")
        t.check(k.connections <= 3, "over few connections", str(k.connections))
        t.check(wait_for(lambda: k.quits == k.connections, 20), "which end with QUIT", f"{k.quits} of {k.connections}")


def servers(t):
    """Servers that can less; what does not fit is returned, and never damaged."""
    every = "".join(chr(c) for c in range(32, 127))
    body = f"{every}\r\n.\r\n".encode()
    for name, caps in (("without PIPELINING", ("SIZE", "8BITMIME")), ("without CHUNKING", ("PIPELINING", "8BITMIME")),
                       ("with CHUNKING alone", ("CHUNKING",)), ("with nothing", ())):
        with Sink(caps=caps) as k, Suite(queue__routes=[to(k)]) as s:
            s.users(USERS)
            s.start()
            for i in range(6):
                send(s, ["reject@elsewhere.test", "b@elsewhere.test"] if i == 2 else ["reject@elsewhere.test"] if i == 4 else
                     ["b@elsewhere.test"], subject=f"n{i}", body=body)
            want = {f"n{i}" for i in range(6) if i != 4}
            t.check(wait_for(lambda: set(k.subjects()) == want, 20) and len(k.messages) == 5, f"{name}: all arrive", str(k.subjects()))
            t.check(all(m.text.endswith(body) for m in k.messages), f"{name}: as they were")
            t.check(is_reported(s, "5.1.1", "reject@elsewhere.test"), f"{name}: who does not exist is reported", str(reports(s)))
    with Sink(no_ehlo=True) as k, Suite(queue__routes=[to(k)]) as s:
        s.users(USERS)
        s.start()
        send(s, ["b@elsewhere.test"])
        t.check(wait_for(lambda: len(k.messages) == 1, 20), "one that knows no EHLO gets HELO")
    with Sink(caps=("PIPELINING", "SIZE 2000")) as k, Suite(queue__routes=[to(k)]) as s:
        s.users(USERS)
        s.start()
        send(s, ["big@elsewhere.test"], body="x" * 70 + "\r\n" + "y" * 70 + "\r\n" * 1500)
        send(s, ["eight@elsewhere.test"], body="Grüße\r\n".encode(), options=["BODY=8BITMIME"])
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
            c.ehlo()
            c.sendmail(U1, ["jürgen@elsewhere.test"], b"Subject: utf8\r\n\r\nx\r\n", ["SMTPUTF8"])
        t.check(is_reported(s, "5.3.4", "big@"), "too large for it: returned before it is sent", str(reports(s)))
        t.check(is_reported(s, "5.6.3", "eight@"), "8-bit text that it does not take: returned", str(reports(s)))
        t.check(is_reported(s, "5.6.7", "rgen@"), "an address that it does not take: returned", str(reports(s)))
        t.check(not k.messages, "and nothing is sent")
    with Sink() as k, Suite(queue__routes=[to(k)]) as s:
        s.users(USERS)
        s.start()
        send(s, ["eight@elsewhere.test"], body="Grüße\r\n".encode(), options=["BODY=8BITMIME"])
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
            c.ehlo()
            c.sendmail(U1, ["jürgen@elsewhere.test"], b"Subject: utf8\r\n\r\nx\r\n", ["SMTPUTF8"])
        t.check(wait_for(lambda: len(k.messages) == 2, 20), "one that takes both gets both")
        lines = "".join(m.lines[0] for m in k.messages)
        t.check("BODY=8BITMIME" in lines and "SMTPUTF8" in lines, "and is told so", lines)
        big = b"All of it.\r\n" * 400000
        send(s, ["big@elsewhere.test"], body=big)
        t.check(wait_for(lambda: len(k.messages) == 3 and k.messages[2].text.endswith(b"\r\n\r\n" + big), 30), "4.8 MB arrive whole")


BINARY = b"a\n.\nb\r.\r\x00c\r\n.\r\nRSET\nMAIL FROM:<evil@elsewhere.test>\n" + b"y" * 2000 + b"\n"


def send_binary(s, to, body):
    """By BDAT, which smtplib has not."""
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        c.ehlo()
        text = b"Subject: binary\r\n\r\n" + body
        for line in (f"MAIL FROM:<{U1}> BODY=BINARYMIME", f"RCPT TO:<{to}>"):
            code, said = c.docmd(line)
            assert code == 250, said
        c.sock.sendall(b"BDAT %d LAST\r\n" % len(text) + text)
        return c.getreply()


def binarymime(t):
    """What only BDAT may carry goes to nobody by DATA; what lines can carry goes to all."""
    no_binary = ("PIPELINING", "8BITMIME", "CHUNKING")
    for caps, name in ((CAPS + ("BINARYMIME",), "with BINARYMIME"), (no_binary, "without BINARYMIME"),
                       (("PIPELINING", "8BITMIME", "BINARYMIME"), "with BINARYMIME, but without CHUNKING")):
        with Sink(caps=caps) as k, Suite(queue__routes=[to(k)], smtpd__strict_bare=["smtp=count"]) as s:
            s.users(USERS)
            s.start()
            r = send_binary(s, "b@elsewhere.test", BINARY)
            t.check(r[0] == 250, f"{name}: it is taken", str(r))
            if "BINARYMIME" in caps and "CHUNKING" in caps:
                t.check(wait_for(lambda: len(k.messages) == 1, 20) and k.messages[0].by_bdat and k.messages[0].text.endswith(b"\r\n\r\n" + BINARY),
                        f"{name}: it arrives as it was, by BDAT", str(k.messages))
                t.check("BODY=BINARYMIME" in k.messages[0].lines[0], f"{name}: and is said to be that", k.messages[0].lines[0])
            else:
                t.check(is_reported(s, "5.6.1", "b@elsewhere.test"), f"{name}: it comes back", str(reports(s)))
                t.check(not k.messages and b"evil" not in b"".join(m.encode() for m in reports(s)), f"{name}: and nothing of its body goes anywhere")
            n = len(k.messages)
            send_binary(s, "b@elsewhere.test", "Grüße\r\n".encode())
            t.check(wait_for(lambda: len(k.messages) == n + 1, 20) and "BODY=8BITMIME" in k.messages[n].lines[0],
                    f"{name}: lines of text are no less as 8BITMIME", str(k.messages))
            send(s, ["b@elsewhere.test"], subject="bare", body=b"a\n\nMAIL FROM:<evil@elsewhere.test>\rb\r\n")
            t.check(wait_for(lambda: len(k.messages) == n + 2, 20) and
                    k.messages[n + 1].text.endswith(b"\r\n\r\na  MAIL FROM:<evil@elsewhere.test> b\r\n"),
                    f"{name}: a bare CR or LF that strict_bare lets in is a blank", repr(k.messages[-1].text[-80:]))
            s.user("u2@example.test", "pass")
            send_binary(s, "u2@example.test", BINARY)
            t.check(wait_for(lambda: len(s.files("u2@example.test")) == 1, 20) and s.files("u2@example.test")[0].read_bytes().endswith(b"\r\n\r\n" + BINARY),
                    f"{name}: a mailbox here keeps every octet")


def answers(t):
    """Each recipient has its own result, and each misbehaviour its end."""
    one_of_three(t)
    for chunking, orders in ((True, (("odd", "no answer"), ("die", "closed the connection"), ("hang", "in time"))),
                             (False, (("bye", "4.3.2"), ("mixed", "no answer"), ("flood", "no answer"), ("line", "no answer"), ("drip", "in time"), ("mute", "in time"),
                                      ("closedata", "closed the connection"), ("close354", "closed the connection"),
                                      ("die", "closed the connection"), ("hang", "in time")))):
        with Sink(caps=CAPS if chunking else ("PIPELINING", "8BITMIME")) as k, \
                Suite(queue__routes=[to(k)], queue__relay_message_time=10, **QUICK, **TIMES) as s:
            s.users(USERS)
            s.start()
            for order, why in orders:
                send(s, [f"{order}@elsewhere.test"], subject=order)
                t.check(wait_for(lambda: re.search(f"event=deferred .*rcpt={order}@.*{why}", s.log()), 30),
                        f"{order}: it waits{', by BDAT' if chunking else ''}", s.log()[-3000:])
                s.merpati("queue", "remove", "--all", check=False)
            send(s, ["good@elsewhere.test"], subject="after all")
            t.check(wait_for(lambda: "after all" in k.subjects(), 30), "and the server gets mail all the same")
            t.check("event=process_died" not in s.log(), "no process died of it")


def one_of_three(t):
    with Sink() as k, Suite(queue__routes=[to(k)], queue__relay_message_time=10, **QUICK, **TIMES) as s:
        s.users(USERS)
        s.start()
        send(s, ["reject@elsewhere.test", "good@elsewhere.test", "later@elsewhere.test"], subject="three")
        t.check(wait_for(lambda: k.messages and k.messages[0].rcpts == ["good@elsewhere.test"], 20), "one of three is taken")
        t.check(is_reported(s, "smtp; 550 5.1.1 there is no such user", "reject@"), "one is reported, with what the server said", str(reports(s)))
        t.check(waits(s, "450 4.2.1 not now, 4.2.1 really not") or waits(s, "said: 450"), "one waits, and the list says why", s.merpati("queue", "list").stdout)
        time.sleep(3)  # some more attempts
        t.check(len(k.messages) == 1 and len([r for r in reports(s) if "reject@" in r]) == 1, "and the others have it once")
        send(s, ["refuse@elsewhere.test"])
        t.check(is_reported(s, "5.6.0", "refuse@"), "refused after the message: reported", str(reports(s)))
        send(s, ["busy@elsewhere.test"])
        t.check(waits(s, "4.3.0 [127.0.0.1]"), "put off after the message: it waits")
        send(s, ["okdie@elsewhere.test"], subject="okdie")
        t.check(wait_for(lambda: "okdie" in k.subjects(), 20), "250, then the end of the connection: taken")
        time.sleep(3)
        t.check(k.subjects().count("okdie") == 1, "once", str(k.subjects()))


def readers(t):
    """Servers that take a message slowly, or not at all: each piece has its time, and the whole."""
    body = b"It is long.\r\n" * 800000
    for chunking in (True, False):
        with Sink(caps=CAPS if chunking else ("PIPELINING", "8BITMIME")) as k, \
                Suite(queue__relay_message_time=6, **QUICK, **{**TIMES, "queue__relay_block_time": 4}) as s:
            s.settings["queue"].update(routes=[to(k)], retry_first=3600, retry_most=3600)
            s.write_conf()
            s.users(USERS)
            s.start()
            for order in ("unread", "sip"):
                begin = time.monotonic()
                send(s, [f"{order}@elsewhere.test"], body=body)
                ok = wait_for(lambda: re.search(f"event=deferred .*rcpt={order}@.*in time", s.log()), 40)
                t.check(ok, f"{order}: it waits{', by BDAT' if chunking else ''}", s.log()[-900:])
                t.check(time.monotonic() - begin > 3, f"{order}: after its time", str(time.monotonic() - begin))
            send(s, ["good@elsewhere.test"], subject="after all")
            t.check(wait_for(lambda: k.subjects() == ["after all"], 30), "and the server gets mail all the same", str(k.subjects()))


def greetings(t):
    for name, greeting, why in (("554 at once", b"554 5.3.2 no mail here\r\n", "no mail here"), ("silence", None, "in time"),
                                ("EHLO answered, then the end", b"220 hello and bye\r\n", "the connection"),
                                ("garbage", b"SSH-2.0-OpenSSH\r\n", "no answer"), ("421", b"421 4.3.2 later\r\n", "later")):
        with Sink(greeting=greeting) as k, Suite(queue__routes=[to(k)], **QUICK, **TIMES) as s:
            s.users(USERS)
            s.start()
            send(s, ["a@elsewhere.test"])
            t.check(wait_for(lambda: "event=destination_down" in s.log(), 20) and waits(s, why), f"{name}: the destination is left alone",
                    s.log()[-600:])
            k.greeting = b"220 now\r\n"
            t.check(wait_for(lambda: len(k.messages) == 1, 20), f"{name}: and tried again", s.log()[-600:])
            t.check(wait_for(lambda: s.queue_count() == 0, 20), f"{name}: the queue is empty")
