//go:build unix

package samlocal

import "testing"

// What a killed run left is removed by the next, what others run is not, and neither is what
// another folder of the same name runs.
func TestContainersOfOthers(t *testing.T) {
	t.Parallel()
	s := standins(t)
	r, _ := s.runner(t)
	s.tell(t, "containers/stray", r.path("build/SignupFunction"))
	s.tell(t, "containers/desktopstray", "/host_mnt"+r.path("build/SignupFunction"))
	s.tell(t, "containers/other", "/home/ada/other/.local/sam/build/SignupFunction")
	s.tell(t, "containers/alike", r.path("build")+"2/SignupFunction")
	s.tell(t, "containers/unknown", "")
	before, err := r.options.Engine.clear(t.Context(), r.path("build"))
	if err != nil {
		t.Fatal(err)
	}
	if s.has("containers/stray") || s.has("containers/desktopstray") || len(before) != 3 || !before["other"] || !before["alike"] || !before["unknown"] {
		t.Errorf("before %v", before)
	}
	for _, desktop := range []bool{false, true} {
		s.tell(t, "containers/new", r.path("build/HomeFunction"))
		s.tell(t, "containers/newunknown", "")
		s.tell(t, "containers/newother", "/elsewhere/HomeFunction")
		e := *r.options.Engine
		e.desktop = desktop
		err = e.remove(r.path("build"), before)
		if err != nil {
			t.Fatal(err)
		}
		if s.has("containers/new") || s.has("containers/newunknown") || !s.has("containers/newother") {
			t.Errorf("desktop %v: containers are left, or too few", desktop)
		}
		for _, id := range []string{"other", "alike", "unknown"} {
			if !s.has("containers/" + id) {
				t.Errorf("desktop %v: %s is gone", desktop, id)
			}
		}
	}
}
