# SPDX-License-Identifier: ISC
"""policies.py - what domains say about TLS to their mail hosts (MTA-STS), kept to against real servers; and reports of how it went.

Names: HOST.MODE.test is a domain with the policy MODE whose one mail host is HOST.hosts.test, a sink of its own.
"""
import email
import gzip
import json
import os
import pathlib
import re
import signal
import smtplib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "relay"))
from authority import Authority, Web
from internet import Internet, tlsa
from sink import Sink
from suite import BUILD, Suite, clock_of, wait_for

U1 = "u1@example.test"
PATH = "/.well-known/mta-sts.txt"
TEXT = {"Content-Type": "text/plain"}
WEB = "127.0.5.9"
DAY = 86400
QUICK = dict(queue__retry_first=1, queue__retry_most=1, queue__relay_down_first=1, queue__relay_down_most=1, queue__relay_idle_time=1)
MODES = ("enforce", "testing", "none", "silent")
# the kinds of hosts: who may have its mail where it is enforced, and what a report calls it
HOSTS = {"good": (True, None), "unnamed": (False, "validation-failure"), "expired": (False, "certificate-expired"),
         "stranger": (False, "certificate-not-trusted"), "wrong": (False, "certificate-host-mismatch"),
         "plain": (False, "starttls-not-supported"), "broken": (False, "validation-failure")}


def policy(mode, *names, max_age=7 * DAY):
    return f"version: STSv1\r\nmode: {mode}\r\n{''.join(f'mx: {n}{chr(13)}{chr(10)}' for n in names)}max_age: {max_age}\r\n".encode()


def send(s, to, subject="hello"):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
        c.sendmail(U1, [to], f"From: <{U1}>\r\nSubject: {subject}\r\n\r\nbody\r\n")


class World:
    """A DNS, an authority, a web server for policies, and a sink for each kind of host; and a queue that sends to them."""

    def __init__(self, records="", has_clock=False, **settings):
        self.s = Suite(queue__routes=["*=mx"], **QUICK, **settings)
        self.net = Internet(self.s.dir)
        self.ca, other = Authority(self.s.dir), Authority(self.s.dir, "other")
        self.texts, self.sinks = {}, {}
        certs = {"good": self.ca.certificate("good.hosts.test", "unnamed.hosts.test"), "expired": self.ca.certificate("expired.hosts.test", days=-1),
                 "stranger": other.certificate("stranger.hosts.test"), "wrong": self.ca.certificate("else.hosts.test"),
                 "dane": other.certificate("dane.hosts.test"), "plain": None, "broken": "garbage"}
        certs["unnamed"] = certs["good"]
        self.address = {h: f"127.0.5.{20 + i}" for i, h in enumerate(certs)}
        for host, cert in certs.items():
            self.sinks[host] = Sink(host=self.address[host], port=25, tls=cert, name=f"{host}.hosts.test")
        self.net.zone("hosts.test", "\n".join(f"{h} A {a}" for h, a in self.address.items()) + f"\nweb A {WEB}\n_25._tcp.dane TLSA {tlsa(certs['dane'][0])}\n"
                      f"nomatch A {self.address['good']}\n_25._tcp.nomatch TLSA 3 1 1 {'ab' * 32}")
        self.names = [f"mta-sts.{h}.{m}.test" for h in (*HOSTS, "dane", "nomatch") for m in MODES]
        for mode in MODES:
            self.zone(mode, records)
        cert = self.ca.certificate("web.hosts.test", *self.names)
        self.web = Web((WEB, 443), *cert, {PATH: self.page}, posts={"/v1": 201, "/full": 507})
        self.net.start()
        self.s.settings["common"].update(self.net.settings(), tls_authorities=str(self.ca.file))
        self.s.write_conf()
        self.set_clock = clock_of(self.s) if has_clock else None
        self.s.users([(U1, "pass")])
        self.s.start("queue", "deliver", "smtpd")

    def zone(self, mode, records="", id="1"):
        lines = []
        for host in (*HOSTS, "dane", "nomatch"):
            lines += [f"{host} MX 10 {host}.hosts.test.", f"mta-sts.{host} A {WEB}", f'_mta-sts.{host} TXT "v=STSv1; id={id};"']
            self.texts.setdefault(f"mta-sts.{host}.{mode}.test", policy(mode, "other.hosts.test") if host == "unnamed" else policy(mode, "*.hosts.test"))
        self.net.zone(f"{mode}.test", "\n".join([*lines, records.replace("MODE", mode)]), ttl=1)

    def page(self, handler):
        name = handler.headers["Host"].partition(":")[0]
        text = self.texts[name]
        if callable(text):
            text(handler)
            return
        handler.send_response(200 if text else 404)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def fetches(self, domain):
        return sum(h.partition(":")[0] == f"mta-sts.{domain}" for h, _ in self.web.asked)

    def arrives(self, host, subject, seconds=30):
        """the message of that subject at the sink of that host, or nothing"""
        def find():
            return next((m for m in list(self.sinks[host].messages) if f"Subject: {subject}\r\n".encode() in m.text), None)
        return wait_for(find, seconds)

    def failures(self, domain):
        """Why connections to the mail hosts of the domain were of no use, one reason for each."""
        return re.findall(rf'event=destination_(?:down|denied) dest="\d+ {re.escape(domain)}" .*why=(.*)', self.s.log())

    def waits(self, domain, seconds=30):
        """Why mail for the domain waits, or nothing"""
        return next(iter(wait_for(lambda: self.failures(domain), seconds)), None)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for k in self.sinks.values():
            k.close()
        self.web.__exit__(None, None, None)
        self.s.__exit__(kind, value, trace)
        self.net.close()


