require ["replace", "mime", "foreverypart"];
foreverypart {
	if header :mime :type "content-type" "application" {
		replace :mime text:
Content-Type: text/plain

x
--AA
Content-Type: text/plain

y
.
;
	}
}
