# SPDX-License-Identifier: ISC
"""habits.py - how mail programs that need a screen talk, line by line: Thunderbird, and Mail of macOS and iOS."""
import base64
import re
import socket
import ssl
import zlib

from imap_clients import account, must, state, text

THUNDERBIRD_FIELDS = ("From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To "
                      "Content-Type Reply-To")
APPLE_FIELDS = ("date subject from to cc message-id in-reply-to references content-type x-priority "
                "x-uniform-type-identifier x-universally-unique-identifier list-id list-unsubscribe")
MULTIPART = (b"From: a@example.net\r\nSubject: two parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
             b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain\r\n--b\r\nContent-Type: application/pdf; name=x.pdf\r\n"
             b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=x.pdf\r\n\r\nJVBERg==\r\n--b--\r\n")


class Deflated:
    """A connection whose octets are compressed both ways: RFC 4978."""

    def __init__(self, raw):
        self.raw, self.inside = raw, b""
        self.inflate, self.deflate = zlib.decompressobj(-15), zlib.compressobj(6, zlib.DEFLATED, -15)

    def sendall(self, data):
        self.raw.sendall(self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH))

    def take(self, n):
        out, self.inside = self.inside[:n], self.inside[n:]
        return out

    def more(self):
        data = self.raw.recv(65536)
        self.inside += self.inflate.decompress(data)
        return bool(data)

    def readline(self):
        while b"\n" not in self.inside:
            if not self.more():
                return b""
        return self.take(self.inside.index(b"\n") + 1)

    def read(self, n):
        while len(self.inside) < n and self.more():
            pass
        return self.take(n)


class Talk:
    """A conversation of lines; expect() says what must be among the replies."""

    def __init__(self, s, kind):
        self.raw = socket.create_connection(("127.0.0.1", s.port(kind)), timeout=30)
        self.tags, self.context = 0, ssl.create_default_context(cafile=s.dir / "cert.pem")
        if kind == "imaps":
            self.start_tls()
        else:
            self.f = self.raw.makefile("rb")
        self.greeting = self.line()

    def start_tls(self):
        self.raw = self.context.wrap_socket(self.raw, server_hostname="localhost")
        self.f = self.raw.makefile("rb")

    def start_deflate(self):
        self.raw = self.f = Deflated(self.raw)

    def line(self):
        """One response with its literals"""
        out = self.f.readline()
        must(out, "the server closed")
        while m := re.search(rb"\{(\d+)\}\r\n$", out):
            out += self.f.read(int(m.group(1))) + self.f.readline()
        return out.decode("utf-8", "replace")

    def until(self, begin):
        out = [self.line()]
        while not out[-1].startswith(begin):
            out.append(self.line())
        return out

    def say(self, text):
        self.raw.sendall(text if isinstance(text, bytes) else text.encode() + b"\r\n")

    def do(self, command, *expected, status="OK"):
        """expected: patterns, each found in some response; "!" before one: in none"""
        self.tags += 1
        self.say(f"{self.tags} {command}")
        return self.check(command, self.until(f"{self.tags} "), expected, status)

    def check(self, command, replies, expected, status="OK"):
        must(replies[-1].split(" ")[1] == status, command, replies[-1])
        for e in expected:
            is_there = any(re.search(e.lstrip("!"), r, re.I | re.S) for r in replies)
            must(is_there != e.startswith("!"), command, "expected", e, replies)
        return replies

    def literal(self, command, octets, *expected):
        """A literal that waits for its "+" """
        self.tags += 1
        self.say(f"{self.tags} {command} {{{len(octets)}}}")
        must(self.line().startswith("+"), command)
        self.say(octets + b"\r\n")
        return self.check(command, self.until(f"{self.tags} "), expected)

    def plain(self, user):
        """AUTHENTICATE PLAIN without an initial response"""
        self.tags += 1
        self.say(f"{self.tags} authenticate PLAIN")
        must(self.line().startswith("+"), "AUTHENTICATE")
        self.say(base64.b64encode(f"\0{user}\0pass".encode()).decode())
        self.check("AUTHENTICATE", self.until(f"{self.tags} "), ["CAPABILITY.* IDLE"])


