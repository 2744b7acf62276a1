# SPDX-License-Identifier: ISC
"""journal.py - a journal that is full, damaged, cannot be synced; checkpoints."""
import os
import pathlib
import re
import select
import signal
import smtplib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from mail import U1, U2, USERS, send
from placer import PERM, PLACED, Placer, first_of
from suite import Suite, clock_of, preload, wait_for

SMALL_JOURNAL = dict(queue__segment_size=1 << 20, queue__segments_live=2, queue__segments_most=4, queue__retry_first=1, queue__retry_most=2)


def is_taken(s, to, **kw):
    """Within some seconds: 452 is said while the journal is full."""
    def attempt():
        try:
            send(s, to, **kw)
            return True
        except smtplib.SMTPResponseException:
            return False
    return wait_for(attempt, 10, step=0.2)


def full_journal(t):
    """What cannot be finished does not hold the journal, whatever it waits for."""
    body = "A fifth of a segment.\r\n" * 9000
    with Suite(**SMALL_JOURNAL) as s:
        s.users(USERS)
        fake = Placer(s)
        fake.answer(lambda address: (PLACED,) if address == U1 else (PERM, "5.1.1 gone"))
        s.start("queue", "smtpd")
        bounce, = s.pids("queue", "bounce")
        os.kill(bounce, signal.SIGSTOP)
        taken = [is_taken(s, [U2], body=body) for _ in range(40)]
        t.check(all(taken), "8 MB of mail that fails into a journal of 4 MB, while no report is made", f"{taken.count(True)} of 40")
        os.kill(bounce, signal.SIGCONT)
        t.check(wait_for(lambda: s.queue_count() == 0, 40), "and then all is reported", str(s.queue_count()))
        told = set(re.findall("event=reported mid=(\\w+)", s.log()))
        t.check(len(told) == taken.count(True), "each message", str(len(told)))

    with Suite(**SMALL_JOURNAL, queue__defer_after=1, deliver__placers=1) as s:
        s.users(USERS)
        fake = Placer(s)
        s.start("queue", "smtpd")
        p = fake.accept()
        sched, = s.pids("queue", "sched")
        send(s, [U1])
        jobs = p.jobs()
        os.kill(sched, signal.SIGSTOP)
        p.results(jobs, PLACED)  # or so it says, and ends before it is asked for a checkpoint
        fake.close()
        (s.dir / "run" / "deliver" / "jobs").unlink()
        p.close()
        os.kill(sched, signal.SIGCONT)
        taken = [is_taken(s, [U1], body=body) for _ in range(40)]
        t.check(all(taken), "8 MB of mail behind one that waits for a checkpoint, without a placer", f"{taken.count(True)} of 40")
        s.start("deliver")
        t.check(wait_for(lambda: s.queue_count() == 0 and len(s.files(U1)) == 1 + taken.count(True), 30), "and then all is delivered",
                f"{len(s.files(U1))} files, {s.queue_count()} in the queue")


NO_MEMFD = r"""
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
static volatile int *page; /* the test writes whether it fails; how often it was asked for then */
__attribute__((constructor)) static void
begin(void)
{
	int fd = open(getenv("NO_MEMFD"), O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	page = p == MAP_FAILED ? 0 : p;
}
int
memfd_create(const char *name, unsigned flags)
{
	static int (*real)(const char *, unsigned);
	if (!real)
		real = (int (*)(const char *, unsigned))dlsym(RTLD_NEXT, "memfd_create");
	if (!page || !page[0])
		return real(name, flags);
	__atomic_fetch_add(&page[1], 1, __ATOMIC_RELAXED);
	errno = EMFILE;
	return -1;
}
"""


