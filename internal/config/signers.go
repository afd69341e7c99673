package config

// signers reads who signs OCSP responses: one, or a list of them. Of a CA with several keys each key designates its own (RFC 6960
// §4.2.2.2).
func (r *reader) signers(v *value, i *Issuer) {
	read := func(item *value) {
		if s := r.signer(item); s != nil {
			i.Signers = append(i.Signers, s)
		}
	}
	if v.kind == sequence {
		r.list(v, "name a certificate and its key, or remove signer", read)
	} else {
		read(v)
	}
	if len(i.Signers) > 0 {
		i.Signer = i.Signers[0]
	}
}
