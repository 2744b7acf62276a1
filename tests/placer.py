# SPDX-License-Identifier: ISC
"""placer.py - a placer that does what a test tells it, at the socket of deliver's (common/spool/job.h); and its other side.

    fake = Placer(suite); suite.start("queue", "smtpd"); p = fake.accept()
    jobs = p.jobs()                       # [(id, [(index, address), ...]), ...]
    p.results(jobs, PLACED); turn = p.sync(); p.synced(turn)
"""
import select
import socket
import struct
import threading

PLACE, SYNC, RESULT, SYNCED = 1, 2, 3, 4
PLACED, TEMP, PERM = 1, 2, 3
QUARANTINE = 64  # enum envelope_flag
JOB_HEAD = struct.Struct("<BIQ12sQ32sII")  # source, segment, offset, id, size, SHA-256, flags, bytes of Return-Path


class Connection:
    """One placer's connection to the scheduler."""

    def __init__(self, sock):
        self.sock = sock
        sock.settimeout(20)

    def any(self):
        m = self.sock.recv(1 << 17)
        if not m:
            raise ConnectionError("the scheduler left")
        return struct.unpack_from("<H", m)[0], m[2:]

    def get(self, want):
        """The next message, which must be of this type."""
        kind, body = self.any()
        if kind != want:
            raise ValueError(f"a message of type {kind} instead of {want}")
        return body

    def jobs(self):
        return self.unpack(self.get(PLACE))

    def unpack(self, m):
        n, = struct.unpack_from("<H", m)
        at, out = 2, []

        def text():
            nonlocal at
            length, = struct.unpack_from("<I", m, at)
            at += 4 + length
            return m[at - length:at].decode()
        for _ in range(n):
            _, _, _, ident, _, _, _, _ = JOB_HEAD.unpack_from(m, at)
            at += JOB_HEAD.size
            text(), text(), text()  # sender, account, ENVID
            _, n_rcpts = struct.unpack_from("<BH", m, at)  # RET
            at += 3
            rcpts = []
            for _ in range(n_rcpts):
                index, = struct.unpack_from("<H", m, at)
                at += 2
                rcpts.append((index, text()))
                text()  # ORCPT
                at += 1  # NOTIFY
            out.append((ident.hex(), rcpts))
        return out

    def results(self, jobs, outcome, reason="", forwards=(), mailboxes=None, as_list=None):
        """The same outcome for all recipients of these jobs.  as_list: who owns the list that makes these forwards."""
        def text(s):
            return struct.pack("<I", len(s)) + s.encode()
        n = mailboxes if mailboxes is not None else int(outcome == PLACED and not forwards)
        end = (text(reason) + struct.pack("<HB", n, 2 if as_list else 0) + text(as_list or "")
               + struct.pack("<H", len(forwards)) + b"".join(map(text, forwards)))
        rows = [bytes.fromhex(ident) + struct.pack("<HBB", index, outcome, 0) + end for ident, rcpts in jobs for index, _ in rcpts]
        self.sock.send(struct.pack("<HH", RESULT, len(rows)) + b"".join(rows))

    def sync(self):
        """Waits for a checkpoint's turn."""
        return struct.unpack("<IB", self.get(SYNC))[0]

    def synced(self, turn, is_ok=True):
        self.sock.send(struct.pack("<HIB", SYNCED, turn, is_ok))

    def deafen(self):
        """From now on nothing can be sent to it; the scheduler notices when it tries."""
        self.sock.shutdown(socket.SHUT_RD)

    def close(self):
        self.sock.close()


def first_of(*connections):
    """The one that has something to read; waits for it."""
    ready = select.select([c.sock for c in connections], [], [], 20)[0]
    return next(c for c in connections if c.sock in ready)


class Placer:
    def __init__(self, suite):
        folder = suite.dir / "run" / "deliver"
        folder.mkdir(mode=0o755)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(folder / "jobs"))
        self.listener.listen(64)
        self.listener.settimeout(20)

    def accept(self):
        return Connection(self.listener.accept()[0])

    def answer(self, decide):
        """From now on all jobs and checkpoints are answered; decide(address) gives an outcome and a reason."""
        def serve(p):
            try:
                while True:
                    kind, body = p.any()
                    if kind == SYNC:
                        p.synced(struct.unpack("<IB", body)[0])
                        continue
                    for ident, rcpts in p.unpack(body):
                        for rcpt in rcpts:
                            p.results([(ident, [rcpt])], *decide(rcpt[1]))
            except OSError:
                pass

        def accept():
            try:
                while True:
                    p = self.accept()
                    p.sock.settimeout(None)
                    threading.Thread(target=serve, args=(p,), daemon=True).start()
            except OSError:
                pass
        self.listener.settimeout(None)
        threading.Thread(target=accept, daemon=True).start()

    def close(self):
        self.listener.close()


def place(suite, ident, segment, offset, message, to, sha256, is_junk=False):
    """A job for a real placer, as of the scheduler: a message of the journal to one address.  Its outcome."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(20)
    s.connect(str(suite.dir / "run" / "deliver" / "jobs"))
    job = JOB_HEAD.pack(1, segment, offset, bytes.fromhex(ident), len(message), sha256, QUARANTINE if is_junk else 0, 0)
    job += struct.pack("<IIIB", 0, 0, 0, 0)  # sender, account, ENVID, RET
    job += struct.pack("<HHI", 1, 0, len(to)) + to.encode() + struct.pack("<IB", 0, 0)  # ORCPT, NOTIFY
    s.send(struct.pack("<HH", PLACE, 1) + job)
    outcome = s.recv(1 << 16)[2 + 2 + 12 + 2]
    s.close()
    return outcome
