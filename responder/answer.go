package responder

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
)

// answer is a signed response with what is needed to give it out again. All but renewing is immutable.
type answer struct {
	body    []byte
	moments []moment // of every serial in it, read before its evidence
	result  result
	headers answerHeaders

	producedAt time.Time
	nextUpdate time.Time   // the earliest of its SingleResponses
	renewAt    time.Time   // from here on a request makes a new one
	renewing   atomic.Bool // one does so now: the others go on with this one
	private    bool        // made for one client's nonce
}

// holds says whether the answer may be given out at a moment.
func (a *answer) holds(now time.Time) bool { return now.Before(a.nextUpdate) && a.current() }

// current says whether no serial in the answer has changed since its evidence was read.
func (a *answer) current() bool {
	for i := range a.moments {
		if !a.moments[i].current() {
			return false
		}
	}
	return true
}

// maxRaces is how often an answer is made again because a change overtook it, before the client is told to try later.
const maxRaces = 8

// The nonces that are echoed (RFC 9654 §2.1 asks for these and allows to answer others without nonce).
const minEchoed, maxEchoed = 16, 32

// wish is what a client asks for besides certificates.
type wish struct {
	nonce     []byte // to be echoed; nil for none
	preferred []ocspder.PreferredSignature
}

// answer answers a request: with a signed answer that is current at the moment of return, or with an error status. When
// several certificates are asked for, all must be answerable by one signer; the first that is not decides the error.
func (r *Responder) answer(q *ocspder.Request, now time.Time) (*answer, ocspder.ResponseStatus) {
	w := wish{nonce: q.Nonce, preferred: q.PreferredSignatures}
	if len(w.nonce) < minEchoed || len(w.nonce) > maxEchoed || r.ignoresNonce(q.CertIDs) {
		w.nonce = nil
	}
	if len(q.CertIDs) == 1 && w.nonce == nil {
		return r.sharedAnswer(&q.CertIDs[0], w, now)
	}
	for range maxRaces {
		o := r.produce(q.CertIDs, w, now)
		if o.answer == nil || o.answer.current() {
			return o.answer, o.status
		}
	}
	return nil, ocspder.TryLater
}

func (r *Responder) ignoresNonce(ids []ocspder.CertID) bool {
	t := r.table.Load()
	return slices.ContainsFunc(ids, func(id ocspder.CertID) bool {
		e := t.find(&id)
		return e != nil && e.IgnoreNonce
	})
}

// sharedAnswer answers for one certificate without nonce: from the cache or, for all who ask at once, by one signature. When
// a kept answer is due for renewal, one request renews it; the others, and that one too when the key fails, go on with it
// while it holds.
func (r *Responder) sharedAnswer(id *ocspder.CertID, w wish, now time.Time) (*answer, ocspder.ResponseStatus) {
	key := sharedKey(id)
	key.signedBy = r.preferredID(id, w, now)
	for range maxRaces {
		kept := r.cache.held(key, now)
		if kept != nil && (now.Before(kept.renewAt) || !kept.renewing.CompareAndSwap(false, true)) {
			return kept, ocspder.Successful
		}
		o := r.renew(key, id, w, kept, now)
		// The flight may have begun before a change that was acknowledged before this request.
		if o.answer == nil || o.answer.current() {
			return o.answer, o.status
		}
	}
	return nil, ocspder.TryLater
}

// sharedKey is under which the answer that everybody gets about a certificate is kept.
func sharedKey(id *ocspder.CertID) cacheKey { return cacheKey{form: byCertID, octets: string(id.Raw)} }

// preferredID is empty for a client that is given what everybody gets, and otherwise tells which signature it prefers.
func (r *Responder) preferredID(id *ocspder.CertID, w wish, now time.Time) string {
	if len(w.preferred) == 0 {
		return ""
	}
	t := r.table.Load()
	e := t.find(id)
	if e == nil {
		return ""
	}
	list, _ := r.choices(t, []*issuer{e}, w.preferred, now)
	usual, _ := r.choices(t, []*issuer{e}, nil, now)
	if len(list) == 0 || list[0] == usual[0] {
		return ""
	}
	return list[0].id()
}

// renew makes a new answer, once for all who ask at the same time. kept may be nil.
func (r *Responder) renew(key cacheKey, id *ocspder.CertID, w wish, kept *answer, now time.Time) outcome {
	if kept != nil {
		defer kept.renewing.Store(false)
	}
	v, _, _ := r.flights.Do(key.octets+key.signedBy, func() (any, error) { // a CertID says where it ends
		o := r.produce([]ocspder.CertID{*id}, w, now)
		if o.answer != nil {
			r.cache.put(key, o.answer)
		}
		return o, nil
	})
	o := v.(outcome)
	if o.unsigned && kept != nil && kept.holds(r.now()) {
		return outcome{answer: kept}
	}
	return o
}

// outcome is an answer, or the error status to give instead.
type outcome struct {
	answer   *answer
	status   ocspder.ResponseStatus
	unsigned bool // there is evidence for an answer, and no signature
}

