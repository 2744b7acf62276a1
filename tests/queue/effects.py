# SPDX-License-Identifier: ISC
"""effects.py - what is made of a deferred message is made once: killed at each step from its making to the note of it."""
import json
import mmap
import os
import pathlib
import random
import smtplib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from placer import PLACED, TEMP, Placer
from suite import Suite, preload, wait_for

LONG = bool(os.environ.get("LONG"))
U1, U2 = "u1@example.test", "u2@example.test"
LIFETIME_SEC = 1
STEPS_MOST = 60
STATES_AT, FORWARDED = 56, 32  # in a file of deferred/ (queue/deferred.c): behind its head a state for each recipient
STRIDE = 1 if LONG else 2  # every other step
STEP = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
static struct { volatile int pid, left; } *page; /* the test writes whom, and before which of its calls */
__attribute__((constructor)) static void
begin(void)
{
	int fd = open(getenv("STEP"), O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	page = p == MAP_FAILED ? 0 : p;
}
static void
step(void)
{
	if (page && page->pid == getpid() && page->left > 0 && --page->left == 0)
		raise(SIGKILL);
}
#define STEP(type, name, params, ...) \
	type name params \
	{ \
		static type (*real) params; \
		if (!real) \
			real = (type (*) params)dlsym(RTLD_NEXT, #name); \
		step(); \
		return real(__VA_ARGS__); \
	}
STEP(ssize_t, write, (int fd, const void *p, size_t n), fd, p, n)
STEP(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at), fd, p, n, at)
STEP(ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off64_t at), fd, v, n, at)
STEP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), fd, m, flags)
STEP(int, fdatasync, (int fd), fd)
STEP(int, unlinkat, (int at, const char *name, int flags), at, name, flags)
"""


class Steps:
    """Kills a process before the n-th of its calls that others, or a disk, could notice."""

    def __init__(self, suite):
        path = suite.dir / "step"
        path.write_bytes(bytes(8))
        os.chmod(path, 0o666)
        suite.env.update(LD_PRELOAD=preload("step", STEP), STEP=str(path))
        with open(path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 8)

    def arm(self, pid, n):
        self.page[:8] = struct.pack("<ii", pid, n)

    def left(self):
        return struct.unpack("<ii", self.page[:8])[1]


def send(s, to, sender=U1, body="body"):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        c.sendmail(sender, to, f"From: <{sender}>\r\nSubject: hello\r\n\r\n{body}\r\n".encode())


def waiting(s):
    """Who sent what waits for a later attempt: {sender: id}; None while something else is in the queue, or nobody answers."""
    p = s.merpati("--json", "queue", "list", check=False)
    all_of_it = json.loads(p.stdout) if p.returncode == 0 else [{}]
    return {e["sender"]: e["id"] for e in all_of_it} if all(e.get("state") == "deferred" for e in all_of_it) else None


def is_taken(*args, **kw):
    """A spool that was just killed says 451 until it is there again."""
    try:
        send(*args, **kw)
        return True
    except smtplib.SMTPResponseException as e:
        if e.smtp_code != 451:
            raise
        return False


class World:
    """A queue with a journal of small segments, and a placer of ours that counts what comes for whom."""

    def __init__(self, **settings):
        self.s = Suite(**dict(queue__segment_size=1 << 20, queue__segments_live=12, queue__retry_first=3600, queue__retry_most=3600,
                              deliver__placers=1, deliver__checkpoint_time=1) | settings)
        self.steps = Steps(self.s)
        self.s.users([(U1, "pass"), (U2, "pass")])
        self.placed = []
        self.answers = {}  # address: what comes of it from now on, else it is placed
        self.fake = Placer(self.s)
        self.fake.answer(self.decide)
        self.s.start("queue", "smtpd")

    def decide(self, address):
        self.placed.append(address)
        return self.answers.get(address, (PLACED,))

    def is_retired(self):
        """One segment is in use at most: its head says whether it is (queue/segment.c)."""
        heads = [p.read_bytes()[:17] for p in (self.s.dir / "spool" / "journal").iterdir()]
        return sum(h[16:17] == b"\1" for h in heads) <= 1

    def retire(self):
        """What the journal's segments remember is forgotten after this."""
        for _ in range(6):
            wait_for(lambda: is_taken(self.s, [U2], body="A fifth of a segment.\r\n" * 9000), 20)
        if not wait_for(lambda: waiting(self.s) is not None and self.is_retired(), 20):
            raise RuntimeError("the journal does not forget")

    def defer(self, n, to):
        """So many messages that wait, and then are too old: [(sender, id), ...].  Each sender hears only of its own.
        to: {} in it becomes the number of each"""
        for i in range(n):
            send(self.s, [to.format(i)], sender=f"u1+{i}@example.test")
        ids = wait_for(lambda: len(waiting(self.s) or []) == n and waiting(self.s), 20)
        wait_for(lambda: all(has_file(self.s, ident) for ident in ids.values()), 20)
        time.sleep(LIFETIME_SEC + 1.1)
        return sorted(ids.items())

    def again(self, ident):
        """It is tried again, to its end."""
        self.s.merpati("queue", "flush", ident)
        wait_for(lambda: waiting(self.s) is not None and ident not in waiting(self.s).values(), 20)
        others = self.placed.count(U2)
        send(self.s, [U2])  # comes behind whatever was made of it
        wait_for(lambda: self.placed.count(U2) > others, 20)

    def close(self):
        self.fake.close()
        self.s.close()


