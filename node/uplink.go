package node

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/renameio/v2"
)

// uplink is what a server keeps of its line for its next process: who comes first then,
// with many others, does not have to wait until the line is found again.
type uplink struct {
	Rate float64 `json:"rate"` // bytes a second
}

const (
	// noteEvery is how old what a killed process leaves may be: lines seldom change.
	noteEvery     = 10 * time.Minute
	maxUplinkFile = 1 << 10 // bytes: more than one number takes
	maxUplink     = 1e12    // bytes a second: more than any line carries
)

// loadUplink returns 0 for a file that is missing or damaged: it only saves time.
func loadUplink(f *folder) float64 {
	file, err := os.Open(f.join(uplinkFile))
	if err != nil {
		return 0
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxUplinkFile))
	var u uplink
	if err != nil || json.Unmarshal(data, &u) != nil || !(u.Rate > 0 && u.Rate < maxUplink) {
		return 0
	}
	return u.Rate
}

// saveUplink keeps a rate, if one is known.
func saveUplink(f *folder, rate float64) error {
	if rate <= 0 {
		return nil
	}
	data, err := json.Marshal(uplink{Rate: rate})
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(f.join(uplinkFile), data, 0o600); err != nil {
		return fmt.Errorf("noting what the line carries: %w", err)
	}
	return nil
}
