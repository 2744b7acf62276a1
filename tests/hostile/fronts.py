# SPDX-License-Identifier: ISC
"""fronts.py - what pop3d, imapd and ManageSieve have in common: too many connections, bytes ahead of TLS."""
import signal
import socket
import ssl

from suite import Suite, wait_for

U1 = "u1@example.test"
TOO_MANY = {"pop3d": "-ERR [SYS/TEMP]", "imapd": "NO [LIMIT]", "deliver": "BYE (TRYLATER)"}  # sessions


def crowds(t, daemon, connect, refusal, leave, login):
    """connect(s): a conversation with .said, how it was greeted, and .has_ended(); refusal: how one too many is."""
    for setting, what in (("connections_per_address", "of an address"), ("connections_most", "in all")):
        with Suite(**{f"{daemon}__{setting}": 5}) as s:
            s.user(U1, "pass")
            s.start(daemon)
            held = [connect(s) for _ in range(5)]
            t.check(all(h.said.lstrip("+") == "OK" for h in held), f"as many connections as allowed {what}: {held[0].said}")
            c = connect(s)
            t.check(c.said == refusal and c.has_ended(), f"too many connections {what}: {refusal}", c.said)
            c.close()
            r = leave(held[0])
            t.check(wait_for(lambda: connect(s).said == held[0].said, 10), f"one of those {what} leaves: the next one is served", r)
            r = login(held[1])
            t.check(r, "and those that were there are, too")
            for h in held:
                h.close()


def crowds_of_all(t, daemon, connect, refusal):
    """Limits hold for all fronts together; one that dies gives back what it held, and not more."""
    for setting, what in (("connections_per_address", "of an address"), ("connections_most", "in all")):
        with Suite(**{f"{daemon}__{setting}": 5, f"{daemon}__front_connections": 2}) as s:
            s.start(daemon)
            held = [connect(s) for _ in range(5)]
            fronts = s.pids(daemon, "front")
            t.check(len(fronts) >= 3 and all(h.said.lstrip("+") == "OK" for h in held), f"five connections {what} at fronts of two",
                    f"{len(fronts)} fronts")
            c = connect(s)
            t.check(c.said == refusal and c.has_ended(), f"one more {what}, at whatever front: {refusal}", c.said)
            c.close()
            dead = s.kill(daemon, "front")
            wait_for(lambda: dead[0] not in s.pids(daemon, "front"), 10)
            lost = [h for h in held if has_lost(h)]
            again = [connect(s) for _ in lost]
            t.check(0 < len(lost) <= 2 and all(h.said.lstrip("+") == "OK" for h in again), "a front dies: its places are free again",
                    f"{len(lost)} lost, {[h.said for h in again]}")
            c = connect(s)
            t.check(c.said == refusal, f"and those {what} of the others are not", c.said)
            c.close()
            for h in held + again:
                h.close()


def crowds_of_sessions(t, daemon, connect, login, leave):
    """login(c, user): what comes of it; limits of those who are logged in, whether they have TLS or not."""
    other = U1.replace("u1", "u2")
    for setting, most, others_too in (("sessions_per_account", "of an account", False), ("sessions_most", "in all", True)):
        with Suite(**{f"{daemon}__{setting}": 3}) as s:
            s.user(U1, "pass")
            s.user(other, "pass")
            s.start(daemon)

            def begin(user=U1):
                c = connect(s)
                return c, login(c, user)
            held = [begin() for _ in range(3)]
            good = held[0][1]
            t.check(all(said == good for _, said in held) and good.endswith("OK"), f"as many sessions as allowed {most}", str([h[1] for h in held]))
            c, said = begin()
            t.check(said == TOO_MANY[daemon] and wait_for(lambda: has_lost(c), 10), f"too many sessions {most}: {TOO_MANY[daemon]}, and the end", said)
            c.close()
            t.check(any("sessions_crowded" in line for line in s.log().splitlines()), "and the log says so")
            c, said = begin(other)
            t.check(said == (TOO_MANY[daemon] if others_too else good), f"the limit {most} {'holds' if others_too else 'does not hold'} for another account", said)
            c.close()
            s.procs[daemon].send_signal(signal.SIGHUP)
            t.check(wait_for(lambda: "event=ready" in "".join(s.log().split("generation=1")[1:])), "a reload")
            c, said = begin()
            t.check(said == TOO_MANY[daemon], f"those of before it count {most}", said)
            c.close()
            leave(held[0][0])
            t.check(wait_for(lambda: begin()[1] == good, 10), f"one of those {most} leaves: the next one is served")
            for h, _ in held:
                h.close()


def has_lost(h):
    """Its connection has ended."""
    conn = h.s if hasattr(h, "s") else h.socket
    conn.settimeout(0.3)
    try:
        return conn.recv(1, socket.MSG_PEEK) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        conn.settimeout(20)


def sent_ahead(t, daemon, kind, starttls, noop, greeting=1):
    """What comes behind STARTTLS in plain is discarded; but nobody holds the front by sending on and on."""
    with Suite() as s:
        s.start(daemon)

        def has_tls(ahead):
            c = socket.create_connection(("127.0.0.1", s.port(kind)), timeout=20)
            f = c.makefile("rb")
            for _ in range(greeting):
                f.readline()
            try:
                c.sendall(starttls + noop * (ahead // len(noop)))
                f.readline()
                ssl._create_unverified_context().wrap_socket(c).close()
                return True
            except OSError:
                return False
            finally:
                c.close()
        t.check(has_tls(9000), f"9 KB in plain behind {starttls.decode().strip()}: discarded, and TLS begins")
        t.check(not has_tls(100000), "100 KB: the handshake fails")
        t.check(has_tls(0), "and the front serves the next one")