def table(t):
    """Each mode with each kind of host, by real TLS."""
    with World() as w:
        for name in list(w.texts):
            if name.endswith(".silent.test"):
                w.texts[name] = b""  # a record, and no policy
        for mode in MODES:
            for host in HOSTS:
                send(w.s, f"a@{host}.{mode}.test", f"{host} {mode}")
        for mode in MODES:
            for host, (is_good, result) in HOSTS.items():
                domain = f"{host}.{mode}.test"
                if mode == "enforce" and not is_good:
                    why = w.waits(domain)
                    t.check(why and "4.7." in why and not w.arrives(host, f"{host} {mode}", 0), f"{mode}, {host}: it waits", f"{why}")
                    continue
                m = w.arrives(host, f"{host} {mode}")
                t.check(m and m.has_tls == (host not in ("plain", "broken")), f"{mode}, {host}: it arrives", w.s.log()[-1500:])
        log = w.s.log()
        for host, (is_good, result) in HOSTS.items():
            said = re.findall(rf"event=(?:tls_failure|host_denied) .*{host}\.hosts\.test.*policy=sts result=(\S+)", log)
            t.check(is_good != (result in said) and (is_good or len(said) >= 2), f"{host}: what was wrong is logged, enforced and testing", f"{set(said)}")
        t.check("not named in the MTA-STS policy" in w.waits("unnamed.enforce.test"), "its sender's admin sees why")
        t.check("event=destination_down" not in w.s.log(), "what a domain says is not held against its hosts, which others have, too",
                str(re.findall("event=destination_down.*", w.s.log())))
        send(w.s, "a@dane.enforce.test", "by DANE")
        m = w.arrives("dane", "by DANE")
        t.check(m and m.has_tls, "a host with TLSA records: they count, not the authorities", log[-900:])
        send(w.s, "a@nomatch.testing.test", "not by DANE")
        t.check(w.waits("nomatch.testing.test") and not w.arrives("good", "not by DANE", 0), "also where the policy is content, and they are not")
        t.check(w.fetches("good.enforce.test") == 1 and w.fetches("good.silent.test") == 1, "a policy is fetched once, and what fails not at once again",
                f"{w.fetches('good.enforce.test')} {w.fetches('good.silent.test')}")
        t.check("syscall_answered_enosys" not in w.s.log(), "the jail knows every system call", str(set(re.findall("syscall_answered_enosys.*", w.s.log()))))


