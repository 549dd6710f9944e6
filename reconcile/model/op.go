package model

import (
	"encoding/json"
	"fmt"
	"time"
)

// Op is one engine call, as plain data. There is one type per call; the
// engine adapters switch over them and nobody else can add one.
type Op interface {
	// On is the name of the host that the call goes to.
	On() string
	op()
}

// Target names a container that exists or, while its id is not known yet, one
// that an earlier op of the same task creates. An adapter acts on it only when
// the owner and fingerprint labels still agree; otherwise the call fails with
// the class Conflict and nothing is touched.
type Target struct {
	Host        string `json:"host"`
	ID          string `json:"id,omitempty"`
	Name        string `json:"name"`
	Owner       string `json:"owner"`
	Fingerprint string `json:"fingerprint"`
}

// On is the host's name.
func (t Target) On() string { return t.Host }

// Container is the container's name, for people.
func (t Target) Container() string { return t.Name }

// Ref is how the engine finds the container.
func (t Target) Ref() string {
	if t.ID != "" {
		return t.ID
	}
	return t.Name
}

// The calls. Each one is idempotent: performed twice, the second one succeeds
// and changes nothing. (CreateContainer is the exception that proves it: the
// name is unique per generation, so the second one succeeds when the container
// of that name is ours and has the same fingerprint, and else is a conflict.)
type (
	// PullImage fetches an image. Without Always it is done when the host has
	// an image of that reference. PullSecrets are the Docker configurations that
	// go before the installation's; what they hold is in the blobs.
	PullImage struct {
		Host        string      `json:"host"`
		Image       string      `json:"image"`
		Always      bool        `json:"always,omitempty"`
		PullSecrets []SecretRef `json:"pullSecrets,omitempty"`
	}
	// RemoveImage takes a reference off a host, and the image with its last one.
	// An image that any container is made from, ours or not, is left alone: the
	// call fails with the class Conflict.
	RemoveImage struct {
		Host  string `json:"host"`
		Image string `json:"image"`
	}
	// CreateNetwork makes a network of an app.
	CreateNetwork struct {
		Host    string    `json:"host"`
		Network Network   `json:"network"`
		Owner   Ownership `json:"owner"`
	}
	// RemoveNetwork removes a network of ours that nothing is attached to.
	RemoveNetwork struct {
		Host  string `json:"host"`
		ID    string `json:"id"`
		Name  string `json:"name"`
		Owner string `json:"owner"`
	}
	// CreateVolume makes a volume of an app.
	CreateVolume struct {
		Host   string    `json:"host"`
		Volume Volume    `json:"volume"`
		Owner  Ownership `json:"owner"`
	}
	// RemoveVolume removes a volume that a preview made for itself, with all that is
	// in it: one that nothing mounts, whose labels name the owner, the app, itself
	// and the preview. No op removes any other.
	RemoveVolume struct {
		Host  string    `json:"host"`
		Name  string    `json:"name"`
		Owner Ownership `json:"owner"`
	}
	// LoadImage gives a host an image that this program makes, see HoldImage.
	LoadImage struct {
		Host  string `json:"host"`
		Image string `json:"image"`
	}
	// CreateContainer makes a container, joined to all its networks, and does
	// not start it. Owner.Name is its name. One of a pod, other than the holder,
	// shares the network of the container that Owner.Pod names.
	CreateContainer struct {
		Host  string        `json:"host"`
		Owner Ownership     `json:"owner"`
		Spec  ContainerSpec `json:"spec"`
	}
	// CopyFiles writes files into a container that has not been started.
	CopyFiles struct {
		Target
		Files []File `json:"files"`
	}
	// StartContainer starts a container. Holds are volumes that no other
	// container of the host may have meanwhile: while one that runs mounts any of
	// them, the call fails with the class Conflict.
	StartContainer struct {
		Target
		Holds []string `json:"holds,omitempty"`
	}
	// UnpauseContainer lets a paused container go on.
	UnpauseContainer struct{ Target }
	// ResumeHealthCheck makes the engine run the health check of a running
	// container again. It goes on where it is: it is neither stopped nor started.
	ResumeHealthCheck struct{ Target }
	// RenameContainer gives a container the name in its label back.
	RenameContainer struct{ Target }
	// UpdateContainer changes limits and restart policy in place.
	UpdateContainer struct {
		Target
		Adjustable Adjustable `json:"adjustable"`
	}
	// ConnectNetwork joins a container to a network. An attachment to a
	// network of that name that no longer exists is replaced.
	ConnectNetwork struct {
		Target
		Attachment Attachment `json:"attachment"`
	}
	// DisconnectNetwork takes a container off a network.
	DisconnectNetwork struct {
		Target
		Network string `json:"network"`
	}
	// StopContainer stops a container: its stop signal, and after the grace
	// period the kill.
	StopContainer struct {
		Target
		Grace time.Duration `json:"grace"`
	}
	// RemoveContainer removes a stopped container and none of its volumes, not
	// even the anonymous ones: they may hold data.
	RemoveContainer struct{ Target }
)

