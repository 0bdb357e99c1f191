// Command handwritten exposes balances as fast as plain Go does without keeping bytes: it appends
// the text of each scrape itself and compresses it at the fastest level.
package main

import (
	"compress/gzip"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"subject"
)

type family struct {
	name, help string
	amount     func(*subject.Balance) float64
}

var families = []family{
	{"exchange_total_balance", "All that the account holds of the asset.",
		func(b *subject.Balance) float64 { return b.Total }},
	{"exchange_free_balance", "What of it can be used at once.",
		func(b *subject.Balance) float64 { return b.Free }},
	{"exchange_locked_balance", "What open orders and withdrawals hold of it.",
		func(b *subject.Balance) float64 { return b.Locked }},
}

const full = 64 * 1024

var (
	buffers = sync.Pool{New: func() any { b := make([]byte, 0, full+512); return &b }}
	zippers = sync.Pool{New: func() any {
		z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		if err != nil {
			log.Fatal(err)
		}
		return z
	}}
)

func write(out io.Writer, store *subject.Store) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	text := (*buffer)[:0]
	for _, f := range families {
		text = append(text, "# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" gauge\n"...)
		store.Each(func(b *subject.Balance) {
			text = append(text, f.name...)
			text = append(text, `{exchange="`...)
			text = append(text, b.Exchange...)
			text = append(text, `",account="`...)
			text = append(text, b.Account...)
			text = append(text, `",asset="`...)
			text = append(text, b.Asset...)
			text = append(text, `"} `...)
			text = strconv.AppendFloat(text, f.amount(b), 'g', -1, 64)
			text = append(text, '\n')
			if len(text) >= full {
				out.Write(text)
				text = text[:0]
			}
		})
	}
	out.Write(text)
}

func main() {
	store := &subject.Store{}
	subject.Run(store, http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		writer.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		if !strings.Contains(request.Header.Get("Accept-Encoding"), "gzip") {
			write(writer, store)
			return
		}
		writer.Header().Set("Content-Encoding", "gzip")
		zipper := zippers.Get().(*gzip.Writer)
		defer zippers.Put(zipper)
		zipper.Reset(writer)
		write(zipper, store)
		zipper.Close()
	}))
}
