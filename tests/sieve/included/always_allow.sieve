if address :is "from" "boss@example.com" {
	keep;
} elsif address :is "from" "ceo@example.com" {
	keep;
}
