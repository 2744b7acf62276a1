require ["duplicate", "imap4flags"];
if duplicate :header "X-Event-ID" :handle "notifier" {
	discard;
}
if allof (duplicate :header "X-Ticket-ID" :handle "support", address "to" "support@example.com",
	header :contains "subject" "fileserver") {
	setflag "\\seen";
}
