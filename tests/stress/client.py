# SPDX-License-Identifier: ISC
"""client.py - one client of the stress test: what it does, by chance, and that each reply is what was asked for."""
import hashlib

from imap import fetch_pairs
from suite import wait_for
from view import NOTIFY, WHO_SEC, View, is_whole, numbers

KINDS_OF_OWNERS = ("plain", "tls", "deflate", "tls deflate follows", "uidonly tls", "uidonly deflate follows", "notify", "notify tls deflate")
KINDS_OF_GUESTS = ("plain", "tls", "uidonly", "deflate")
REMOVED_ABOVE = 150  # messages in the mailbox above which more go than come
SYSTEM_FLAGS = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft"]
KEYWORDS = ["$Forwarded", "work", "later", "blue"]
QUOTA_KB = 10 << 20  # of the owner
RIGHTS = set("lrswipte")  # of guests, at least


def message(rng):
    """Its head says the sum of its body."""
    body = "".join(f"{rng.random()} lorem {rng.choice(['walnut', 'almond', 'grüße'])}\r\n" for _ in range(rng.choice((1, 5, 60)))).encode()
    head = (f"From: a{rng.randrange(9)}@example.test\r\nTo: u@example.test\r\nSubject: about {rng.randrange(30)}\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nX-Sum: {hashlib.sha256(body).hexdigest()}\r\n\r\n")
    return head.encode() + body


