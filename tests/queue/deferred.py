# SPDX-License-Identifier: ISC
"""deferred.py - files of what waits, and their rows: lost, half written, unreadable, long."""
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from mail import U1, USERS, send, entries, folders, deferred_files
from suite import Suite, fill, small_disk, wait_for


def unfiled(t):
    """The spool cannot write what is deferred: nothing is lost, and it is tried again after a pause."""
    with Suite(queue__defer_after=1) as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        folders(s, 0o500)
        send(s, [U1])
        send(s, ["x@elsewhere.test"])
        t.check(wait_for(lambda: s.log().count("event=not_deferred") == 2, 15), "deferred/ cannot be written")
        time.sleep(3)  # in which nothing may happen
        t.check(s.log().count("event=not_deferred") == 2 and s.queue_count() == 2, "the next attempt is later",
                str(s.log().count("event=not_deferred")))
        folders(s, 0o750)
        t.check(wait_for(lambda: len(deferred_files(s)) == 2, 15), "and succeeds, for a local and for a remote recipient")
        s.start("deliver")
        t.check(wait_for(lambda: s.queue_count() == 1 and len(s.files(U1)) == 1, 15), "and what can be delivered is")


def half_filed(t):
    """The file got its name, and then the folder could not be synced: the journal counts, and the file goes in the end."""
    for restarts in (False, True):
        with Suite(queue__defer_after=1) as s:
            s.users(USERS)
            s.start("queue", "smtpd")
            folders(s, 0o300)
            send(s, [U1])
            t.check(wait_for(lambda: "event=deferred_not_synced" in s.log(), 15), "a folder of deferred/ cannot be synced")
            if restarts:
                s.kill("queue")
                s.start("queue")
            s.start("deliver")
            t.check(wait_for(lambda: s.queue_count() == 0 and len(s.files(U1)) == 1, 15), "the message is delivered from the journal")
            folders(s, 0o750)
            t.check(wait_for(lambda: not deferred_files(s), 15), "and its file goes, " + ("after a restart" if restarts else "later"),
                    str(deferred_files(s)))


def lost_rows(t):
    """The disk of the index is full: what is deferred has its file, and gets its row when there is room."""
    if os.geteuid() != 0:
        t.skip("the disk of the index is full", "needs root, for a mount")
        return
    with Suite(queue__retry_first=1, queue__retry_most=1) as s, small_disk(8) as (inside, _):
        s.users(USERS)
        sched = s.dir / "spool" / "sched"
        sched.mkdir()
        subprocess.run(["mount", "--bind", inside, sched], check=True)
        try:
            s.start("queue", "smtpd")
            wait_for(lambda: "event=replayed" in s.log(), 15)
            fill(sched / "full")
            for i in range(60):
                send(s, [f"x{i}-{'long' * 12}-{k}@elsewhere.test" for k in range(50)])
            lost = wait_for(lambda: "event=row_not_written" in s.log() or "event=db_failed" in s.log(), 20)
            t.check(lost, "rows cannot be written")
            (sched / "full").unlink()
            t.check(wait_for(lambda: s.queue_count() == 60 and len(entries(s)) == 60, 30), "all get theirs when there is room",
                    f"{s.queue_count()} of 60")
            t.check(len(deferred_files(s)) == 60, "and nothing is lost", str(len(deferred_files(s))))
        finally:
            s.kill("queue")
            subprocess.run(["umount", "-l", sched], check=True)


def long_entries(t):
    """What people are shown of a message with very many recipients fits into a packet."""
    with Suite(queue__defer_after=3600) as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        send(s, [f"u2+{'long' * 14}{i:03}@example.test" for i in range(1000)])
        send(s, [U1])
        out = wait_for(lambda: len(entries(s)) == 2 and entries(s), 10)
        t.check(out, "1,000 recipients with long addresses are listed", str(len(entries(s))))
        shown = s.merpati("queue", "show", out[0]["id"]).stdout + s.merpati("queue", "show", out[1]["id"]).stdout
        t.check(shown.count("longlong") >= 50, "and shown", shown[:300])


def unreadable(t):
    """A deferred message that cannot be read now keeps its row, and its place in the list."""
    with Suite(queue__retry_first=1, queue__retry_most=1) as s:
        s.users(USERS)
        s.start("queue", "smtpd")
        send(s, ["x@elsewhere.test"])
        wait_for(lambda: "event=deferred_until" in s.log(), 15)
        folders(s, 0)
        time.sleep(3)  # it is due, and asked for
        folders(s, 0o750)
        t.check(s.queue_count() == 1 and "event=row_without_file" not in s.log(), "what cannot be read now stays in the queue")
        attempts = s.log().count("event=deferred_until")
        t.check(wait_for(lambda: s.log().count("event=deferred_until") > attempts, 15), "and is tried again")


GROUPS = (unfiled, half_filed, unreadable, lost_rows, long_entries)
