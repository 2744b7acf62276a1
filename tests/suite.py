# SPDX-License-Identifier: ISC
"""suite.py - one merpati of its own for a test: directories, certificate, accounts, daemons, ports.

    with Suite() as s:
        s.user("u1@example.test", "pass")
        s.start("queue", "deliver", "smtpd", "pop3d", "imapd")
        s.port("smtp"), s.port("pop3s"), s.log(), s.pids("queue", "spool"), s.kill("queue", "spool")

The programs come from $MERPATI_BUILD (default: build-test beside this folder).  With root the roles
run under uids of their own (numbers, nothing is created on the machine); without, all as one.
"""
import concurrent.futures
import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("MERPATI_BUILD", TOP / "build-test")).resolve()
SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"  # where servers are
DAEMONS = ("queue", "deliver", "smtpd", "pop3d", "imapd")
PORTS = {"smtp": "smtpd", "submission": "smtpd", "submissions": "smtpd", "lmtp": "smtpd", "pop3": "pop3d", "pop3s": "pop3d",
         "imap": "imapd", "imaps": "imapd", "sieve": "deliver"}
PORT_RANGE = (10240, 32768)  # below what clients get: net.ipv4.ip_local_port_range
UID_FIRST = 61001
RAN_MOST_SEC = 1  # between two looks
reserved = {}  # port: the socket that has its name
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:disable_coredump=1:handle_segv=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:abort_on_error=1",
}


def has_sanitizers(build=BUILD):
    """Whether what it takes of memory and time says little."""
    options = json.loads((build / "meson-info" / "intro-buildoptions.json").read_text())
    return next(o["value"] for o in options if o["name"] == "b_sanitize") not in ("none", "", [])


def reserve(port):
    """Nobody serves there; and a name says to other suites that it is ours until we end or release it."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0merpati-test-port-{port}")
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        name.close()
        return False
    reserved[port] = name
    return True


def free_ports(n):
    """Ports that are free, and stay so while a daemon of ours is down: the kernel gives them to no client."""
    ports = []
    while len(ports) < n:
        port = random.SystemRandom().randrange(*PORT_RANGE)
        if reserve(port):
            ports.append(port)
    return ports


def listens(port):
    with socket.socket() as c:
        return c.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what, seconds=20, step=0.02):
    """Until what() is true; its value.  Polling a foreign process: the one place where we wait by the clock.
    Time in which we did not run, nor did the daemons, is none: a machine that slept, or whose only processor others had."""
    left, then = seconds, time.monotonic()
    while True:
        value = what()
        now = time.monotonic()
        left -= min(now - then, RAN_MOST_SEC)
        then = now
        if value or left < 0:
            return value
        time.sleep(step)


def has_ended(proc):
    """proc: /proc/PID.  A process that nobody asked for its status yet has ended, too."""
    try:
        return "State:\tZ" in (proc / "status").read_text()
    except OSError:
        return True


def is_whole_file(path):
    """A file of the size that its name tells, where it tells one."""
    try:
        st = path.stat()
    except OSError:
        return False  # it is moved or removed meanwhile
    size = re.search(",S=([0-9]+),", path.name)
    return stat.S_ISREG(st.st_mode) and (not size or st.st_size == int(size[1]))


def file_id(path):
    """The id of a message's file, by which it is the same in new/ (ID,TAG,...) and in msg/ (IDTAG; store/name.h)."""
    return path.name.partition(",S=")[0].replace(",", "")


def children_of(pid):
    out = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and int(pathlib.Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]) == pid:
                out.append(int(name))
        except OSError:
            continue  # it has ended
    return out


def sockets_of(pid):
    """The sockets that a process has open, each as socket:[INODE]: what closes meanwhile is missing, and all when it ends."""
    found = set()
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            found.add(link_of(f"/proc/{pid}/fd/{fd}"))
    except OSError:
        pass  # it has ended
    return {f for f in found if f.startswith("socket:")}