func (o PullImage) On() string       { return o.Host }
func (o RemoveImage) On() string     { return o.Host }
func (o CreateNetwork) On() string   { return o.Host }
func (o RemoveNetwork) On() string   { return o.Host }
func (o CreateVolume) On() string    { return o.Host }
func (o RemoveVolume) On() string    { return o.Host }
func (o CreateContainer) On() string { return o.Host }
func (o LoadImage) On() string       { return o.Host }

func (PullImage) op()         {}
func (RemoveImage) op()       {}
func (CreateNetwork) op()     {}
func (RemoveNetwork) op()     {}
func (CreateVolume) op()      {}
func (RemoveVolume) op()      {}
func (CreateContainer) op()   {}
func (LoadImage) op()         {}
func (CopyFiles) op()         {}
func (StartContainer) op()    {}
func (UnpauseContainer) op()  {}
func (ResumeHealthCheck) op() {}
func (RenameContainer) op()   {}
func (UpdateContainer) op()   {}
func (ConnectNetwork) op()    {}
func (DisconnectNetwork) op() {}
func (StopContainer) op()     {}
func (RemoveContainer) op()   {}

// Verb is the op's name in output and in JSON.
func Verb(op Op) string {
	switch op.(type) {
	case PullImage:
		return "pull"
	case RemoveImage:
		return "removeImage"
	case LoadImage:
		return "load"
	case CreateNetwork:
		return "createNetwork"
	case RemoveNetwork:
		return "removeNetwork"
	case CreateVolume:
		return "createVolume"
	case RemoveVolume:
		return "removeVolume"
	case CreateContainer:
		return "create"
	case CopyFiles:
		return "copyFiles"
	case StartContainer:
		return "start"
	case UnpauseContainer:
		return "unpause"
	case ResumeHealthCheck:
		return "resumeHealthCheck"
	case RenameContainer:
		return "rename"
	case UpdateContainer:
		return "update"
	case ConnectNetwork:
		return "connect"
	case DisconnectNetwork:
		return "disconnect"
	case StopContainer:
		return "stop"
	case RemoveContainer:
		return "remove"
	}
	return "unknown"
}

// opFrom decodes the JSON form of the op that Verb names.
func opFrom(verb string, data []byte) (Op, error) {
	decoders := map[string]func([]byte) (Op, error){
		"pull": decodeOp[PullImage], "removeImage": decodeOp[RemoveImage], "load": decodeOp[LoadImage], "createNetwork": decodeOp[CreateNetwork], "removeNetwork": decodeOp[RemoveNetwork],
		"createVolume": decodeOp[CreateVolume], "removeVolume": decodeOp[RemoveVolume], "create": decodeOp[CreateContainer], "copyFiles": decodeOp[CopyFiles],
		"start": decodeOp[StartContainer], "unpause": decodeOp[UnpauseContainer], "resumeHealthCheck": decodeOp[ResumeHealthCheck], "rename": decodeOp[RenameContainer],
		"update": decodeOp[UpdateContainer], "connect": decodeOp[ConnectNetwork], "disconnect": decodeOp[DisconnectNetwork],
		"stop": decodeOp[StopContainer], "remove": decodeOp[RemoveContainer],
	}
	decode, ok := decoders[verb]
	if !ok {
		return nil, fmt.Errorf("decode op %q: unknown op", verb)
	}
	return decode(data)
}

func decodeOp[T Op](data []byte) (Op, error) {
	var op T
	if err := json.Unmarshal(data, &op); err != nil {
		return nil, fmt.Errorf("decode op %q: %w", Verb(op), err)
	}
	return op, nil
}

// OpJSON is an op in its JSON form, {"op": verb, "args": {…}}.
type OpJSON struct{ Op }

// MarshalJSON writes the op with its verb.
func (o OpJSON) MarshalJSON() ([]byte, error) {
	args, err := json.Marshal(o.Op)
	if err != nil {
		return nil, err
	}
	return json.Marshal(opEnvelope{Verb(o.Op), args})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *OpJSON) UnmarshalJSON(data []byte) error {
	var e opEnvelope
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("decode op: %w", err)
	}
	op, err := opFrom(e.Op, e.Args)
	o.Op = op
	return err
}

type opEnvelope struct {
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args"`
}
