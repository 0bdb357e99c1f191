// Package subject is what the Go exporters of the benchmark share: reading balances, and obeying
// the benchmark's commands on standard input.
package subject

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Balance is one asset of one account.
type Balance struct {
	Exchange, Account, Asset string
	Total, Free, Locked      float64
}

// Store holds the balances that a scrape reads.
type Store struct {
	mutex    sync.RWMutex
	balances []Balance
}

// Each calls f with every balance, while none changes.
func (s *Store) Each(f func(*Balance)) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	for i := range s.balances {
		f(&s.balances[i])
	}
}

func (s *Store) fill(path string) {
	balances, err := read(path)
	if err != nil {
		log.Fatal(err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.balances = balances
}

func read(path string) ([]Balance, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names := map[string]string{} // each name is held once, however many lines repeat it
	intern := func(text string) string {
		if name, ok := names[text]; ok {
			return name
		}
		name := strings.Clone(text)
		names[name] = name
		return name
	}
	var balances []Balance
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		balance := Balance{Exchange: "btcturk", Account: intern(fields[0]), Asset: intern(fields[1])}
		for i, amount := range []*float64{&balance.Total, &balance.Free, &balance.Locked} {
			if *amount, err = strconv.ParseFloat(fields[2+i], 64); err != nil {
				return nil, err
			}
		}
		balances = append(balances, balance)
	}
	return balances, lines.Err()
}

// Run serves a handler on a free port until standard input ends.
func Run(store *Store, handler http.Handler) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", handler)
	go func() { log.Fatal(http.Serve(listener, mux)) }()
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		words := strings.SplitN(commands.Text(), " ", 2)
		if words[0] == "fill" {
			store.fill(words[1])
		}
		fmt.Println("done")
	}
}
