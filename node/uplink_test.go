package node

import (
	"os"
	"testing"
)

func TestWhatTheLineCarriesIsKnownToTheNextProcess(t *testing.T) {
	f := &folder{path: t.TempDir()}
	if got := loadUplink(f); got != 0 {
		t.Errorf("before anything was noted it is %v", got)
	}
	for _, rate := range []float64{250e3, 0} { // what is not known replaces nothing
		if err := saveUplink(f, rate); err != nil {
			t.Fatal(err)
		}
		if got := loadUplink(f); got != 250e3 {
			t.Errorf("%v bytes a second were noted, %v are read", rate, got)
		}
	}
	for _, damaged := range []string{"", "{", `{"rate":-1}`, `{"rate":1e300}`, `{"rate":"250"}`} {
		if err := os.WriteFile(f.join(uplinkFile), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := loadUplink(f); got != 0 {
			t.Errorf("%q is read as %v bytes a second", damaged, got)
		}
	}
}
