# SPDX-License-Identifier: ISC
"""milter.py - a mail filter for tests: it does as a script says, notes all that it is told, and can mean no good.

    with Milter({"M": reject()}) as m: ...   # answers to commands; the default is continue
A script maps a command letter to bytes (sent as they are), to None (silence), to CLOSE or RESET, or to a function of the data that gives one of these.
"""
import socket
import struct

from listener import Listener

CLOSE, RESET = object(), object()
NAMES = {"C": "connect", "H": "helo", "M": "mail", "R": "rcpt", "T": "data", "L": "header", "N": "eoh", "B": "body", "E": "end"}


def packet(kind, data=b""):
    return struct.pack(">I", len(data) + 1) + kind.encode() + data


def go_on():
    return packet("c")


def reply(text):
    return packet("y", text.encode() + b"\0")


def options(actions=0x1FF, protocol=0, version=6, macros=None):
    data = struct.pack(">III", version, actions, protocol)
    for stage, names in (macros or {}).items():
        data += struct.pack(">I", stage) + names.encode() + b"\0"
    return packet("O", data)


def header(kind, name, value, index=None):
    return packet(kind, (b"" if index is None else struct.pack(">I", index)) + name.encode() + b"\0" + value.encode() + b"\0")


def address(kind, text, params=None):
    return packet(kind, text.encode() + b"\0" + (b"" if params is None else params.encode() + b"\0"))


class Milter(Listener):
    def __init__(self, script=None, path=None, offer=None, mute=""):
        """mute: letters of commands that are not answered, as offer says."""
        self.script, self.offer, self.mute = script or {}, offer or options(), mute
        self.told = []  # (letter, data), of all connections
        self.macros = {}  # name: value, the last of each
        self.closed = 0
        super().__init__(path)

    @staticmethod
    def read(conn, n):
        data = b""
        while len(data) < n:
            more = conn.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self, conn):
        try:
            while True:
                n = struct.unpack(">I", self.read(conn, 4))[0]
                data = self.read(conn, n)
                if not self.answer(conn, chr(data[0]), data[1:]):
                    return
        except (EOFError, OSError):
            pass
        finally:
            conn.close()
            with self.lock:
                self.told.append(("-", b""))
                self.closed += 1
                self.lock.notify_all()

    def answer(self, conn, kind, data):
        with self.lock:
            self.told.append((kind, data))
            if kind == "D":
                words = data[1:].split(b"\0")[:-1]
                self.macros.update(zip((w.decode() for w in words[::2]), (w.decode() for w in words[1::2])))
            self.lock.notify_all()
        default = None if kind in "DAQK" or kind in self.mute else self.offer if kind == "O" else go_on()
        what = self.script.get(kind, default)
        if callable(what):
            what = what(data)
        if what is RESET:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if what in (CLOSE, RESET):
            return False
        if what:
            conn.sendall(what)
        return kind != "Q"

    def letters(self):
        """What it was told, macros left out."""
        with self.lock:
            return "".join(k for k, _ in self.told if k != "D")

    def all(self, kind):
        with self.lock:
            return [d for k, d in self.told if k == kind]

    def wait(self, kind, n=1, seconds=10):
        with self.lock:
            return self.lock.wait_for(lambda: sum(k == kind for k, _ in self.told) >= n, seconds)

    def rest(self, seconds=10):
        """Until every connection was closed."""
        with self.lock:
            return self.lock.wait_for(lambda: self.closed == self.connections, seconds)
