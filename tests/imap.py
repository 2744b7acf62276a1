# SPDX-License-Identifier: ISC
"""imap.py - an IMAP client for tests: what the server says becomes Python values, nothing is taken for granted.

    c = Imap(port); c.login("u1@example.test", "pass")
    r = c.do("FETCH 1:* (UID FLAGS)")      r.status "OK", r.code ["APPENDUID", "1", "2"], r.text
    r.untagged                             [["1", "FETCH", ["UID", "7", "FLAGS", ["\\\\Seen"]]], ...]
Atoms and quoted strings are str, literals bytes, lists lists, NIL is None.
"""
import select
import socket
import ssl
import zlib


class Gone(Exception):
    """The connection ended: there is no tagged reply."""


class Reply:
    def __init__(self, status, code, text, untagged):
        self.status, self.code, self.text, self.untagged = status, code, text, untagged

    @property
    def ok(self):
        return self.status == "OK"

    def of(self, kind):
        """Untagged data of a kind: what stands behind its name (["SEARCH", "1"] -> [["1"]])"""
        return [u[1:] for u in self.untagged if u and u[0] == kind]

    def numbered(self, kind):
        """(number, what follows) of "* 3 FETCH (...)" and the like"""
        return [(int(u[0]), u[2:]) for u in self.untagged if len(u) > 1 and u[1] == kind]

    def codes(self, name):
        """Response codes of untagged OK, NO and BYE: arguments of those with this name"""
        return [u[1][1:] for u in self.untagged
                if u and u[0] in ("OK", "NO", "BYE") and len(u) > 1 and isinstance(u[1], list) and u[1][:1] == [name]]

    def __repr__(self):
        return f"{self.status} {self.code} {self.text} {self.untagged}"


def read_code(text):
    """'[CODE a (b c)] words' -> (["CODE", "a", ["b", "c"]], "words")"""
    if not text.startswith("["):
        return [], text
    tokens = Tokens([text.encode()])
    tokens.at = 1
    return tokens.values("]"), tokens.rest().strip()


class Tokens:
    """The values of one response; pieces are lines, and between them the octets of literals."""

    def __init__(self, pieces):
        self.text, self.literals, self.at = pieces[0].decode("utf-8", "surrogateescape"), {}, 0
        for i in range(1, len(pieces), 2):
            self.literals[len(self.text)] = pieces[i]
            self.text += pieces[i + 1].decode("utf-8", "surrogateescape")

    def rest(self):
        return self.text[self.at:]

    def values(self, end=None):
        out = []
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == end:
                self.at += 1
                return out
            if c == " ":
                self.at += 1
            else:
                out.append(self.value(c))
        if end:
            raise ValueError(f"{end} is missing in {self.text!r}")
        return out

    def value(self, c):
        if c == "(":
            self.at += 1
            return self.values(")")
        if c == "[" :
            self.at += 1
            return self.values("]")
        if c == '"':
            return self.quoted()
        if c in "{~" and "{" in self.text[self.at:self.at + 2]:
            self.at = self.text.index("}", self.at) + 1
            return self.literals[self.at]
        return self.atom()

    def quoted(self):
        out, i = "", self.at + 1
        while self.text[i] != '"':
            i += self.text[i] == "\\"
            out += self.text[i]
            i += 1
        self.at = i + 1
        return out

    def atom(self):
        begin, depth = self.at, 0
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == "[":
                depth += 1  # BODY[HEADER.FIELDS (SUBJECT)] is one name
            elif c == "]" and depth:
                depth -= 1
            elif not depth and c in ' ()]"':
                break
            self.at += 1
        word = self.text[begin:self.at]
        return None if word == "NIL" else word


class Deflated:
    """A socket behind COMPRESS (RFC 4978)."""

    def __init__(self, below):
        self.below, self.out, self.back = below, zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    def recv(self, n):
        while data := self.below.recv(n):
            if plain := self.back.decompress(data):
                return plain
        return b""

    def sendall(self, data):
        self.below.sendall(self.out.compress(data) + self.out.flush(zlib.Z_SYNC_FLUSH))

    def close(self):
        self.below.close()


