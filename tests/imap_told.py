# SPDX-License-Identifier: ISC
"""imap_told.py - what devices were told by IMAP, and what must hold of it.

Every change has the moment at which it was begun and that of its OK (None: it never came).  What was acknowledged
must be there, what was not may be, also later; a uid, flag or mod-sequence that was told is never taken back.
A flag of a message is written by one device alone, so that the last acknowledged change says what it is.
"""
import threading

from imap import fetch_pairs
from load import TOKEN

SHARED = ("INBOX", "Archive")   # all devices write there; INBOX gets mail, too
SUPERIOR = "r"                  # some renames make it on their way
FILED = "Junk"                  # where mail goes that devices move away from INBOX, once
GIVEN = {*SHARED, FILED, SUPERIOR, "Sent", "Drafts", "Trash"}


def numbers(text):
    """"1:3,7" -> [1, 2, 3, 7]"""
    out = []
    for part in text.split(","):
        a, _, b = part.partition(":")
        a, b = int(a), int(b or a)
        out += range(min(a, b), max(a, b) + 1)
    return out


class Change:
    __slots__ = ("begun", "done")

    def __init__(self, begun, done=None):
        self.begun, self.done = begun, done

    def is_done(self, lo):
        return self.done is not None and self.done <= lo


class Place:
    """A message under a uid of a mailbox."""

    def __init__(self, token, owner, added):
        self.token, self.owner, self.added, self.removals = token, owner, added, []
        self.flags = {}  # flag: [(Change, is it set), ...], all by one device
        self.told = []   # (moment, mod-sequence, flags)

    def is_sure(self):
        return self.added.done is not None and not self.removals

    def wrong(self, present, lo, hi):
        """present: (token, flags, mod-sequence) or None.  Acknowledged by lo: it holds; begun by hi: it may be seen."""
        if not present or (present[0] != self.token and not self.added.is_done(lo)):
            is_lost = self.added.is_done(lo) and not any(c.begun <= hi for c in self.removals)
            return ["is lost"] if is_lost else []
        token, flags, modseq = present
        out = [f"is another message than {self.token}: {token}"] if token != self.token else []
        if self.added.begun > hi:
            out.append("is there before it was begun")
        if any(c.is_done(lo) for c in self.removals):
            out.append("was removed and is back")
        told = max((t for t in self.told if t[0] <= lo), key=lambda t: t[1], default=None)
        if told and (modseq < told[1] or (modseq == told[1] and flags != told[2])):
            out.append(f"has {set(flags)} with {modseq}, told were {set(told[2])} with {told[1]}")
        return out + [f"has {set(flags)}: {f} is not as it was set" for f in self.flags if not self.may_be(f, f in flags, lo, hi)]

    def may_be(self, flag, value, lo, hi):
        changes, known, may = self.flags[flag], False, set()
        for c, is_on in changes:
            if c.is_done(lo):
                late = {v for u, v in changes if u.done is None and u.begun <= hi}
                known, may = True, {is_on} | late
            elif c.begun <= hi:
                may.add(is_on)
        return not known or value in may


class Box:
    """A mailbox, whatever its name is by now."""

    def __init__(self, owner, name, created):
        self.owner, self.created, self.deletions, self.names = owner, created, [], [(name, created)]
        self.validity, self.places, self.numbers = None, {}, []
        self.pending = []  # (token, Change): it may come, its uid was not told

    @property
    def name(self):
        return self.names[-1][0]

    def is_sure(self):
        return not self.deletions and all(c.done is not None for _, c in self.names)

    def hear_validity(self, value, moment):
        if self.validity is None:
            self.validity = (moment, value)
        return [] if self.validity[1] == value else [f"UIDVALIDITY {self.validity[1]} became {value}"]

    def wrong(self, contents, lo, hi, is_mail=None):
        out = []
        if self.validity and self.validity[0] <= lo and self.validity[1] != contents.validity:
            out.append(f"UIDVALIDITY {self.validity[1]} became {contents.validity}")
        for moment, uidnext, modseq in self.numbers:
            if moment <= lo and (contents.uidnext < uidnext or contents.modseq < modseq):
                out.append(f"UIDNEXT {uidnext} or HIGHESTMODSEQ {modseq} went back to {contents.uidnext}, {contents.modseq}")
        for uid, p in self.places.items():
            out += [f"uid {uid} {w}" for w in p.wrong(contents.messages.get(uid), lo, hi)]
        hoped = {t for t, c in self.pending if c.begun <= hi}
        for uid, (token, _, _) in contents.messages.items():
            is_known = uid in self.places and self.places[uid].token == token
            if not is_known and token not in hoped and not (is_mail and is_mail(token)):
                out.append(f"uid {uid} is {token}, which nobody put there")
        return [f"{self.name}: {w}" for w in out]


class Contents:
    def __init__(self, reply):
        def code(name):
            return int(reply.codes(name)[0][0])
        self.validity, self.uidnext, self.modseq = code("UIDVALIDITY"), code("UIDNEXT"), code("HIGHESTMODSEQ")
        self.messages = {}

    def add(self, reply):
        for _, values in reply.numbered("FETCH"):
            items = fetch_pairs(values[0])
            header = next((v for k, v in items.items() if k.startswith("BODY[")), None)
            if header is not None:
                m = TOKEN.search(header if isinstance(header, bytes) else header.encode())
                self.messages[int(items["UID"])] = (m and m.group(1).decode(), flags_of(items), int(items["MODSEQ"][0]))


def flags_of(items):
    return frozenset(items["FLAGS"]) - {"\\Recent"}


class Account:
    """What devices of a user were told, together."""

    def __init__(self, user, start):
        self.user, self.lock = user, threading.RLock()
        self.boxes = [Box(None, name, Change(start, start)) for name in SHARED]
        self.filed = Box(-1, FILED, Change(start, start))

    def wrong(self, found, lo, hi, is_mail):
        """found: {name: Contents}, of all mailboxes"""
        out, known = [], set(GIVEN)
        for box in [*self.boxes, self.filed]:
            out += self.wrong_names(box, found, lo, hi)
            known |= {n for n, c in box.names if c.begun <= hi}
            for name in [n for n, c in box.names if n in found and c.begun <= hi][:1]:
                out += box.wrong(found[name], lo, hi, is_mail if name == "INBOX" else None)
        out += [f"{name} is there, nobody made it" for name in found if name not in known]
        return [f"{self.user} {w}" for w in out]

    def wrong_names(self, box, found, lo, hi):
        there = [n for n, _ in box.names if n in found]
        last = max((i for i, (_, c) in enumerate(box.names) if c.is_done(lo)), default=0)
        may = {n for n, c in box.names[last:] if c.begun <= hi}
        is_sure = box.created.is_done(lo) and not any(c.begun <= hi for c in box.deletions)
        if any(c.is_done(lo) for c in box.deletions):
            return [f"{n} was deleted and is back" for n in there]
        if is_sure and not there:
            return [f"mailbox {box.name} is lost"]
        if len(there) > 1:
            return [f"one mailbox has the names {there}"]
        return [f"{n} was renamed and is back" for n in there if n not in may]