def kept(t):
    """What was fetched holds over restarts and what happens to its domain, until it ends; a new id brings the new one."""
    with World(has_clock=True) as w:
        w.texts["mta-sts.good.testing.test"] = policy("testing", "*.hosts.test", max_age=2 * DAY)
        send(w.s, "a@stranger.testing.test", "before")
        t.check(w.arrives("stranger", "before"), "a policy that only tests")
        w.texts["mta-sts.stranger.testing.test"] = policy("enforce", "*.hosts.test", max_age=10 * DAY)
        send(w.s, "a@stranger.testing.test", "same id")
        t.check(w.arrives("stranger", "same id") and w.fetches("stranger.testing.test") == 1, "the same id: it is not fetched again")
        w.zone("testing", id="2")
        w.net.reload()
        wait_for(lambda: w.net.count("_mta-sts.stranger.testing.test", "TXT") > 1, 5)

        def sent_by_new():
            send(w.s, "a@stranger.testing.test", "new id")
            return w.fetches("stranger.testing.test") == 2
        t.check(wait_for(sent_by_new, 20, 1) and w.waits("stranger.testing.test"), "a new id: it is fetched, and enforced", w.s.log()[-900:])

        w.s.stop("queue")
        w.net.zone("testing.test", "stranger MX 10 stranger.hosts.test.\ngood MX 10 good.hosts.test.", ttl=1)
        w.net.reload()
        w.s.start("queue")
        n = len(w.sinks["stranger"].messages)
        send(w.s, "a@stranger.testing.test", "after a restart")
        had = len(w.failures("stranger.testing.test"))
        t.check(wait_for(lambda: len(w.failures("stranger.testing.test")) > had, 30) and "not who it should be" in w.failures("stranger.testing.test")[-1] and
                len(w.sinks["stranger"].messages) == n, "neither record nor policy host any more, and another process: it is enforced still", w.s.log()[-900:])
        w.set_clock(11 * DAY)
        w.s.merpati("queue", "flush")
        t.check(w.arrives("stranger", "after a restart", 60), "until its end", w.s.log()[-900:])


def refreshed(t):
    with World(has_clock=True) as w:
        name = "good.enforce.test"
        send(w.s, f"a@{name}", "one")
        t.check(w.arrives("good", "one") and w.fetches(name) == 1, "a policy of a week")
        w.set_clock(DAY + 3600)
        t.check(wait_for(lambda: len(re.findall(f"event=policy_fetched domain={name}", w.s.log())) == 2, 30), "a day later it is fetched anew, without any mail", w.s.log()[-900:])
        w.texts[f"mta-sts.{name}"] = b""
        w.set_clock(2 * DAY + 7200)
        t.check(wait_for(lambda: re.search(f"event=policy_not_fetched domain={name} .*kept=yes", w.s.log()), 30), "a refresh that fails keeps what there is")
        w.sinks["good"].tls_context.load_cert_chain(*w.ca.certificate("else.hosts.test"))
        send(w.s, f"a@{name}", "two")
        t.check(w.waits(name), "and to that is kept", w.s.log()[-900:])
        n = w.fetches(name)
        w.set_clock(2 * DAY + 7200 + 2 * 3600)
        t.check(wait_for(lambda: w.fetches(name) > n, 30), "it is tried again within hours")
        w.s.kill("queue", "sts")
        n = len(w.failures(name))
        w.s.merpati("queue", "flush")
        t.check(wait_for(lambda: len(w.failures(name)) > n, 30) and not w.arrives("good", "two", 0), "a process that dies forgets nothing")
        t.check(wait_for(lambda: w.s.pids("queue", "sts"), 10), "and is there again")


def waiting(t):
    """A policy host that does not answer: mail waits for it as long as STS_LOOK_UP_MS, and no longer."""
    over = threading.Event()
    with World() as w:
        w.texts["mta-sts.good.enforce.test"] = lambda handler: over.wait(60)
        send(w.s, "a@good.enforce.test", "slow")
        send(w.s, "a@good.testing.test", "quick")
        t.check(w.arrives("good", "quick", 10), "other domains do not wait for it")
        t.check(not w.arrives("good", "slow", 1) and w.arrives("good", "slow", 30), "its own mail does, and then goes as without a policy", w.s.log()[-900:])
        over.set()


