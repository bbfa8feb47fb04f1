package subject

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// exchange is one HTTP/2 request on a connection of its own: as much of RFC
// 9113 as a client needs that sends one small request and reads its answer.
type exchange struct {
	conn    net.Conn
	headers *hpack.Decoder
	header  map[string]string // the answer's, trailers included
	body    []byte
	frame   [maxFrame]byte
}

// Of RFC 9113.
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindow       = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1 // data, headers
	flagAck        = 0x1 // settings, ping
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	settingWindow = 0x4
	maxFrame      = 16384 // of a peer that was not told otherwise
	stream        = 1
	preface       = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// post sends body and gives the answer's header fields, trailers among them,
// and its body, of less than maxAnswer bytes.
func post(ctx context.Context, socket string, fields []hpack.HeaderField, body []byte) (map[string]string, []byte, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, nil, err
		}
	}
	x := &exchange{conn: conn, header: make(map[string]string)}
	x.headers = hpack.NewDecoder(4096, func(f hpack.HeaderField) { x.header[f.Name] = f.Value })
	x.headers.SetMaxStringLength(maxFrame)
	if err := x.send(fields, body); err != nil {
		return nil, nil, err
	}
	for {
		ended, err := x.receive()
		if err != nil {
			return nil, nil, err
		}
		if ended {
			return x.header, x.body, nil
		}
	}
}

// send sends the whole request in one write. The windows are opened as wide
// as the answer may be, so that they never have to be again.
func (x *exchange) send(fields []hpack.HeaderField, body []byte) error {
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		if err := encoder.WriteField(f); err != nil {
			return err
		}
	}
	if block.Len() > maxFrame || len(body) > maxFrame {
		return errors.New("request is too large")
	}
	window := binary.BigEndian.AppendUint32([]byte{0, settingWindow}, maxAnswer)
	out := []byte(preface)
	out = appendFrame(out, frameSettings, 0, 0, window)
	out = appendFrame(out, frameWindow, 0, 0, window[2:])
	out = appendFrame(out, frameHeaders, flagEndHeaders, stream, []byte(block.String()))
	out = appendFrame(out, frameData, flagEndStream, stream, body)
	_, err := x.conn.Write(out)
	return err
}

func appendFrame(out []byte, kind, flags byte, id uint32, payload []byte) []byte {
	n := len(payload)
	out = append(out, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	return append(binary.BigEndian.AppendUint32(out, id), payload...)
}

// receive takes one frame, and says whether the answer has ended with it.
func (x *exchange) receive() (ended bool, err error) {
	kind, flags, payload, err := x.read()
	if err != nil {
		return false, err
	}
	switch kind {
	case frameData:
		if payload, err = unpad(payload, flags); err != nil {
			return false, err
		}
		if x.body = append(x.body, payload...); len(x.body) >= maxAnswer { // the window is used up: the rest would never come
			return false, fmt.Errorf("answer of %d bytes and more", maxAnswer)
		}
		return flags&flagEndStream != 0, nil
	case frameHeaders:
		return flags&flagEndStream != 0, x.readHeaders(flags, payload)
	case frameSettings:
		if flags&flagAck == 0 {
			_, err = x.conn.Write(appendFrame(nil, frameSettings, flagAck, 0, nil))
		}
	case framePing:
		if flags&flagAck == 0 {
			_, err = x.conn.Write(appendFrame(nil, framePing, flagAck, 0, payload))
		}
	case frameReset, frameGoAway:
		err = errors.New("containerd broke off the call")
	}
	return false, err
}

// readHeaders decodes a block of header fields with its continuations.
func (x *exchange) readHeaders(flags byte, payload []byte) error {
	payload, err := unpad(payload, flags)
	if err != nil {
		return err
	}
	if flags&flagPriority != 0 {
		if len(payload) < 5 {
			return errors.New("HTTP/2: short headers")
		}
		payload = payload[5:]
	}
	for blocks := 0; ; blocks++ {
		if _, err := x.headers.Write(payload); err != nil {
			return err
		}
		if flags&flagEndHeaders != 0 {
			return x.headers.Close()
		}
		var kind byte
		if kind, flags, payload, err = x.read(); err != nil {
			return err
		}
		if kind != frameContinuation || blocks > 8 {
			return errors.New("HTTP/2: headers without an end")
		}
	}
}

// read reads a frame. Its payload is valid until the next.
func (x *exchange) read() (kind, flags byte, payload []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(x.conn, head[:]); err != nil {
		return 0, 0, nil, fmt.Errorf("containerd's answer: %w", err)
	}
	n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	if n > maxFrame {
		return 0, 0, nil, fmt.Errorf("HTTP/2: frame of %d bytes", n)
	}
	if _, err := io.ReadFull(x.conn, x.frame[:n]); err != nil {
		return 0, 0, nil, fmt.Errorf("containerd's answer: %w", err)
	}
	return head[3], head[4], x.frame[:n], nil
}

// unpad takes the padding off a payload.
func unpad(payload []byte, flags byte) ([]byte, error) {
	if flags&flagPadded == 0 {
		return payload, nil
	}
	if len(payload) == 0 || int(payload[0]) >= len(payload) {
		return nil, errors.New("HTTP/2: more padding than payload")
	}
	return payload[1 : len(payload)-int(payload[0])], nil
}