def no_memory_file(t):
    """The scheduler cannot be told of a long envelope: the spool waits with it, does not spin, and says so once."""
    with Suite(queue__retry_first=1, queue__retry_most=1) as s:
        path = s.dir / "no_memfd"
        path.write_bytes(bytes(8))
        path.chmod(0o666)
        s.env.update(LD_PRELOAD=preload("no_memfd", NO_MEMFD), NO_MEMFD=str(path))

        def fail(does_fail):
            with open(path, "r+b") as f:
                f.write(bytes([does_fail, 0, 0, 0]))
        s.users(USERS)
        s.start("queue", "smtpd")
        to = [f"u2+{'long' * 14}{i:03}@example.test" for i in range(999)]
        fail(True)
        send(s, [*to, "x@elsewhere.test"])
        wait_for(lambda: "event=no_memory_file" in s.log(), 10)
        begin = time.monotonic()
        time.sleep(2)  # in which it must not spin
        asked, ticks = int.from_bytes(path.read_bytes()[4:8], "little"), (time.monotonic() - begin + 1) / 0.25
        t.check(0 < asked <= ticks + 5, "no memory file can be made: it is tried now and then", f"{asked} times")
        send(s, [U1])
        t.check(s.log().count("event=no_memory_file") == 1, "and logged once")
        fail(False)
        s.start("deliver")
        t.check(wait_for(lambda: len(s.files(U2)) == 999 and len(s.files(U1)) == 1, 60), "and then all is delivered", str(len(s.files(U2))))
        wait_for(lambda: "event=deferred_until" in s.log(), 20)
        fail(True)
        t.check(wait_for(lambda: s.log().count("event=no_memory_file") == 2, 20), "nor of one that was deferred and is due")
        attempts = s.log().count("event=deferred_until")
        fail(False)
        t.check(wait_for(lambda: s.log().count("event=deferred_until") > attempts, 20) and s.queue_count() == 1 and
                "event=process_died" not in s.log(), "which is tried again later")


def journal_files(s):
    return sorted((s.dir / "spool" / "journal").iterdir())


def flipped_bit(t):
    with Suite() as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        for i in range(5):
            send(s, [U1], subject=f"number {i}")
        s.kill("queue")
        for f in journal_files(s):
            data = bytearray(f.read_bytes())
            at = data.find(b"Subject: number 2")
            if at >= 0:
                data[at + 3] ^= 1
                f.write_bytes(data)
        s.start("queue", "deliver")
        t.check(wait_for(lambda: len(s.files(U1)) == 4, 20), "a flipped bit in the journal: the other four arrive", str(len(s.files(U1))))
        corrupt = list((s.dir / "spool" / "corrupt").iterdir())
        t.check(len(corrupt) == 1 and "event=corrupt_record" in s.log(), "the damaged one is put aside, with a log line")


PAGE = 4096  # a batch begins at a multiple of it


def send_raw(s, text):
    """Any bytes but bare CR and LF."""
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        c.ehlo()
        for line in (f"MAIL FROM:<{U1}> BODY=8BITMIME", f"RCPT TO:<{U1}>"):
            c.docmd(line)
        c.send(b"BDAT %d LAST\r\n" % len(text) + text)
        code, said = c.getreply()
        if code != 250:
            raise ValueError(f"{code} {said}")


def in_journal(s, text):
    """Where it is, last: the file, the bytes of the file, and the place."""
    for f in journal_files(s):
        data = f.read_bytes()
        if (at := data.rfind(text)) >= 0:
            return f, data, at
    raise ValueError(f"not in the journal: {text[:40]}")


def plain_time():
    """Seconds ahead of now, from which on the time that stands in a record has no CR or LF among its higher octets."""
    now = int(time.time())
    return next(ahead for ahead in range(0, 1 << 26, 64)
                if not {10, 13} & {b for sec in (now + ahead, now + ahead + 60) for b in (sec >> 8).to_bytes(7, "little")})


def images(t):
    """A message with a batch of the same journal in it, where one could begin: nobody takes it for one, nor when all before it is damaged."""
    with Suite(queue__defer_after=3600) as s:
        clock_of(s)(plain_time())
        s.users(USERS)
        s.start("queue", "smtpd")
        for n in range(40):  # its MAC is to have no bare CR or LF in it
            send(s, [U2], subject=f"victim {n}")
            _, data, at = in_journal(s, b"Subject: victim %d\r\n" % n)
            begin = at - at % PAGE
            image = data[begin:data.index(b"\r\nbody\r\n", begin) + 8]
            if not re.search(rb"\r(?!\n)|(?<!\r)\n", image):
                break
        send_raw(s, b"Subject: probe\r\n\r\n" + b"#" * 20 + b"\r\n")
        _, _, at = in_journal(s, b"#" * 20)
        room = PAGE - (at + 2) % PAGE  # so much padding, and CRLF, come before a page
        text = (b"p" * 78 + b"\r\n") * 60
        send_raw(s, b"Subject: probe\r\n\r\n" + text[-room:] + b"\r\n" + image + bytes(PAGE - len(image)) + b"\r\n")
        send(s, [U1], subject="behind it")
        f, data, at = in_journal(s, image)
        t.check(at % PAGE == 0 and at > begin and data[at:at + PAGE] == data[begin:begin + PAGE], "the image of a batch is where one could begin",
                f"{begin} {at} {room}")
        count, records = s.queue_count(), s.log().count("event=accepted")
        for damaged in (False, True):
            s.kill("queue")
            if damaged:
                page = data.rindex(b"Return-Path: <", 0, at) // PAGE * PAGE
                f.write_bytes(data[:page] + b"\xa5" * (at - page) + data[at:])
            s.start("queue")
            told = wait_for(lambda: re.findall(r"event=replayed records=(\d+) unfinished=(\d+)", s.log())[1 + damaged:], 15)
            want = count - damaged, records - damaged
            t.check(told and int(told[0][1]) == want[0] and int(told[0][0]) == want[1] and s.queue_count() == want[0],
                    "it is no record" + (", nor when what it is in is damaged" if damaged else ""), f"{told}, wanted {want}")
        s.start("deliver")
        t.check(wait_for(lambda: s.queue_count() == 0, 20) and len(s.files(U2)) == n + 1 and len(s.files(U1)) == 2,
                "each message comes once", f"{len(s.files(U2))} {len(s.files(U1))}")


