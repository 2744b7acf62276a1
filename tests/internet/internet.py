# SPDX-License-Identifier: ISC
"""internet.py - a DNS of its own for a test: a signed root, zones below it, and what goes wrong in them.

    with Internet(suite.dir) as net:
        net.zone("example.test", '''
            @    MX    10 mx
            mx   A     127.0.5.1
            mx   AAAA  ::1
            _25._tcp.mx TLSA ''' + tlsa(suite.dir / "cert.pem"))
        net.zone("plain.test", "@ A 127.0.5.2", sign=False)
        net.start()
        suite.settings["common"].update(net.settings())
        net.fault("slow.test", "drop")

NSD serves; a front of ours stands before it, so that a test can see what is asked, and lose, hold or refuse it.
"""
import base64
import hashlib
import os
import pathlib
import re
import shutil
import socket
import socketserver
import struct
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from suite import SBIN, free_ports, wait_for

LOOPBACK = "127.0.0.1"
TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 43: "DS", 48: "DNSKEY", 52: "TLSA"}
SERVFAIL, REFUSED = 2, 5


def run(*args, cwd=None):
    p = subprocess.run([str(a) for a in args], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       env=dict(os.environ, PATH=SBIN))
    if p.returncode:
        raise RuntimeError(f"{args[0]}: {p.returncode} {p.stdout} {p.stderr}")
    return p.stdout


