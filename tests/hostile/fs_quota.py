# SPDX-License-Identifier: ISC
"""fs_quota.py - a user reaches the quota of the file system: only that mailbox is full, and nothing in it is damaged.

On ext4 with quotas, where the kernel has them; and with a file system whose answer is made up: EDQUOT when a file of that user
grows.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import smtplib
import struct
import subprocess
import tempfile

from imap import Imap
from suite import Suite, preload, wait_for

U1, U2 = "u1@example.test", "u2@example.test"
MESSAGE = b"Subject: x\r\n\r\nbody\r\n"
BIG = b"Subject: big\r\n\r\n" + b"All of it is kept.\r\n" * 20000
Q_SETQUOTA, QIF_BLIMITS, USRQUOTA, BLOCK = 0x800008, 1, 0, 1024
NO_GROWTH = r"""
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
static volatile unsigned *full; /* the uid whose files do not grow; the test writes it */
__attribute__((constructor)) static void
begin(void)
{
	int fd = open(getenv("NO_GROWTH"), O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(0, 4, PROT_READ, MAP_SHARED, fd, 0);
	full = p == MAP_FAILED ? 0 : p;
}
static int
may(int fd, off64_t at, size_t n)
{
	struct stat st;
	if (!full || !*full || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != *full)
		return 1;
	if (at < 0)
		at = fcntl(fd, F_GETFL) & O_APPEND ? st.st_size : lseek(fd, 0, SEEK_CUR);
	if (at + (off64_t)n <= st.st_size)
		return 1;
	errno = EDQUOT;
	return 0;
}
#define REAL(type, name, params) \
	static type (*real) params; \
	if (!real) \
		real = (type (*) params)dlsym(RTLD_NEXT, #name)
ssize_t
write(int fd, const void *p, size_t n)
{
	REAL(ssize_t, write, (int, const void *, size_t));
	return may(fd, -1, n) ? real(fd, p, n) : -1;
}
ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	REAL(ssize_t, pwrite64, (int, const void *, size_t, off64_t));
	return may(fd, at, n) ? real(fd, p, n, at) : -1;
}
ssize_t
copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags)
{
	REAL(ssize_t, copy_file_range, (int, off64_t *, int, off64_t *, size_t, unsigned));
	return may(to, to_at ? *to_at : -1, n) ? real(from, from_at, to, to_at, n, flags) : -1;
}
"""


@contextlib.contextmanager
def quota_disk(megabytes):
    """A directory on ext4 with quotas, and its device; None: this kernel has none."""
    outside = pathlib.Path(tempfile.mkdtemp(prefix="merpati-quota-"))
    image, inside = outside / "image", outside / "fs"
    inside.mkdir()
    subprocess.run(["truncate", "-s", f"{megabytes}M", image], check=True)
    made = subprocess.run(["mkfs.ext4", "-q", "-O", "quota", "-E", "quotatype=usrquota", image], stderr=subprocess.DEVNULL).returncode == 0 and \
        subprocess.run(["mount", "-o", "loop,usrquota", image, inside], stderr=subprocess.DEVNULL).returncode == 0
    os.chmod(outside, 0o755)
    try:
        if made:
            os.chmod(inside, 0o755)
        yield (inside, subprocess.run(["findmnt", "-no", "SOURCE", inside], stdout=subprocess.PIPE, text=True).stdout.strip()) if made else None
    finally:
        if made:
            subprocess.run(["umount", "-l", inside])
        shutil.rmtree(outside, ignore_errors=True)


def set_quota(device, uid, blocks):
    """So many KB for this uid; 0: no limit."""
    row = struct.pack("<8QI4x", blocks, blocks, 0, 0, 0, 0, 0, 0, QIF_BLIMITS)
    command = ctypes.c_int(ctypes.c_int32(Q_SETQUOTA << 8 | USRQUOTA & 0xff).value)
    if ctypes.CDLL(None, use_errno=True).quotactl(command, device.encode(), uid, row) != 0:
        raise OSError(ctypes.get_errno(), "quotactl")


def send(s, to, body=MESSAGE):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
        c.sendmail("a@example.net", [to], body)


def entries(s):
    return json.loads(s.merpati("--json", "queue", "list").stdout)


def what_holds(t, s, name, set_full):
    """set_full(uid, is_full) makes a user's quota full, or not."""
    s.users([(U1, "pass"), (U2, "pass")])
    s.start()
    send(s, U1)
    wait_for(lambda: len(s.files(U1)) == 1, 15)
    c = Imap(s.port("imap"))
    c.login(U1, "pass")
    c.do("SELECT INBOX")
    uid = s.mailbox(U1).stat().st_uid
    set_full(uid, True)
    send(s, U1, BIG)
    send(s, U2, BIG)
    t.check(wait_for(lambda: any("4.2.2" in e["reason"] for e in entries(s)), 15), f"{name}: mail for its user waits, with 4.2.2",
            json.dumps(entries(s)))
    t.check(wait_for(lambda: len(s.files(U2)) == 1, 15), f"{name}: mail for another one is delivered")
    r = c.append("INBOX", BIG)
    t.check(r.status == "NO" and r.code == ["OVERQUOTA"], f"{name}: APPEND is answered NO [OVERQUOTA]", r)
    r = c.do("FETCH 1 BODY[]")
    t.check(r.ok, f"{name}: what is there can be read", r)
    set_full(uid, False)
    s.merpati("queue", "flush")
    t.check(wait_for(lambda: s.queue_count() == 0 and len(s.files(U1)) == 2, 20), f"{name}: with room the mail is delivered",
            f"{len(s.files(U1))} files")
    d = Imap(s.port("imap"))
    d.login(U1, "pass")
    r = d.append("INBOX", BIG)
    d.do("SELECT INBOX")
    f = d.do("UID STORE 1:* +FLAGS (\\Flagged)")
    n = d.do("STATUS INBOX (MESSAGES)")
    t.check(r.ok and f.ok and n.of("STATUS") == [["INBOX", ["MESSAGES", "3"]]], f"{name}: and APPEND and STORE are done", f"{r} {f} {n}")
    c.close()
    d.close()
    v = s.merpati("mailbox", "verify", U1, check=False)
    t.check(v.returncode == 0, f"{name}: the mailbox is sound", v.stdout + v.stderr)


def fs_quota(t):
    if os.geteuid() != 0:
        t.skip("a quota of the file system", "needs root: uids, and a mount")
        return
    with quota_disk(200) as made:
        if made:
            with Suite(base=made[0], imapd__linger_time=0) as s:
                what_holds(t, s, "a quota of ext4", lambda uid, is_full: set_quota(made[1], uid, 1 if is_full else 0))
        else:
            t.skip("a quota of ext4", "this kernel has no quotas for it")
    with Suite(imapd__linger_time=0) as s:
        path = s.dir / "no_growth"
        path.write_bytes(bytes(4))
        os.chmod(path, 0o644)
        s.env.update(LD_PRELOAD=preload("no_growth", NO_GROWTH), NO_GROWTH=str(path))

        def set_full(uid, is_full):
            with open(path, "r+b") as f:
                f.write(struct.pack("<I", uid if is_full else 0))
        what_holds(t, s, "EDQUOT", set_full)
