# SPDX-License-Identifier: ISC
"""dsn.py - what senders are told, and what they asked to be told: RFC 3461, 3464, 6533."""
import email
import json
import os
import pathlib
import re
import signal
import smtplib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / d) for d in (".", "relay")]
from sink import CAPS, Sink
from suite import Suite, wait_for

U1, U2, U3 = "u1@example.test", "u2@example.test", "u3@example.test"
USERS = [(u, "pass") for u in (U1, U2, U3)]
SOON = dict(queue__retry_first=1, queue__retry_most=1)


def send(s, rcpts, sender=U1, mail="", body="the body"):
    """rcpts: [(address, options), ...]"""
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        c.ehlo()
        for line in (f"MAIL FROM:<{sender}> {mail}", *(f"RCPT TO:<{to}> {options}" for to, options in rcpts)):
            code, text = c.docmd(line.strip())
            if code != 250:
                raise ValueError(f"{line}: {code} {text}")
        code, text = c.data(f"From: <{sender}>\r\nSubject: hello\r\n\r\n{body}\r\n".encode())
        if code != 250:
            raise ValueError(f"{code} {text}")


def reports(s, user=U1):
    """[(fields of the message, [fields of each recipient], type of what comes back, the report), ...]"""
    out = []
    for p in s.files(user):
        m = email.message_from_bytes(p.read_bytes())
        if m.get_content_type() != "multipart/report":
            continue
        status = m.get_payload()[1]
        if status.get_content_type() == "message/delivery-status":
            blocks = status.get_payload()
        else:  # Python does not know the type of RFC 6533
            inner, = status.get_payload()
            blocks = [inner, *(email.message_from_string(b) for b in re.split(r"\r?\n\r?\n", inner.get_payload().strip()))]
        out.append((blocks[0], blocks[1:], m.get_payload()[2].get_content_type(), m))
    return out


def actions(s, user=U1):
    return sorted(f"{r['Action']} {r['Final-Recipient'].split('; ')[1]}" for _, rcpts, _, _ in reports(s, user) for r in rcpts)


def is_idle(s):
    return s.queue_count() == 0


def delivered(t):
    with Suite() as s:
        s.users(USERS)
        s.start("queue", "deliver", "smtpd")
        send(s, [(U2, "NOTIFY=SUCCESS ORCPT=rfc822;U2+2Bx@Example.test"), (U3, "NOTIFY=FAILURE,DELAY")],
             mail="RET=FULL ENVID=QQ+2B314")
        t.check(wait_for(lambda: len(reports(s)) == 1, 15), "who asked for it is told of a delivery")
        head, rcpts, kind, m = reports(s)[0]
        t.check(head["Original-Envelope-Id"] == "QQ+314" and [r["Original-Recipient"] for r in rcpts] == ["rfc822;U2+x@Example.test"],
                "with ENVID and ORCPT, decoded", str(m))
        t.check(actions(s) == [f"delivered {U2}"] and rcpts[0]["Status"].startswith("2."), "of that recipient alone", str(actions(s)))
        t.check(kind == "text/rfc822-headers" and "the body" not in m.as_string(), "without the body, whatever RET says", kind)
        t.check(m["Return-Path"] == "<>" and m["Auto-Submitted"] == "auto-replied", "and nobody answers that", str(m.items()))
        send(s, [(U2, "NOTIFY=SUCCESS")], sender="")
        send(s, [(U2, "")])
        send(s, [(U2, "NOTIFY=SUCCESS,FAILURE"), (U3, "NOTIFY=SUCCESS")])
        t.check(wait_for(lambda: len(reports(s)) == 2 and is_idle(s), 15), "several recipients in one report")
        t.check(actions(s) == sorted([f"delivered {U2}", f"delivered {U2}", f"delivered {U3}"]),
                "and none to the null sender, nor unasked", str(actions(s)))