def link_of(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def preload(name, source):
    """A shared object to run daemons under, behind the sanitizer's own."""
    (BUILD / "tests").mkdir(exist_ok=True)
    lib = BUILD / "tests" / f"{name}.so"
    part = lib.with_suffix(f".{os.getpid()}")  # another group may have the old one in use
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", part, "-xc", "-", "-ldl"], input=source.encode(), check=True)
    part.rename(lib)
    asan = subprocess.run(["cc", "-print-file-name=libasan.so"], stdout=subprocess.PIPE, text=True).stdout.strip()
    return f"{asan} {lib}"


CLOCK = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile long long *ahead; /* seconds, of the wall and of the monotonic one; the test writes them */
__attribute__((constructor)) static void
begin(void)
{
	int fd = open(getenv("CLOCK_AHEAD"), O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(0, 16, PROT_READ, MAP_SHARED, fd, 0);
	ahead = p == MAP_FAILED ? 0 : p;
}
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int err = real(id, ts);
	if (err == 0 && ahead && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += ahead[0];
	if (err == 0 && ahead && id == CLOCK_MONOTONIC)
		ts->tv_sec += ahead[1];
	return err;
}
time_t
time(time_t *out)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return out ? (*out = ts.tv_sec) : ts.tv_sec;
}
int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}
"""


def clock_of(suite):
    """Daemons that are started from now on run by a clock of their own; returns what sets it, in seconds ahead.
    passed: that they lived longer by so much; else the clock has jumped."""
    path = suite.dir / "clock"
    path.write_bytes(bytes(16))
    suite.env.update(LD_PRELOAD=preload("clock", CLOCK), CLOCK_AHEAD=str(path))

    def set_clock(ahead_sec, passed=0):
        with open(path, "r+b") as f:
            f.write(b"".join(n.to_bytes(8, "little", signed=True) for n in (ahead_sec, passed)))
    return set_clock


@contextlib.contextmanager
def small_disk(megabytes):
    """A file system of its own, that can be filled; as root only.  Gives a directory on it, and one beside it."""
    outside = pathlib.Path(tempfile.mkdtemp(prefix="merpati-full-"))
    image, inside = outside / "image", outside / "fs"
    subprocess.run(["truncate", "-s", f"{megabytes}M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    inside.mkdir()
    subprocess.run(["mount", "-o", "loop", image, inside], check=True)
    os.chmod(outside, 0o755)
    os.chmod(inside, 0o755)
    try:
        yield inside, outside
    finally:
        subprocess.run(["umount", "-l", inside])
        shutil.rmtree(outside, ignore_errors=True)


def fill(path):
    """A file that takes all the room there is."""
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 512):  # to the last block
            try:
                while True:
                    f.write(bytes(size))
            except OSError:
                pass

class Suite:
    def __init__(self, build=None, env=None, base=None, **settings):
        """settings: smtpd__errors_most=5 sets errors_most in section smtpd; lists are lists."""
        self.build = pathlib.Path(build or BUILD)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="merpati-test-", dir=base))
        os.chmod(self.dir, 0o755)
        self.env = dict(os.environ, **SANITIZERS, **(env or {}))
        self.procs = {}
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.settings = {}
        self.set_defaults()
        for key, value in settings.items():
            section, name = key.split("__")
            self.settings.setdefault(section, {})[name] = value
        self.make_dirs()
        self.make_certificate()
        self.write_conf()

    def set_defaults(self):
        d = self.dir
        self.settings["common"] = {
            "hostname": "mail.example.test", "domains": ["example.test"],
            "mail_dir": f"{d}/mail", "spool_dir": f"{d}/spool", "state_dir": f"{d}/state",
            "run_dir": f"{d}/run", "log": f"{d}/log", "alias_file": f"{d}/aliases",
            "tls_certificates": [f"{d}/cert.pem"], "tls_keys": [f"{d}/key.pem"],
            "plaintext_auth_on_loopback": True, "stop_time": "10s",
        }
        if os.geteuid() == 0:
            for i, role in enumerate(("net", "key", "auth", "lookup", "queue", "deliver")):
                self.settings["common"][f"user_{role}"] = str(UID_FIRST + i)
            self.settings["common"]["group"] = str(UID_FIRST)
        self.settings["queue"] = {"routes": []}  # a test that wants mail to go out says where
        self.settings["smtpd"] = {
            "listen_smtp": [f"127.0.0.1:{self.ports['smtp']}"],
            "listen_submission": [f"127.0.0.1:{self.ports['submission']}"],
            "listen_submissions": [f"127.0.0.1:{self.ports['submissions']}"],
            "listen_lmtp": [f"127.0.0.1:{self.ports['lmtp']}"],
        }
        self.settings["deliver"] = {"listen_sieve": [f"127.0.0.1:{self.ports['sieve']}"]}
        self.settings["pop3d"] = {
            "listen_pop3": [f"127.0.0.1:{self.ports['pop3']}"],
            "listen_pop3s": [f"127.0.0.1:{self.ports['pop3s']}"],
        }
        self.settings["imapd"] = {
            "listen_imap": [f"127.0.0.1:{self.ports['imap']}"],
            "listen_imaps": [f"127.0.0.1:{self.ports['imaps']}"],
            "sleep_after": "60s",  # who kills or measures sessions finds them; what sleeps says so itself
        }

    def make_dirs(self):
        for name in ("mail", "spool", "state", "run"):
            (self.dir / name).mkdir(mode=0o755)
        (self.dir / "aliases").write_text("")

    def make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "30", "-subj", "/CN=mail.example.test", "-addext",
             "subjectAltName=DNS:mail.example.test,DNS:localhost,IP:127.0.0.1",
             "-keyout", self.dir / "key.pem", "-out", self.dir / "cert.pem"],
            check=True, stderr=subprocess.DEVNULL)
        os.chmod(self.dir / "key.pem", 0o600)

    @property
    def conf(self):
        return self.dir / "merpati.conf"

    def write_conf(self):
        def text(v):
            if isinstance(v, bool):
                return "yes" if v else "no"
            if isinstance(v, (list, tuple)):
                return "{" + ", ".join(f'"{x}"' for x in v) + "}"
            return str(v) if isinstance(v, int) else f'"{v}"'
        lines = ["version = 1"]
        for section, values in self.settings.items():
            lines.append(section + " {")
            lines += [f"\t{k} = {text(v)}" for k, v in values.items()]
            lines.append("}")
        self.conf.write_text("\n".join(lines) + "\n")

    def program(self, name):
        return self.build / ("common/ctl/merpati" if name == "merpati" else f"{name}/{name}")

    def merpati(self, *args, input=None, check=True):
        p = subprocess.run([self.program("merpati"), "-c", self.conf, *args], env=self.env, input=input,
                           text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        if check and p.returncode:
            raise RuntimeError(f"merpati {' '.join(map(str, args))}: {p.returncode} {p.stdout} {p.stderr}")
        return p

    def user(self, address, password, *options):
        self.merpati("user", "add", "--password-stdin", *options, address, input=password + "\n")

    def users(self, pairs):
        path = self.dir / "users"
        path.write_text("".join(f"{a} {p}\n" for a, p in pairs))
        self.merpati("user", "add", "--from", path)

    def message(self, address, text, directions=None):
        """These bytes, as a placer leaves them in a mailbox: new/ID,TAG,S=size,C=sha256 (store/name.h); before it their
        directions, new/.IDTAG (store/directions.h)."""
        home, id = self.mailbox(address), os.urandom(12).hex()
        name = f"{id},00000001,S={len(text)},C={hashlib.sha256(text).hexdigest()}"
        part = home / "new" / f".{name}"
        if directions:
            name += ",D"
            self.place(home, home / "new" / f".{id}00000001", directions)
        path = home / "new" / name
        self.place(home, part, text)
        part.rename(path)
        return path

    @staticmethod
    def place(home, path, text):
        path.write_bytes(text)
        os.utime(path)  # the clock itself, finer than the file system's: the order of coming
        os.chmod(path, 0o600)
        if os.geteuid() == 0:
            os.chown(path, home.stat().st_uid, home.stat().st_gid)

    def port(self, kind):
        return self.ports[kind]

    def start(self, *daemons, wait=True, descriptors=None):
        """descriptors: each of their processes may have so many"""
        prefix = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
        for name in daemons or DAEMONS:
            out = open(self.dir / f"{name}.err", "ab")
            self.procs[name] = subprocess.Popen([*prefix, self.program(name), "-c", self.conf], env=self.env,
                                                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if wait:
            for name in daemons or DAEMONS:
                self.wait_ready(name)

    def wait_ready(self, name):
        pid = self.procs[name].pid
        mark = f"{name}/monitor[{pid}]: level=info event=ready"
        if not wait_for(lambda: mark in self.log() or self.procs[name].poll() is not None) or mark not in self.log():
            raise RuntimeError(f"{name} did not start:\n{self.errors(name)}\n{self.log()[-2000:]}")

    def errors(self, name):
        p = self.dir / f"{name}.err"
        return p.read_text(errors="replace") if p.exists() else ""

    def log(self):
        p = pathlib.Path(self.settings["common"]["log"])
        return p.read_text(errors="replace") if p.exists() else ""

    def stop(self, *daemons, sig=signal.SIGTERM, seconds=60):
        """Ends the named daemons; their exit statuses."""
        names = [n for n in (daemons or reversed(DAEMONS)) if n in self.procs]
        for n in names:
            if self.procs[n].poll() is None:
                self.procs[n].send_signal(sig)
        return {n: self.procs.pop(n).wait(seconds) for n in names}

    def children(self, daemon):
        """pids of the daemon's processes without its monitor"""
        return children_of(self.procs[daemon].pid)

    def role_of(self, pid):
        """A role logs under its name; the process title is the program's, so /proc's comm tells it."""
        try:
            return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            return ""

    def pids(self, daemon, role=None):
        return [p for p in self.children(daemon) if role is None or self.role_of(p) == role]

    def kill(self, daemon, role=None, sig=signal.SIGKILL):
        """One process of a role (or the monitor and all its children, role None); the pids killed.
        With the monitor they have ended when this returns: nobody holds a port or a lock of theirs any more."""
        if role is None:
            self.procs[daemon].send_signal(signal.SIGSTOP)  # so that it forks nobody that we do not know of
            pids = [self.procs[daemon].pid, *self.children(daemon)]
        else:
            pids = wait_for(lambda: self.pids(daemon, role))[:1]
        for p in pids:
            try:
                os.kill(p, sig)
            except ProcessLookupError:
                pass
        if role is None:
            self.procs.pop(daemon).wait(60)
            if left := self.not_ended(pids):
                raise RuntimeError(f"{daemon}: killed, and still there: {left}")
        return pids

    def kill_monitor(self, daemon):
        """The monitor alone: its children end by themselves.  How many there were, and those that did not."""
        pids = self.children(daemon)
        self.procs[daemon].kill()
        self.procs.pop(daemon).wait(60)
        return len(pids), self.not_ended(pids)

    def not_ended(self, pids, seconds=20):
        """Those of these processes that are still there, after all the time they get."""
        left = list(pids)

        def none_left():
            left[:] = [p for p in left if not has_ended(pathlib.Path(f"/proc/{p}"))]
            return not left
        wait_for(none_left, seconds)
        return left

    def kill_keepers(self, address):
        """The keepers that work in this mailbox; how many were killed.  They are nobody's children."""
        home, n = str(self.mailbox(address)), 0
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (p / "comm").read_text() == "keeper\n" and os.readlink(p / "cwd") == home:
                    os.kill(int(p.name), signal.SIGKILL)
                    n += wait_for(lambda: has_ended(p), 10)
            except OSError:
                continue  # it was gone already
        return n

    @contextlib.contextmanager
    def no_keeper(self, address):
        """The mailbox's keeper is killed, and none can begin meanwhile."""
        floor = self.mailbox(address) / "floor"
        away = floor.with_suffix(".away")
        self.kill_keepers(address)
        floor.rename(away)
        floor.mkdir()
        try:
            yield
        finally:
            floor.rmdir()
            away.rename(floor)

    def damage_index(self, address):
        """The keeper is killed, and the pages and logs of its tables are written over; how many files."""
        self.kill_keepers(address)
        files = [p for p in (self.mailbox(address) / "index" / "db").iterdir() if p.is_file()]
        for path in files:
            with open(path, "r+b") as f:
                for at in range(0, path.stat().st_size, 4096):
                    f.seek(at)
                    f.write(b"\xa5" * 64)
        return len(files)

    def kill_strays(self):
        """Sessions and keepers that outlived their monitor: what was started with our configuration."""
        mark = f"\0{self.conf}\0".encode()
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (p / "cmdline").read_bytes():
                    os.kill(int(p.name), signal.SIGKILL)
            except OSError:
                continue  # it was gone already

    def mailbox(self, address):
        local, domain = address.split("@")
        return self.dir / "mail" / domain / local

    def files(self, address):
        """every message file of a mailbox, once: taken in or not.  One that a placer is writing is none yet (store/name.h); those
        of removed messages are there for some seconds."""
        home = self.mailbox(address)
        new, msg = ([p for p in sorted((home / sub).rglob("*")) if is_whole_file(p)] for sub in ("new", "msg"))
        taken_in = {file_id(p) for p in msg}
        # one that was taken in since new/ was listed is there no more
        return [p for p in new if file_id(p) not in taken_in or p.exists()] + msg

    def queue_count(self):
        return int(self.merpati("queue", "list", "--count").stdout)

    def close(self, keep=False):
        """keep: its files, and its ports, for another start"""
        procs = [self.procs.pop(n) for n in list(self.procs)]
        for pid in [pid for p in procs for pid in (p.pid, *children_of(p.pid))]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for p in procs:
            p.wait(60)
        self.kill_strays()
        if keep:
            return
        for port in self.ports.values():
            reserved.pop(port).close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            print(f"--- log of {self.dir} (last lines)\n{self.log()[-3000:]}", file=sys.stderr)
            for n in DAEMONS:
                if self.errors(n):
                    print(f"--- {n}\n{self.errors(n)[-3000:]}", file=sys.stderr)
        self.close()


