//go:build linux
package e2e
import "testing"
type browser struct{}
type tab struct{}
func (b *browser) open(t *testing.T, s *stack, x bool) *tab {t.Skip("x"); return nil}
func signUp(t *testing.T, b *tab){}
func doubleClick(t *testing.T, b *tab){}
func goBack(t *testing.T, b *tab){}
func screens(t *testing.T, b *tab){}
