# SPDX-License-Identifier: ISC
"""dropfile.py - files of spool/drop/ as sendmail(1) writes them (queue/dropfile.h), and as nobody should."""
import hashlib
import os
import struct
import subprocess

NOBODY = 65534


def string(b):
    return struct.pack("<I", len(b)) + b


def envelope(sender, rcpts, message, flags=0, size=None, client=b"", state=0, version=1):
    size = len(message) if size is None else size
    out = bytes([version]) + bytes(12) + struct.pack("<IQ", flags, size) + hashlib.sha256(message).digest()
    out += struct.pack("<Iq", 0, 0) + string(sender) + string(b"") + string(client) + string(b"") + bytes(1)
    out += struct.pack("<I", len(rcpts))
    for r in rcpts:
        out += string(r) + string(b"") + bytes([0, state])
    return out


def dropfile(sender, rcpts, message, **more):
    e = envelope(sender.encode(), [r.encode() for r in rcpts], message, **more)
    return b"MERPDRP1" + struct.pack("<I", len(e)) + hashlib.sha256(e).digest() + e + message


def put(folder, data, name=None, uid=NOBODY, mode=0o640, size=None):
    """As sendmail(1) does it, by a process of that user."""
    name = name or os.urandom(12).hex()
    fd = os.open(folder, os.O_TMPFILE | os.O_WRONLY, mode)
    os.fchmod(fd, mode)
    os.write(fd, data)
    if size:
        os.ftruncate(fd, size)
    if os.geteuid() == 0:
        os.fchown(fd, uid, -1)
    os.link(f"/proc/self/fd/{fd}", folder / name, src_dir_fd=fd, follow_symlinks=True)
    os.close(fd)
    return name


def sendmail(s, *args, text="", uid=NOBODY, name="sendmail", check=True, **more):
    """The program, as an ordinary user."""
    who = dict(user=uid, group=uid, extra_groups=[]) if os.geteuid() == 0 else {}
    text = text if isinstance(text, bytes) else text.encode()
    p = subprocess.run([name, "-C", s.conf, *args], executable=s.build / "queue" / "sendmail", input=text, env=s.env,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **who, **more)
    p.stdout, p.stderr = p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
    if check and p.returncode:
        raise RuntimeError(f"sendmail {' '.join(map(str, args))}: {p.returncode} {p.stdout} {p.stderr}")
    return p