class Held:
    """A policy that does not come until the test says so."""

    def __init__(self, text):
        self.text, self.asked, self.over = text, threading.Event(), threading.Event()

    def __call__(self, handler):
        self.asked.set()
        self.over.wait(60)
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Content-Length", str(len(self.text)))
        handler.end_headers()
        handler.wfile.write(self.text)


def deaths(t):
    """Who dies in the middle of a look-up: the next one is asked, and nobody gets mail for it who should not."""
    with World() as w:
        for role in ("fetch", "sts"):
            host = {"fetch": "wrong", "sts": "expired"}[role]
            held = w.texts[f"mta-sts.{host}.enforce.test"] = Held(policy("enforce", "*.hosts.test"))
            send(w.s, f"a@{host}.enforce.test", f"{role} dies")
            t.check(held.asked.wait(20), f"{role}: a fetch is under way")
            held.asked.clear()
            w.s.kill("queue", role)
            t.check(held.asked.wait(20), f"{role} dies: the next one asks again")
            held.over.set()
            t.check(w.waits(f"{host}.enforce.test") and not w.arrives(host, f"{role} dies", 0), f"{role} died: the policy is found, and enforced", w.s.log()[-900:])
        w.net.fault("_mta-sts.stranger.enforce.test", "hold")
        send(w.s, "a@stranger.enforce.test", "resolver dies")
        t.check(wait_for(lambda: w.net.count("_mta-sts.stranger.enforce.test", "TXT"), 20), "resolver: a question is under way")
        w.s.kill("queue", "resolver")
        w.net.release()
        t.check(w.waits("stranger.enforce.test") and not w.arrives("stranger", "resolver dies", 0), "resolver died: the policy is found, and enforced", w.s.log()[-900:])
        was = w.s.pids("queue", "sts")
        w.s.procs["queue"].send_signal(signal.SIGHUP)
        send(w.s, "a@good.enforce.test", "reload")
        send(w.s, "a@unnamed.enforce.test", "reload")
        t.check(w.arrives("good", "reload") and w.waits("unnamed.enforce.test") and not w.arrives("unnamed", "reload", 0), "a reload: who asks meanwhile is answered",
                w.s.log()[-900:])
        t.check(wait_for(lambda: w.s.pids("queue", "sts") not in ([], was), 20), "by another process, before long")


def off(t):
    with World(queue__mta_sts=False) as w:
        send(w.s, "a@stranger.enforce.test", "off")
        t.check(w.arrives("stranger", "off") and not w.web.asked and not w.net.count("_mta-sts.stranger.enforce.test"), "mta_sts = no: nobody is asked")
    with World() as w:
        w.s.settings["queue"]["routes"] = [f"stranger.enforce.test=smtp://{w.address['stranger']}", "*=mx"]
        w.s.write_conf()
        w.s.stop("queue")
        w.s.start("queue")
        send(w.s, "a@stranger.enforce.test", "by hand")
        t.check(w.arrives("stranger", "by hand") and not w.web.asked, "a route by hand: its word counts")


def wants(host, *places):
    """the record of who gets reports on the domain HOST.MODE.test"""
    return f'_smtp._tls.{host} TXT "v=TLSRPTv1; rua={",".join(places)}"\n'


def policies_of(report):
    return {p["policy"]["policy-type"]: p for p in report["policies"]}


def mailed(w, host, domain, seconds=60):
    """the mail with the report on a domain, and the report"""
    def find():
        return next((m for m in list(w.sinks[host].messages) if f"TLS-Report-Domain: {domain}\r\n".encode() in m.text), None)
    m = wait_for(find, seconds)
    if not m:
        return None, None
    mail = email.message_from_bytes(m.text)
    return mail, json.loads(gzip.decompress(mail.get_payload()[1].get_payload(decode=True)))


def signatures(w, host, domain):
    """What the verifier says of the signatures of that mail: result, d=."""
    text = next(m.text for m in w.sinks[host].messages if f"TLS-Report-Domain: {domain}\r\n".encode() in m.text)
    records = w.s.dir / "dkim-records"
    records.write_text("".join(f"{r['name']} {r['record']}\n" for r in json.loads(w.s.merpati("--json", "dkim", "show", "example.test").stdout)))
    p = subprocess.run([BUILD / "tests/dkim/mail_keys", "verify", records, "0"], input=text, stdout=subprocess.PIPE, env=w.s.env, timeout=60)
    return [line.split("\t")[:2] for line in p.stdout.decode().splitlines()]


