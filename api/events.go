package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Bounds of GET /v1/events.
const (
	// Heartbeat is how often a stream says that there was nothing to say.
	Heartbeat = 15 * time.Second

	eventStall = 10 * time.Second // a client that takes nothing for so long is cut; it comes back for what it missed
	eventRows  = 256              // read from the change log at once
)

// events answers GET /v1/events: the change feed as server-sent events. Nothing is queued for a client: each stream reads the change log
// where it is. A slow one holds up itself, is cut, and when it comes back too late it is told to begin anew.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	from, p := a.eventsFrom(r)
	if p != nil {
		p.write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect events
	s := &eventStream{api: a, w: w, control: http.NewResponseController(w), eventsFrom: *from}
	s.control.SetReadDeadline(time.Time{}) // best effort: tests have no connection
	if r.Method == http.MethodHead {
		return
	}
	a.metrics.eventClients.Inc()
	defer a.metrics.eventClients.Dec()
	s.run(r)
}

// eventsFrom reads where a stream begins: at the Last-Event-ID of a client that comes back, or else at since, or else now.
func (a *API) eventsFrom(r *http.Request) (*eventsFrom, *Problem) {
	query := r.URL.Query()
	for name := range query {
		if name != "since" && name != "epoch" && name != "entries" {
			return nil, invalidRequest.problem("the parameters are since, epoch and entries").at("query."+clip(name), "unexpected")
		}
	}
	from := &eventsFrom{epoch: query.Get("epoch")}
	switch query.Get("entries") {
	case "", "false":
	case "true":
		from.entries = true
	default:
		return nil, invalidRequest.problem("entries is true or false").at("query.entries", "expected true or false")
	}
	text, where := r.Header.Get("Last-Event-ID"), "header.Last-Event-ID"
	if text == "" {
		text, where = query.Get("since"), "query.since"
	}
	if text == "" {
		_, newest, _, err := a.feed.Changes(0, 1)
		if err != nil {
			return nil, a.problemOf(err)
		}
		from.since, from.epoch = newest, ""
		return from, nil
	}
	var err error
	if from.since, err = strconv.ParseUint(text, 10, 64); err != nil {
		return nil, invalidRequest.problem("the generation to go on from is a number").at(where, "expected a number")
	}
	return from, nil
}

// eventsFrom is from where a stream goes on, and what of.
type eventsFrom struct {
	since   uint64 // every change up to it was sent
	epoch   string // that since is of when the stream begins; "" when the client does not say
	entries bool
}

// eventStream is one client's.
type eventStream struct {
	api     *API
	w       http.ResponseWriter
	control *http.ResponseController
	eventsFrom
	sent   *MirrorState
	buffer bytes.Buffer
}

// run sends until the client goes, falls too far behind, or the server shuts down.
func (s *eventStream) run(r *http.Request) {
	beat := time.NewTicker(Heartbeat)
	defer beat.Stop()
	for {
		changed, configured := s.api.feed.Changed(), s.api.mirrored.StateChanged()
		if !s.catchUp() {
			return
		}
		select {
		case <-changed:
		case <-configured:
		case <-beat.C:
			s.buffer.WriteString(": nothing new\n\n")
			if !s.flush() {
				return
			}
		case <-s.api.draining:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// catchUp sends what there is: changes, then the state if it is another one. The state is taken first and sent when every change that
// shows in it was: who has a new CRL's time must have its revocations.
func (s *eventStream) catchUp() bool {
	state := s.api.mirrored.State()
	for {
		rows, newest, complete, err := s.api.feed.Changes(s.since, eventRows)
		if err != nil {
			s.api.log.Error("reading the change log", "error", err)
			return false
		}
		if s.epoch != "" { // since is of this epoch from now on
			complete = complete && s.api.mirrored.Continues(s.epoch, s.since)
			s.epoch = ""
		}
		if !complete {
			s.event("resync", "", []byte(`{"generation":`+strconv.FormatUint(newest, 10)+`}`))
			s.flush()
			return false
		}
		if len(rows) == 0 {
			break
		}
		if !s.changes(rows) {
			return false
		}
	}
	if state.Generation <= s.since && (s.sent == nil || state != s.sent && !bytes.Equal(sameButGeneration(state), sameButGeneration(s.sent))) {
		s.sent = state
		s.event("state", "", state.JSON())
		return s.flush()
	}
	return true
}

// sameButGeneration is what counts of a state when two are compared.
func sameButGeneration(s *MirrorState) []byte {
	_, issuers, _ := bytes.Cut(s.JSON(), []byte(`,`))
	return issuers
}

func (s *eventStream) changes(rows []ChangeObject) bool {
	if s.entries {
		s.api.addEntries(rows)
	}
	for i := range rows {
		text, err := json.Marshal(&rows[i])
		if err != nil {
			return false
		}
		s.event("change", strconv.FormatUint(rows[i].Generation, 10), text)
		s.since = rows[i].Generation
		if s.buffer.Len() > 64<<10 && !s.flush() {
			return false
		}
	}
	return s.flush()
}

// event appends an event; data is one line.
func (s *eventStream) event(name, id string, data []byte) {
	if id != "" {
		s.buffer.WriteString("id: " + id + "\n")
	}
	s.buffer.WriteString("event: " + name + "\ndata: ")
	s.buffer.Write(data)
	s.buffer.WriteString("\n\n")
}

// flush sends what was appended, and is false when the client does not take it.
func (s *eventStream) flush() bool {
	if s.buffer.Len() == 0 {
		return true
	}
	s.control.SetWriteDeadline(time.Now().Add(eventStall))
	_, err := s.w.Write(s.buffer.Bytes())
	if s.buffer.Reset(); err != nil {
		return false
	}
	return s.control.Flush() == nil
}
