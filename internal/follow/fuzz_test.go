package follow

import (
	"bytes"
	"testing"
)

// FuzzEvents: whatever a server sends, reading ends with an error and never with a generation that goes back.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{row(8) + state(8), ": c\r\n\r\nevent:state\r\ndata:{}\r\n\r\n", "event: resync\ndata: 1\n\n", "data: {\n\n", row(9) + row(8)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := &copied{generation: 7, loaded: true}
		x := &follower{copy: c}
		if err := x.read(bytes.NewReader(sent), func(bool) error { return nil }); err == nil {
			t.Error("a stream ended without an error")
		}
		for i, before := 0, uint64(7); i < len(c.rows); i++ {
			if c.rows[i] <= before && c.states == 0 {
				t.Errorf("row %d came after %d", c.rows[i], before)
			}
			before = c.rows[i]
		}
	})
}
