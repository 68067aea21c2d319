// SPDX-License-Identifier: Apache-2.0

// Goroutines that ask while they answer.
//
//	goroutines serve PORT REDIS-PORT   HTTP: each request asks Redis once, on a connection of a pool,
//	                                   from the goroutine that handles it, and prints a line
//	                                   TARGET LOCAL-PORT NUMBER: the how-manyth call of that
//	                                   connection it was. "ready" first
//	goroutines ask PORT N              16 connections ask for /0 to /N-1, each without a pause
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

const connections = 16

type conn struct {
	net.Conn
	answers *bufio.Reader
	calls   int
}

func dial(port string) *conn {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	check(err)
	return &conn{Conn: c, answers: bufio.NewReader(c)}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(port, redis string) {
	var printing sync.Mutex
	pool := make(chan *conn, connections)
	for i := 0; i < connections; i++ {
		pool <- dial(redis)
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	check(err)
	fmt.Println("ready")
	check(http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := <-pool
		time.Sleep(time.Millisecond) // goes on by another thread
		c.calls++
		_, err := c.Write([]byte("*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n"))
		check(err)
		for i := 0; i < 2; i++ {
			_, err = c.answers.ReadString('\n')
			check(err)
		}
		printing.Lock()
		fmt.Println(r.URL.Path, c.LocalAddr().(*net.TCPAddr).Port, c.calls)
		printing.Unlock()
		pool <- c
		io.WriteString(w, "hello")
	})))
}

func ask(port string, n int) {
	var all sync.WaitGroup
	for i := 0; i < connections; i++ {
		all.Add(1)
		go func(first int) {
			defer all.Done()
			c := dial(port)
			for at := first; at < n; at += connections {
				fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", at)
				answer, err := http.ReadResponse(c.answers, nil)
				check(err)
				io.Copy(io.Discard, answer.Body)
			}
		}(i)
	}
	all.Wait()
}

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3])
	}
	n, err := strconv.Atoi(os.Args[3])
	check(err)
	ask(os.Args[2], n)
}
