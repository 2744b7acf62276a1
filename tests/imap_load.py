# SPDX-License-Identifier: ISC
"""imap_load.py - devices that change mailboxes by IMAP while something terrible happens (imap_told.py: what must hold after).

    mail = Load(suite, users, senders=1, readers=0); load = ImapLoad(suite, users, mail=mail)
    ... load.violations({u: read_all(suite, u) for u in users}) + violations(mail, mail_tokens(load, found))
"""
import bisect
import random
import threading
import time
import uuid

from imap import Gone, Imap, fetch_pairs
from imap_told import FILED, SUPERIOR, Account, Box, Change, Contents, Place, flags_of, numbers

MESSAGES_MOST = 30              # of a mailbox; then some go
BOXES_MOST = 4                  # of a device
BEFORE = -1                     # the moment before the first, whatever a cut leaves
FETCH = "UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (X-Token)])"
VERBS = ("APPEND", "COPY", "MOVE", "STORE", "EXPUNGE", "CREATE", "RENAME", "DELETE")


class Device(threading.Thread):
    def __init__(self, load, account, index):
        super().__init__(daemon=True)
        self.load, self.account, self.index, self.rng = load, account, index, random.Random()
        self.keyword, self.own_flags, self.count = f"dev{index}", ("\\Seen", "\\Flagged"), 0
        self.imap, self.box = None, None

    # ---- a connection after the other ----
    def run(self):
        while not self.load.ending.is_set():
            try:
                self.connect()
            except (OSError, Gone, ValueError, IndexError):
                self.load.ending.wait(0.05)
                continue
            try:
                self.work()
            except TimeoutError:
                self.load.wrong.append(f"{self.account.user}: no answer in time")
            except (OSError, Gone):
                self.load.lost += not self.load.ending.is_set()
            except Exception as e:  # said by the test, not by a thread that ends
                self.load.wrong.append(f"{self.account.user}: {type(e).__name__}: {e}")
                return
            finally:
                self.imap.close()

    def connect(self):
        self.box = None
        self.imap = Imap(self.load.suite.port("imap"))
        self.imap.login(self.account.user, "pass")
        if not self.imap.do("ENABLE QRESYNC").ok:
            raise Gone("ENABLE")

    def work(self):
        ops = (self.append, self.append, self.append, self.copy, self.move, self.store, self.store, self.store, self.expunge,
               self.create, self.rename, self.delete, self.look, self.look, self.file)
        while not self.load.ending.is_set():
            self.rng.choice(ops)()
            self.load.ending.wait(0.005)

    # ---- what is said and heard ----
    def begin(self):
        return Change(self.load.moment())

    def ask(self, text, change=None, verb=None):
        """One command; its OK ends the change."""
        reply = self.imap.do(text)
        now = self.load.moment()
        with self.account.lock:
            self.hear(reply, now)
        if change and reply.ok:
            change.done = now
            self.load.acknowledged[verb] = self.load.acknowledged.get(verb, 0) + 1
        if not reply.ok and not (reply.status == "NO" and reply.code in (["UNAVAILABLE"], ["EXPUNGEISSUED"])):
            self.load.wrong.append(f"{self.account.user}: {text if isinstance(text, str) else text[0]}: {reply.status} {reply.code} {reply.text}")
        return reply, now

    def hear(self, reply, now):
        if not self.box:
            return
        for u in reply.untagged:
            if len(u) > 2 and u[1] == "FETCH":
                self.hear_fetch(fetch_pairs(u[2]), now)
            elif u[0] == "VANISHED":
                for uid in numbers(u[-1]):
                    p = self.box.places.get(uid)
                    for c in p.removals if p else []:
                        c.done = c.done or now  # that it is gone was told

    def hear_fetch(self, items, now):
        if "UID" not in items or "MODSEQ" not in items or "FLAGS" not in items:
            return
        p, modseq, flags = self.box.places.get(int(items["UID"])), int(items["MODSEQ"][0]), flags_of(items)
        if p:
            if any(m == modseq and f != flags for _, m, f in p.told):
                self.load.wrong.append(f"{self.account.user} {self.box.name} uid {items['UID']}: two sets of flags with {modseq}")
            p.told.append((now, modseq, flags))

    def select(self, box):
        """True: it is selected"""
        if self.box is box:
            return True
        self.box = None
        reply, now = self.ask(f'SELECT "{box.name}"')
        if not reply.ok:
            return False
        self.box = box
        contents = Contents(reply)
        with self.account.lock:
            self.load.wrong += box.hear_validity(contents.validity, now)
            box.numbers.append((now, contents.uidnext, contents.modseq))
        return True

    # ---- what to work on ----
    def boxes(self, own=False):
        with self.account.lock:
            return [b for b in self.account.boxes if b.is_sure() and (b.owner == self.index or (b.owner is None and not own))]

    def places(self, box):
        """Uids of some own messages"""
        with self.account.lock:
            uids = [u for u, p in box.places.items() if p.owner == self.index and p.is_sure() and not self.load.is_mail(p.token)]
        return self.rng.sample(uids, min(len(uids), self.rng.randint(1, 5)))

    def told_uids(self, box, pairs, change, now):
        """These tokens have these uids now: {uid: (token, Place that it is a copy of, or its flags)}"""
        for uid, (token, origin) in pairs.items():
            p = box.places.get(uid)
            if p and p.token != token:
                self.load.wrong.append(f"{self.account.user} {box.name}: uid {uid} was {p.token}, is {token}")
            if not p:
                p = box.places[uid] = Place(token, self.index, Change(change.begun, now))
            p.owner, p.added.done = self.index, min(p.added.done or now, now)
            for flag in (self.keyword, *self.own_flags):
                value = origin.get(flag)
                if value is not None and flag not in p.flags:
                    p.flags[flag] = [(p.added, value)]
            box.pending = [(t, c) for t, c in box.pending if not (t == token and c is change)]

    def state(self, place):
        """Flags of which it is certain what they are"""
        return {f: changes[-1][1] for f, changes in place.flags.items() if all(c.done is not None for c, _ in changes)}

    # ---- changes ----
    def append(self):
        box = self.rng.choice(self.boxes())
        tokens = [uuid.uuid4().hex for _ in range(self.rng.choice((1, 1, 1, 2, 3)))]
        flags = [f for f in (self.keyword, *self.own_flags) if self.rng.random() < 0.4]
        text = [f'APPEND "{box.name}"']
        for token in tokens:
            text += [f' ({" ".join(flags)}) ', self.message(token)]
        c = self.begin()
        with self.account.lock:
            box.pending += [(token, c) for token in tokens]
        reply, now = self.ask(text, c, "APPEND")
        if reply.ok:
            origin = {f: f in flags for f in (self.keyword, *self.own_flags)}
            with self.account.lock:
                self.load.wrong += box.hear_validity(int(reply.code[1]), now)
                self.told_uids(box, {u: (t, origin) for u, t in zip(numbers(reply.code[2]), tokens)}, c, now)

    def message(self, token):
        self.count += 1
        return (f"From: <u1@example.test>\r\nSubject: {self.count}\r\nX-Token: {token}\r\n\r\n" +
                "All that was told must hold, whatever comes after it.\r\n" * (2000 if self.count % 20 == 0 else 5)).encode()

    def copy(self, verb="COPY"):
        source, target = self.rng.choice(self.boxes()), self.rng.choice(self.boxes())
        self.copy_these(verb, source, target, self.places(source))

    def copy_these(self, verb, source, target, uids):
        uids = sorted(uids)
        if source is target or not uids or not self.select(source):
            return
        c = self.begin()
        with self.account.lock:
            origins = {u: (source.places[u].token, self.state(source.places[u])) for u in uids}
            target.pending += [(token, c) for token, _ in origins.values()]
            for u in uids if verb == "MOVE" else []:
                source.places[u].removals.append(c)
        reply, now = self.ask(f'UID {verb} {",".join(map(str, uids))} "{target.name}"', c, verb)
        codes = reply.codes("COPYUID") + ([reply.code[1:]] if reply.code[:1] == ["COPYUID"] else [])
        with self.account.lock:
            for validity, old, new in codes:
                self.load.wrong += target.hear_validity(int(validity), now)
                self.told_uids(target, {n: origins[o] for o, n in zip(numbers(old), numbers(new))}, c, now)
            if reply.ok and not codes:
                self.load.wrong.append(f"{self.account.user}: {verb} of {uids}, which are there, said no COPYUID: {reply}")

    def move(self):
        self.copy("MOVE")

    def file(self):
        """Mail that came is moved away from INBOX."""
        inbox = self.account.boxes[0]
        if self.load.mail is None or not self.look_at(inbox):
            return
        with self.account.lock:
            uids = [u for u, p in inbox.places.items() if p.owner is None and p.is_sure() and self.load.is_mail(p.token)][:5]
            for u in uids:
                inbox.places[u].owner = self.index
        self.copy_these("MOVE", inbox, self.account.filed, uids)

    def store(self):
        box = self.rng.choice(self.boxes())
        uids = self.places(box)
        if not uids or not self.select(box):
            return
        flags = [f for f in (self.keyword, *self.own_flags) if self.rng.random() < 0.5] or [self.keyword]
        is_on = self.rng.random() < 0.6
        c = self.begin()
        with self.account.lock:
            for u in uids:
                for f in flags:
                    box.places[u].flags.setdefault(f, []).append((c, is_on))
        self.ask(f'UID STORE {",".join(map(str, uids))} {"+" if is_on else "-"}FLAGS ({" ".join(flags)})', c, "STORE")

    def expunge(self):
        boxes = [b for b in self.boxes() if len(b.places) > 5]
        if not boxes:
            return
        box = self.rng.choice(boxes)
        uids = self.places(box)
        if len(box.places) > MESSAGES_MOST:
            with self.account.lock:
                uids += self.places(box)
        uids = ",".join(map(str, sorted(set(uids))))
        if not uids or not self.select(box) or not self.ask(f"UID STORE {uids} +FLAGS (\\Deleted)")[0].ok:
            return
        c = self.begin()
        with self.account.lock:
            for u in numbers(uids):
                box.places[u].removals.append(c)
        self.ask(f"UID EXPUNGE {uids}", c, "EXPUNGE")

    # ---- mailboxes ----
    def new_name(self):
        self.count += 1
        return self.rng.choice(("", f"{SUPERIOR}/")) + f"d{self.index}-{self.count}"

    def create(self):
        if len(self.boxes(own=True)) >= BOXES_MOST:
            return
        box = Box(self.index, self.new_name(), self.begin())
        with self.account.lock:
            self.account.boxes.append(box)
        self.ask(f'CREATE "{box.name}"', box.created, "CREATE")

    def rename(self):
        for box in self.rng.sample(self.boxes(own=True), 1) if self.boxes(own=True) else []:
            old, new, c = box.name, self.new_name(), self.begin()
            with self.account.lock:
                box.names.append((new, c))
            self.ask(f'RENAME "{old}" "{new}"', c, "RENAME")

    def delete(self):
        own = self.boxes(own=True)
        if len(own) < BOXES_MOST:
            return
        box = self.rng.choice(own)
        if self.box is box:
            self.box = None
            self.ask("UNSELECT")
        c = self.begin()
        with self.account.lock:
            box.deletions.append(c)
        self.ask(f'DELETE "{box.name}"', c, "DELETE")

    # ---- looking ----
    def look(self):
        self.look_at(self.rng.choice(self.boxes()))

    def look_at(self, box):
        """What is there now must be what was told, by this device and by others."""
        lo = self.load.moment()
        self.box = None
        select, _ = self.ask(f'SELECT "{box.name}"')
        if not select.ok:
            return False
        contents = Contents(select)
        self.box = box
        fetch, hi = self.ask(FETCH)
        if not fetch.ok and fetch.code != ["EXPUNGEISSUED"]:
            return False
        contents.add(fetch)
        with self.account.lock:
            self.load.wrong += [f"{self.account.user} {w}" for w in box.wrong(contents, lo, hi, self.load.is_mail)]
            box.numbers.append((hi, contents.uidnext, contents.modseq))
            for uid, seen in contents.messages.items():
                self.learn(box, uid, seen, hi)
        return True

    def learn(self, box, uid, seen, hi):
        """Mail, or what another device put there and was not told of yet, or never."""
        if uid in box.places:
            return
        token, flags, modseq = seen
        begun = next((c.begun for t, c in box.pending if t == token), 0)
        p = box.places[uid] = Place(token, None, Change(begun, hi))
        p.told.append((hi, modseq, flags))