def has_file(s, ident):
    return any((s.dir / "spool" / "deferred").rglob(ident))


def ids_waiting(s, unknown):
    """Those in the queue; [unknown] while that is not known."""
    found = waiting(s)
    return [unknown] if found is None else list(found.values())


def killed_at(w, role, step, ident):
    """A message is tried again, and the process killed before its step; was it?"""
    s, sched = w.s, w.s.pids("queue", "sched")
    w.steps.arm(s.pids("queue", role)[0], step)
    s.merpati("queue", "flush", ident, check=False)
    # who asks the scheduler makes it take steps, so it is asked last
    wait_for(lambda: w.steps.left() == 0 or not has_file(s, ident), 20)
    wait_for(lambda: w.steps.left() == 0 or ident not in ids_waiting(s, ident), 20)
    was_killed = w.steps.left() == 0
    w.steps.arm(0, 0)
    if was_killed:  # and with it the scheduler: what is told from now on, the next one knows
        wait_for(lambda: s.pids("queue", "sched") not in ([], sched) and waiting(s) is not None, 20)
    return was_killed


def each_step(t, what, w, role, messages):
    """A message is tried again, and the process killed, one step later each time; then the journal forgets, and it is tried again.

    messages: (whom what is made of it is for, id).
    """
    made, twice = [], []
    first_step = random.randint(1, STRIDE)
    for i, (whom, ident) in enumerate(messages):
        step = first_step + i * STRIDE
        if not killed_at(w, role, step, ident):
            break
        w.retire()
        first = w.placed.count(whom)  # after a crash the same may be placed again
        if has_file(w.s, ident):
            w.again(ident)
        made.append(first > 0)
        if w.placed.count(whom) != max(first, 1):
            twice.append(f"step {step}: {first} and {w.placed.count(whom) - first}")
    t.check(0 < sum(made) < len(made) < STEPS_MOST // STRIDE, f"{role} is killed before and after {what} is kept", str(made))
    t.check(not twice, f"killed at each of {len(made)} steps: {what} is made once", "; ".join(twice))


def reports_once(t):
    """A deferred message fails; spool or scheduler are killed at each step of its report."""
    for role in ("spool", "sched"):
        w = World(queue__lifetime=LIFETIME_SEC)
        try:
            each_step(t, "its report", w, role, w.defer(STEPS_MOST // STRIDE, "x@elsewhere.test"))
        finally:
            w.close()


def forwards_once(t):
    """A deferred message is for an alias of one elsewhere; killed at each step of what is sent on."""
    for role in ("spool", "sched"):
        w, n = World(), STEPS_MOST // STRIDE
        try:
            w.answers = {f"u1+a{i}@example.test": (TEMP, "4.2.0 later") for i in range(n)}
            messages = [(sender.replace("u1", "u2"), ident) for sender, ident in w.defer(n, "u1+a{}@example.test")]
            w.answers = {f"u1+a{i}@example.test": (PLACED, "", [f"u2+{i}@example.test"]) for i in range(n)}
            each_step(t, "its forward", w, role, messages)
        finally:
            w.close()
    w, to = World(deliver__checkpoint_time=60), "u1+a0@example.test"  # so what is here is not durable yet
    try:
        w.answers[to] = (TEMP, "4.2.0 later")
        (_, ident), = w.defer(1, to)
        w.answers[to] = (PLACED, "", ["u2+1@example.test", "u2+2@example.test"])
        w.s.merpati("queue", "flush", ident)
        file, = (w.s.dir / "spool" / "deferred").rglob(ident)
        t.check(wait_for(lambda: file.read_bytes()[STATES_AT] == FORWARDED, 15), "an alias of several: its file says that all is sent on",
                str(file.read_bytes()[STATES_AT]))
    finally:
        w.close()
