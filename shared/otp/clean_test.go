package otp

import (
	"strings"
	"testing"
)

// R-029, parity 56: what people type, and what is asked of the vendor.
func TestClean(t *testing.T) {
	for typed, want := range map[string]string{
		"123456": "123456", "000123": "000123", "1234567": "1234567", "1234567890": "1234567890",
		" 123 456 ": "123456", "123-456": "123456", "1 2 3 4 5 6": "123456", "\t123456\r\n": "123456", "123\u00a0456": "123456", "１２３４５６": "123456",
		"１２３　４５６": "123456", "１２３－４５６": "123456",
	} {
		if got, ok := Clean(typed); !ok || got != want {
			t.Errorf("%q: %q %v, want %q", typed, got, ok, want)
		}
	}
	for _, typed := range []string{
		"", " ", "------", "12345", "12345678901", "12345a", "1e5", "1e0005", "0x1234", "+123456", "123.456", "123,456", "12345６７８９０１",
		"١٢٣٤٥٦", "१२३४५६", "①②③④⑤⑥", "𝟏𝟐𝟑𝟒𝟓𝟔", "123456\x00", "123\u200b456", "123456/../x", "123456?force=false", "%31%32%33%34%35%36", "123456\xff",
		"1234" + strings.Repeat(" ", 59) + "56", "１２３４５", strings.Repeat("1", 100_000),
	} {
		if got, ok := Clean(typed); ok {
			t.Errorf("%.40q is accepted as %q", typed, got)
		}
	}
	if got, ok := Clean("1234" + strings.Repeat(" ", 58) + "56"); !ok || got != "123456" {
		t.Errorf("64 bytes: %q %v", got, ok)
	}
}

// A code goes into a vendor's path: nothing but ASCII digits ever does.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"123456", "１２３４５６", " 12-34 56 ", "123456\x00", "\xff123456", "123456/..", "１2３4５6　"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, ok := Clean(typed)
		if !ok {
			return
		}
		if len(got) < 6 || len(got) > 10 || strings.Trim(got, "0123456789") != "" {
			t.Errorf("%q becomes %q", typed, got)
		}
		again, ok := Clean(got)
		if !ok || again != got {
			t.Errorf("%q becomes %q, and that %q", typed, got, again)
		}
	})
}