class ImapLoad:
    """mail: a Load that sends to the same users, and reads nothing; devices file what it sent."""

    def __init__(self, suite, users, now=time.monotonic, devices=2, mail=None):
        self.suite, self.now, self.mail = suite, now, mail
        self.lock, self.moments, self.ending = threading.Lock(), [], threading.Event()
        self.wrong, self.lost, self.acknowledged = [], 0, {}
        self.accounts = [Account(user, BEFORE) for user in users]
        self.devices = [Device(self, a, i) for i, a in enumerate(self.accounts * devices)]

    def moment(self):
        """A number for now; they grow by one."""
        with self.lock:
            self.moments.append(self.now())
            return len(self.moments) - 1

    def is_mail(self, token):
        return self.mail is not None and token in self.mail.sent

    def start(self):
        for d in self.devices:
            d.start()

    def stop(self, seconds=60):
        self.ending.set()
        for d in self.devices:
            d.join(seconds)

    def accepted(self):
        return sum(self.acknowledged.values())

    def violations(self, found, cut=None):
        """What is wrong, as text lines.  found: {user: {name: Contents}}.  cut: only what was done before it counts."""
        end = len(self.moments) if cut is None else bisect.bisect_right(self.moments, cut) - 1
        out = list(self.wrong)
        for a in self.accounts:
            out += a.wrong(found[a.user], end, end, self.is_mail)
        return out


def read_all(suite, user):
    """{name: Contents} of all mailboxes"""
    c = Imap(suite.port("imap"), timeout=60)
    try:
        c.login(user, "pass")
        c.do("ENABLE CONDSTORE")
        out = {}
        for name in [u[-1] for u in c.do('LIST "" "*"').of("LIST") if "\\NonExistent" not in u[0]]:
            out[name] = Contents(c.do(f'EXAMINE "{name}"'))
            out[name].add(c.do(FETCH))
        return out
    finally:
        c.close()


def mail_tokens(load, found):
    """{user: tokens of mail}, for load.violations"""
    return {user: [t for name in ("INBOX", FILED) for t, _, _ in boxes[name].messages.values() if load.is_mail(t)]
            for user, boxes in found.items()}
