package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/snapshot"
)

const epoch = "000102030405060708090a0b0c0d0e0f"

// copied is a Copy that remembers what it was told.
type copied struct {
	generation uint64
	epoch      string
	loaded     bool

	loads, states, heard int
	rows                 []uint64
	lost                 []string
	lostAt               []time.Duration
	began                time.Time
	refuses              uint64 // the row for which it has to be loaded again
}

func (c *copied) Generation() (uint64, string, bool) { return c.generation, c.epoch, c.loaded }

func (c *copied) Load(_ context.Context, body io.Reader) error {
	r, err := snapshot.NewReader(body, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return err
	}
	c.loads, c.loaded, c.generation, c.epoch = c.loads+1, true, r.Header.Generation, r.Header.Epoch
	return nil
}

func (c *copied) Change(row *Change) bool {
	if row.Generation == c.refuses {
		c.refuses = 0
		return false
	}
	c.rows, c.generation = append(c.rows, row.Generation), row.Generation
	return true
}

func (c *copied) State(s *State) bool {
	c.states++
	c.generation, c.epoch = max(c.generation, s.Generation), s.Epoch
	return true
}

func (c *copied) Heard() bool { c.heard++; return true }

func (c *copied) Lost(err error) {
	c.lost, c.lostAt = append(c.lost, fmt.Sprint(err)), append(c.lostAt, time.Since(c.began))
}

// server answers requests as a test wants, without a network: time stands still while it does.
type server struct {
	generation uint64
	asked      []string
	events     func(w *io.PipeWriter) // writes a stream; nil: 404
	changes    func(r *http.Request) string
	status     int // of everything, when not zero
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	s.asked = append(s.asked, r.URL.RequestURI())
	answer := func(code int, kind string, body io.ReadCloser) (*http.Response, error) {
		return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Header: http.Header{"Content-Type": {kind}}, Body: body, Request: r}, nil
	}
	text := func(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }
	switch {
	case s.status != 0:
		return answer(s.status, "text/plain", text("not today\n"))
	case r.URL.Path == "/v1/snapshot":
		return answer(200, snapshot.MediaType, io.NopCloser(bytes.NewReader(snapshotAt(s.generation))))
	case r.URL.Path == "/v1/changes" && s.changes != nil:
		return answer(200, "application/json", text(s.changes(r)))
	case r.URL.Path == "/v1/events" && s.events != nil:
		read, write := io.Pipe()
		context.AfterFunc(r.Context(), func() { read.CloseWithError(context.Cause(r.Context())) })
		go s.events(write)
		return answer(200, "text/event-stream", read)
	}
	return answer(404, "text/plain", text("no such route"))
}

func snapshotAt(generation uint64) []byte {
	var b bytes.Buffer
	w, err := snapshot.NewWriter(&b, snapshot.Header{Generation: generation, Epoch: epoch})
	if err == nil {
		err = w.Close(nil)
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

func row(generation uint64) string {
	return fmt.Sprintf("id: %d\nevent: change\ndata: {\"generation\":%d,\ndata: \"kind\":\"admin\"}\n\n", generation, generation)
}

func state(generation uint64) string {
	return fmt.Sprintf("event: state\ndata: {\"generation\":%d,\"epoch\":\"%s\"}\n\n", generation, epoch)
}

// following runs a copy for a while; what it was told is then looked at.
func following(t *testing.T, s *server, c *copied, o Options, while time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), while)
	defer cancel()
	c.began = time.Now()
	o.URL, o.Client = "http://veto.test/", &http.Client{Transport: s}
	if err := Run(ctx, o, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
	synctest.Wait()
}

func TestAStreamIsFollowedFromTheSnapshotOn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := &server{generation: 7, events: func(w *io.PipeWriter) {
			io.WriteString(w, ": welcome\n\n"+row(6)+row(8)+"event: whatever comes later\ndata: {}\n\n"+state(8)+row(9)+state(9))
			for range 3 {
				time.Sleep(15 * time.Second)
				io.WriteString(w, ": nothing new\n\n")
			}
		}}
		c := &copied{}
		following(t, s, c, Options{Token: "secret"}, time.Minute)
		if want := []uint64{8, 9}; !slices.Equal(c.rows, want) {
			t.Errorf("rows %d, want %d: what it has already is passed over", c.rows, want)
		}
		if c.loads != 1 || c.states != 2 || c.heard != 6 || len(c.lost) > 0 {
			t.Errorf("%d loads, %d states, heard %d times, lost %q; want 1, 2, 6 (two states, a row, three comments), none", c.loads, c.states, c.heard, c.lost)
		}
		if want := "/v1/events?entries=true&since=7&epoch=" + epoch; s.asked[1] != want {
			t.Errorf("asked for %s, want %s", s.asked[1], want)
		}
	})
}

func TestASilentStreamIsGivenUpAndResumed(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := &server{generation: 7, events: func(w *io.PipeWriter) { io.WriteString(w, row(8)+state(8)) }}
		c := &copied{}
		following(t, s, c, Options{}, silence+2*time.Second)
		if len(c.lost) != 1 || c.lostAt[0] != silence {
			t.Fatalf("lost %q at %s, want once at %s", c.lost, c.lostAt, silence)
		}
		if want := "/v1/events?entries=true&since=8&epoch=" + epoch; len(s.asked) != 3 || s.asked[2] != want {
			t.Errorf("asked for %q, want %s after the silence: what was heard is not asked for again", s.asked, want)
		}
	})
}