class Imap:
    def __init__(self, port, tls=False, timeout=30, source="127.0.0.1"):
        self.socket = self.connection = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
        if tls:
            self.starttls_now()
        self.unread, self.tags, self.tag = b"", 0, ""
        self.greeting = self.response()

    def starttls_now(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = self.connection = context.wrap_socket(self.socket)

    def compress(self):
        r = self.do("COMPRESS DEFLATE")
        if not r.ok:
            raise Gone(f"COMPRESS: {r}")
        self.socket = Deflated(self.socket)

    def has_more(self):
        """Something was said that is not read yet."""
        pending = getattr(self.connection, "pending", lambda: 0)()
        return bool(self.unread or pending or select.select([self.connection], [], [], 0)[0])

    def close(self):
        self.socket.close()

    # ---- octets ----
    def more(self):
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionError, ssl.SSLEOFError) as e:
            raise Gone(str(e)) from None
        if not data:
            raise Gone("the server closed")
        self.unread += data

    def line(self):
        while b"\r\n" not in self.unread:
            self.more()
        line, self.unread = self.unread.split(b"\r\n", 1)
        return line

    def octets(self, n):
        parts, have = [self.unread[:n]], min(n, len(self.unread))
        self.unread = self.unread[n:]
        while have < n:
            self.more()
            parts.append(self.unread[:n - have])
            have += len(parts[-1])
            self.unread = self.unread[len(parts[-1]):]
        return b"".join(parts)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except ConnectionError as e:
            raise Gone(str(e)) from None

    # ---- responses ----
    def pieces(self):
        out = [self.line()]
        while out[-1].endswith(b"}") and b"{" in out[-1]:
            n = out[-1][out[-1].rindex(b"{") + 1:-1]
            if not n.isdigit():
                break
            out += [self.octets(int(n)), self.line()]
        return out

    def response(self):
        """["*", values...], ["+", text] or [tag, status, code, text]"""
        pieces = self.pieces()
        first, _, rest = pieces[0].partition(b" ")
        if first == b"+":
            return ["+", rest.decode()]
        words = rest.decode("utf-8", "surrogateescape").split(" ", 1)
        if words[0] in ("OK", "NO", "BAD", "BYE", "PREAUTH"):
            code, text = read_code(words[1] if len(words) > 1 else "")
            return [first.decode(), words[0], code, text]
        return [first.decode(), *Tokens([rest, *pieces[1:]]).values()]

    def begin(self, text):
        """Sends a command without waiting for anything; bytes in a list are literals that are not waited for."""
        self.tags += 1
        self.tag = f"t{self.tags}"
        out = f"{self.tag} ".encode()
        for part in [text] if isinstance(text, str) else text:
            out += f"{{{len(part)}+}}\r\n".encode() + part if isinstance(part, bytes) else part.encode()
        self.send(out + b"\r\n")

    def finish(self):
        untagged = []
        while True:
            r = self.response()
            if r[0] == self.tag:
                return Reply(r[1], r[2], r[3], untagged)
            if r[0] == "*":
                untagged.append(r[1:])

    def do(self, text):
        self.begin(text)
        return self.finish()

    def login(self, user, password):
        r = self.do(f'LOGIN "{user}" "{password}"')
        if not r.ok:
            raise Gone(f"LOGIN: {r}")
        return r

    def append(self, mailbox, message, flags=(), date=None):
        when = f' "{date}"' if date else ""
        return self.do([f'APPEND "{mailbox}" ({" ".join(flags)}){when} ', message])


def fetch_pairs(values):
    """(FLAGS (...) UID 7) -> {"FLAGS": [...], "UID": "7"}"""
    return dict(zip(values[::2], values[1::2]))
