package identity

import (
	"bytes"
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"
)

func TestATicketIsReplacedInTime(t *testing.T) {
	_, state, err := session(t).ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		sealed := newSealer(secret, nil)
		var ticket []byte
		for day, replaced := range []bool{true, false, false, true, false, false, true} {
			one, resumed := sealed.forOne(&tls.Config{}), false
			if ticket != nil {
				s, err := one.UnwrapSession(ticket, tls.ConnectionState{})
				if err != nil || s == nil {
					t.Fatalf("day %d: %v", day, err)
				}
				resumed = true
			}
			issued := *state
			next, err := one.WrapSession(tls.ConnectionState{DidResume: resumed}, &issued)
			if err != nil {
				t.Fatal(err)
			}
			if got := !bytes.Equal(next, keepTicket); got != replaced {
				t.Errorf("day %d: another ticket %v, want %v", day, got, replaced)
			} else if got {
				ticket = next
			}
			time.Sleep(24 * time.Hour)
		}
	})
}

func TestATicketOpensForWhoSealedItAlone(t *testing.T) {
	root := []byte("the authority's certificate")
	sealed := newSealer(secret, root)
	_, state, err := session(t).ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range [][]byte{nil, root, append([]byte("before "), root...)} { // with the root, and without
		if extra != nil {
			state.Extra = [][]byte{extra}
		}
		want, err := state.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := sealed.seal(state)
		if err != nil {
			t.Fatal(err)
		}
		opened := sealed.open(ticket)
		if opened == nil {
			t.Fatal("a ticket does not open")
		}
		if got, _ := opened.Bytes(); !bytes.Equal(got, want) {
			t.Error("what is opened is not what was sealed")
		}
		if newSealer([]byte("another secret"), root).open(ticket) != nil {
			t.Error("it opens by another secret")
		}
		ticket[len(ticket)/2] ^= 1
		if sealed.open(ticket) != nil {
			t.Error("a forged one opens")
		}
	}
	for _, n := range []int{0, 1, 28, 32, 1000} {
		if sealed.open(make([]byte, n)) != nil {
			t.Errorf("%d bytes of nothing open", n)
		}
	}
}
