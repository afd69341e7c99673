package crlfetch

import (
	"net/http"
	"testing"
)

func TestATimeThatMayHideASecondChangeIsNoValidator(t *testing.T) {
	const date, second, older = "Sun, 01 Nov 2026 10:00:01 GMT", "Sun, 01 Nov 2026 10:00:00 GMT", "Sun, 01 Nov 2026 09:00:00 GMT"
	for _, row := range []struct {
		fact           string
		header         map[string]string
		etag, modified string
	}{
		{"an hour old", map[string]string{"Date": date, "Last-Modified": older}, "", older},
		{"changed a second ago", map[string]string{"Date": date, "Last-Modified": second}, "", ""},
		{"changed a second ago, with an ETag", map[string]string{"Date": date, "Last-Modified": second, "ETag": `"a"`}, `"a"`, second},
		{"no Date to compare with", map[string]string{"Last-Modified": older}, "", ""},
	} {
		t.Run(row.fact, func(t *testing.T) {
			h := http.Header{}
			for k, v := range row.header {
				h.Set(k, v)
			}
			if got := validatorsOf(h); got.etag != row.etag || got.lastModified != row.modified {
				t.Errorf("got ETag %q and Last-Modified %q, want %q and %q", got.etag, got.lastModified, row.etag, row.modified)
			}
		})
	}
}