def tlsa(cert, usage=3, selector=1):
    """The rdata of a TLSA record with SHA-256 for a certificate file: of its key (selector 1) or all of it (0)."""
    if selector:
        key = run("openssl", "x509", "-in", cert, "-noout", "-pubkey")
        der = base64.b64decode("".join(line for line in key.splitlines() if not line.startswith("-")))
    else:
        der = subprocess.run(["openssl", "x509", "-in", cert, "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout
    return f"{usage} {selector} 1 {hashlib.sha256(der).hexdigest()}"


def question(packet):
    """name and type of the question of a packet; empty where it has none"""
    labels, at = [], 12
    try:
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii", "replace").lower())
            at += 1 + packet[at]
        kind = struct.unpack_from(">H", packet, at + 1)[0]
    except (IndexError, struct.error):
        return "", ""
    return ".".join(labels), TYPES.get(kind, str(kind))


def refusal(packet, rcode, truncated=False):
    """the question sent back with this rcode, and nothing else"""
    at = 12
    while packet[at]:
        at += 1 + packet[at]
    flags = 0x8000 | (packet[2] << 8 & 0x7900) | 0x0080 | (0x0200 if truncated else 0) | rcode
    return packet[:2] + struct.pack(">HHHHH", flags, 1, 0, 0, 0) + packet[12:at + 5]


# Where a resolver that was told nothing begins: the addresses of the root servers, a to m.
ROOT_SERVERS = ("198.41.0.4", "199.9.14.201", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4",
                "198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33")
NAME_SERVER = "192.0.2.53"


def become_the_world():
    """In a network namespace of its own: this host is every root server, and the name server of all else."""
    run("ip", "link", "set", "lo", "up")
    for a in (*ROOT_SERVERS, NAME_SERVER):
        run("ip", "address", "add", f"{a}/32", "dev", "lo")


class Zone:
    def __init__(self, name, text, sign, broken, spoil, ttl):
        self.name, self.text, self.sign, self.broken, self.spoil, self.ttl = name, text, sign, broken, spoil, ttl
        self.key = None


class Internet:
    """name.strip('.') everywhere: "" is the root."""

    def __init__(self, directory, listen=LOOPBACK, port=None, ns=LOOPBACK):
        """listen, port: where it answers; ns: the address of its name server, as its zones say it (below: recursion)"""
        self.dir = pathlib.Path(directory) / "internet"
        self.dir.mkdir()
        os.chmod(self.dir, 0o755)
        self.zones, self.faults, self.asked = {}, {}, []
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.nsd, self.servers = None, []
        self.listen, self.ns = listen, ns
        self.nsd_port, free = free_udp_ports(2)
        self.port = port or free

    # ---- what is in it ----

    def zone(self, name, records, sign=True, broken=False, spoil=(), ttl=60):
        """A zone, new or in place of the old; after start() with reload().

        records: lines of a zone file, names relative to the zone; SOA, NS and delegation come by themselves.
        sign: DNSSEC.  broken: no signature in it is right.  spoil: names whose signatures are not right.
        """
        name = name.strip(".")
        old = self.zones.get(name)
        self.zones[name] = Zone(name, records, sign, broken, tuple(spoil), ttl)
        if old:
            self.zones[name].key = old.key

    def fault(self, name, how):
        """What happens to questions for name and all below it; None: nothing again.

        "drop": no answer.  "servfail", "refused": that.  "truncate": over UDP only that there is more.
        "hold": none until release().
        """
        with self.lock:
            self.faults[name.strip(".").lower()] = how
            if how == "hold":
                self.released.clear()

    def release(self):
        """What is held is answered, from now on everything."""
        with self.lock:
            self.faults = {n: how for n, how in self.faults.items() if how != "hold"}
        self.released.set()

    def count(self, name=None, kind=None):
        """questions so far, in all or for a name, of a kind"""
        with self.lock:
            return sum((name is None or n == name) and (kind is None or k == kind) for n, k in self.asked)

    # ---- its life ----

    @property
    def address(self):
        return f"{LOOPBACK}:{self.port}"

    @property
    def anchor(self):
        """a file with the key of the root"""
        return self.dir / "root.key"

    def settings(self):
        """for the section common of merpati.conf"""
        return {"resolver_forward": [self.address], "resolver_trust_anchors": [str(self.anchor)]}

    def start(self):
        self.released.clear()
        self.write_zones()
        self.start_nsd()
        for kind in (FrontUDP, FrontTCP):
            server = kind((self.listen, self.port), None)
            server.net = self
            self.servers.append(server)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def reload(self):
        """What zone() said since the start."""
        self.stop_nsd()
        self.write_zones()
        self.start_nsd()

    def stop(self):
        """Nobody answers any more; start() again brings it back on the same port."""
        self.released.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.servers = []
        self.stop_nsd()

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    # ---- zones ----

    def parent_of(self, name):
        while name:
            name = name.partition(".")[2]
            if name in self.zones:
                return name
        return None

    def file_of(self, name):
        return self.dir / (name or "root")

    def key_of(self, zone):
        """base name of the files of its key; made once"""
        if not zone.key:
            zone.key = run("ldns-keygen", "-k", "-a", "ECDSAP256SHA256", "-r", "/dev/urandom", zone.name or ".", cwd=self.dir).strip()
        return self.dir / zone.key

    def ds_of(self, zone):
        return run("ldns-key2ds", "-n", "-2", f"{self.key_of(zone)}.key", cwd=self.dir)

    def write_zones(self):
        for top in {""} | {n.rpartition(".")[2] for n in self.zones} | {"test"}:
            self.zones.setdefault(top, Zone(top, f"ns A {self.ns}" if top == "test" else "", True, False, (), 60))
        lines = {n: [] for n in self.zones}
        for zone in self.zones.values():
            parent = self.parent_of(zone.name)
            if zone.name:
                lines[parent].append(f"{zone.name}. NS ns.test.")
            if zone.name == "test":
                lines[parent].append(f"ns.test. A {self.ns}")  # glue
            if zone.name and zone.sign:
                lines[parent].append(self.ds_of(zone))
        for zone in self.zones.values():
            self.write_zone(zone, lines[zone.name])
        self.anchor.write_text((self.dir / f"{self.key_of(self.zones[''])}.key").read_text())

    def write_zone(self, zone, delegations):
        origin = f"{zone.name}."
        path = self.file_of(zone.name)
        head = [f"$ORIGIN {origin}", f"$TTL {zone.ttl}",
                f"@ SOA ns.test. hostmaster.test. 1 3600 600 86400 {zone.ttl}", "@ NS ns.test."]
        path.write_text("\n".join(head + [re.sub(r"^\s+", "", l) for l in zone.text.splitlines()] + delegations) + "\n")
        if zone.sign:
            run("ldns-signzone", "-o", origin, "-f", f"{path}.signed", path, self.key_of(zone), cwd=self.dir)
            os.replace(f"{path}.signed", path)
        if zone.broken or zone.spoil:
            self.spoil(zone, path)

    def spoil(self, zone, path):
        names = {(n + "." if n != "@" else "") + zone.name + "." for n in zone.spoil}
        out, n = [], 0
        for line in path.read_text().splitlines():
            fields = line.split()
            if fields[3:4] == ["RRSIG"] and (zone.broken or fields[0].lower() in names):
                at = len(line.rstrip()) - 8
                line = line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1:]
                n += 1
            out.append(line)
        if not n:
            raise RuntimeError(f"{zone.name}: there is no signature of {names or 'it'}")
        path.write_text("\n".join(out) + "\n")

    # ---- NSD ----

    def start_nsd(self):
        conf = [f'server:\n ip-address: {LOOPBACK}@{self.nsd_port}\n username: ""\n chroot: ""\n zonesdir: "{self.dir}"',
                f' database: ""\n pidfile: "{self.dir}/nsd.pid"\n logfile: "{self.dir}/nsd.log"\n server-count: 1',
                f' xfrdfile: "{self.dir}/xfrd"\n zonelistfile: "{self.dir}/zonelist"\n rrl-ratelimit: 0\n xfrdir: "{self.dir}"',
                "remote-control:\n control-enable: no"]
        conf += [f'zone:\n name: "{n or "."}"\n zonefile: "{self.file_of(n)}"' for n in self.zones]
        (self.dir / "nsd.conf").write_text("\n".join(conf) + "\n")
        (self.dir / "nsd.log").write_text("")
        self.nsd = subprocess.Popen(["nsd", "-d", "-c", self.dir / "nsd.conf"], env=dict(os.environ, PATH=SBIN),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not wait_for(lambda: self.nsd.poll() is not None or self.answers()) or self.nsd.poll() is not None:
            raise RuntimeError(f"nsd did not start: {(self.dir / 'nsd.log').read_text()}")

    def answers(self):
        """Every zone is there."""
        for name in self.zones:
            wire = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".") if l) + b"\0"
            reply = exchange(self.nsd_port, struct.pack(">HHHHHH", 1, 0, 1, 0, 0, 0) + wire + b"\0\6\0\1", 0.5)
            if len(reply) < 12 or reply[3] & 15 or not reply[7]:
                return False
        return True

    def stop_nsd(self):
        if self.nsd and self.nsd.poll() is None:
            self.nsd.terminate()
            self.nsd.wait(10)
        self.nsd = None

    # ---- the front ----

    def fault_of(self, name):
        with self.lock:
            for at in [name] + [name[i + 1:] for i, c in enumerate(name) if c == "."] + [""]:
                if self.faults.get(at):
                    return self.faults[at]
        return None

    def answer(self, packet, is_tcp):
        """the reply to a packet, or nothing"""
        name, kind = question(packet)
        with self.lock:
            self.asked.append((name, kind))
        how = self.fault_of(name)
        if how == "hold":
            self.released.wait()
        if how == "drop":
            return b""
        if how in ("servfail", "refused"):
            return refusal(packet, SERVFAIL if how == "servfail" else REFUSED)
        if how == "truncate" and not is_tcp:
            return refusal(packet, 0, truncated=True)
        return exchange_tcp(self.nsd_port, packet) if is_tcp else exchange(self.nsd_port, packet, 5)


