# SPDX-License-Identifier: ISC
"""imap_large.py - a mailbox of 100,000 messages: what one device does to all of them lets the others go on."""
import re
import threading
import time

from imap import Imap, fetch_pairs
from suite import Suite, has_sanitizers, wait_for

U1 = "u1@example.test"
COUNT = 100_000
BATCH = 10_000
# what one command of another device takes, measured 0.03 on cores of its own, and 0.14 where others want them too; with
# sanitizers each step takes twice as long
WAIT_MOST_SEC, WAIT_MOST_SANITIZED_SEC = 0.3, 0.5
# KB of a session's own: that selected the mailbox; that went through its items (imapd/README.md); and more where its
# client does not read.  Sanitizers have a map of their own of it all, and keep what was freed.
LIMITS_KB, LIMITS_SANITIZED_KB = (250, 600, 1 << 10), (2 << 10, 16 << 10, 24 << 10)


def client(s):
    c = Imap(s.port("imap"), timeout=300)
    c.login(U1, "pass")
    return c


class Other(threading.Thread):
    """Another device: what it asks must be answered soon, whatever goes on."""

    def __init__(self, s):
        super().__init__(daemon=True)
        self.imap, self.longest_sec, self.asked, self.failed, self.ending = client(s), 0.0, 0, [], threading.Event()
        self.imap.do("SELECT Other")

    def run(self):
        commands = ("NOOP", "FETCH 1 (FLAGS BODY.PEEK[])", "STORE 1 +FLAGS (\\Seen)", "STORE 1 -FLAGS (\\Seen)")
        while not self.ending.is_set():
            begin = time.monotonic()
            r = self.imap.do(commands[self.asked % len(commands)])
            self.longest_sec = max(self.longest_sec, time.monotonic() - begin)
            self.failed += [] if r.ok else [str(r)]
            self.asked += 1
            self.ending.wait(0.005)

    def end(self):
        self.ending.set()
        self.join(30)
        self.imap.close()


def fill_mailbox(c):
    """Rows for the same files: COPY of what is there."""
    c.do("SELECT Archive")
    for i in range(10):
        c.append("Archive", f"Subject: {i}\r\n\r\nmessage {i}\r\n".encode())
    have = 10
    while have < COUNT:
        n = min(have, COUNT - have, BATCH)
        if not c.do(f"COPY 1:{n} Archive").ok:
            break
        have += n
    return int(c.do("STATUS Archive (MESSAGES)").of("STATUS")[0][1][1])


def meanwhile(t, s, c, command, what, is_over=lambda: True):
    wait_most_sec = WAIT_MOST_SANITIZED_SEC if has_sanitizers(s.build) else WAIT_MOST_SEC
    other = Other(s)
    other.start()
    begin = time.monotonic()
    r = c.do(command)
    t.check(wait_for(is_over, 60), f"{what}: and it is over")
    took = time.monotonic() - begin
    other.end()
    print(f"note: {what} took {took:.1f} s; of {other.asked} questions of another device the longest took {other.longest_sec * 1000:.0f} ms")
    t.check(r.ok and not other.failed, f"{what}: OK, and so for another device", f"{r.status} {r.code} {other.failed[:1]}")
    t.check(other.longest_sec < wait_most_sec, f"{what}: no other device waits {wait_most_sec} s", f"{other.longest_sec:.2f} s")


def memory_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Private_Dirty: +(\d+) kB", f.read(), re.M)[1])


def own_memory(t, s, c):
    """What a session has of its own, as it does more: also FETCH of everything, by a client that does not read the answer."""
    selected_most, searched_most, grown_most = LIMITS_SANITIZED_KB if has_sanitizers(s.build) else LIMITS_KB
    known = set(s.pids("imapd", "session"))
    other = client(s)
    other.do("SELECT Archive")
    other.do("FETCH 1:100 (UID FLAGS)")
    pid = next(p for p in s.pids("imapd", "session") if p not in known)
    selected = memory_kb(pid)
    t.check(selected < selected_most, f"a session that selected 100,000 messages has {selected} KB of its own, and not {selected_most}")
    replies = [other.do(command) for command in ("SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "SEARCH RETURN (COUNT) SUBJECT 7")]
    before = memory_kb(pid)
    t.check(all(r.ok for r in replies) and before < searched_most, f"when it went through the items of all {before} KB, and not {searched_most}", [str(r)[:200] for r in replies])
    other.begin("FETCH 1:* (UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
    most = before
    for _ in range(30):  # it goes on until the buffers of the way are full, and stays there
        most = max(most, memory_kb(pid))
        time.sleep(0.1)
    t.check(most - before < grown_most, f"when its client asks for all of it and reads nothing {most - before} KB more, and not {grown_most}")
    t.check(c.do("NOOP").ok, "and another device is answered")
    other.close()


def large(t):
    with Suite() as s:
        s.env["ASAN_OPTIONS"] += ":quarantine_size_mb=1"
        s.user(U1, "pass")
        s.start("imapd")
        c = client(s)
        c.do("CREATE Other")
        c.append("Other", b"Subject: other\r\n\r\nx\r\n")
        if has_sanitizers(s.build):
            print(f"note: with sanitizers another device may wait {WAIT_MOST_SANITIZED_SEC} s instead of {WAIT_MOST_SEC}: each step takes longer, often on a busy machine")
        n = fill_mailbox(c)
        t.check(n == COUNT, "100,000 messages are there", str(n))
        own_memory(t, s, c)
        meanwhile(t, s, c, "STORE 1:* +FLAGS.SILENT (\\Deleted)", "flags of 100,000 messages")
        meanwhile(t, s, c, "MOVE 1:* Trash", "100,000 messages moved")
        c.do("CREATE Doomed")
        c.do("SELECT Trash")
        meanwhile(t, s, c, "COPY 1:* Doomed", "100,000 messages copied")
        meanwhile(t, s, c, "EXPUNGE", "100,000 messages expunged")
        r = [c.do(f"STATUS {name} (MESSAGES)").of("STATUS")[0][1][1] for name in ("Archive", "Trash", "Doomed")]
        t.check(r == ["0", "0", str(COUNT)], "each is where it belongs", r)
        # its rows go behind the answer, and the files with the last of them
        meanwhile(t, s, c, "DELETE Doomed", "a mailbox of 100,000 messages deleted", lambda: len(s.files(U1)) == 1)
        c.close()


def missing(t):
    """A file that went under the index: its message alone says so."""
    with Suite() as s:
        s.user(U1, "pass")
        s.start("imapd")
        c = client(s)
        for i in range(3):
            c.append("Archive", f"Subject: {i}\r\n\r\nmessage {i}\r\n".encode())
        gone = [p for p in s.files(U1) if b"message 1" in p.read_bytes()]
        for p in gone:
            p.unlink()
        c.do("SELECT Archive")
        r = c.do("FETCH 1:3 (UID BODY.PEEK[TEXT])")
        got = {items["UID"]: items.get("BODY[TEXT]") for items in (fetch_pairs(v[0]) for _, v in r.numbered("FETCH"))}
        t.check(len(gone) == 1 and r.status == "NO" and got.get("1") == b"message 0\r\n" and got.get("3") == b"message 2\r\n" and not got.get("2"),
                "a message whose file is missing: NO, and the others are there", f"{r.status} {r.code} {got}")
        t.check(c.do("NOOP").ok and c.do("FETCH 1:3 FLAGS").ok, "and the session goes on")
        c.close()


def imap_large(t):
    for part in (missing, large):
        part(t)