def failed(t):
    with Suite() as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        send(s, [(U2, "NOTIFY=NEVER")])
        send(s, [(U2, "NOTIFY=SUCCESS")])
        send(s, [(U2, "NOTIFY=DELAY")])
        send(s, [(U2, "NOTIFY=FAILURE")], mail="RET=HDRS ENVID=hdrs")
        send(s, [(U2, "ORCPT=rfc822;Two@elsewhere.test")], mail="RET=FULL ENVID=full")
        send(s, [(U2, "")], mail="RET=FULL ENVID=big", body="much\r\n" * 30000)
        s.merpati("user", "remove", U2, input="yes\n")
        s.start("deliver")
        t.check(wait_for(lambda: is_idle(s) and len(reports(s)) == 3, 15), "failures are told of where that is wanted", str(actions(s)))
        got = {head["Original-Envelope-Id"]: (rcpts, kind, m) for head, rcpts, kind, m in reports(s)}
        t.check(got["hdrs"][1] == "text/rfc822-headers" and "the body" not in got["hdrs"][2].as_string(), "RET=HDRS: the head")
        t.check(got["full"][1] == "message/rfc822" and "the body" in got["full"][2].as_string(), "RET=FULL: all of it")
        t.check("Return-Path" not in got["full"][2].get_payload()[2].get_payload()[0], "as it was sent")
        t.check(got["big"][1] == "text/rfc822-headers", "but not 180 KB")
        r = got["full"][0][0]
        t.check(r["Original-Recipient"] == "rfc822;Two@elsewhere.test" and r["Action"] == "failed" and r["Status"] == "5.1.1" and
                r["Diagnostic-Code"].startswith("x-merpati; ") and r["Last-Attempt-Date"], "with all its fields", str(r.items()))
        t.check(s.log().count("why=\"NOTIFY\"") == 3, "and the log says which were not")


def delayed(t):
    with Suite(queue__delay_warning=2, queue__lifetime=8, queue__bounce_lifetime=8, **SOON) as s:
        s.users(USERS)
        s.start()
        send(s, [("a@elsewhere.test", ""), ("b@elsewhere.test", "NOTIFY=DELAY"), ("c@elsewhere.test", "NOTIFY=FAILURE"),
                 ("d@elsewhere.test", "NOTIFY=NEVER"), (U2, "NOTIFY=DELAY")], mail="RET=FULL")
        send(s, [("e@elsewhere.test", "")], sender="")
        t.check(wait_for(lambda: len(reports(s)) == 1, 15), "what still waits is told of")
        t.check(actions(s) == ["delayed a@elsewhere.test", "delayed b@elsewhere.test"], "where that is wanted", str(actions(s)))
        _, rcpts, kind, m = reports(s)[0]
        t.check(all(r["Will-Retry-Until"] and r["Status"].startswith("4.") for r in rcpts) and kind == "text/rfc822-headers",
                "with the end of its lifetime", str(m))
        s.kill("queue")
        s.start("queue")
        t.check(wait_for(lambda: is_idle(s) and len(reports(s)) == 2, 30), "and its end", str(actions(s)))
        t.check(actions(s) == ["delayed a@elsewhere.test", "delayed b@elsewhere.test", "failed a@elsewhere.test", "failed c@elsewhere.test"],
                "each once, whatever was tried and restarted", str(actions(s)))


