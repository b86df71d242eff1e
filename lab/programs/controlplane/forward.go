package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	dialPatience = 2 * time.Second // a target that is just starting refuses for a moment
	dialPause    = 50 * time.Millisecond
)

// forward accepts on listening sockets that it inherited and joins each connection to one to the target.
// Arguments: FD=HOST:PORT ... A socket belongs to the network namespace it was made in, so this is the lab's door.
func forward(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: forward FD=HOST:PORT ...")
		return 2
	}
	failed := make(chan error)
	for _, arg := range args {
		listener, target, err := doorOf(arg)
		if err != nil {
			fmt.Fprintln(os.Stderr, "forward:", err)
			return 2
		}
		fmt.Fprintf(os.Stderr, "forward: %s -> %s\n", listener.Addr(), target)
		go func() { failed <- serve(listener, target) }()
	}
	fmt.Fprintln(os.Stderr, "forward:", <-failed)
	return 1
}

func doorOf(arg string) (*net.TCPListener, string, error) {
	number, target, found := strings.Cut(arg, "=")
	fd, err := strconv.ParseUint(number, 10, 16)
	if !found || err != nil {
		return nil, "", fmt.Errorf("%q is not FD=HOST:PORT", arg)
	}
	listener, err := inherited(uintptr(fd))
	if err != nil {
		return nil, "", fmt.Errorf("%q: %w", arg, err)
	}
	return listener, target, nil
}

func inherited(fd uintptr) (*net.TCPListener, error) {
	file := os.NewFile(fd, "door")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.New("not a TCP socket")
	}
	return tcp, nil
}

func serve(listener *net.TCPListener, target string) error {
	for {
		client, err := listener.AcceptTCP()
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ECONNABORTED) {
			time.Sleep(dialPause)
			continue
		}
		if err != nil {
			return err
		}
		go join(client, target)
	}
}

func join(client *net.TCPConn, target string) {
	server, err := dial(target)
	if err != nil {
		_ = client.SetLinger(0) // the caller sees a reset, as from a refused connection, not an empty answer
		client.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pour(server, client) })
	both.Go(func() { pour(client, server) })
	both.Wait()
	client.Close()
	server.Close()
}

// pour copies until the source ends, then passes that end on; a broken source breaks the other side too.
func pour(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.SetLinger(0)
		to.Close()
		from.Close()
		return
	}
	_ = to.CloseWrite()
}

func dial(target string) (*net.TCPConn, error) {
	deadline := time.Now().Add(dialPatience)
	for {
		connection, err := net.DialTimeout("tcp", target, dialPatience)
		if err == nil {
			return connection.(*net.TCPConn), nil
		}
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(deadline) {
			return nil, err
		}
		time.Sleep(dialPause)
	}
}
