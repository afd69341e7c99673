package crlfetch

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// resolver answers every question of a name with the addresses it is given, in turn: the first for the first question.
type resolver struct {
	addresses []string
	asked     atomic.Int32
}

// net is a resolver that asks r in memory, by DNS over a stream (RFC 1035 §4.2.2).
func (r *resolver) net() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go r.serve(theirs)
		return ours, nil
	}}
}

func (r *resolver) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		end := 12
		for query[end] != 0 {
			end += 1 + int(query[end])
		}
		end += 5
		answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[12:end]...)
		if query[end-3] == 1 { // an A record is asked for
			turn := int(r.asked.Add(1)) - 1
			address := netip.MustParseAddr(r.addresses[min(turn, len(r.addresses)-1)]).As4()
			answer[7] = 1
			answer = append(append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), address[:]...)
		}
		conn.Write(binary.BigEndian.AppendUint16(nil, uint16(len(answer))))
		conn.Write(answer)
	}
}

func TestAConnectionIsCheckedWhereItGoesNotWhereTheNameWent(t *testing.T) {
	for _, tt := range []struct {
		name      string
		addresses []string // for each fetch
		egress    Egress
		rules     []string // outcome of each fetch
	}{
		{"an operator's URL may lead to loopback", []string{"127.0.0.1"}, Egress{}, []string{"changed"}},
		{"a certificate's may not", []string{"127.0.0.1"}, Egress{Discovered: true}, []string{"egress"}},
		{"a certificate's may where egress.allow says so", []string{"127.0.0.1"},
			Egress{Discovered: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, []string{"changed"}},
		{"a name that goes elsewhere from one fetch to the next", []string{"127.0.0.1", "127.0.0.2"},
			Egress{Discovered: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, []string{"changed", "egress"}},
		{"a name of a metadata service", []string{"169.254.169.254"}, Egress{}, []string{"egress"}},
		{"egress.deny counts for an operator's URL", []string{"127.0.0.1"},
			Egress{Deny: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, []string{"egress"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			names := &resolver{addresses: tt.addresses}
			r.updater.fetcher.dial = dialWith(names.net())
			r.src.URL = strings.Replace(r.src.URL, "127.0.0.1", "pki.example.org", 1)
			r.src.Egress = tt.egress
			r.serve(serveBytes(r.crl(5, 1)))
			for i, want := range tt.rules {
				if res := r.refresh(); res.outcome() != want {
					t.Errorf("fetch %d: %s (%v), want %s", i+1, res.outcome(), res.Err, want)
				}
			}
		})
	}
}

func TestARedirectIsCheckedToo(t *testing.T) {
	r := newRig(t)
	names := &resolver{addresses: []string{"127.0.0.1", "127.0.0.2"}}
	r.updater.fetcher.dial = dialWith(names.net())
	r.src.URL = strings.Replace(r.src.URL, "127.0.0.1", "pki.example.org", 1)
	r.src.Egress = Egress{Discovered: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	r.serve(func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/elsewhere", http.StatusFound) })
	if res := r.refresh(); res.outcome() != "egress" || names.asked.Load() != 2 {
		t.Errorf("the refresh says %v after %d look-ups, want rule egress after 2", res.Err, names.asked.Load())
	}
}
