// Package chars says which characters a text from outside consists of.
//
// A regular expression would say it, too, but is compiled whenever a function
// starts: those of a step took a millisecond, a quarter of its start. What is
// here costs nothing before it is called, and does not allocate.
//
// All of it is about bytes and about ASCII: a character beyond is several bytes,
// none of which is in any class, and so is what is not UTF-8. There are no ends
// of lines: a text that ends in one has one byte more.
//
// It must not know what a text means. A shape with parts to it stands beside its
// use.
package chars

// Digit reports whether c is one of 0-9.
func Digit(c byte) bool { return '0' <= c && c <= '9' }

// Lower reports whether c is one of a-z.
func Lower(c byte) bool { return 'a' <= c && c <= 'z' }

// Upper reports whether c is one of A-Z.
func Upper(c byte) bool { return 'A' <= c && c <= 'Z' }

// Letter reports whether c is one of a-z and A-Z.
func Letter(c byte) bool { return Lower(c) || Upper(c) }

// Alphanumeric reports whether c is one of 0-9, a-z and A-Z.
func Alphanumeric(c byte) bool { return Letter(c) || Digit(c) }

// LowerAlphanumeric reports whether c is one of 0-9 and a-z.
func LowerAlphanumeric(c byte) bool { return Lower(c) || Digit(c) }

// Hex reports whether c is one of 0-9, a-f and A-F.
func Hex(c byte) bool { return LowerHex(c) || 'A' <= c && c <= 'F' }

// LowerHex reports whether c is one of 0-9 and a-f.
func LowerHex(c byte) bool { return Digit(c) || 'a' <= c && c <= 'f' }

// Base64URL reports whether c is of the alphabet of base64url (RFC 4648, 5)
// without its padding: one of 0-9, a-z, A-Z, - and _.
func Base64URL(c byte) bool { return Alphanumeric(c) || c == '-' || c == '_' }

// Visible reports whether c is one of ! to ~: neither a blank nor a control.
func Visible(c byte) bool { return '!' <= c && c <= '~' }

// Are reports whether s has least to most bytes, each of a class.
func Are(s string, least, most int, class func(byte) bool) bool {
	return least <= len(s) && len(s) <= most && Lead(s, class) == len(s)
}

// Some reports whether s has at least one byte, and none that is not of a class.
func Some(s string, class func(byte) bool) bool { return Are(s, 1, len(s), class) }

// Lead is how many bytes of a class s begins with.
func Lead(s string, class func(byte) bool) int {
	for i := range len(s) {
		if !class(s[i]) {
			return i
		}
	}
	return len(s)
}
