require ["reject"];
if anyof (header :contains "Subject" "$$", header :contains "Subject" "Make money fast") {
	reject "No thank you.";
}
