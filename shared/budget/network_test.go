package budget_test

import (
	"net"
	"net/netip"
	"testing"

	"latchkey/shared/budget"
)

// FuzzNetwork lets a gateway say any address. What a client is counted under is the
// same for all that it can change at will, and is not another's.
func FuzzNetwork(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1:0", "192.0.2.1", "[2001:db8:1:2::1]:443", "2001:db8:1:2::1", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:1", "fe80::1%eth0", "[fe80::1%eth0]:1", "", "nonsense", "::", "1.2.3.4:x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		got := budget.Network(address)
		a, err := netip.ParseAddr(address)
		at, with := netip.ParseAddrPort(address)
		if with == nil {
			a, err = at.Addr(), nil
		}
		if err != nil {
			if got != address {
				t.Errorf("%q, which is no address, becomes %q", address, got)
			}
			return
		}
		a = a.Unmap().WithZone("")
		if budget.Network(net.JoinHostPort(a.String(), "1")) != got || budget.Network(a.String()) != got {
			t.Errorf("%q is %q, and without its port another", address, got)
		}
		if a.Is4() {
			if got != a.String() {
				t.Errorf("%q becomes %q", address, got)
			}
			return
		}
		p, err := netip.ParsePrefix(got)
		if err != nil || p.Bits() != 64 || !p.Contains(a) || p.Masked() != p {
			t.Fatalf("%q becomes %q", address, got)
		}
		neighbour := a.As16()
		neighbour[15] ^= 0x55
		neighbour[8] ^= 0xaa
		stranger := a.As16()
		stranger[7] ^= 1
		same, other := netip.AddrFrom16(neighbour), netip.AddrFrom16(stranger)
		if !same.Is4In6() && budget.Network(same.String()) != got || budget.Network(other.String()) == got {
			t.Errorf("%q is counted as %q; its network is not", address, got)
		}
	})
}
