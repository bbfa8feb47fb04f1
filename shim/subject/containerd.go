package subject

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of containerd's API, which are fixed for good: services
// containers, images and content, version 1.
const (
	getRequestID      protowire.Number = 1 // GetContainerRequest.id, GetImageRequest.name
	getResponse       protowire.Number = 1 // .container, .image
	containerLabels   protowire.Number = 2 // map<string, string>
	containerImage    protowire.Number = 3
	mapKey            protowire.Number = 1
	mapValue          protowire.Number = 2
	imageTarget       protowire.Number = 3 // Descriptor
	descriptorDigest  protowire.Number = 2
	readRequestDigest protowire.Number = 1
	readResponseData  protowire.Number = 2
)

// getContainer gives a container's labels and its image's name.
func (c *client) getContainer(ctx context.Context, id string) (labels map[string]string, image string, err error) {
	answer, err := c.one(ctx, "containerd.services.containers.v1.Containers/Get", text(getRequestID, id))
	if err != nil {
		return nil, "", err
	}
	container, err := last(answer, getResponse)
	if err != nil {
		return nil, "", err
	}
	entries, err := field(container, containerLabels)
	if err != nil {
		return nil, "", err
	}
	labels = make(map[string]string, len(entries))
	for _, entry := range entries {
		key, err := last(entry, mapKey)
		if err != nil {
			return nil, "", err
		}
		value, err := last(entry, mapValue)
		if err != nil {
			return nil, "", err
		}
		labels[string(key)] = string(value)
	}
	name, err := last(container, containerImage)
	return labels, string(name), err
}

// getImage gives the digest of what an image's name stands for.
func (c *client) getImage(ctx context.Context, name string) (digest string, err error) {
	answer, err := c.one(ctx, "containerd.services.images.v1.Images/Get", text(getRequestID, name))
	var status *statusError
	if errors.As(err, &status) && status.code == codeNotFound {
		return "", fmt.Errorf("image %s is gone from containerd; pull it again", name)
	}
	if err != nil {
		return "", err
	}
	target, err := last(answer, getResponse, imageTarget, descriptorDigest)
	return string(target), err
}

// readBlob reads content by its digest.
func (c *client) readBlob(ctx context.Context, digest string) ([]byte, error) {
	answers, err := c.call(ctx, "containerd.services.content.v1.Content/Read", text(readRequestDigest, digest))
	if err != nil {
		return nil, err
	}
	var blob []byte
	for _, answer := range answers {
		data, err := last(answer, readResponseData)
		if err != nil {
			return nil, err
		}
		blob = append(blob, data...)
	}
	return blob, nil
}

// one is call for a method that answers with one message.
func (c *client) one(ctx context.Context, method string, message []byte) ([]byte, error) {
	answers, err := c.call(ctx, method, message)
	if err != nil {
		return nil, err
	}
	if len(answers) != 1 {
		return nil, fmt.Errorf("%s: %d answers", method, len(answers))
	}
	return answers[0], nil
}
