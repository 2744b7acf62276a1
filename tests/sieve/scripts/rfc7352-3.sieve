require ["duplicate", "variables"];
if allof (duplicate, duplicate :header "message-id", header :matches "message-id" "*", duplicate :uniqueid "${0}") {
	discard;
}