class Tally:
    """Counts checks and prints the line that tests/run sums: 'NAME: N passed, N failed, N skipped'."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, 0

    def check(self, ok, what, detail=""):
        if ok:
            self.passed += 1
            print(f"ok      {self.name}: {what}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {self.name}: {what} {detail}", flush=True)
        return ok

    def run(self, what, fn, *args):
        """A check that is a function: it fails by an exception."""
        try:
            fn(*args)
        except Exception as e:  # a test's failure must not end the others
            return self.check(False, what, f"{type(e).__name__}: {e}")
        return self.check(True, what)

    def skip(self, what, why):
        self.skipped += 1
        print(f"skipped {self.name}: {what}: {why}", flush=True)

    def groups(self, groups, at_once=1):
        """{name: function of a tally}, or GROUP= of them.  So many side by side, each in a process of its own, told in their order."""
        wanted = {name: fn for name, fn in groups.items() if os.environ.get("GROUP", name) == name}
        if at_once == 1:
            for name, fn in wanted.items():
                self.group(name, fn)
            return
        with concurrent.futures.ProcessPoolExecutor(at_once, multiprocessing.get_context("fork")) as pool:
            for text, *sums in pool.map(Tally.apart, [self.name] * len(wanted), wanted, wanted.values()):
                print(text, end="", flush=True)
                self.passed, self.failed, self.skipped = (a + b for a, b in zip((self.passed, self.failed, self.skipped), sums))

    def group(self, name, fn):
        try:
            fn(self)
        except Exception as e:  # a group's failure must not end the others
            self.check(False, name, f"{type(e).__name__}: {e}")

    @staticmethod
    def apart(suite, name, fn):
        """A group in this process: what it printed, and its counts."""
        t, out = Tally(suite), io.StringIO()
        with contextlib.redirect_stdout(out):
            t.group(name, fn)
        return out.getvalue(), t.passed, t.failed, t.skipped

    def end(self):
        """Nothing was checked: a GROUP or VICTIM that does not exist, or a group that came to no check; either has failed."""
        if not self.passed + self.failed + self.skipped:
            self.check(False, "something was checked")
        print(f"{self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        sys.exit(1 if self.failed else 0)