def posted(w, path, domain, seconds=60):
    def find():
        return [json.loads(gzip.decompress(body)) for p, kind, body in list(w.web.posted)
                if p == path and kind == "application/tlsrpt+gzip" and domain.encode() in gzip.decompress(body)]
    return wait_for(find, seconds)


def reports(t):
    """A day's end: who asks for it gets a report, as RFC 8460 has it; over a restart, and by a clock of the test's."""
    records = (wants("stranger", "mailto:rpt@stranger.MODE.test") + wants("good", "https://web.hosts.test/v1") +
               wants("unnamed", "https://web.hosts.test/full") + wants("plain", "mailto:rpt@good.MODE.test", "https://web.hosts.test/none") +
               wants("dane", "https://web.hosts.test/v1"))
    with World(records=records, has_clock=True, queue__tlsrpt_from="tls@example.test") as w:
        w.texts["mta-sts.good.silent.test"] = b""
        for host, mode in (("good", "enforce"), ("good", "silent"), ("unnamed", "testing"), ("plain", "testing"), ("wrong", "testing"), ("dane", "enforce")):
            send(w.s, f"a@{host}.{mode}.test", f"{host} {mode}")
            t.check(w.arrives(host, f"{host} {mode}"), f"{host} {mode}: mail")
        send(w.s, "a@stranger.enforce.test", "never")
        t.check(w.waits("stranger.enforce.test"), "mail that is not sent")
        w.s.merpati("queue", "remove", "--all")
        t.check(wait_for(lambda: w.s.queue_count() == 0, 20), "and is removed")
        w.s.stop("queue")  # relays told what they had to tell; it is kept
        w.s.start("queue")
        rows = {r["domain"]: r for r in json.loads(w.s.merpati("--json", "queue", "tlsrpt", "list").stdout)}
        t.check((rows["good.enforce.test"]["successful"], rows["good.enforce.test"]["failed"]) == (1, 0) and rows["stranger.enforce.test"]["failed"] >= 1 and
                len(rows) == 7, "what is counted is shown", str(rows))
        said = w.s.merpati("queue", "tlsrpt", "send").stdout
        t.check(said == "0 due now\n" and not w.arrives("stranger", "x", 5) and not w.web.posted, "before the day ends nobody gets a report", said)
        w.s.merpati("dkim", "new", "example.test")
        w.set_clock(DAY + 4 * 3600)

        mail, r = mailed(w, "stranger", "stranger.enforce.test")
        t.check(r is not None, "by mail, also where its own policy says no", w.s.log()[-900:])
        t.check(mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "tlsrpt" and mail["TLS-Report-Submitter"] == "example.test" and
                mail["From"] == "TLS reports <tls@example.test>" and mail["To"] == "<rpt@stranger.enforce.test>" and mail["TLS-Required"] == "No",
                "its head", str(mail.items()))
        said = signatures(w, "stranger", "stranger.enforce.test")
        t.check(said == [["pass", "example.test"]] * 2, "it is signed by the domain that reports (RFC 8460 3)", str(said))
        part = mail.get_payload()[1]
        t.check(part.get_content_type() == "application/tlsrpt+gzip" and
                re.fullmatch(r"example\.test!stranger\.enforce\.test!(\d+)!(\d+)![0-9a-f]{24}\.json\.gz", part.get_filename()), "its file", part.get_filename())
        p = r["policies"][0]
        t.check(r["organization-name"] == "example.test" and r["contact-info"] == "tls@example.test" and r["date-range"]["start-datetime"].endswith("T00:00:00Z") and
                r["report-id"] in mail["Subject"], "who reports, of which day", str(r))
        t.check(p["policy"] == {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce", f"max_age: {7 * DAY}", "mx: *.hosts.test"],
                                "policy-domain": "stranger.enforce.test", "mx-host": ["*.hosts.test"]}, "the policy", str(p["policy"]))
        f = p["failure-details"][0]
        t.check(len(r["policies"]) == 1 and p["summary"]["total-successful-session-count"] == 0 and
                p["summary"]["total-failure-session-count"] == sum(x["failed-session-count"] for x in p["failure-details"]) >= 1, "its counts", str(p["summary"]))
        t.check((f["result-type"], f["receiving-mx-hostname"], f["receiving-ip"], f["receiving-mx-helo"]) ==
                ("certificate-not-trusted", "stranger.hosts.test", w.address["stranger"], "stranger.hosts.test") and f["sending-mta-ip"].startswith("127.") and
                f["failure-reason-code"], "what failed, where", str(f))

        p = policies_of(posted(w, "/v1", "good.enforce.test")[0])
        t.check(p["sts"]["summary"] == {"total-successful-session-count": 1, "total-failure-session-count": 0} and "failure-details" not in p["sts"],
                "by HTTPS; a day without failures is told, too", str(p))
        p = policies_of(posted(w, "/v1", "good.silent.test")[0])
        t.check(p["sts"]["failure-details"][0]["result-type"] == "sts-policy-fetch-error" and p["no-policy-found"]["summary"]["total-successful-session-count"] == 1,
                "a policy that cannot be fetched", str(p))
        p = policies_of(posted(w, "/v1", "dane.enforce.test")[0])
        t.check(p["tlsa"]["policy"]["mx-host"] == ["dane.hosts.test"] and re.fullmatch("3 1 1 [0-9a-f]{64}", p["tlsa"]["policy"]["policy-string"][0]) and
                p["tlsa"]["summary"]["total-successful-session-count"] == 1, "TLSA records", str(p))
        _, r = mailed(w, "good", "plain.testing.test")
        t.check(r and r["policies"][0]["failure-details"][0]["result-type"] == "starttls-not-supported", "two places, of which one takes it", str(r))
        t.check(posted(w, "/full", "unnamed.testing.test"), "one who does not take it")
        t.check(wait_for(lambda: "event=tls_report_deferred domain=unnamed.testing.test" in w.s.log(), 20), "waits", w.s.log()[-900:])
        w.web.posts["/full"] = 200
        later = DAY + 5 * 3600
        w.set_clock(later)
        t.check(wait_for(lambda: re.search("event=tls_reported domain=unnamed.testing.test .*places=1", w.s.log()), 30), "and takes it later", w.s.log()[-900:])
        t.check(wait_for(lambda: w.s.queue_count() == 0, 20) and not re.search("tls_report.*wrong.testing.test", w.s.log()), "who does not ask gets none")
        said = len(re.findall("event=tls_report", w.s.log()))
        send(w.s, "a@good.testing.test", "another day")
        t.check(w.arrives("good", "another day"), "on another day there is other mail")
        w.s.stop("queue")
        w.s.start("queue")
        w.set_clock(later + int(DAY - (time.time() + later) % DAY) + 10)  # the day after that, before anything is due
        said_now = w.s.merpati("queue", "tlsrpt", "send").stdout
        t.check(said_now == "1 due now\n", "a report that is sent when somebody says so", said_now)
        t.check(posted(w, "/v1", "good.testing.test") and wait_for(lambda: "tls_reported domain=good.testing.test" in w.s.log(), 20) and
                not w.arrives("stranger", "x", 5) and len(re.findall("event=tls_report", w.s.log())) == said + 1,
                "which is reported; that reports were sent is not", "\n".join(re.findall("event=tls_report.*", w.s.log())))
        t.check("syscall_answered_enosys" not in w.s.log(), "the jail knows every system call", str(set(re.findall("syscall_answered_enosys.*", w.s.log()))))


GROUPS = (table, kept, refreshed, waiting, deaths, off, reports)


def run(t):
    if os.geteuid() != 0:
        t.skip("policies for TLS", "ports 25 and 443 need root")
        return
    for group in GROUPS:
        if os.environ.get("GROUP", group.__name__) == group.__name__:
            try:
                group(t)
            except Exception as e:
                t.check(False, f"policies {group.__name__}", f"{type(e).__name__}: {e}")


if __name__ == "__main__":
    from suite import Tally
    t = Tally("internet")
    run(t)
    t.end()
