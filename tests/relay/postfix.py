# SPDX-License-Identifier: ISC
"""postfix.py - a group of the relay suite: mail to a Postfix, where one is installed."""
import os
import shutil
import subprocess

from internet import SBIN
from sent import USERS, burst, is_reported, reports, send
from suite import Suite, free_ports, listens, wait_for

MAIN_CF = """compatibility_level = 3.6
queue_directory = {d}/q
data_directory = {d}/data
mail_owner = postfix
myhostname = mx.elsewhere.test
inet_interfaces = 127.0.0.1
mydestination =
mynetworks =
virtual_mailbox_domains = elsewhere.test
virtual_mailbox_base = {d}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:61077
virtual_gid_maps = static:61077
virtual_minimum_uid = 1
smtpd_reject_unlisted_recipient = no
smtpd_tls_chain_files = {d}/key.pem, {d}/cert.pem
smtpd_tls_security_level = may
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{gone@elsewhere.test = REJECT}} }}, permit_auth_destination, reject
maillog_file = /dev/stdout
"""

MASTER_CF = """{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def postfix(t):
    """A real server: many messages over few connections, encrypted, one recipient refused."""
    if os.geteuid() != 0 or not shutil.which("postfix", path=SBIN):
        t.skip("Postfix as the other host", "needs root and postfix")
        return
    port, = free_ports(1)
    with Suite(queue__routes=[f"*=smtp://[127.0.0.1]:{port} tls=encrypt"]) as s:
        d = s.dir / "postfix"
        for name in ("etc", "q", "data", "mail"):
            (d / name).mkdir(parents=True)
        for name in ("key.pem", "cert.pem"):
            shutil.copy(s.dir / name, d / name)
        shutil.chown(d / "data", "postfix")
        os.chown(d / "mail", 61077, 61077)
        (d / "etc/main.cf").write_text(MAIN_CF.format(d=d))
        (d / "etc/master.cf").write_text(MASTER_CF.format(port=f"127.0.0.1:{port}"))
        env = dict(os.environ, PATH=SBIN)
        log = open(d / "log", "ab")
        p = subprocess.Popen(["postfix", "-c", d / "etc", "start-fg"], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            s.users(USERS)
            s.start()
            t.check(wait_for(lambda: listens(port), 30), "Postfix starts", (d / "log").read_text()[-500:])
            burst(s, 100)
            send(s, ["gone@elsewhere.test", "b@elsewhere.test"])
            new = d / "mail/all/new"
            t.check(wait_for(lambda: new.exists() and len(list(new.iterdir())) == 101, 30), "it gets all", s.log()[-800:])
            t.check(is_reported(s, "smtp; 554 5.7.1", "gone@"), "and refuses one", str(reports(s)))
            t.check(wait_for(lambda: s.queue_count() == 0, 20) and len(list(new.iterdir())) == 101, "each once")
        finally:
            subprocess.run(["postfix", "-c", d / "etc", "stop"], env=env, stdout=log, stderr=log)
            p.wait(20)
