# SPDX-License-Identifier: ISC
"""load.py - clients that send, fetch and delete while something terrible happens, and what must hold after.

Each message carries a token.  Load.sent[token] and Load.deleted[token] tell what was begun and what was
acknowledged, each with the moment (Load.now(), any growing number: a time, or a position in a disk's log).
"""
import itertools
import poplib
import re
import smtplib
import threading
import time
import uuid

from dropfile import sendmail

TOKEN = re.compile(rb"X-Token: ([0-9a-f]{32})")


class Event:
    """by: who took it, smtp, lmtp or sendmail(1)."""
    __slots__ = ("user", "begun", "done", "by")

    def __init__(self, user, begun, by=None):
        self.user, self.begun, self.done, self.by = user, begun, None, by


class Load:
    def __init__(self, suite, users, now=time.monotonic, senders=4, readers=2, droppers=0, big_every=0, pause_sec=0, lmtp=False):
        """lmtp: of the connections of a sender each other one."""
        self.takers = (("smtp", smtplib.SMTP), ("lmtp", smtplib.LMTP))[:1 + lmtp]
        self.suite, self.users, self.now, self.big_every, self.pause_sec = suite, users, now, big_every, pause_sec
        self.sent, self.deleted = {}, {}
        self.ending = threading.Event()
        self.errors = []
        self.threads = [threading.Thread(target=self.send, args=(i,), daemon=True) for i in range(senders)]
        self.threads += [threading.Thread(target=self.drop, args=(i,), daemon=True) for i in range(droppers)]
        self.threads += [threading.Thread(target=self.read, args=(i,), daemon=True) for i in range(readers)]

    def start(self):
        for t in self.threads:
            t.start()

    def stop(self, seconds=60):
        self.ending.set()
        for t in self.threads:
            t.join(seconds)

    def accepted(self, by=None):
        return sum(1 for e in list(self.sent.values()) if e.done is not None and by in (None, e.by))

    def body(self, token, n):
        lines = 40 if not self.big_every or n % self.big_every else 6000
        return (f"From: <u1@example.test>\r\nSubject: {n}\r\nX-Token: {token}\r\n\r\n" +
                "All that was told must hold, whatever comes after it.\r\n" * lines).encode()

    def send(self, index):
        n = index
        for by, client in itertools.cycle(self.takers):
            if self.ending.is_set():
                return
            try:
                with client("127.0.0.1", self.suite.port(by), timeout=20) as c:
                    for _ in range(10):
                        if self.ending.is_set():
                            return
                        self.send_one(c, n, by)
                        n += 1
                        self.ending.wait(self.pause_sec)
            except (OSError, smtplib.SMTPException):
                self.ending.wait(0.05)

    def send_one(self, c, n, by):
        user, token = self.users[n % len(self.users)], uuid.uuid4().hex
        e = self.sent[token] = Event(user, self.now(), by)
        c.sendmail("sender@example.test", [user], self.body(token, n))
        e.done = self.now()

    def drop(self, index):
        """By sendmail(1), which takes mail whatever runs and does not."""
        n = index
        while not self.ending.is_set():
            user, token = self.users[n % len(self.users)], uuid.uuid4().hex
            e = self.sent[token] = Event(user, self.now(), "sendmail")
            if sendmail(self.suite, user, text=self.body(token, n), check=False).returncode == 0:
                e.done = self.now()
            n += 1
            self.ending.wait(0.02)

    def read(self, index):
        n = index
        while not self.ending.is_set():
            user = self.users[n % len(self.users)]
            n += 1
            try:
                self.read_one(user)
            except (OSError, EOFError, poplib.error_proto):
                pass
            self.ending.wait(0.1)

    def read_one(self, user):
        c = poplib.POP3("127.0.0.1", self.suite.port("pop3"), timeout=20)
        try:
            c.user(user)
            c.pass_("pass")
            begun = []
            for i in range(1, min(c.stat()[0], 20) + 1):
                m = TOKEN.search(b"\r\n".join(c.top(i, 0)[1]))
                if m and i % 2:
                    c.dele(i)
                    token = m.group(1).decode()
                    e = Event(user, self.now())
                    if token not in self.deleted or self.deleted[token].done is None:
                        begun.append((token, e))
            for token, e in begun:
                self.deleted.setdefault(token, e)
            c.quit()
            done = self.now()
            for token, _ in begun:
                self.deleted[token].done = done
        finally:
            c.close()


def fetch_tokens(suite, user):
    """Every token in a mailbox, as often as it is there."""
    c = poplib.POP3("127.0.0.1", suite.port("pop3"), timeout=60)
    c.user(user)
    c.pass_("pass")
    out = []
    for i in range(1, c.stat()[0] + 1):
        m = TOKEN.search(b"\r\n".join(c.top(i, 0)[1]))
        out.append(m.group(1).decode() if m else f"message {i} without token")
    c.quit()
    return out


def violations(load, found, cut=None):
    """What is wrong, as text lines.  found: {user: [token...]}.  cut: only what was done before it counts."""
    def is_before(moment):
        return moment is not None and (cut is None or moment <= cut)
    wrong = []
    for token, e in load.sent.items():
        there = found[e.user].count(token)
        d = load.deleted.get(token)
        if there > 1:
            wrong.append(f"{token} is there {there} times")
        if there and d and is_before(d.done):
            wrong.append(f"{token} was deleted (QUIT answered at {d.done}) and is back")
        if not there and is_before(e.done) and not (d and is_before(d.begun)):
            wrong.append(f"{token} was accepted ({e.by} at {e.done}) and is lost")
    known = set(load.sent)
    for user, tokens in found.items():
        wrong += [f"{user} has {t}, which nobody sent" for t in tokens if t not in known]
    return wrong
