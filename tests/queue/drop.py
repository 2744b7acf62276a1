# SPDX-License-Identifier: ISC
"""drop.py - sendmail(1), and what anybody may drop."""
import hashlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from dropfile import NOBODY, dropfile, put, sendmail
from mail import U1, U2, USERS, entries, reports
from suite import Suite, fill, preload, small_disk, wait_for


def one_of(s, user=U1):
    """The one message that comes; its text, when all of it is there."""
    wait_for(lambda: [p for p in s.files(user) if f",S={p.stat().st_size}," in p.name], 15)
    got, = s.files(user)
    text = got.read_bytes()
    got.unlink()
    return text


def sendmail_options(t):
    """What programs expect of sendmail(1): each row is arguments, text, and what the message must have and must not."""
    head = "Subject: s\n\n"
    with Suite(smtpd__message_size=100000) as s:
        s.users(USERS)
        s.start("queue", "deliver")
        me = "nobody" if os.geteuid() == 0 else os.popen("id -un").read().strip()
        for args, text, want, unwanted in (
                ([U1], head + "hello\n", [f"From: ", f"<{me}@example.test>\r\n", "\r\nDate: ", "\r\nMessage-ID: <", "\r\n\r\nhello\r\n",
                 f"Return-Path: <{me}@example.test>\r\nReceived: by mail.example.test (merpati, from userid "], ["\r\r\n"]),
                (["u1"], head, [f"for <{U1}>"], []),
                (["-f", "odd@elsewhere.test", U1], head, ["Return-Path: <odd@elsewhere.test>", "<odd@elsewhere.test>\r\n"], []),
                (["-f", "", U1], head, ["Return-Path: <>"], []),
                (["-f", "<>", U1], head, ["Return-Path: <>"], []),
                (["-r", "local", U1], head, ["Return-Path: <local@example.test>"], []),
                (["-F", "Ann O. Other", U1], head, ['From: "Ann O. Other" <'], []),
                (["-FGr\u00fc\u00dfe", U1], head, ["From: =?utf-8?B?R3LDvMOfZQ==?= <"], []),
                ([U1], "From: x@y.test\nMessage-Id: <1@2>\nDate: Tue, 1 Jan 2030 00:00:00 +0000\n\nb\n", ["Message-Id: <1@2>"], ["From: nobody", "Date: Wed"]),
                (["-t"], f"To: {U1}\nBcc: {U1}\n\tsecret@elsewhere.invalid\nbcc: u1\nSubject: s\n\nb\n".replace("\n\tsecret@elsewhere.invalid", ",\n\tu1"),
                 ["\r\nSubject: s\r\n"], ["Bcc", "bcc"]),
                (["-ti"], f"To: Someone <u1@example.test>, undisclosed: ;\n{head}a\n.\nb\n", ["\r\na\r\n.\r\nb\r\n"], []),
                (["-t", "-oi", "-oem", "-odb", "-o7"], f"Cc: {U1}\n{head}a\n.\nb\n", ["\r\na\r\n.\r\nb\r\n"], []),
                (["-t"], f"To: {U2}\nResent-To: {U1}\n{head}", ["Resent-To"], []),
                ([U1], head + "a\n.\nb\n", ["\r\na\r\n"], ["\r\nb\r\n"]),
                (["-i", U1], head + "no end", ["\r\nno end\r\n"], []),
                (["-i", U1], head + "a\r\nb\rc\n\n", ["\r\na\r\nb\r\nc\r\n\r\n"], ["\r\r"]),
                ([U1], "just a line: of words\nof no head\n", ["\r\n\r\njust a line: of words\r\nof no head\r\n"], []),
                ([U1], f"From someone Tue Jan 1\n{head}b\n", ["Subject: s"], ["From someone"]),
                ([U1], f"Return-Path: <x@y.test>\nContent-Length: 3\n{head}b\n", ["\r\n\r\nb\r\n"], ["<x@y.test>", "Content-Length"]),
                (["-G", "-Am", "-Ac", "-v", "-n", "-m", "-L", "tag", "-O", "DeliveryMode=b", "-X", "/dev/null", "-h", "5", "-U", "-x",
                  "-em", "-p", "ESMTP", "-d0", "-bm", U1], head, ["Subject: s"], []),
                (["-N", "never", "-R", "hdrs", "-V", "my id", "-B", "8BITMIME", U1], head, ["Subject: s"], []),
                (["--", U1], head, ["Subject: s"], [])):
            p = sendmail(s, *args, text=text, check=False)
            if not t.check(p.returncode == 0, f"sendmail {' '.join(args)}", p.stderr):
                continue
            got = one_of(s).decode()
            t.check(all(w in got for w in want) and not any(u in got for u in unwanted), f"and the message is right", got)
        for status, args, text in ((64, [], head), (64, ["-t"], head), (64, ["-bd"], ""), (64, ["-bv", U1], ""), (64, ["-Z", U1], head),
                                   (64, ["-N", "often", U1], head), (64, ["-R", "all", U1], head), (64, ["-q30m"], ""), (64, ["-B", "odd", U1], head),
                                   (65, ["a@b@c"], head), (65, ["-f", "two@x.test, three@x.test", U1], head), (65, ["-t"], "To: u1@bad!domain\n" + head),
                                   (69, [U1], head + "x" * 120000), (69, [U1], "Received: x\n" * 101 + head)):
            p = sendmail(s, *args, text=text, check=False)
            t.check(p.returncode == status and p.stderr.startswith("sendmail: "), f"sendmail {' '.join(args)}: status {status}",
                    f"{p.returncode} {p.stderr}")
        for args, text in (([U1, f"a {U2}"], head), ([f"a {U2}"], head), (["-t"], f"To: {U1},\n a {U2}\n{head}")):
            p = sendmail(s, *args, text=text, check=False)
            t.check(p.returncode == 65 and f'"a {U2}" is no address of a recipient' in p.stderr and not s.queue_count(),
                    f"sendmail {' '.join(args)}: who is meant is not guessed", f"{p.returncode} {p.stderr}")
        sendmail(s, U1, text=head, umask=0o777)
        t.check("Subject: s" in one_of(s).decode(), "a umask that forbids all forbids nothing")
        p = subprocess.run(["sendmail", "-C", "/nowhere.conf", U1], executable=s.build / "queue" / "sendmail", env=s.env, input=b"",
                           stderr=subprocess.PIPE)
        t.check(p.returncode == 78 and b"/nowhere.conf" in p.stderr, "no configuration: status 78", str(p.stderr))
        rcpts = [f"u1+{i}@example.test" for i in range(2500)]
        sendmail(s, "-t", text="Bcc: " + ",\n ".join(rcpts) + "\n" + head)
        t.check(wait_for(lambda: sorted(re.findall(r"event=accepted [^\n]*rcpts=(\d{2,})", s.log())) == ["1000", "1000", "500"], 20),
                "2,500 recipients are three messages")
        wait_for(lambda: s.queue_count() == 0, 60)
        t.check(not s.files(U2), "who was not meant got nothing")
        p = sendmail(s, name="newaliases")
        t.check(p.returncode == 0 and not p.stderr, "newaliases has nothing to do")
        p = sendmail(s, name="mailq", uid=0)
        t.check(p.stdout.startswith("ID "), "mailq shows the queue to root", p.stdout + p.stderr)
        if os.geteuid() == 0:
            p = sendmail(s, "-bp", check=False)
            t.check(p.returncode == 77 and "only root and the user" in p.stderr, "and tells others who may see it", p.stderr)
            p = sendmail(s, "-q", check=False)
            t.check(p.returncode == 77, "nor may they flush it", p.stderr)
        t.check(sendmail(s, "-q", uid=0).returncode == 0, "root may")