class Client(View):
    todo = None  # own: acts that it has not done yet

    # --- what it does ---

    def some(self):
        """Messages it knows: (numbers, uids)"""
        known = [i for i, r in enumerate(self.rows) if r[0]]
        if not known:
            return None
        first = self.rng.choice(known)
        last = min(len(self.rows) - 1, first + self.rng.choice((0, 0, 0, 2, 9)))
        if any(self.rows[i][0] is None for i in range(first, last + 1)):
            last = first
        return f"{first + 1}:{last + 1}", f"{self.rows[first][0]}:{self.rows[last][0]}", [self.rows[i][0] for i in range(first, last + 1)]

    def at(self, verb, rest="", refusals=()):
        """A command on some messages, by their numbers or their UIDs."""
        if not (chosen := self.some()):
            return None
        seqs, uids, which = chosen
        is_uid = self.has_only_uids or self.rng.random() < 0.6
        r = self.do(f"{'UID ' if is_uid else ''}{verb} {uids if is_uid else seqs}{rest}", is_uid or verb in ("COPY", "MOVE"))
        self.must(r.ok or {"EXPUNGEISSUED", "MODIFIED", *refusals} & set(map(str, r.code[:1])), verb, r)
        return r, which

    def fetch(self):
        self.at("FETCH", self.rng.choice((" FLAGS", " (UID FLAGS ENVELOPE)", " (UID BODY.PEEK[])", " (BODYSTRUCTURE RFC822.SIZE)", " ALL",
                                          " (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)] INTERNALDATE)", " (BODY.PEEK[1]<0.20> PREVIEW)", " BODY[]")))

    def store(self):
        flags = " ".join(self.rng.sample(SYSTEM_FLAGS + KEYWORDS, self.rng.randint(1, 3)))
        self.at("STORE", f" {self.rng.choice(('+', '-', ''))}FLAGS{self.rng.choice(('', '', '.SILENT'))} ({flags})"
                .replace("FLAGS.SILENT", "FLAGS"))

    def delete(self):
        if not (chosen := self.some()):
            return
        self.shared.put(self.shared.doomed, chosen[2])
        self.do(f"UID STORE {chosen[1]} +FLAGS (\\Deleted)")
        if self.rng.random() < 0.7:
            self.do(f"UID EXPUNGE {chosen[1]}" if self.rng.random() < 0.7 else "EXPUNGE")

    def append(self):
        n = 1 if self.rng.random() < 0.8 else 3
        parts = [f'APPEND "{self.box}"']
        for _ in range(n):
            parts += [f" ({' '.join(self.rng.sample(SYSTEM_FLAGS + KEYWORDS, 1))}) ", message(self.rng)]
        r = self.do(parts)
        self.must(r.ok and r.code[0] == "APPENDUID", "APPEND", r)
        uids = numbers(r.code[2])
        self.must(len(uids) == n, "APPENDUID", r)
        self.shared.put(self.shared.acknowledged, uids)

    def copy(self):
        target = self.rng.choice((self.box, self.box, "Archive"))
        told = self.at("COPY", f' "{target}"')
        if told and told[0].ok and target == self.box and told[0].code[:1] == ["COPYUID"]:
            pairs = list(zip(numbers(told[0].code[2]), numbers(told[0].code[3])))
            self.shared.put(self.shared.doomed, [new for old, new in pairs if old in self.shared.doomed])  # \Deleted is copied too
            self.shared.put(self.shared.acknowledged, [new for _, new in pairs])

    def move(self):
        if not (chosen := self.some()):
            return
        self.shared.put(self.shared.doomed, chosen[2])
        r = self.do(f'UID MOVE {chosen[1]} "Trash"')
        self.must(r.ok or "EXPUNGEISSUED" in r.code, "UID MOVE", r)

    def search(self):
        keys = self.rng.choice(("ALL", "UNSEEN", 'SUBJECT "about 1"', "KEYWORD work", "NOT FLAGGED OR ANSWERED DRAFT", "BODY walnut", "LARGER 500",
                                "SINCE 1-Jan-2020", "UID 1:* TEXT almond", 'HEADER From "a3"', 'FUZZY SUBJECT "abuot"', "FUZZY TEXT wallnut UNSEEN"))
        verb = self.rng.choice(("SEARCH", "SEARCH RETURN (MIN MAX COUNT)", "SEARCH RETURN (ALL)", "SEARCH RETURN (SAVE)",
                                "SEARCH RETURN (COUNT PARTIAL -1:-5)", "SORT (REVERSE DATE) UTF-8", "SORT (SUBJECT ARRIVAL) UTF-8",
                                "SORT RETURN (PARTIAL 3:9) (SUBJECT) UTF-8", "THREAD REFERENCES UTF-8", "THREAD ORDEREDSUBJECT UTF-8"))
        is_uid = self.has_only_uids or self.rng.random() < 0.5
        r = self.do(f"{'UID ' if is_uid else ''}{verb} {keys}", may_expunge=is_uid)
        self.must(r.ok, verb, r)
        if verb == "SEARCH" and not is_uid:
            found = [int(n) for u in r.of("SEARCH") for n in u if isinstance(n, str)]
            self.must(all(1 <= n <= len(self.rows) for n in found), "SEARCH of numbers that are none", r)

    def others(self):
        r = self.do(self.rng.choice(("NOOP", "NOOP", "CHECK", "CAPABILITY", "NAMESPACE", 'LIST "" "*"', 'LIST "" "%" RETURN (STATUS (MESSAGES UNSEEN))',
                                     'LSUB "" "*"', f'STATUS "{self.box}" (MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ)', "GETQUOTAROOT INBOX", "ID NIL",
                                     f'MYRIGHTS "{self.box}"', "GETMETADATA INBOX /private/comment", "ENABLE CONDSTORE")))
        self.must(r.ok, "a harmless command", r)

    def boxes(self):
        """Mailboxes of its own come and go."""
        a, b = (f"{self.name}-{x}" for x in "ab")
        for command in (f"CREATE {a}", f"SUBSCRIBE {a}", f"RENAME {a} {b}", f"UNSUBSCRIBE {a}", f"DELETE {b}"):
            r = self.do(command)
            self.must(r.ok, command, r)
            self.learn()

    def again(self):
        """The mailbox is opened anew, by one of the ways to do so."""
        way = self.rng.choice(("SELECT", "EXAMINE", "UNSELECT", "CLOSE", "LOGOUT", "away"))
        if way == "CLOSE":  # it expunges: those that somebody marked are doomed already
            self.do("CLOSE")
        elif way == "UNSELECT":
            self.do("UNSELECT")
        elif way in ("LOGOUT", "away"):
            if way == "LOGOUT":
                self.imap.do("LOGOUT")
            self.imap.close()
            self.connect()
        self.select("EXAMINE" if way == "EXAMINE" else "SELECT")

    def begin_idle(self):
        self.imap.begin("IDLE")
        while (r := self.imap.response())[0] != "+":
            self.must(r[0] == "*", "IDLE is not begun", r)
            self.hear(r[1:], "IDLE")

    def end_idle(self):
        self.imap.send(b"DONE\r\n")
        self.must(self.finish("IDLE").ok, "IDLE")

    def idle(self):
        """Until something is told, and done by itself when nothing is."""
        self.begin_idle()
        self.end_idle()

    def rest(self):
        """Until it sleeps, in IDLE or silent, or is told of something; a guest sleeps silent alone."""
        is_in_idle = not self.is_guest and self.rng.random() < 0.5
        if is_in_idle:
            self.begin_idle()
        is_told = is_in_idle or "notify" in self.kind
        self.must(wait_for(lambda: (is_told and self.imap.has_more()) or self.sleeps(), 90, WHO_SEC), "it is awake, and nothing is told", f"in IDLE: {is_in_idle}")
        if is_in_idle:
            self.end_idle()

    def pipeline(self):
        """Three commands in one packet, each answered by its own."""
        if not self.rows:
            return
        tags = []
        for command in ("NOOP", f'STATUS "{self.box}" (MESSAGES)', "UID FETCH 1:* (FLAGS)"):
            self.imap.begin(command)
            tags.append((self.imap.tag, command))
        for tag, command in tags:
            self.imap.tag = tag
            self.must(self.finish(command).ok, command)

    # --- extensions ---

    def answers(self, r):
        """ESEARCH of the command itself: others are of what is followed."""
        return [said for said in r.of("ESEARCH") if said[0][:2] == ["TAG", self.imap.tag]]

    def answer(self, r):
        said = self.answers(r)
        self.must(len(said) == 1, "one ESEARCH", r)
        return said[0]

    def partial(self):
        """A window of what is there."""
        first, n = self.rng.randrange(1, 40), self.rng.randrange(1, 9)
        sign = self.rng.choice(("", "-"))
        r = self.do(f"UID FETCH 1:* (FLAGS) (PARTIAL {sign}{first}:{sign}{first + n})")
        self.must(r.ok, "PARTIAL", r)
        window = f"{sign}{first}:{sign}{first + n}"
        r = self.do(f"UID SEARCH RETURN (PARTIAL {window}) UNDELETED")
        said = self.answer(r)
        [told, found] = said[said.index("PARTIAL") + 1]
        self.must(r.ok and told == window and (found is None or len(numbers(found)) <= n + 1), "PARTIAL", r)

    def fuzzy(self):
        """Whatever is found has a score."""
        text = f"about {self.rng.randrange(30)}"
        r = self.do(f'UID SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT "{text}"')
        self.must(r.ok, "FUZZY", r)
        said = self.answer(r)
        scores = said[said.index("RELEVANCY") + 1]
        found = numbers(said[said.index("ALL") + 1]) if "ALL" in said else []
        self.must(len(found) == len(scores) and all(1 <= int(n) <= 100 for n in scores), "RELEVANCY", r)

    def esearch(self):
        """In all mailboxes of one's own; who has one of another selected cannot have it."""
        r = self.do(f"ESEARCH IN ({self.rng.choice(('personal', 'subtree Archive', 'inboxes'))}) RETURN (COUNT ALL) {self.rng.choice(('UNSEEN', 'KEYWORD work'))}")
        self.must(r.code[:1] == ["CANNOT"] if self.is_guest else r.ok, "ESEARCH", r)
        for said in self.answers(r):
            self.must(int(said[said.index("COUNT") + 1]) == len(numbers(said[said.index("ALL") + 1])), "ESEARCH", said)

    def speaks(self):
        r = self.do(self.rng.choice(("LANGUAGE", "LANGUAGE en", "LANGUAGE default")))
        self.must(r.ok and r.of("LANGUAGE"), "LANGUAGE", r)
        r = self.do(self.rng.choice(("COMPARATOR", "COMPARATOR i;unicode-casemap")))
        self.must(r.ok and r.of("COMPARATOR"), "COMPARATOR", r)

    def metadata(self):
        """An entry of its own is what it was set to; one of all is something."""
        own, value = f"/private/vendor/stress/{self.name}", str(self.rng.random())
        r = self.do(f'SETMETADATA INBOX ({own} "{value}" /private/comment "of {self.name}")')
        self.must(r.ok, "SETMETADATA", r)
        r = self.do(f"GETMETADATA INBOX ({own} /private/comment)")
        told = fetch_pairs(next((u[1] for u in r.of("METADATA") if len(u) > 1 and isinstance(u[1], list) and own in u[1]), []))
        self.must(r.ok and told.get(own) == value and told.get("/private/comment"), "GETMETADATA", r)

    def catenate(self):
        """A message that is put together of the parts of another, which it then is again."""
        if not (chosen := self.some()):
            return
        uid = chosen[2][0]
        r = self.do(f'APPEND "{self.box}" (later) CATENATE (URL "/{self.box}/;UID={uid}/;SECTION=HEADER" URL "/{self.box}/;UID={uid}/;SECTION=TEXT")')
        self.must(r.ok or r.code[:1] == ["BADURL"], "CATENATE", r)
        if r.ok:
            self.shared.put(self.shared.acknowledged, numbers(r.code[2]))

    def replace(self):
        if not (chosen := self.some()):
            return
        seqs, uids, which = (x if isinstance(x, list) else x.split(":")[0] for x in chosen)
        self.shared.put(self.shared.doomed, which[:1])
        is_uid = self.has_only_uids or self.rng.random() < 0.6
        r = self.do([f'{"UID " if is_uid else ""}REPLACE {uids if is_uid else seqs} "{self.box}" (\\Draft) ', message(self.rng)])
        told = r.codes("APPENDUID")
        self.must(bool(told) if r.ok else not told, "REPLACE", r)
        self.must(r.ok or is_uid or r.code[:1] == ["EXPUNGEISSUED"], "REPLACE", r)
        if r.ok:
            self.shared.put(self.shared.acknowledged, numbers(told[0][1]))

    def urls(self):
        """What a URL was given for can be had by it until the key is another."""
        if not (chosen := self.some()):
            return
        r = self.do(f'GENURLAUTH "imap://owner@mail.example.test/{self.box}/;uid={chosen[2][0]};urlauth=authuser" INTERNAL')
        self.must(r.ok, "GENURLAUTH", r)
        [[url]] = r.of("GENURLAUTH")
        r = self.do(f'URLFETCH "{url}"')
        [[told, message]] = r.of("URLFETCH")
        self.must(r.ok and told == url and (message is None or is_whole(message)), "URLFETCH", r)
        if self.rng.random() < 0.3:
            r = self.do(f'RESETKEY "{self.box}"')
            self.must(r.ok, "RESETKEY", r)
            r = self.do(f'URLFETCH "{url}"')
            self.must(r.ok and r.of("URLFETCH") == [[url, None]], "URLFETCH after RESETKEY", r)

    def rights(self):
        """A right more or less of a guest, who needs it for nothing here; the others he has all the time."""
        guest = f"guest{self.rng.choice((1, 2))}@example.test"
        r = self.do(f'SETACL "{self.box}" {guest} {self.rng.choice("+-")}a')
        self.must(r.ok, "SETACL", r)
        r = self.do(f'GETACL "{self.box}"')
        [[_, *pairs]] = r.of("ACL")
        self.must(r.ok and RIGHTS <= set(fetch_pairs(pairs)[guest]), "GETACL", r)
        r = self.do(f'LISTRIGHTS "{self.box}" {guest}')
        self.must(r.ok and r.of("LISTRIGHTS")[0][1] == guest, "LISTRIGHTS", r)
        r = self.do("DELETEACL Archive anyone")
        self.must(r.ok, "DELETEACL", r)

    def quota(self):
        r = self.do(f'SETQUOTA "" (STORAGE {QUOTA_KB - self.rng.randrange(9)})')
        self.must(r.ok and r.of("QUOTA"), "SETQUOTA", r)
        r = self.do('GETQUOTA ""')
        self.must(r.ok and QUOTA_KB - 9 < int(r.of("QUOTA")[0][1][2]) <= QUOTA_KB, "GETQUOTA", r)

    def again_as_itself(self):
        """UNAUTHENTICATE, which nobody may say who is compressed: the connection stays."""
        self.must(self.do("UNAUTHENTICATE").ok, "UNAUTHENTICATE")
        self.begin_session()

    def notify(self):
        """Told of nothing, and of all again."""
        for command in ("NOTIFY NONE", NOTIFY):
            self.must(self.do(command).ok, command)

    def may(self, name):
        """Whether it is somebody who does this, and it is possible now."""
        who, needs_write, _ = ACTS[name]
        return who(self) and not (needs_write and self.is_read_only)

    def weight(self, name):
        is_many = len(self.rows) > REMOVED_ABOVE
        return {"append": 1, "delete": 8}.get(name, ACTS[name][2]) if is_many else ACTS[name][2]

    def step(self):
        if self.todo is None:
            self.todo = self.rng.sample([n for n in ACTS if ACTS[n][0](self)], k=sum(ACTS[n][0](self) for n in ACTS))
        # each once, in the order that chance gives, and then by chance alone
        name = next((n for n in self.todo if self.may(n)), None)
        if name:
            self.todo.remove(name)
        else:
            weights = {n: self.weight(n) for n in ACTS if self.may(n)}
            [name] = self.rng.choices(list(weights), list(weights.values()))
        self.counts[name] = self.counts.get(name, 0) + 1
        act = getattr(self, name)
        act()
        self.learn()


def anybody(client):
    return True


def owner(client):
    return not client.is_guest


# name: who does it, whether that needs a mailbox that can be written to, how often beside others
ACTS = {
    "fetch": (anybody, False, 6), "search": (anybody, False, 3), "others": (anybody, False, 3), "idle": (anybody, False, 1),
    "pipeline": (anybody, False, 1), "again": (anybody, False, 1), "copy": (anybody, False, 1),
    "store": (anybody, True, 5), "append": (anybody, True, 4), "delete": (anybody, True, 2), "move": (anybody, True, 1),
    "boxes": (owner, False, 1), "partial": (anybody, False, 1), "fuzzy": (anybody, False, 1), "esearch": (anybody, False, 1),
    "speaks": (anybody, False, 1), "metadata": (anybody, False, 1),
    "catenate": (owner, True, 1), "replace": (owner, True, 2), "urls": (owner, True, 1), "rights": (owner, False, 1),
    "quota": (owner, False, 1),
    "again_as_itself": (lambda c: "deflate" not in c.kind, False, 1),
    "rest": (lambda c: "follows" not in c.kind, False, 1),
    "notify": (lambda c: "notify" in c.kind, False, 2),
    "follow": (lambda c: "follows" in c.kind, False, 2),
}
