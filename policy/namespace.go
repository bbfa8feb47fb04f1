package policy

// KindNamespace is the Kubernetes object that posture annotations stand on.
const KindNamespace = "Namespace"

// Annotations of a namespace that set its posture; values are block or audit.
const (
	AnnotationFilePosture         = "kubearmor-file-posture"
	AnnotationNetworkPosture      = "kubearmor-network-posture"
	AnnotationCapabilitiesPosture = "kubearmor-capabilities-posture"
)

// AnnotationSyscalls on a policy, with the value "enforce", turns its Block
// rules on system calls from alerts into denials.
const AnnotationSyscalls = "prearm.dev/syscalls"

// Namespace is what policies need to know of a namespace.
type Namespace struct {
	Name     string   `json:"name"`
	Posture  Posture  `json:"posture"` // an empty action: not set here
	Position Position `json:"position"`
}