FAILING = """
#include <errno.h>
#include <fcntl.h>
#include <dlfcn.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>
static int is_there(char *end, const char *path, const char *name)
{
	strcpy(end, name);
	return access(path, F_OK) == 0;
}
int fdatasync(int fd)
{
	static int (*real)(int);
	char link[64], path[256] = "";
	if (!real)
		real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	char *journal = n > 0 ? strstr(path, "/journal/") : NULL;
	if (journal && is_there(journal, path, "/hold")) {
		strcpy(journal, "/held");
		close(open(path, O_CREAT | O_WRONLY, 0600));
		while (is_there(journal, path, "/hold"))
			usleep(1000);
	}
	if (journal && is_there(journal, path, "/fail")) {
		errno = EIO;
		return -1;
	}
	return real(fd);
}
"""


# who takes mail, and how many replies they give to a message for two
TAKERS = {"smtp": (smtplib.SMTP, 1), "lmtp": (smtplib.LMTP, 2)}


def submit(s, kind, subject, at_data=lambda: None, sent=lambda c: None):
    """The replies to a message for both users, by SMTP or LMTP.  at_data: called before its text is sent; sent: when it is."""
    client, n = TAKERS[kind]
    with client("127.0.0.1", s.port(kind), timeout=60) as c:
        c.ehlo()
        c.mail(U1)
        for to in (U1, U2):
            c.rcpt(to)
        c.docmd("DATA")
        at_data()
        c.send(f"From: <{U1}>\r\nSubject: {subject}\r\n\r\nbody\r\n.\r\n".encode())
        sent(c)
        return [f"{code} {text.decode()}" for code, text in (c.getreply() for _ in range(n))]


def are_good(replies):
    return all(r.startswith("250 2.0.0 Ok: queued as ") for r in replies)


def held_sync(t):
    """Who is told 250 has a message that is on the disk: while its sync does not come back nothing is said."""
    with Suite() as s:
        s.users(USERS)
        s.start("smtpd")
        s.env["LD_PRELOAD"] = preload("failing", FAILING)
        s.start("queue")
        hold, held = s.dir / "spool" / "hold", s.dir / "spool" / "held"
        for kind in TAKERS:
            silent = []

            def wait(c):
                silent.append(wait_for(held.exists, 20) and not select.select([c.sock], [], [], 0.3)[0])
                hold.unlink()
                held.unlink()
            replies = submit(s, kind, "held", lambda: hold.write_text(""), wait)
            t.check(silent == [True] and are_good(replies), f"{kind}: no reply before the sync, and one for each it is due to then", f"{silent} {replies}")


def failed_sync(t):
    with Suite() as s:
        s.users(USERS)
        s.start("smtpd", "deliver")
        s.env["LD_PRELOAD"] = preload("failing", FAILING)
        s.start("queue")
        fail = s.dir / "spool" / "fail"
        for kind in TAKERS:
            t.check(are_good(submit(s, kind, f"before_{kind}")), f"{kind}: before a failure: 250")
            alarms = len(re.findall("event=(?:journal_sync_failed|segment_not_begun) ", s.log()))
            fail.write_text("")
            replies = submit(s, kind, f"failing_{kind}")
            t.check(all(r.startswith("451 4.3.0 The message could not be stored") for r in replies), f"{kind}: a failed fdatasync: 451 4.3.0, to each recipient",
                    str(replies))
            t.check(len(re.findall("event=(?:journal_sync_failed|segment_not_begun) ", s.log())) > alarms, "and an alarm")
            fail.unlink()
            t.check(wait_for(lambda: are_good(submit(s, kind, f"after_{kind}")), 10), "the next is taken, in another segment")
        s.env.pop("LD_PRELOAD")
        s.kill("queue")
        s.start("queue")
        want = sorted(f"{when}_{kind}" for when in ("before", "after") for kind in TAKERS)
        for user in (U1, U2):
            def subjects():
                return sorted(re.search(rb"Subject: (\w+)", p.read_bytes()).group(1).decode() for p in s.files(user))
            t.check(wait_for(lambda: set(want) <= set(subjects()), 20), f"{user}: nothing that was accepted is lost", str(subjects()))
            t.check(subjects() == want, "nothing comes twice, and nothing that was refused", str(subjects()))


