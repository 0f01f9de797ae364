package origin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"earshot/protocol"
)

func refusal(code protocol.Code) error { return &protocol.Refused{Code: code} }

func TestAnInvitationIsGoodAsOftenAndAsLongAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "invitations")
		secret, err := OpenInvitations(path).Invite(t.Context(), 2, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		use := func(want error) { // each time as after a restart
			t.Helper()
			if err := OpenInvitations(path).Use(t.Context(), secret, time.Now()); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		use(nil)
		time.Sleep(time.Hour - time.Nanosecond)
		use(nil)
		use(refusal(protocol.CodeInvitationUsed))
		time.Sleep(time.Nanosecond)
		use(refusal(protocol.CodeInvitationExpired))
		secret[0]++
		use(refusal(protocol.CodeInvitationUnknown))
		secret[0]--
		time.Sleep(keepFor + time.Second)
		use(refusal(protocol.CodeInvitationUnknown)) // forgotten
	})
}

func TestAnInvitationForNobodyOrThePastIsNotMade(t *testing.T) {
	v := OpenInvitations(filepath.Join(t.TempDir(), "invitations"))
	if _, err := v.Invite(t.Context(), 0, time.Now().Add(time.Hour)); err == nil {
		t.Error("for nobody")
	}
	if _, err := v.Invite(t.Context(), 1, time.Now()); err == nil {
		t.Error("for the past")
	}
}

func TestManyAtOnceUseAnInvitationNoMoreOftenThanItAllows(t *testing.T) {
	v := OpenInvitations(filepath.Join(t.TempDir(), "invitations"))
	secret, err := v.Invite(t.Context(), 5, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var admitted atomic.Int32
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			switch err := v.Use(t.Context(), secret, time.Now()); {
			case err == nil:
				admitted.Add(1)
			case !errors.Is(err, refusal(protocol.CodeInvitationUsed)):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if admitted.Load() != 5 {
		t.Errorf("%d were admitted", admitted.Load())
	}
}

func TestTheFileOfInvitationsLetsNobodyIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "invitations")
	secret, err := OpenInvitations(path).Invite(t.Context(), 1, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(data), string(secret[:])) {
		t.Errorf("the secret is in the file, or %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestADamagedFileAdmitsNobodyAndIsNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "invitations")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := OpenInvitations(path)
	if err := v.Use(t.Context(), [16]byte{}, time.Now()); err == nil {
		t.Error("a use was granted")
	}
	if _, err := v.Invite(t.Context(), 1, time.Now().Add(time.Hour)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("the error does not name the file: %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "{" {
		t.Errorf("it is now %q", data)
	}
}

func TestWaitingForTheFileEndsWithTheContext(t *testing.T) {
	v := OpenInvitations(filepath.Join(t.TempDir(), "invitations"))
	v.lock <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Use(ctx, [16]byte{}, time.Now()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
