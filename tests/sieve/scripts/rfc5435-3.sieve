require ["enotify"];
if anyof (not header "subject" "ask", valid_notify_method "xmpp:tim@example.com?message;subject=SIEVE") {
	notify "xmpp:tim@example.com?message;subject=SIEVE";
}