def failed_start(t):
    """Who was killed may have written what it did not sync: a start syncs what it finds, or trusts nothing of it."""
    with Suite() as s:
        s.users(USERS)
        s.start("smtpd", "queue")
        send(s, [U1])
        s.kill("queue")
        (s.dir / "spool" / "fail").write_text("")
        s.env["LD_PRELOAD"] = preload("failing", FAILING)
        s.start("queue")
        wait_for(lambda: s.log().count("event=replayed") == 2, 15)
        (s.dir / "spool" / "fail").unlink()
        t.check(wait_for(lambda: "event=rescued" in s.log(), 15) and "event=journal_sync_failed" in s.log(),
                "a start whose sync fails writes all that it found elsewhere")
        s.start("deliver")
        t.check(wait_for(lambda: s.queue_count() == 0, 15) and len(s.files(U1)) == 1, "and it is delivered once")
        t.check(wait_for(lambda: not [p for p in (s.dir / "spool" / "deferred").rglob("*") if p.is_file()], 10),
                "and its file goes")


def failed_checkpoint(t):
    with Suite() as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        s.env["LD_PRELOAD"] = preload("failing_mail", FAILING.replace('"/journal/"', '"/mail/"'))
        s.start("deliver")
        (s.dir / "fail").write_text("")
        send(s, [U1])
        wait_for(lambda: len(s.files(U1)) == 1, 15)
        first = s.files(U1)[0].stat().st_mtime_ns
        t.check(wait_for(lambda: "event=checkpoint_failed" in s.log(), 15), "a checkpoint that fails is an alarm")
        # what is read back from a file whose sync failed need not be on the disk
        t.check(wait_for(lambda: s.files(U1)[0].stat().st_mtime_ns > first, 15), "its messages are written once more")
        (s.dir / "fail").unlink()
        t.check(wait_for(lambda: s.queue_count() == 0, 15) and len(s.files(U1)) == 1, "and are there once")


def checkpoints(t):
    """What a checkpoint that fails may have held is placed again, however it fails."""
    with Suite(deliver__placers=1, queue__defer_after=3600) as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        send(s, [U1, U2])
        send(s, [U1])
        wait_for(lambda: s.queue_count() == 2, 10)
        p = Placer(s).accept()
        jobs = p.jobs()  # both at once
        (one, (first, second)), other = sorted(jobs, key=lambda job: -len(job[1]))
        p.results([(one, [first]), other], PLACED)
        turn = p.sync()
        p.results([(one, [second])], PLACED)
        p.synced(turn, False)
        again = sorted(p.jobs())
        t.check(again == sorted(jobs), "a checkpoint fails, and a message was partly placed after it began: all is placed again",
                str(again))
        p.results(again, PLACED)
        p.synced(p.sync())
        t.check(wait_for(lambda: s.queue_count() == 0, 10), "until one succeeds")

    with Suite(deliver__placers=2) as s:
        s.users(USERS)
        fake = Placer(s)
        s.start("queue", "smtpd")
        one, two = fake.accept(), fake.accept()
        sched, = s.pids("queue", "sched")
        send(s, [U1])
        jobs = one.jobs()
        send(s, [U2])
        jobs += two.jobs()
        os.kill(sched, signal.SIGSTOP)  # so that both results come before the checkpoint
        one.deafen()
        one.results(jobs[:1], PLACED)
        two.results(jobs[1:], PLACED)
        os.kill(sched, signal.SIGCONT)
        three = fake.accept()
        p = first_of(two, three)
        again = p.jobs()  # and not a checkpoint that is over
        t.check(sorted(again) == sorted(jobs), "a placer lost while it is asked for a checkpoint: all is placed again", str(again))
        p.results(again, PLACED)
        p = first_of(two, three)
        p.synced(p.sync())
        t.check(wait_for(lambda: s.queue_count() == 0, 10), "and the next checkpoint holds it")


GROUPS = (no_memory_file, full_journal, flipped_bit, images, held_sync, failed_sync, failed_start, failed_checkpoint, checkpoints)
