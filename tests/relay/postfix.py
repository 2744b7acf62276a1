# SPDX-License-Identifier: ISC
"""postfix.py - a group of the relay suite: mail to a Postfix, where one is installed."""
import os
import shutil

from mta import Postfix, has_postfix
from sent import USERS, burst, is_reported, reports, send
from suite import Suite, wait_for

MAIN_CF = """myhostname = mx.elsewhere.test
virtual_mailbox_domains = elsewhere.test
virtual_mailbox_base = {d}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:61077
virtual_gid_maps = static:61077
virtual_minimum_uid = 1
smtpd_tls_chain_files = {d}/key.pem, {d}/cert.pem
smtpd_tls_security_level = may
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{gone@elsewhere.test = REJECT}} }}, permit_auth_destination, reject
"""


def postfix(t):
    """A real server: many messages over few connections, encrypted, one recipient refused."""
    if not has_postfix():
        t.skip("Postfix as the other host", "needs root and postfix")
        return
    with Suite() as s:
        d = s.dir / "postfix"
        other = Postfix(d, MAIN_CF.format(d=d), "virtual unix - n n - - virtual")
        (d / "mail").mkdir()
        for name in ("key.pem", "cert.pem"):
            shutil.copy(s.dir / name, d / name)
        os.chown(d / "mail", 61077, 61077)
        s.settings["queue"]["routes"] = [f"*=smtp://[127.0.0.1]:{other.port} tls=encrypt"]
        s.write_conf()
        with other:
            s.users(USERS)
            s.start()
            t.check(other.is_up(), "Postfix starts", other.log()[-500:])
            burst(s, 100)
            send(s, ["gone@elsewhere.test", "b@elsewhere.test"])
            new = d / "mail/all/new"
            t.check(wait_for(lambda: new.exists() and len(list(new.iterdir())) == 101, 30), "it gets all", s.log()[-800:])
            t.check(is_reported(s, "smtp; 554 5.7.1", "gone@"), "and refuses one", str(reports(s)))
            t.check(wait_for(lambda: s.queue_count() == 0, 20) and len(list(new.iterdir())) == 101, "each once")