func TestWhatEndsTheStreamIsSaidAndItIsResumed(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := &server{generation: 7, events: func(w *io.PipeWriter) { io.WriteString(w, row(8)+state(8)); w.Close() }}
		c := &copied{}
		following(t, s, c, Options{}, 10*time.Second)
		if c.loads != 1 || len(c.lost) < 2 || c.lost[0] != "the server ended the stream" || !slices.Equal(c.rows, []uint64{8}) {
			t.Errorf("%d loads, rows %d, lost %q", c.loads, c.rows, c.lost)
		}
	})
}

func TestMissingRowsAreLoaded(t *testing.T) {
	for name, sent := range map[string]string{"the server says so": "event: resync\ndata: {\"generation\":9}\n\n", "the copy cannot take a row": row(8)} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				streams := 0
				s := &server{generation: 7}
				s.events = func(w *io.PipeWriter) {
					if streams++; streams == 1 {
						s.generation = 9
						io.WriteString(w, sent)
						return
					}
					io.WriteString(w, state(9))
				}
				c := &copied{refuses: 8}
				following(t, s, c, Options{}, 10*time.Second)
				if c.loads != 2 || c.states != 1 || c.generation != 9 || len(c.lost) != 1 {
					t.Errorf("%d loads, %d states, generation %d, lost %q; want 2, 1, 9, one", c.loads, c.states, c.generation, c.lost)
				}
			})
		})
	}
}

// A proxy that collects what should be passed on lets the head of a stream through and nothing else.
func TestWhereEventsDoNotGetThroughItPollsAndTriesAgain(t *testing.T) {
	for name, events := range map[string]func(*io.PipeWriter){"collected": func(*io.PipeWriter) {}, "not served": nil} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s := &server{generation: 7, events: events}
				s.changes = func(r *http.Request) string {
					if r.URL.Query().Get("wait") != "0s" {
						time.Sleep(20 * time.Second)
					}
					if r.URL.Query().Get("since") == "7" {
						return fmt.Sprintf(`{"next":8,"changes":[{"generation":8}],"state":{"generation":8,"epoch":"%s"}}`, epoch)
					}
					return fmt.Sprintf(`{"next":8,"changes":[],"state":{"generation":8,"epoch":"%s"}}`, epoch)
				}
				c := &copied{}
				following(t, s, c, Options{}, pollFor+2*patience)
				streams := 0
				for _, path := range s.asked {
					if strings.HasPrefix(path, "/v1/events") {
						streams++
					}
				}
				if !slices.Equal(c.rows, []uint64{8}) || streams != 2 || c.heard < 25 || c.loads != 1 {
					t.Errorf("rows %d, %d streams, heard %d times, %d loads; lost %q; want [8], 2, about 30, 1", c.rows, streams, c.heard, c.loads, c.lost)
				}
			})
		})
	}
}

func TestPollingLoadsWhatIsMissing(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := &server{generation: 7}
		s.changes = func(r *http.Request) string {
			if r.URL.Query().Get("wait") != "0s" {
				time.Sleep(20 * time.Second)
			}
			if r.URL.Query().Get("since") == "7" {
				s.generation = 9
				return `{"resync":true}`
			}
			return fmt.Sprintf(`{"state":{"generation":9,"epoch":"%s"}}`, epoch)
		}
		c := &copied{}
		following(t, s, c, Options{Poll: true}, time.Minute)
		if c.loads != 2 || c.generation != 9 || c.heard < 2 || slices.ContainsFunc(s.asked, func(p string) bool { return strings.HasPrefix(p, "/v1/events") }) {
			t.Errorf("%d loads, generation %d, heard %d times; asked %q", c.loads, c.generation, c.heard, s.asked)
		}
	})
}

func TestAServerThatRefusesIsAskedLessAndLess(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, c := &server{status: 401}, &copied{}
		following(t, s, c, Options{}, 5*time.Minute)
		if want := "/v1/snapshot answered HTTP 401: not today"; len(c.lost) == 0 || c.lost[0] != want {
			t.Fatalf("lost %q, want %q", c.lost, want)
		}
		// Backoff doubles from 0.1 s to 10 s, each between half and one and a half of it.
		if n := len(c.lost); n < 20 || n > 70 || c.lostAt[4]-c.lostAt[3] < 400*time.Millisecond {
			t.Errorf("asked %d times in five minutes, at %s", n, c.lostAt)
		}
	})
}

func TestWhoOnlyWantsToKnowWhenLoadsNoSerials(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := &server{events: func(w *io.PipeWriter) { io.WriteString(w, row(43)+state(43)) }}
		s.changes = func(*http.Request) string { return fmt.Sprintf(`{"generation":42,"epoch":"%s"}`, epoch) }
		c := &copied{}
		following(t, s, c, Options{Bare: true}, time.Second)
		if c.loads != 1 || !slices.Equal(c.rows, []uint64{43}) || slices.Contains(s.asked, "/v1/snapshot") {
			t.Errorf("%d loads, rows %d; asked %q", c.loads, c.rows, s.asked)
		}
	})
}

func TestURLsThatAreNone(t *testing.T) {
	for _, u := range []string{"", "veto.test", "ftp://veto.test", "http://", "http://a b"} {
		if err := (&Options{URL: u}).Check(); err == nil {
			t.Errorf("%q was taken", u)
		}
	}
	if err := (&Options{URL: "https://veto.test:8081"}).Check(); err != nil {
		t.Error(err)
	}
}
