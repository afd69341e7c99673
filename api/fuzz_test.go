package api_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/vetopki/veto/api"
)

// FuzzPostStatus: whatever the body, the answer is JSON of one of two shapes, and a body that is not understood is refused.
func FuzzPostStatus(f *testing.F) {
	s := newServer(f, nil)
	for _, seed := range []string{`{"queries":[{"issuer":"corp","serial":"0a"}]}`, `{"queries":[{"certificate":"x"},{}]}`,
		`{"queries":[{"issuer":"corp","serial":"dec:-1"}],"queries":1}`, `[`, `{"queries":[null]}`, `{"queries":[{"issuer":"\u0000\ud800"}]}`} {
		f.Add(true, seed)
		f.Add(false, seed)
	}
	f.Add(false, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
	f.Fuzz(func(t *testing.T, asJSON bool, body string) {
		media := header("Content-Type: text/plain")
		if asJSON {
			media = jsonBody
		}
		w := s.do(t, "POST", "/v1/status", body, media)
		switch w.Code {
		case 200:
			var results api.StatusResults
			if err := json.Unmarshal(w.Body.Bytes(), &results); err != nil {
				t.Fatalf("answer to %q: %v: %s", body, err, w.Body)
			}
			var sent api.StatusQueries
			if err := json.Unmarshal([]byte(body), &sent); asJSON && (err != nil || len(results.Results) != len(sent.Queries)) {
				t.Fatalf("%d results to %q (%v)", len(results.Results), body, err)
			}
		case 400, 422:
			problem(t, w)
		default:
			t.Fatalf("code %d to %q: %s", w.Code, body, w.Body)
		}
	})
}

// FuzzStatusPath: whatever stands in the path, the answer is a status of exactly this serial or a problem.
func FuzzStatusPath(f *testing.F) {
	s := newServer(f, nil)
	for _, seed := range []string{"0a", "0x0A", "dec:10", "-1", "", "..", "%2f", "a/b", "\x00", "é", "0a%"} {
		f.Add("corp", seed)
		f.Add(seed, "0a")
	}
	f.Fuzz(func(t *testing.T, issuer, serial string) {
		w := s.do(t, "GET", "/v1/status/"+url.PathEscape(issuer)+"/"+url.PathEscape(serial), "")
		switch w.Code {
		case 200:
			var o api.StatusObject
			if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			again := decode[api.StatusObject](t, s.do(t, "GET", "/v1/status/"+o.Issuer+"/"+o.Serial, ""), 200)
			if o.Serial != again.Serial || o.Status != again.Status {
				t.Fatalf("%q is %+v, its canonical form %+v", serial, o, again)
			}
		case 400, 404:
			problem(t, w)
		default:
			t.Fatalf("code %d for %q/%q: %s", w.Code, issuer, serial, w.Body)
		}
	})
}