def thunderbird(s):
    user = account(s, "thunderbird", 3)
    c = Talk(s, "imap")
    c.do("capability", "STARTTLS", "!COMPRESS", "!XLIST")
    c.do("STARTTLS")
    c.start_tls()
    c.do("capability", "AUTH=PLAIN", "!STARTTLS")
    c.plain(user)
    c.do('ID ("name" "Thunderbird" "version" "115.6.0")', r'\* ID \("name" "merpati"')
    c.do("namespace", r'\* NAMESPACE \(\("" "/"\)\) \(\("Other Users/" "/"\)\) NIL')
    c.do('list (subscribed) "" "*" return (special-use)')
    c.do('list "" "*" return (special-use)', r'\* LIST \([^)]*\\Sent', r'\\Trash', "INBOX")
    c.do('xlist "" "*"', status="BAD")
    c.do("compress deflate")
    c.start_deflate()
    c.do('list "" "INBOX"', r"LIST \([^)]*\) \"/\" INBOX")
    c.do('lsub "" "*"')
    c.do("ENABLE CONDSTORE", r"\* ENABLED CONDSTORE")
    c.do('select "INBOX" (CONDSTORE)', r"\* 3 EXISTS", "UIDVALIDITY", r"UIDNEXT 4", "HIGHESTMODSEQ", r"PERMANENTFLAGS.*\\\*", "READ-WRITE")
    c.do('getquotaroot "INBOX"', r"\* QUOTAROOT \"?INBOX")
    c.do("UID fetch 1:* (FLAGS)", r"\* 1 FETCH \(UID 1 FLAGS \(", r"\* 3 FETCH")
    c.do(f"UID fetch 1:3 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({THUNDERBIRD_FIELDS})])",
         r"\* 2 FETCH \(UID 2 .*RFC822.SIZE \d+ .*BODY\[HEADER.FIELDS \(\"?From\"? .*Subject: mail-1\r\n")
    c.do("UID fetch 1 (UID RFC822.SIZE BODY.PEEK[])", "body of mail-0")
    c.do("UID fetch 2 (UID RFC822.SIZE BODY[])", "body of mail-1", r"FLAGS \([^)]*\\Seen")
    c.do(r"uid store 1 +Flags (\Seen)", r"FETCH \(.*\\Seen")
    c.do("uid store 3 +Flags ($label1 NonJunk)", r"\$label1")
    c.do('create "Archives"')
    c.do('create "Archives/2026"')
    c.do('subscribe "Archives/2026"')
    c.do('UID move 1 "Archives/2026"', "COPYUID", r"\* 1 EXPUNGE")
    c.do('uid copy 2 "Trash"', "COPYUID")
    c.do(r"uid store 2 +FLAGS (\Deleted)")
    c.do("expunge", r"\* 1 EXPUNGE")
    c.literal(r'append "Sent" (\Seen)', text(user, "sent"), "APPENDUID")
    c.literal(r'append "Drafts" (\Draft) "02-Mar-2026 10:00:00 +0100"', text(user, "draft"), "APPENDUID")
    c.do("UID fetch 1:* (FLAGS) (CHANGEDSINCE 1)", r"MODSEQ")
    idle = s.message(user, text(user, "while idle"))
    c.say("90 IDLE")
    must(c.line().startswith("+"), "IDLE")
    must(any("2 EXISTS" in x for x in c.until("* 2 EXISTS")), "mail while idle", idle)
    c.say(b"DONE\r\n91 noop\r\n92 UID fetch 4:* (FLAGS)\r\n")  # in one go
    c.check("IDLE", c.until("90 "), [])
    c.check("noop", c.until("91 "), [])
    c.check("fetch", c.until("92 "), [r"UID 4 FLAGS"])
    c.do('STATUS "Archives/2026" (UIDNEXT MESSAGES UNSEEN RECENT)', "MESSAGES 1")
    c.do('UID SEARCH UNDELETED HEADER Subject "mail-2"', r"\* SEARCH 3")
    c.do("close")
    c.do("logout", r"\* BYE")
    there = state(s, user)
    must(set(there["INBOX"]) == {"mail-2", "while idle"} and there["INBOX"]["mail-2"] == {"$label1", "NonJunk"}, there)
    must(set(there["Archives/2026"]) == {"mail-0"} and set(there["Trash"]) == {"mail-1"} and set(there["Sent"]) == {"sent"}, there)