// produce makes a new answer from the evidence of now: what the CA's own responder signed, where that is given on, or else one signed by
// the first of those who may that can.
func (r *Responder) produce(ids []ocspder.CertID, w wish, now time.Time) outcome {
	if a := r.relayed(ids, w.nonce, now); a != nil {
		return outcome{answer: a}
	}
	if r.gate.full(r.gate.waiting.Load() + 1) { // before the work that would be for nothing
		r.metrics.Overloaded.Inc()
		return outcome{status: ocspder.TryLater, unsigned: true}
	}
	d := r.decide(ids, w, now)
	if d.error != ocspder.Successful {
		return outcome{status: d.error}
	}
	d.data.Nonce = w.nonce
	for _, c := range d.choices {
		if !endBy(d.data.Singles, c.signer, now) {
			continue
		}
		body, err := r.sign(c, &d)
		if err == nil {
			return outcome{answer: newAnswer(body, &d, now)}
		}
		r.signingFailed(err, c.signer)
		if err == errOverloaded {
			break
		}
	}
	return outcome{status: ocspder.TryLater, unsigned: true}
}

func newAnswer(body []byte, d *decision, now time.Time) *answer {
	a := &answer{body: body, moments: d.moments, result: resultOf(d.data.Singles), private: d.data.Nonce != nil, producedAt: d.data.ProducedAt}
	thisUpdate := a.setTimes(d.data.Singles, now)
	a.headers = newAnswerHeaders(body, a.private, thisUpdate, a.nextUpdate)
	return a
}

// decision is what to sign, by whom, and the moments it holds for; or an error.
type decision struct {
	data    ocspder.ResponseData
	choices []choice // best first
	byName  bool
	moments []moment
	error   ocspder.ResponseStatus
}

// decide asks the source about every certificate. The moments are read before the evidence, and all under one table.
func (r *Responder) decide(ids []ocspder.CertID, w wish, now time.Time) decision {
	for {
		t := r.table.Load()
		d := r.decideBy(t, ids, w, now)
		if r.table.Load() == t {
			return d
		}
	}
}

func (r *Responder) decideBy(t *table, ids []ocspder.CertID, w wish, now time.Time) decision {
	d := decision{data: ocspder.ResponseData{ProducedAt: now, Singles: make([]ocspder.SingleResponse, 0, len(ids))},
		moments: make([]moment, 0, len(ids))}
	issuers := make([]*issuer, 0, len(ids))
	for i := range ids {
		e := t.find(&ids[i])
		if e == nil {
			d.error = ocspder.Unauthorized
			return d
		}
		issuers = append(issuers, e)
		d.moments = append(d.moments, e.epochs.read(ids[i].Serial))
	}
	var inCommon bool
	if d.choices, inCommon = r.choices(t, issuers, w.preferred, now); !inCommon {
		d.error = ocspder.Unauthorized // one signature cannot speak for issuers that have no signer in common
		return d
	}
	d.byName = issuers[0].ByName
	for i, e := range issuers {
		f := resolve(e, &ids[i], r.source.Status(e.ID, ids[i].Serial, now), now)
		if f.error != ocspder.Successful {
			d.error = f.error
			return d
		}
		d.data.Singles = append(d.data.Singles, f.single)
		d.data.ExtendedRevoke = d.data.ExtendedRevoke || f.extended
	}
	return d
}

// sign takes its turn and signs.
func (r *Responder) sign(c choice, d *decision) ([]byte, error) {
	if err := r.gate.enter(); err != nil {
		return nil, err
	}
	start := time.Now()
	defer func() { r.gate.leave(time.Since(start)) }()
	d.data.ResponderKeyHash, d.data.ResponderName = c.signer.keyHash, nil
	if d.byName {
		d.data.ResponderName = c.signer.certificate.RawSubject
	}
	tbs := ocspder.AppendTBS(make([]byte, 0, 512), &d.data)
	signature, err := c.signer.sign(tbs, c.scheme, d.data.Nonce == nil)
	if err != nil {
		return nil, err
	}
	r.metrics.SignSeconds.Observe(time.Since(start).Seconds())
	return ocspder.Assemble(tbs, c.scheme.identifier, signature, c.signer.delegate), nil
}

// longestUnrenewed is after how long an answer is made anew at the latest, whatever its life (BR §4.9.10).
const longestUnrenewed = 4 * 24 * time.Hour

// setTimes sets when the answer lapses and when it is made anew: at half its life (BR §4.9.10), but not every instant as
// its end draws near. It returns the newest thisUpdate.
func (a *answer) setTimes(singles []ocspder.SingleResponse, now time.Time) (thisUpdate time.Time) {
	a.nextUpdate = singles[0].NextUpdate
	for i := range singles {
		if singles[i].NextUpdate.Before(a.nextUpdate) {
			a.nextUpdate = singles[i].NextUpdate
		}
		if singles[i].ThisUpdate.After(thisUpdate) {
			thisUpdate = singles[i].ThisUpdate
		}
	}
	a.renewAt = now.Add(min(max(a.nextUpdate.Sub(now)/2, time.Second), longestUnrenewed))
	if a.renewAt.After(a.nextUpdate) {
		a.renewAt = a.nextUpdate
	}
	return thisUpdate
}
