package store

import (
	bolt "go.etcd.io/bbolt"
)

// stateTx is one transaction of state.db in the making. Its values are sealed; what it wrote is remembered, so that it can be
// written once more when the outcome of its commit is not certain.
type stateTx struct {
	tx     *bolt.Tx
	head   head
	log    []write
	mark   *clockMark // when the change is about it
	failed error      // the first write that did not succeed: the whole transaction is void
}

// write is one put, or a delete when value is nil.
type write struct{ bucket, key, value []byte }

func beginState(db *bolt.DB) (*stateTx, error) {
	tx, err := db.Begin(true)
	if err != nil {
		return nil, err
	}
	h, err := readHead(tx)
	if err != nil {
		tx.Rollback() //nolint:errcheck // the first error tells more
		return nil, err
	}
	return &stateTx{tx: tx, head: h}, nil
}

func readHead(tx *bolt.Tx) (head, error) {
	b, err := readSealed(tx, metaBucket, headKey)
	if err != nil {
		return head{}, err
	}
	return decodeHead(b)
}

func readSealed(tx *bolt.Tx, bucket, key []byte) ([]byte, error) {
	return unseal(bucket, key, tx.Bucket(bucket).Get(key))
}

// get returns a value, nil when there is none. It is valid until the transaction ends or writes.
func (t *stateTx) get(bucket, key []byte) ([]byte, error) {
	v := t.tx.Bucket(bucket).Get(key)
	if v == nil {
		return nil, nil
	}
	return unseal(bucket, key, v)
}

func (t *stateTx) put(bucket, key, value []byte) {
	t.write(write{bucket, key, seal(bucket, key, value)})
}

// append puts a value under a key above all others of its bucket.
func (t *stateTx) append(bucket, key, value []byte) {
	t.tx.Bucket(bucket).FillPercent = 0.95
	t.put(bucket, key, value)
}

func (t *stateTx) delete(bucket, key []byte) { t.write(write{bucket: bucket, key: key}) }

func (t *stateTx) write(w write) {
	t.log = append(t.log, w)
	if t.failed == nil {
		t.failed = w.apply(t.tx)
	}
}

func (w write) apply(tx *bolt.Tx) error {
	if w.value == nil {
		return tx.Bucket(w.bucket).Delete(w.key)
	}
	return tx.Bucket(w.bucket).Put(w.key, w.value)
}

// finish writes the high-water time and the head, the last things a transaction does before its commit.
func (t *stateTx) finish() error {
	t.put(metaBucket, clockKey, t.mark.encode())
	t.head.commits++
	t.put(metaBucket, headKey, t.head.encode())
	return t.failed
}