def sendmail_reports(t):
    """What -N, -R and -V ask for is in the report of a failure."""
    with Suite() as s:
        s.users(USERS)
        s.start("queue", "deliver")
        for more in (["-N", "never"], ["-N", "failure", "-R", "full", "-V", "my+id 7"], []):
            sendmail(s, "-f", U1, *more, "nobody-here@example.test", text="Subject: s\n\nthe body\n")
        wait_for(lambda: s.log().count("event=failed") == 3 and s.queue_count() == 0, 15)
        got = [m.as_string() for m in reports(s)]
        t.check(len(got) == 2, "two of three want a report", str(len(got)))
        full = [g for g in got if "Original-Envelope-Id: my+id 7" in g]
        t.check(len(full) == 1 and "the body" in full[0] and "Original-Recipient: rfc822;nobody-here@example.test" in
                full[0].replace("; ", ";"), "one has its envelope id and all of the message", str(got))


def sendmail_smtp(t):
    """sendmail -bs."""
    with Suite() as s:
        s.users(USERS)
        s.start("queue", "deliver")
        talk = ["NOOP", "MAIL FROM:<a@b.test>", "EHLO me", "RCPT TO:<u1>", "MAIL FROM:<a@b.test> SIZE=99999999", "MAIL FROM:<a@b.test> SIZE=" + "9" * 40, "MAIL FROM:<a@b.test> ODD=1",
                "MAIL FROM: <a@b.test> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x", "MAIL FROM:<c@d.test>", "RCPT TO:<a b@c.test>", "DATA", "RCPT TO:<>",
                "RCPT TO:<u1> NOTIFY=NEVER", f"rcpt to:<{U2}>", "DATA", "Subject: s", "", "..a", ".", "DATA", "VRFY u1", "RSET", "odd", "MAIL FROM:<>",
                f"RCPT TO:<{U1}>", "RSET", "QUIT"]
        want = [220, 250, 503, 250, 503, 552, 552, 555, 250, 503, 553, 554, 553, 250, 250, 354, 250, 503, 252, 250, 500, 250, 250, 250, 221]
        for end in ("\r\n", "\n"):
            p = sendmail(s, "-bs", text=end.join(talk) + end)
            got = [int(x) for x in re.findall(r"^(\d{3}) ", p.stdout, re.M)]
            t.check(got == want, f"a conversation with {end!r}", p.stdout)
            for u in (U1, U2):
                text = one_of(s, u).decode()
                t.check(text.startswith("Return-Path: <a@b.test>\r\nReceived: ") and text.endswith("\r\n\r\n.a\r\n") and
                        "Message-ID: <" in text, "and the message is right", text)
        p = sendmail(s, "-bs", text="HELO me\r\nMAIL FROM:<>\r\nRCPT TO:<u1>\r\nDATA\r\nhalf")
        p = sendmail(s, "-bs", text="bad\r\n" * 50)
        t.check("421" in p.stdout and p.stdout.count("500 ") == 21, "too many bad commands end it", p.stdout)
        for before, want in ((b"", b"500 5.5.2"), (b"HELO me\r\nMAIL FROM:<>\r\nRCPT TO:<u1>\r\nDATA\r\n", b"552 5.3.4")):
            p = subprocess.Popen(["sendmail", "-C", s.dir / "merpati.conf", "-bs"], executable=s.build / "queue" / "sendmail", env=s.env,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            p.stdin.write(before)
            for _ in range(256):
                p.stdin.write(b"x" * (1 << 20))
            p.stdin.write(b"\r\n.\r\nQUIT\r\n")
            p.stdin.close()
            said = p.stdout.read()
            kbytes = os.wait4(p.pid, 0)[2].ru_maxrss
            t.check(want in said and kbytes < 240 << 10, f"a line of 256 MiB is no line, and takes no room of its own ({want.decode()})", f"{said} {kbytes}")
        sendmail(s, U2, text="last")
        one_of(s, U2)
        t.check(not s.files(U1), "half a message is none")


def drop_folder(s):
    return s.dir / "spool" / "drop"


def dropped(t):
    """Without a queue that runs mail is taken all the same; and what others may do there."""
    with Suite() as s:
        s.users(USERS)
        p = sendmail(s, U1, text="x", check=False)
        t.check(p.returncode == 75 and "later" in p.stderr, "queue has never run: status 75", p.stderr)
        s.start("queue")
        s.stop()
        for n in range(5):
            sendmail(s, U1, text=f"Subject: {n}\n\n{n}\n")
        t.check(len(list(drop_folder(s).iterdir())) == 5, "while queue is down files wait")
        if os.geteuid() == 0:
            def as_nobody(command):
                return subprocess.run(["sh", "-c", command], cwd=s.dir, user=NOBODY, group=NOBODY, extra_groups=[],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode
            (drop_folder(s) / ("ab" * 12)).write_bytes(b"root's")
            (drop_folder(s) / ("ab" * 12)).chmod(0o640)
            mine = next(p for p in drop_folder(s).iterdir() if p.stat().st_uid == NOBODY)
            denied = [c for c in ("ls spool/drop", "ls spool", f"cat spool/drop/{'ab' * 12}", f"rm -f spool/drop/{'ab' * 12}",
                      f"mv spool/drop/{'ab' * 12} spool/drop/x", f"echo >spool/drop/{'ab' * 12}", f"ln spool/drop/{'ab' * 12} spool/drop/y",
                      "ls spool/deferred", "ls spool/journal") if as_nobody(c) == 0]
            t.check(not denied, "others may not list, read, change or remove what is there", str(denied))
            t.check(as_nobody(f"test -w spool/drop/{mine.name}") == 0 and mine.stat().st_mode & 0o777 == 0o640, "their own files are theirs")
            (drop_folder(s) / ("ab" * 12)).unlink()
        s.start("queue", "deliver")
        t.check(wait_for(lambda: len(s.files(U1)) == 5 and not list(drop_folder(s).iterdir()), 15), "and are taken in when it is back")
        names = dict(re.findall(r"event=accepted mid=(\w+) [^\n]*dropped=(\w+)", s.log()))
        t.check(len(names) == 5 and len(set(names.values())) == 5, "each with its log line")
        big = "x" * 76 + "\n"
        sendmail(s, U2, text=big * 20000)
        t.check(wait_for(lambda: [p.read_bytes().count(b"x" * 76 + b"\r\n") for p in s.files(U2)] == [20000], 15),
                "a large message is taken in whole")


def hostile_drop(t):
    """Whatever anybody puts there is taken in, removed or put aside, with a line for each, and delays nobody."""
    message = b"Subject: s\r\n\r\nbody\r\n"
    with Suite(smtpd__message_size=1 << 20) as s:
        s.users(USERS)
        s.start("queue", "deliver")
        d = drop_folder(s)
        good = dropfile(U2, [U1], message)
        damaged = {"empty": b"", "text": b"hello\n" * 10, "half a head": good[:100], "cut": good[:-1], "longer": good + b"x",
                   "a bit": good[:120] + bytes([good[120] ^ 1]) + good[121:], "of its text": good[:-3] + b"X\r\n",
                   "no recipient": dropfile(U2, [], message), "no address": dropfile(U2, ["u1"], message),
                   "a line in an address": dropfile(U2, ["u1@example.test\r\nX: y"], message), "a bad sender": dropfile("<x>@y", [U1], message),
                   "done already": dropfile(U2, [U1], message, state=1), "flags of ours": dropfile(U2, [U1], message, flags=8, client=b"drop/" + b"0" * 24),
                   "another version": dropfile(U2, [U1], message, version=2), "bare LF": dropfile(U2, [U1], b"a: b\n\nc\n"),
                   "bare CR": dropfile(U2, [U1], b"a: b\r\n\r\nc\rd\r\n"), "no end": dropfile(U2, [U1], b"a: b\r\n\r\nc"),
                   "hops": dropfile(U2, [U1], b"Received: x\r\n" * 101 + b"\r\n"), "a huge envelope": b"MERPDRP1" + b"\xff" * 40 + b"x" * 100,
                   "many recipients": dropfile(U2, [U1] * 1001, message)}
        for what, data in damaged.items():
            name = put(d, data)
            t.check(wait_for(lambda: f"drop_put_aside name={name} uid=" in s.log(), 10) and (s.dir / "spool/corrupt" / f"drop-{name}").exists(),
                    f"{what}: put aside", s.log()[-300:])
        outside = s.dir / "outside"
        outside.write_bytes(good)
        names = {w: os.urandom(12).hex() for w in ("link", "fifo", "folder", "socket", "hard")}
        os.symlink(outside, d / names["link"])
        os.mkfifo(d / names["fifo"])
        os.mkdir(d / names["folder"])
        os.link(outside, d / names["hard"])
        with socket.socket(socket.AF_UNIX) as c:
            c.bind(str(d / names["socket"]))
        names.update(name="odd name", longer="ab" * 30, hidden=".x")
        for w in ("name", "longer", "hidden"):
            put(d, good, names[w])
        names["huge"] = put(d, good, size=1 << 40)
        if os.geteuid() == 0:
            names["unreadable"] = put(d, good, mode=0o600)
            names["group"] = os.urandom(12).hex()
            moved = s.dir / "spool" / "moved"
            moved.write_bytes(good)
            moved.rename(d / names["group"])
        for what, name in names.items():
            t.check(wait_for(lambda: f"drop_removed name={name if ' ' not in name else chr(34)}" in s.log() and not os.path.lexists(d / name), 10),
                    f"{what}: removed", s.log()[-300:])
        t.check(outside.read_bytes() == good, "what a link led to is as it was")
        os.mkdir(s.dir / "spool" / "full")
        (s.dir / "spool" / "full" / "x").write_text("")
        os.rename(s.dir / "spool" / "full", d / "full")
        growing = os.urandom(12).hex()
        fd = os.open(d / growing, os.O_CREAT | os.O_WRONLY, 0o640)
        os.write(fd, good[:50])
        t.check(wait_for(lambda: "drop_stays name=full" in s.log() and growing in s.log(), 10), "a folder stays, a file that grows is judged once")
        os.write(fd, good[50:])
        os.close(fd)
        t.check(not s.files(U1), "none of all this is delivered")
        name = put(d, good)
        t.check(wait_for(lambda: len(s.files(U1)) == 1, 15), "and a message among it is")
        put(d, good, name)  # the same name again
        put(d, dropfile(U2, [U2], message))
        wait_for(lambda: len(s.files(U2)) == 1, 15)
        t.check(wait_for(lambda: s.queue_count() == 0, 10) and len(s.files(U1)) == 1, "the same name twice is the same message")


def drop_turns(t):
    """Thousands by one user do not delay another's one; what is past his share waits, and what is past that goes aside."""
    if os.geteuid() != 0:
        t.skip("turns", "one uid without root")
        return
    message = b"Subject: s\r\n\r\nbody\r\n"
    with Suite(queue__drop_user_most=1000) as s:
        s.users(USERS)
        s.start("queue")
        s.stop()
        for n in range(2500):
            put(drop_folder(s), dropfile(U2, [U1], message), uid=NOBODY)
        put(drop_folder(s), dropfile(U2, [U2], message), uid=12345)
        s.start("queue")
        t.check(wait_for(lambda: "uid=12345" in s.log() and s.log().index("uid=12345") < 4000000, 30) and
                len(re.findall("event=accepted [^\n]*uid=65534", s.log()[:s.log().index("uid=12345")])) <= 8,
                "who has one message has the next turn")
        t.check(wait_for(lambda: len(re.findall("event=accepted [^\n]*uid=65534", s.log())) >= 1000, 60), "a thousand in an hour are taken")
        wait_for(lambda: s.log().count("drop_put_aside") == 1500, 30)
        t.check(s.log().count("drop_put_aside") == 1500, "too many that wait are put aside", str(s.log().count("drop_put_aside")))
        for n in range(30):
            put(drop_folder(s), dropfile(U2, [U1], message), uid=NOBODY)
        put(drop_folder(s), dropfile(U2, [U1], message), uid=12345)
        wait_for(lambda: len(re.findall("event=accepted [^\n]*uid=12345", s.log())) == 2, 15)
        t.check(20 <= len(list(drop_folder(s).iterdir())) <= 30, "what is past the share of an hour waits", str(len(list(drop_folder(s).iterdir()))))


def drop_door(t):
    """No room for more: sendmail(1) says so, and nothing that it took before is lost."""
    if os.geteuid() != 0:
        t.skip("the door", "without root there are no others")
        return
    with Suite(queue__drop_most=5, queue__drop_user_most=3) as s:
        s.users(USERS)
        s.start("queue", "deliver")
        for n in range(3):
            sendmail(s, U1, text=f"{n}")
        wait_for(lambda: len(s.files(U1)) == 3, 15)
        for uid in (NOBODY, 12345):
            for n in range(6):
                if wait_for(lambda: "drop_closed" in s.log(), 0.05):
                    break
                sendmail(s, U1, text=f"{n}", uid=uid)
        t.check(wait_for(lambda: "event=drop_closed" in s.log(), 10), "too much waits: the door is closed", str(len(list(drop_folder(s).iterdir()))))
        p = sendmail(s, U1, text="x", check=False)
        t.check(p.returncode == 75 and "takes no mail now" in p.stderr, "sendmail: status 75", p.stderr)
        for p in drop_folder(s).iterdir():
            p.unlink()
        s.stop("queue")
        s.start("queue")
        t.check(sendmail(s, U2, text="x", uid=777, check=False).returncode == 0, "it is opened when that is over")


def drop_full(t):
    """A full disk: sendmail(1) says so within its file system, what it took before is delivered when there is room."""
    if os.geteuid() != 0:
        t.skip("a full disk", "needs root for a file system of its own")
        return
    with small_disk(64) as (inside, _), Suite(common__spool_dir=f"{inside}/spool", queue__segment_size=1 << 20, queue__ballast=1 << 20) as s:
        folder = inside / "spool" / "drop"
        s.users(USERS)
        s.start("queue")
        s.stop()
        sendmail(s, U1, text="small")
        fill(inside / "full")
        p = sendmail(s, U2, text="x" * 200000, check=False)
        t.check(p.returncode == 75 and "later" in p.stderr, "sendmail on a full disk: status 75", p.stderr)
        t.check(len(list(folder.iterdir())) == 1, "and it leaves nothing behind")
        s.start("queue", "deliver")
        t.check(wait_for(lambda: "event=drop_closed" in s.log(), 15), "queue finds no room: the door is closed", s.log()[-3500:])
        t.check(sendmail(s, U2, text="x", check=False).returncode == 75, "then no small message is taken either")
        (inside / "full").unlink()
        t.check(wait_for(lambda: len(s.files(U1)) == 1 and "event=drop_open" in s.log(), 15), "with room what was taken is delivered")
        sendmail(s, U2, text="again")
        t.check(wait_for(lambda: len(s.files(U2)) == 1 and not list(folder.iterdir()), 15), "and sendmail takes mail")


SELF_KILL = r"""
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* where a file of drop/ is removed: the moment between a message that counts and a file that is gone */
int
unlinkat(int dir, const char *path, int flags)
{
	static int (*real)(int, const char *, int);
	if (!real)
		real = (int (*)(int, const char *, int))dlsym(RTLD_NEXT, "unlinkat");
	if (strlen(path) == 24 && strspn(path, "0123456789abcdef") == 24 && faccessat(dir, "../kill-me", F_OK, 0) == 0)
		raise(SIGKILL);
	return real(dir, path, flags);
}
"""


def taken_once(t):
    """Killed between the sync of a dropped message and the removal of its file: it is there once, however often that happens."""
    for restarts in (False, True):
        with Suite(queue__retry_first=3600) as s:
            s.users(USERS)
            s.env["LD_PRELOAD"] = preload("self_kill", SELF_KILL)
            s.start("queue", "deliver")
            (s.dir / "spool" / "kill-me").write_text("")
            sendmail(s, "x@elsewhere.test", U1, text="Subject: once\n\nx\n")
            t.check(wait_for(lambda: s.log().count("process_died role=spool") >= 2, 30) and len(list(drop_folder(s).iterdir())) == 1,
                    "the spool is killed before it removes the file, and at its start again", s.log()[-500:])
            if restarts:
                s.kill("queue")
            (s.dir / "spool" / "kill-me").unlink()
            if restarts:
                s.start("queue")
            t.check(wait_for(lambda: not list(drop_folder(s).iterdir()), 30), "the file is removed by the next one")
            t.check(wait_for(lambda: len(s.files(U1)) == 1 and s.queue_count() == 1, 15), "the message is there once",
                    f"{len(s.files(U1))} {s.queue_count()}")
            sendmail(s, U2, text="after\n")
            t.check(wait_for(lambda: len(s.files(U2)) == 1, 15) and len(entries(s)) == 1, "and goes on being there once", str(entries(s)))


STAND = r"""
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* where a large file has its name, and no record yet */
int
linkat(int from_dir, const char *from, int dir, const char *path, int flags)
{
	static int (*real)(int, const char *, int, const char *, int);
	if (!real)
		real = (int (*)(int, const char *, int, const char *, int))dlsym(RTLD_NEXT, "linkat");
	int err = real(from_dir, from, dir, path, flags);
	while (err == 0 && strlen(path) == 27 && path[2] == '/' && faccessat(dir, "../stand", F_OK, 0) == 0)
		poll(NULL, 0, 10);
	return err;
}
"""


def named_before(t):
    """The queue falls between the name of a large dropped message and its record: taken later it has another date, and comes whole."""
    with Suite() as s:
        s.users(USERS)
        s.env["LD_PRELOAD"] = preload("stand", STAND)
        s.start("queue", "deliver")
        (s.dir / "spool" / "stand").write_text("")
        sendmail(s, U1, text="Subject: large\n\n" + "All of it comes.\n" * 20000)
        named = wait_for(lambda: list((s.dir / "spool" / "large").glob("??/*")), 15)
        s.kill("queue")
        t.check(named and len(list(drop_folder(s).iterdir())) == 1, "the queue is killed when the file has its name", str(named))
        (s.dir / "spool" / "stand").unlink()
        wait_for(lambda: time.time() > named[0].stat().st_mtime + 1, 5)  # Received tells seconds
        s.start("queue")
        t.check(wait_for(lambda: not list(drop_folder(s).iterdir()) and s.queue_count() == 0, 30), "the next one takes it", s.log()[-500:])
        got, = s.files(U1)
        t.check(hashlib.sha256(got.read_bytes()).hexdigest() == got.name.split(",C=")[1][:64], "and it has the bytes that its name says", got.name)


GROUPS = (sendmail_options, sendmail_reports, sendmail_smtp, dropped, hostile_drop, drop_turns, drop_door, drop_full, taken_once, named_before)
