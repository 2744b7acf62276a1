# SPDX-License-Identifier: ISC
"""view.py - one connection of the stress test, and what it was told of the selected mailbox, by the rules."""
import hashlib
import threading
import time

from imap import Imap, fetch_pairs
from suite import wait_for

TALK_KEPT = 12
LEARN_MOST = 200  # others change what is asked for meanwhile
WHO_SEC = 0.3  # one look of all clients at who sleeps
FOLLOWED = ("KEYWORD work", "UNSEEN", "FLAGGED", 'NOT SUBJECT "about 1"', "OR KEYWORD blue LARGER 500")
NOTIFY = ("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) "
          "(personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange))")


class Wrong(Exception):
    """A rule is broken."""


def numbers(text):
    out = []
    for part in text.split(","):
        a, _, b = part.partition(":")
        out += range(int(a), int(b or a) + 1)
    return out


def is_whole(message):
    """It is what was appended: its head says the sum of its body."""
    head, _, body = message.partition(b"\r\n\r\n")
    return hashlib.sha256(body).hexdigest().encode() in head


def differences(told, rows):
    """A line of each message of which a client knows something else than the server says at once, by its UID."""
    known, there = ({uid: flags and sorted(flags) for uid, flags in some} for some in (told, rows))
    lines = [f"{uid}: told {known.get(uid, 'of none')}, is {there.get(uid, 'none')}"
             for uid in dict.fromkeys([*known, *there]) if known.get(uid, "") != there.get(uid, "")]
    return lines or ["the same in another order", [uid for uid, _ in told], [uid for uid, _ in rows]]


