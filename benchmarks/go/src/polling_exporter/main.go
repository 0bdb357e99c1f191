// Command polling_exporter does this project's job as a typical exporter in Go would: one goroutine
// polls each account with net/http and typed encoding/json, and client_golang serves the balances.
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const exchange = "btcturk"

type row struct {
	Asset       string `json:"asset"`
	AssetName   string `json:"assetname"`
	Balance     string `json:"balance"`
	Free        string `json:"free"`
	Locked      string `json:"locked"`
	OrderFund   string `json:"orderFund"`
	RequestFund string `json:"requestFund"`
	Timestamp   int64  `json:"timestamp"`
}

type response struct {
	Success bool  `json:"success"`
	Data    []row `json:"data"`
}

type balance struct {
	asset               string
	total, free, locked float64
}

// account is one account and what is known of it; only its own goroutine writes it.
type account struct {
	name, key string
	secret    []byte

	mutex       sync.Mutex
	balances    []balance
	up          float64
	polls       float64
	lastSuccess time.Time
}

type exporter struct {
	url        string
	interval   time.Duration
	staleAfter time.Duration
	client     *http.Client
	accounts   []*account
}

func (e *exporter) pollForever(a *account, delay time.Duration) {
	time.Sleep(delay)
	ticker := time.NewTicker(e.interval)
	defer ticker.Stop()
	for {
		e.poll(a)
		<-ticker.C
	}
}

func (e *exporter) poll(a *account) {
	started := time.Now()
	balances, err := e.fetch(a)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.polls++
	if err != nil {
		a.up = 0
		log.Printf("account is down account=%s error=%v", a.name, err)
		return
	}
	if a.up == 0 {
		log.Printf("account is up account=%s", a.name)
	}
	a.balances, a.up, a.lastSuccess = balances, 1, started
}

func (e *exporter) fetch(a *account) ([]balance, error) {
	request, err := http.NewRequest("GET", e.url+"/api/v1/users/balances", nil)
	if err != nil {
		return nil, err
	}
	stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	mac := hmac.New(sha256.New, a.secret)
	mac.Write([]byte(a.key + stamp))
	request.Header.Set("X-PCK", a.key)
	request.Header.Set("X-Stamp", stamp)
	request.Header.Set("X-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	request.Header.Set("Accept-Encoding", "identity")
	reply, err := e.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", reply.StatusCode)
	}
	return parse(body)
}

func parse(body []byte) ([]balance, error) {
	var read response
	if err := json.Unmarshal(body, &read); err != nil {
		return nil, err
	}
	if !read.Success {
		return nil, fmt.Errorf("the exchange reports a failure")
	}
	balances := make([]balance, len(read.Data))
	for i, row := range read.Data {
		b := balance{asset: strings.Clone(row.Asset)}
		for _, amount := range []struct {
			text string
			to   *float64
		}{{row.Balance, &b.total}, {row.Free, &b.free}, {row.Locked, &b.locked}} {
			value, err := strconv.ParseFloat(strings.Replace(amount.text, ",", ".", 1), 64)
			if err != nil {
				return nil, err
			}
			*amount.to = value
		}
		balances[i] = b
	}
	return balances, nil
}

func desc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"exchange", "account"}, more...), nil)
}

var (
	total       = desc("exchange_total_balance", "Total balance, in units of the asset.", "asset")
	free        = desc("exchange_free_balance", "Available balance, in units of the asset.", "asset")
	locked      = desc("exchange_locked_balance", "Locked balance, in units of the asset.", "asset")
	up          = desc("exchange_account_up", "Whether the last poll succeeded.")
	polls       = desc("exchange_account_polls_total", "Finished polls.")
	lastSuccess = desc("exchange_account_last_success_timestamp_seconds", "Unix time of the last success.")
)

func (*exporter) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{total, free, locked, up, polls, lastSuccess} {
		descs <- d
	}
}

func (e *exporter) Collect(metrics chan<- prometheus.Metric) {
	for _, a := range e.accounts {
		a.mutex.Lock()
		balances, isUp, polled, at := a.balances, a.up, a.polls, a.lastSuccess
		a.mutex.Unlock()
		send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, more ...string) {
			labels := append([]string{exchange, a.name}, more...)
			metrics <- prometheus.MustNewConstMetric(d, kind, value, labels...)
		}
		send(up, prometheus.GaugeValue, isUp)
		send(polls, prometheus.CounterValue, polled)
		if at.IsZero() || time.Since(at) >= e.staleAfter {
			continue
		}
		send(lastSuccess, prometheus.GaugeValue, float64(at.UnixMilli())/1000)
		for i := range balances {
			b := &balances[i]
			send(total, prometheus.GaugeValue, b.total, b.asset)
			send(free, prometheus.GaugeValue, b.free, b.asset)
			send(locked, prometheus.GaugeValue, b.locked, b.asset)
		}
	}
}

// read returns the accounts of a file: a name, a key and a secret in each line.
func read(path string) ([]*account, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var accounts []*account
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		secret, err := base64.StdEncoding.DecodeString(fields[2])
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, &account{name: fields[0], key: fields[1], secret: secret})
	}
	return accounts, lines.Err()
}

func main() {
	url := flag.String("url", "", "base URL of the exchange")
	file := flag.String("accounts", "", "file of accounts")
	address := flag.String("listen", "127.0.0.1:0", "address to serve on")
	interval := flag.Duration("interval", time.Minute, "time between two polls of an account")
	flag.Parse()
	accounts, err := read(*file)
	if err != nil {
		log.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = len(accounts)
	transport.IdleConnTimeout = 0
	e := &exporter{
		url:        *url,
		interval:   *interval,
		staleAfter: 3**interval + 10*time.Second,
		client:     &http.Client{Transport: transport, Timeout: 10 * time.Second},
		accounts:   accounts,
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		e,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	step := *interval / time.Duration(len(accounts))
	if step > time.Second {
		step = time.Second
	}
	for i, a := range accounts {
		go e.pollForever(a, step*time.Duration(i))
	}
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	log.Fatal(http.Serve(listener, nil))
}
