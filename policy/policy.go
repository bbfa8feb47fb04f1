package policy

// Kinds of policy object.
const (
	KindPolicy        = "KubeArmorPolicy"
	KindClusterPolicy = "KubeArmorClusterPolicy"
)

// APIVersion is the group and version of both kinds.
const APIVersion = "security.kubearmor.com/v1"

// Policy is one valid policy object.
type Policy struct {
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace,omitempty"` // empty for a cluster policy
	Name      string   `json:"name"`
	Selector  Selector `json:"selector"`
	Rules     []Rule   `json:"rules"`
	Position  Position `json:"position"`
}

// Tier is the tier that the policy's rules are decided in.
func (p *Policy) Tier() Tier {
	if p.Kind == KindClusterPolicy {
		return Cluster
	}
	return Namespaced
}

// Selector says which containers a policy applies to. The zero Selector of a
// namespaced policy selects its whole namespace, that of a cluster policy
// every namespace.
type Selector struct {
	MatchLabels map[string]string `json:"matchLabels,omitempty"` // ANDed
	// Containers restricts the policy to containers of these names (the
	// label kubearmor.io/container.name); none: every container.
	Containers []string     `json:"containers,omitempty"`
	Match      []Expression `json:"match,omitempty"` // ANDed
}

// Expression is one entry of matchExpressions; its values are ORed.
type Expression struct {
	Key      string   `json:"key"`      // "namespace" or "label"
	Operator string   `json:"operator"` // "In" or "NotIn"
	Values   []string `json:"values"`   // namespaces, or "k=v"
}

// Subject is the container that policies are selected for.
type Subject struct {
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels,omitempty"`
	// Brought are those of Labels that the container's image has too, with
	// the same value: whether the user or the image chose them cannot be told.
	Brought   map[string]string `json:"brought,omitempty"`
	Container string            `json:"container,omitempty"` // its name in the pod, if it has one
	Pod       string            `json:"pod,omitempty"`
	Image     string            `json:"image,omitempty"`
	// Sandbox is true for a pod's pause container, to which pod-level
	// (network) rules alone apply.
	Sandbox bool `json:"sandbox,omitempty"`
}

// Posture is what an access that no rule matches meets in allow-list mode,
// for each class: Block or Audit. Process follows File.
type Posture struct {
	File         Action `json:"file"`
	Network      Action `json:"network"`
	Capabilities Action `json:"capabilities"`
}

// For is the posture of class.
func (p Posture) For(class Class) Action {
	switch class {
	case Network:
		return p.Network
	case Capabilities:
		return p.Capabilities
	default:
		return p.File
	}
}

// MaxFileSize is the most that a policy file may have, in bytes.
const MaxFileSize = 4 << 20
