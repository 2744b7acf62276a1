require ["ihave"];
if not ihave ["nonsense", "fileinto"] {
	error "no means to do it";
}