def aliases(t):
    with Suite(queue__lifetime=3, **SOON) as s:
        s.users(USERS)
        (s.dir / "aliases").write_text(f"here: {U2}\nout: out@elsewhere.test\nboth: {U2}, both@elsewhere.test\nall: {U2}, {U3}\n")
        s.start("queue", "deliver", "smtpd")
        send(s, [("here@example.test", "NOTIFY=SUCCESS"), ("all@example.test", "NOTIFY=SUCCESS"),
                 ("out@example.test", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;OUT@example.test"),
                 ("both@example.test", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;BOTH@example.test")], mail="ENVID=e1")
        t.check(wait_for(lambda: is_idle(s) and len(reports(s)) == 3, 30), "aliases", str(actions(s)))
        t.check(actions(s) == ["delivered all@example.test", "delivered here@example.test", "expanded both@example.test",
                               "failed both@elsewhere.test", "failed out@elsewhere.test"],
                "of mailboxes here are delivered to, of several expanded, of one passed on", str(actions(s)))
        t.check(all(h["Original-Envelope-Id"] == "e1" for h, _, _, _ in reports(s)) and
                sorted(r["Original-Recipient"] for _, rr, _, _ in reports(s) for r in rr if r["Action"] == "failed") ==
                ["rfc822;BOTH@example.test", "rfc822;OUT@example.test"], "with what the sender gave")
        send(s, [("both@example.test", "NOTIFY=SUCCESS"), ("out@example.test", "NOTIFY=NEVER")])
        t.check(wait_for(lambda: is_idle(s), 30) and actions(s).count("expanded both@example.test") == 2 and len(reports(s)) == 4,
                "without SUCCESS nothing is left to tell", str(actions(s)))


def lists(t):
    """An alias with an owner is a list: its sender hears that it arrived there, its owner of the members."""
    with Suite(queue__lifetime=2, **SOON) as s:
        s.users(USERS)
        (s.dir / "aliases").write_text(f"list: {U2}, m1@elsewhere.test, m2@elsewhere.test\nowner-list: {U3}\n")
        s.start("queue", "deliver", "smtpd")
        send(s, [("list@example.test", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;LIST@example.test")], mail="RET=FULL ENVID=e1")
        t.check(wait_for(lambda: is_idle(s) and len(reports(s, U3)) == 2, 30) and actions(s) == ["delivered list@example.test"],
                "a list ends what its sender asked for", str(actions(s)))
        t.check(actions(s, U3) == ["failed m1@elsewhere.test", "failed m2@elsewhere.test"], "its owner hears of its members", str(actions(s, U3)))
        t.check(all("Original-Envelope-Id" not in h and "Original-Recipient" not in rr[0] and k == "text/rfc822-headers" and
                    m["To"] == "<owner-list@example.test>" for h, rr, k, m in reports(s, U3)), "without what the sender gave")
        t.check(len(s.files(U2)) == 1, "and a member here has it")


def srs(t):
    """What an alias passes on comes from us, and what comes back to that goes to the sender."""
    def waiting(s):
        return {(e["sender"], to) for e in json.loads(s.merpati("--json", "queue", "list").stdout) for to in json.dumps(e).split('"')
                if "@" in to and to != e["sender"]}
    with Suite(common__srs=True, queue__lifetime=60) as s:
        s.users(USERS)
        (s.dir / "aliases").write_text("out: out@elsewhere.test\n")
        s.start("queue", "deliver", "smtpd")
        send(s, [("out@example.test", "")], sender="friend@far.test")
        send(s, [("out@example.test", "")], sender=U1)
        t.check(wait_for(lambda: [to for _, to in waiting(s)] == ["out@elsewhere.test"] * 2, 15), "an alias passes mail on", str(waiting(s)))
        ours, = [sender for sender, _ in waiting(s) if sender != U1]
        t.check(re.fullmatch(r"SRS0=[A-Z2-7]{5}=[A-Z2-7]{2}=far\.test=friend@example\.test", ours), "of a sender elsewhere from an address of ours", ours)
        t.check((U1, "out@elsewhere.test") in waiting(s), "of one here as it is", str(waiting(s)))
        send(s, [(ours, "")], sender="")
        t.check(wait_for(lambda: ("<>", "friend@far.test") in waiting(s), 15), "what comes back goes to the sender", str(waiting(s)))
        s.kill("deliver")
        s.kill("smtpd")
        s.start("deliver", "smtpd")
        send(s, [(ours, "")], sender="")
        t.check(wait_for(lambda: s.queue_count() == 4, 15), "after a restart, too: the secret is kept")
        try:
            send(s, [(ours.replace("friend", "fiend"), "")], sender="")
            t.check(False, "a forged one is refused")
        except ValueError as e:
            t.check("550" in str(e), "a forged one is refused", str(e))


def is_noted(s):
    """The last message waits for its report, and what became of it is durable: a removal is told when all before it is."""
    mid = re.findall(r"event=accepted .*?mid=(\w+)", s.log())[-1]
    if not wait_for(lambda: "the report of" in s.merpati("queue", "why", mid, check=False).stdout, 30):
        return False
    s.merpati("queue", "remove", "0" * 24, check=False)
    return True


def once(t):
    """A success is told once, whatever ends between the delivery and its report."""
    with Suite() as s:
        s.users(USERS)
        s.start("queue", "deliver", "smtpd")
        bounce, = s.pids("queue", "bounce")
        os.kill(bounce, signal.SIGSTOP)
        send(s, [(U2, "NOTIFY=SUCCESS")])
        t.check(wait_for(lambda: len(s.files(U2)) == 1, 15), "delivered, and its report cannot be made")
        t.check(is_noted(s) and s.queue_count() == 1, "it stays in the queue until it is")
        s.kill("queue")
        s.start("queue")
        t.check(wait_for(lambda: is_idle(s) and len(reports(s)) == 1, 15), "after a restart it is made", str(actions(s)))
        for _ in range(2):
            s.kill("queue")
            s.start("queue")
        wait_for(lambda: is_idle(s), 15)
        t.check(len(reports(s)) == 1 and len(s.files(U2)) == 1, "once, and the message is there once", str(actions(s)))


def sent_once(t):
    """The same of a message that went to another host: it is not sent again for the sake of its report."""
    with Sink(caps=[c for c in CAPS if c != "DSN"]) as k, Suite(**to(k), **SOON) as s:
        s.users(USERS)
        s.start("queue", "deliver", "smtpd")
        bounce, = s.pids("queue", "bounce")
        os.kill(bounce, signal.SIGSTOP)
        send(s, [("a@elsewhere.test", "NOTIFY=SUCCESS"), ("b@elsewhere.test", "NOTIFY=NEVER")])
        t.check(wait_for(lambda: len(k.messages) == 1, 15), "sent, and its report cannot be made")
        t.check(is_noted(s), "that it was sent is noted")
        s.kill("queue")
        s.start("queue")
        t.check(wait_for(lambda: is_idle(s) and len(reports(s)) == 1, 15), "after a restart it is made", str(actions(s)))
        t.check(actions(s) == ["relayed a@elsewhere.test"] and len(k.messages) == 1, "and nothing was sent again", str(len(k.messages)))


def international(t):
    with Suite() as s:
        s.users(USERS)
        s.user("käthe@example.test", "pass")
        s.start("queue", "smtpd")
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
            c.ehlo()
            for line in (f"MAIL FROM:<{U1}> SMTPUTF8 BODY=8BITMIME", "RCPT TO:<käthe@example.test> ORCPT=utf-8;k\\x{E4}the@example.test"):
                c.send(line.encode() + b"\r\n")
                code, text = c.getreply()
                t.check(code == 250, line, str(text))
            c.data("Subject: für käthe\r\n\r\nx\r\n".encode())
        s.merpati("user", "remove", "käthe@example.test", input="yes\n")
        s.start("deliver")
        t.check(wait_for(lambda: len(reports(s)) == 1 and is_idle(s), 15), "a failure of internationalised mail is told")
        m = reports(s)[0][3]
        t.check([p.get_content_type() for p in m.get_payload()] ==
                ["text/plain", "message/global-delivery-status", "message/global-headers"], "in the types of RFC 6533", m.as_string())
        raw = s.files(U1)[0].read_bytes().decode()
        t.check("Original-Recipient: utf-8;käthe@example.test\r\nFinal-Recipient: utf-8; käthe@example.test\r\n" in raw,
                "and its addresses as they are", raw)


def to(sink):
    return {"queue__routes": [f"*=smtp://[127.0.0.1]:{sink.port}"]}


def relayed(t):
    """What the sender asked for goes along with the message, or is answered by us."""
    with Sink() as k, Suite(**to(k), **SOON) as s:
        s.users(USERS)
        s.start("queue", "deliver", "smtpd")
        send(s, [("a@elsewhere.test", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;A+2Bx@Elsewhere.test"), ("b@elsewhere.test", "")],
             mail="RET=HDRS ENVID=QQ+2B1")
        t.check(wait_for(lambda: len(k.messages) == 1 and is_idle(s), 20), "a server with DSN")
        lines = k.messages[0].lines
        t.check(lines[0].endswith(" RET=HDRS ENVID=QQ+2B1") or (" RET=HDRS" in lines[0] and " ENVID=QQ+2B1" in lines[0]), "gets RET and ENVID", lines[0])
        t.check(any("NOTIFY=SUCCESS,FAILURE" in x and "ORCPT=rfc822;A+2Bx@Elsewhere.test" in x for x in lines) and
                any("b@elsewhere.test" in x and "NOTIFY" not in x and "ORCPT" not in x for x in lines), "NOTIFY and ORCPT, where they were given", str(lines))
        t.check(not reports(s), "and reports itself", str(actions(s)))
    with Sink(caps=[c for c in CAPS if c != "DSN"]) as k, Suite(**to(k), **SOON) as s:
        s.users(USERS)
        s.start("queue", "deliver", "smtpd")
        send(s, [("a@elsewhere.test", "NOTIFY=SUCCESS"), ("b@elsewhere.test", "NOTIFY=FAILURE"), ("c@elsewhere.test", ""),
                 ("reject@elsewhere.test", "NOTIFY=NEVER"), ("reject-2@elsewhere.test", "NOTIFY=FAILURE")], mail="RET=FULL ENVID=e1")
        t.check(wait_for(lambda: len(reports(s)) == 2 and is_idle(s), 20), "a server without", str(actions(s)))
        t.check(actions(s) == ["failed reject-2@elsewhere.test", "relayed a@elsewhere.test"], "is answered for by us, as it was asked", str(actions(s)))
        t.check(all(x not in line for line in k.messages[0].lines for x in ("RET=", "ENVID=", "NOTIFY=", "ORCPT=")), "and hears nothing of it",
                str(k.messages[0].lines))
        fields = {r["Action"]: r for _, rcpts, _, _ in reports(s) for r in rcpts}
        t.check(fields["failed"]["Remote-MTA"].startswith("dns; ") and fields["failed"]["Diagnostic-Code"].startswith("smtp; 550") and
                fields["relayed"]["Remote-MTA"], "with its words", str([r.items() for r in fields.values()]))


def suppressed(t):
    """Who was refused twice is not tried a third time, until an admin says so."""
    with Sink() as k, Suite(queue__suppress_after=2, **to(k), **SOON) as s:
        s.users(USERS)
        s.start("queue", "deliver", "smtpd")

        def refused():
            return {r["address"]: r for r in json.loads(s.merpati("--json", "queue", "suppressed", "list").stdout)}
        for n in (1, 2):
            send(s, [("reject@Elsewhere.test", "NOTIFY=NEVER" if n == 1 else ""), ("fine@elsewhere.test", "")])
            t.check(wait_for(lambda: is_idle(s) and refused().get("reject@elsewhere.test", {}).get("count") == n, 20),
                    f"refusal {n} is counted, told or not", str(refused()))
        t.check(list(refused()) == ["reject@elsewhere.test"] and refused()["reject@elsewhere.test"]["suppressed"], "of that address", str(refused()))
        s.stop("queue")
        s.start("queue")
        said = s.log().count("event=suppressed")
        send(s, [("reject@Elsewhere.test", ""), ("fine@elsewhere.test", "")])
        t.check(wait_for(lambda: len(reports(s)) == 2 and is_idle(s), 20) and s.log().count("event=suppressed") == said + 1 and
                all("reject" not in line.lower() for line in k.messages[-1].lines), "after a restart, too, it is not tried", str(actions(s)))
        r = reports(s)[-1][1][0] if "not tried" in str(reports(s)[-1][3]) else reports(s)[0][1][0]
        t.check(r["Status"] == "5.1.1" and "not tried" in r["Diagnostic-Code"] and not r["Remote-MTA"], "and its sender is told so", str(r.items()))
        t.check(refused()["reject@elsewhere.test"]["count"] == 2, "which is no refusal more")
        t.check(s.merpati("queue", "suppressed", "remove", "nobody@elsewhere.test", check=False).returncode != 0, "an unknown address is said so")
        s.merpati("queue", "suppressed", "remove", "reject@elsewhere.test")
        send(s, [("reject@elsewhere.test", "")])
        t.check(wait_for(lambda: is_idle(s) and refused().get("reject@elsewhere.test", {}).get("count") == 1, 20),
                "an admin lets it be tried", str(refused()))


GROUPS = (relayed, suppressed, delivered, failed, delayed, aliases, lists, srs, once, sent_once, international)