class Shared:
    """What the test knows of the mailbox, of all clients together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged, self.doomed = set(), set()  # told by APPENDUID and COPYUID; somebody removes it
        self.empty = set()  # it was there no more when it was fetched
        self.who_lock, self.looked, self.asleep = threading.Lock(), 0.0, set()

    def put(self, which, uids):
        with self.lock:
            which.update(uids)

    def sleeps(self, s, source):
        """Whether the daemon says that the session of this address is asleep; it is asked now and then for all who want to know."""
        with self.who_lock:
            if time.monotonic() - self.looked > WHO_SEC:
                lines = [line.split() for line in s.merpati("who").stdout.splitlines()]
                self.asleep = {words[3] for words in lines if words[1] == "asleep"}
                self.looked = time.monotonic()
            return source in self.asleep


class View:
    """kind: words of "tls", "deflate"; "uidonly" (RFC 9586), "notify" (RFC 5465); "follows", a search that is kept up to date (RFC 5267)"""

    def __init__(self, s, name, kind, user, box, source, shared, rng):
        self.s, self.name, self.kind, self.user, self.box, self.source = s, name, set(kind.split()), user, box, source
        self.shared, self.rng, self.is_guest = shared, rng, name.startswith("guest")
        self.talk, self.counts, self.verbs = [], {}, set()
        self.connect()

    @property
    def has_only_uids(self):
        """It says no numbers: it is told none, or is told at any time of those that go (RFC 5465 5.2)."""
        return bool(self.kind & {"uidonly", "notify"})

    @property
    def may_sleep(self):
        return self.followed is None

    def sleeps(self):
        return self.shared.sleeps(self.s, self.source)

    def must(self, ok, what, *about):
        if not ok:
            raise Wrong(f"{self.name}: {what}" + "".join(f"\n      {str(a)[:2000]}" for a in (*about, *self.talk)))

    # --- the connection ---

    def connect(self):
        self.imap = Imap(self.s.port("imaps" if "tls" in self.kind else "imap"), "tls" in self.kind, timeout=90, source=self.source)
        self.begin_session()

    def begin_session(self):
        self.imap.login(self.user, "pass")
        self.followed, self.is_qresync = None, self.rng.random() < 0.4
        if "deflate" in self.kind:
            self.imap.compress()
        for extension in ["QRESYNC"] * self.is_qresync + ["UIDONLY"] * ("uidonly" in self.kind):
            self.must(self.imap.do(f"ENABLE {extension}").ok, f"ENABLE {extension}")
        if "notify" in self.kind:
            self.must(self.imap.do(NOTIFY).ok, NOTIFY)
        self.select()

    def select(self, verb="SELECT"):
        self.rows, self.followed = [], None
        self.do(f'{verb} "{self.box}"', is_selecting=True)
        self.learn()
        if "follows" in self.kind:
            self.follow()

    def do(self, what, may_expunge=True, is_selecting=False):
        self.imap.begin(what)
        return self.finish(what, may_expunge, is_selecting)

    def finish(self, what, may_expunge=True, is_selecting=False):
        words = (what if isinstance(what, str) else what[0]).split()
        self.verbs.add(words[words[0] == "UID"])
        r = self.imap.finish()
        self.talk = [*self.talk[1 - TALK_KEPT:], f"{what} -> {r}"[:400]]
        self.must(r.status != "BAD", f"{what} is BAD", r)
        if is_selecting:
            self.must(r.ok, "SELECT", r)
            self.is_read_only = "READ-ONLY" in r.code
            closed = next((i for i, u in enumerate(r.untagged) if u[0] == "OK" and u[1] == ["CLOSED"]), -1)
            r.untagged = r.untagged[closed + 1:]  # what is before it is of the mailbox of before
        for u in r.untagged:
            self.hear(u, what, may_expunge)
        return r

    # --- what it is told ---

    def hear(self, u, what, may_expunge=True):
        kind = u[1] if len(u) > 1 else None
        may_expunge = may_expunge or "notify" in self.kind
        if kind == "EXPUNGE":
            self.must(may_expunge and "uidonly" not in self.kind, f"EXPUNGE during {what}", u)
            self.must(1 <= int(u[0]) <= len(self.rows), f"EXPUNGE of {u[0]} of {len(self.rows)}", what)
            del self.rows[int(u[0]) - 1]
        elif u[0] == "VANISHED":
            self.must((self.is_qresync or "uidonly" in self.kind) and may_expunge, f"VANISHED during {what}", u)
            self.hear_vanished(set(numbers(u[-1])), u)
        elif kind == "EXISTS":
            self.must(int(u[0]) >= len(self.rows), f"EXISTS {u[0]} of {len(self.rows)}", what)
            self.rows += [[None, None] for _ in range(int(u[0]) - len(self.rows))]
        elif kind == "FETCH":
            self.must("uidonly" not in self.kind, f"FETCH by number during {what}", u)
            self.hear_fetch(int(u[0]), fetch_pairs(u[2]), what)
        elif kind == "UIDFETCH":
            self.must("uidonly" in self.kind, f"UIDFETCH during {what}", u)
            items = fetch_pairs(u[2])
            if at := self.place(int(u[0]), "UID" in items):
                self.must(items.setdefault("UID", u[0]) == u[0], "UIDFETCH of another", u)
                self.hear_fetch(at, items, what)
        elif u[0] == "ESEARCH" and self.followed is not None and u[1] == ["TAG", self.follow_tag]:
            self.hear_followed(u[2:], u)

    def hear_vanished(self, gone, u):
        known = {r[0] for r in self.rows} & gone
        self.rows = [r for r in self.rows if r[0] not in known]
        gone -= known
        if gone:  # of those that EXISTS told, and whose UIDs are not asked for yet: it asks for all again
            self.must(len(gone) <= sum(r[0] is None for r in self.rows), f"VANISHED of {sorted(gone)}, which are none", u)
            self.rows = [[None, None] for _ in self.rows[len(gone):]]

    def place(self, uid, is_asked):
        """The number of the message, which is told by its UID alone.  One that is new takes the place of one that EXISTS told, where
        it is asked for those, in their order; else it is asked for later: None."""
        at = next((i for i, r in enumerate(self.rows) if r[0] == uid), None)
        if at is None:
            self.must(self.rows and self.rows[-1][0] is None, f"uid {uid} was told by no EXISTS")
            if not is_asked:
                return None
            at = next(i for i, r in enumerate(self.rows) if r[0] is None)
            self.rows[at][0] = uid
        return at + 1

    def hear_fetch(self, seq, items, what):
        self.must(1 <= seq <= len(self.rows), f"FETCH of {seq} of {len(self.rows)}", what)
        row = self.rows[seq - 1]
        if "UID" in items:
            uid = int(items["UID"])
            self.must(row[0] in (None, uid), f"number {seq} was uid {row[0]}, is {uid}", what)
            before = [r[0] for r in self.rows[:seq - 1] if r[0]]
            self.must(not before or before[-1] < uid, f"uid {uid} comes behind {before[-1:]}", what)
            row[0] = uid
        if "FLAGS" in items:
            row[1] = frozenset(items["FLAGS"]) - {"\\Recent"}
        if "BODY[]" in items and items["BODY[]"] is None:
            self.shared.put(self.shared.empty, [row[0]])
        elif "BODY[]" in items:
            self.must(is_whole(items["BODY[]"]), f"message {seq} is not what was appended", items)

    def learn(self):
        """Numbers and flags of what EXISTS told."""
        for _ in range(LEARN_MOST):
            first = next((i for i, r in enumerate(self.rows) if None in r), None)
            if first is None:
                return
            if self.has_only_uids:
                after = max((r[0] for r in self.rows[:first]), default=0)
                r = self.do(f"UID FETCH {after + 1}:* (UID FLAGS)")
            else:
                r = self.do(f"FETCH {first + 1}:* (UID FLAGS)", may_expunge=False)
            if not r.ok:  # somebody removed one of them meanwhile: that is told now
                self.must("EXPUNGEISSUED" in r.code, "FETCH (UID FLAGS)", r)
                self.do("NOOP")
        self.must(False, "what EXISTS told is never there", self.rows)

    # --- a search that is kept up to date ---

    def follow(self):
        if self.followed is not None:
            self.must(self.do(f'CANCELUPDATE "{self.follow_tag}"').ok, "CANCELUPDATE")
        self.follow_key, self.followed = self.rng.choice(FOLLOWED), set()
        what = f"UID SEARCH RETURN (UPDATE ALL) {self.follow_key}"
        self.imap.begin(what)
        self.follow_tag = self.imap.tag
        r = self.finish(what)
        self.must(r.ok and not r.codes("NOUPDATE"), what, r)
        self.learn()

    def hear_followed(self, said, u):
        self.must(said[0] == "UID", "ESEARCH without UID", u)
        for what, found in zip(said[1::2], said[2::2]):
            if what == "ALL":
                self.followed |= set(numbers(found))
                continue
            uids = {uid for text in found[1::2] for uid in numbers(text)}
            self.must(set(found[::2]) == {"0"} and what in ("ADDTO", "REMOVEFROM"), "what is followed", u)
            if what == "ADDTO":
                self.must(not uids & self.followed, f"ADDTO of what is there: {sorted(uids & self.followed)}", u)
                self.followed |= uids
            else:
                self.must(uids <= self.followed, f"REMOVEFROM of what is not there: {sorted(uids - self.followed)}", u)
                self.followed -= uids

    # --- checkpoints ---

    def fall_asleep(self):
        """Nobody does anything: whoever may sleep does, and knows as much when it is woken."""
        if self.may_sleep:
            self.must(wait_for(self.sleeps, 90, WHO_SEC), "it is awake, though nothing happens")

    def synchronise(self):
        """All that the others did is told; and what it knows bit by bit is what it is told at once."""
        self.do("NOOP")
        self.learn()
        known = [list(r) for r in self.rows]
        fetch = "UID FETCH 1:* (UID FLAGS)" if self.has_only_uids else "FETCH 1:* (UID FLAGS)"
        r = self.do(fetch, may_expunge=False) if known else None
        self.must(r is None or r.ok, "FETCH at the checkpoint", r)
        self.must(known == self.rows, "it was not told all", *differences(known, self.rows))
        if self.followed is not None:
            r = self.do(f"UID SEARCH {self.follow_key}")
            found = {int(n) for u in r.of("SEARCH") for n in u if isinstance(n, str)}
            self.must(r.ok and found == self.followed, f"it follows {self.follow_key}",
                      f"told   {sorted(self.followed - found)} more", f"is     {sorted(found - self.followed)} more")
        return {uid: flags for uid, flags in self.rows}