def free_udp_ports(n):
    """ports that are free for TCP and for UDP"""
    ports = []
    while len(ports) < n:
        for port in free_ports(n - len(ports)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                try:
                    s.bind((LOOPBACK, port))
                    ports.append(port)
                except OSError:
                    pass  # another's: the next one
    return ports


def exchange(port, packet, seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        try:
            s.connect((LOOPBACK, port))
            s.send(packet)
            return s.recv(65536)
        except OSError:
            return b""


def exchange_tcp(port, packet):
    try:
        with socket.create_connection((LOOPBACK, port), timeout=5) as s:
            s.sendall(struct.pack(">H", len(packet)) + packet)
            f = s.makefile("rb")
            return f.read(struct.unpack(">H", f.read(2))[0])
    except (OSError, struct.error):
        return b""


class HandlerUDP(socketserver.BaseRequestHandler):
    def handle(self):
        packet, sock = self.request
        reply = self.server.net.answer(packet, False)
        if reply:
            try:
                sock.sendto(reply, self.client_address)
            except OSError:
                pass  # it was stopped meanwhile


class HandlerTCP(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            while head := self.rfile.read(2):
                packet = self.rfile.read(struct.unpack(">H", head)[0])
                reply = self.server.net.answer(packet, True)
                if not reply:
                    return
                self.wfile.write(struct.pack(">H", len(reply)) + reply)
        except (OSError, struct.error):
            pass  # the asker left


class FrontUDP(socketserver.ThreadingUDPServer):
    daemon_threads, allow_reuse_address, max_packet_size = True, True, 65536

    def __init__(self, address, _):
        super().__init__(address, HandlerUDP)


class FrontTCP(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address, block_on_close = True, True, False

    def __init__(self, address, _):
        super().__init__(address, HandlerTCP)