def apple_mail(s):
    user = account(s, "apple", 3)
    s.message(user, MULTIPART)
    c = Talk(s, "imaps")
    must("IMAP4rev1" in c.greeting, c.greeting)
    c.do("CAPABILITY", "AUTH=PLAIN")
    c.plain(user)
    c.do("CAPABILITY", "SPECIAL-USE", "COMPRESS=DEFLATE")
    c.do('ID ("name" "Mac OS X Mail" "version" "16.0 (3774.300.61.1.2)" "os" "Mac OS X" "os-version" "14.2 (23C64)" "vendor" "Apple Inc.")', r"\* ID \(")
    c.do("NAMESPACE", r"\* NAMESPACE")
    c.do('LIST "" "*" RETURN (SPECIAL-USE)', r"\\Sent", r"\\Junk", r"\\Drafts")
    c.do('LIST "" ""', r'\* LIST \(\\Noselect\) "/" ""')
    c.do("STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)", "MESSAGES 4 UIDNEXT 5")
    c.do("SELECT INBOX (CONDSTORE)", r"\* 4 EXISTS", "HIGHESTMODSEQ")
    c.do("GETQUOTAROOT INBOX", "QUOTAROOT")
    c.do("FETCH 1:* (FLAGS UID)", r"\* 4 FETCH \(UID 4 FLAGS \(")
    c.do("UID SEARCH 1:* NOT DELETED", r"\* SEARCH 1 2 3 4")
    c.do(f"UID FETCH 1:4 (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({APPLE_FIELDS})])", r"INTERNALDATE \"", "Subject: two parts")
    c.do("UID FETCH 4 (BODYSTRUCTURE BODY.PEEK[HEADER])", r'BODYSTRUCTURE \(\("text" "plain" \("charset" "utf-8"\)', r'"attachment" \("filename" "x.pdf"\)')
    c.do("UID FETCH 4 (BODY.PEEK[1.MIME] BODY.PEEK[1])", "plain")
    c.do("UID FETCH 4 BODY.PEEK[2]<0.65536>", r"BODY\[2\]<0> .*JVBERg==")
    c.do(r"UID STORE 1:2 +FLAGS.SILENT (\Seen $NotJunk NotJunk JunkRecorded)")
    c.do(r"UID STORE 2 +FLAGS.SILENT (\Flagged $MailFlagBit0 $MailFlagBit2)")
    c.do('CREATE "Archive/2026"')
    c.do("UID COPY 1 Archive/2026", "COPYUID")
    c.do(r"UID STORE 1 +FLAGS.SILENT (\Deleted)")
    c.do("UID EXPUNGE 1", r"\* 1 EXPUNGE")
    c.literal(r'APPEND Sent (\Seen $NotJunk NotJunk) "01-Mar-2026 08:30:00 +0000"', text(user, "sent"), "APPENDUID")
    for n in range(3):  # left and taken up again at once, with what comes next behind DONE
        c.say(f"9{n} IDLE\r\n".encode())
        must(c.line().startswith("+"), "IDLE")
        c.say(f"DONE\r\n8{n} CHECK\r\n".encode())
        c.check("IDLE", c.until(f"9{n} "), [])
        c.check("CHECK", c.until(f"8{n} "), [])
    c.say(b"70 IDLE\r\nDONE\r\n71 NOOP\r\n")  # and without waiting for the "+"
    c.check("IDLE", c.until("70 "), [])
    c.check("NOOP", c.until("71 "), [])
    c.do("CLOSE")
    c.do("LOGOUT", r"\* BYE")
    there = state(s, user)
    must(set(there["INBOX"]) == {"mail-1", "mail-2", "two parts"}, there)
    must(there["INBOX"]["mail-1"] == {"\\Seen", "\\Flagged", "$NotJunk", "NotJunk", "JunkRecorded", "$MailFlagBit0", "$MailFlagBit2"}, there)
    must(set(there["Archive/2026"]) == {"mail-0"} and set(there["Sent"]) == {"sent"}, there)
