//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"

	"golang.org/x/net/websocket"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// channelProtocol is what kubelets and API servers speak with a runtime's
// streaming server over a WebSocket: each message's first byte is a channel.
const channelProtocol = "v4.channel.k8s.io"

// Channels of the protocol.
const (
	channelStdin = iota
	channelStdout
	channelStderr
	channelStatus // how it ended, as a Status object of Kubernetes'
)

// Stream runs a command in the container over the streaming server, as kubectl
// exec -i does, on a terminal if tty. Whenever there is more on stdout, and
// before there is anything, talk is given all of it, and says what to write to
// stdin. The error is a Refusal if the command was not started.
func (c *PodContainer) Stream(ctx context.Context, tty bool, talk func(stdout string) string, args ...string) (Result, error) {
	resp, err := c.pod.cri.runtime.Exec(ctx, &cri.ExecRequest{
		ContainerId: c.ID, Cmd: args, Tty: tty, Stdin: true, Stdout: true, Stderr: !tty,
	})
	if err != nil {
		return Result{}, &Refusal{Step: "exec", Err: err}
	}
	conn, err := c.pod.cri.stream(ctx, resp.Url)
	if err != nil {
		return Result{}, err
	}
	defer conn.Close()
	var streams [channelStatus + 1][]byte
	for {
		if answer := talk(string(streams[channelStdout])); answer != "" {
			if err := websocket.Message.Send(conn, append([]byte{channelStdin}, answer...)); err != nil {
				return Result{}, fmt.Errorf("write to a stream: %w", err)
			}
		}
		var message []byte
		err := websocket.Message.Receive(conn, &message)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Result{}, fmt.Errorf("read a stream: %w", err)
		}
		if len(message) == 0 || int(message[0]) >= len(streams) {
			return Result{}, fmt.Errorf("a stream has the message %q", message)
		}
		streams[message[0]] = append(streams[message[0]], message[1:]...)
	}
	r := Result{Stdout: string(streams[channelStdout]), Stderr: string(streams[channelStderr])}
	r.Exit, err = exitOf(streams[channelStatus])
	return r, err
}

// stream connects to the streaming server, which listens in the daemon's
// network.
func (c *CRI) stream(ctx context.Context, address string) (_ *websocket.Conn, err error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the CRI's stream: %w", err)
	}
	at.Scheme = "ws"
	config, err := websocket.NewConfig(at.String(), "http://localhost/")
	if err != nil {
		return nil, fmt.Errorf("the CRI's stream: %w", err)
	}
	config.Protocol = []string{channelProtocol}
	var conn net.Conn
	if err := c.Network.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", at.Host)
		return err
	}); err != nil {
		return nil, fmt.Errorf("reach the CRI's streaming server: %w", err)
	}
	ws, err := websocket.NewClient(config, conn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the CRI's stream %s: %w", address, err), conn.Close())
	}
	return ws, nil
}

// exitOf is the exit status that a Status object tells of. One that tells of
// something else is the error, a Refusal.
func exitOf(text []byte) (int, error) {
	var status struct {
		Status, Message, Reason string
		Details                 struct {
			Causes []struct{ Reason, Message string }
		}
	}
	if err := json.Unmarshal(text, &status); err != nil {
		return 0, fmt.Errorf("a stream ended with the status %q: %w", text, err)
	}
	if status.Status == "Success" {
		return 0, nil
	}
	for _, cause := range status.Details.Causes {
		if cause.Reason == "ExitCode" {
			return strconv.Atoi(cause.Message)
		}
	}
	return 0, &Refusal{Step: "exec", Err: errors.New(status.Message)}
}
