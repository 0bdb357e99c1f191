// Command const_metrics exposes balances as most exporters in Go do: client_golang, and a collector
// that makes constant metrics for each scrape.
package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"subject"
)

func desc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"exchange", "account", "asset"}, nil)
}

var (
	total  = desc("exchange_total_balance", "All that the account holds of the asset.")
	free   = desc("exchange_free_balance", "What of it can be used at once.")
	locked = desc("exchange_locked_balance", "What open orders and withdrawals hold of it.")
)

type collector struct{ store *subject.Store }

func (collector) Describe(descs chan<- *prometheus.Desc) {
	descs <- total
	descs <- free
	descs <- locked
}

func (c collector) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, b *subject.Balance) {
		metrics <- prometheus.MustNewConstMetric(
			desc, prometheus.GaugeValue, value, b.Exchange, b.Account, b.Asset)
	}
	c.store.Each(func(b *subject.Balance) {
		gauge(total, b.Total, b)
		gauge(free, b.Free, b)
		gauge(locked, b.Locked, b)
	})
}

func main() {
	store := &subject.Store{}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector{store},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	subject.Run(store, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}
