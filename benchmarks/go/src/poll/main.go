// Command poll polls an exchange as a typical client in Go does: net/http, a signature, typed JSON.
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	apiKey    = "b8c1b9f4-0000-4000-8000-000000000001"
	apiSecret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
)

// balance has texts for amounts, as the exchange does; parsing them at once would cost Go more.
type balance struct {
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
	Success bool      `json:"success"`
	Data    []balance `json:"data"`
}

func poll(url string, typed bool) (int, error) {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return 0, err
	}
	secret, err := base64.StdEncoding.DecodeString(apiSecret)
	if err != nil {
		return 0, err
	}
	stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(apiKey + stamp))
	request.Header.Set("X-PCK", apiKey)
	request.Header.Set("X-Stamp", stamp)
	request.Header.Set("X-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	request.Header.Set("Accept-Encoding", "identity")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || !typed {
		return 300, err
	}
	return parse(body)
}

// parse returns how many balances a response has, after reading all their amounts.
func parse(body []byte) (int, error) {
	var read response
	if err := json.Unmarshal(body, &read); err != nil {
		return 0, err
	}
	for _, row := range read.Data {
		for _, text := range []string{
			row.Balance, row.Free, row.Locked, row.OrderFund, row.RequestFund,
		} {
			if _, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64); err != nil {
				return 0, err
			}
		}
	}
	return len(read.Data), nil
}

func processorTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func main() {
	url := os.Args[1]
	commands := bufio.NewScanner(os.Stdin)
	fmt.Println("ready")
	for commands.Scan() {
		words := strings.Fields(commands.Text())
		count, err := strconv.Atoi(words[1])
		if err != nil {
			log.Fatal(err)
		}
		before := processorTime()
		for i := 0; i < count; i++ {
			if rows, err := poll(url, words[0] == "parse"); err != nil || rows != 300 {
				log.Fatal(rows, err)
			}
		}
		fmt.Println("took", processorTime()-before)
	}
}
