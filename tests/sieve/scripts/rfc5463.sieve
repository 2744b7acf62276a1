require ["ihave"];
if ihave "nonsense" {
	nonsense "x";
} elsif allof (not ihave ["fileinto", "nonsense"], ihave "fileinto") {
	fileinto "INBOX.a";
}
