package model

import "strconv"

// The labels that mark what Tallyman makes. They are a contract with users'
// scripts: names and meanings do not change.
const (
	LabelOwner       = "tallyman.owner"
	LabelApp         = "tallyman.app"
	LabelService     = "tallyman.service"
	LabelJob         = "tallyman.job" // in place of the service
	LabelRun         = "tallyman.run" // of the job; its slot is the number of the try
	LabelSlot        = "tallyman.slot"
	LabelFingerprint = "tallyman.fingerprint"
	LabelRevision    = "tallyman.revision" // for people, never compared
	LabelName        = "tallyman.name"     // repeats the name
	LabelFiles       = "tallyman.files"    // paths of the copied files, one per line, so that their contents can be read back
	LabelDeletion    = "tallyman.deletion" // "orphan": let go of it when its manifest goes
	LabelProtect     = "tallyman.protect"  // "true": hold its removal
	LabelSecrets     = "tallyman.secrets"  // what comes from secrets, see SecretsLabel
	LabelPod         = "tallyman.pod"      // the name of the pod's holder, on all its containers
	LabelRole        = "tallyman.role"     // in the pod; absent on a replica of one container
	LabelMember      = "tallyman.member"   // the container's name in the pod
	LabelPreview     = "tallyman.preview"  // the number of the pull request that the app is a preview of; what has it goes with the preview, volumes too
	LabelCPUs        = "tallyman.cpus"     // billionths of a CPU that are set aside for the replica
	LabelMemory      = "tallyman.memory"   // bytes of memory
	labelPrefix      = "tallyman."
)

// Ownership is the parsed form of those labels. The zero value is a thing that
// carries no owner label.
type Ownership struct {
	Owner       string `json:"owner,omitempty"`
	App         string `json:"app,omitempty"`
	Service     string `json:"service,omitempty"` // for networks and volumes: empty
	Job         string `json:"job,omitempty"`
	Run         string `json:"run,omitempty"`
	Slot        string `json:"slot,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	Revision    string `json:"revision,omitempty"`
	Name        string `json:"name,omitempty"`
	// Pod, Role and Member tell which container of which pod it is.
	Pod    string `json:"pod,omitempty"`
	Role   string `json:"role,omitempty"`
	Member string `json:"member,omitempty"`
	// Preview is the number of the pull request, on all that belongs to a preview.
	Preview string `json:"preview,omitempty"`
	// Guard is what the manifest said of the thing's end when it was made, see
	// Guards.Of.
	Guard Guard `json:"guard,omitzero"`
	// Reserve is what was set aside for the replica when it was made; of a pod the
	// holder has it. See Container.Reserve.
	Reserve Resources `json:"reserve,omitzero"`
}

// SamePod says whether two containers are of one pod.
func (o Ownership) SamePod(other Ownership) bool {
	return o.Pod != "" && o.Pod == other.Pod && o.Owner == other.Owner
}

// Labels is the label form of o; empty fields make no label.
func (o Ownership) Labels() map[string]string {
	labels := map[string]string{}
	for _, l := range o.pairs() {
		if *l.value != "" {
			labels[l.label] = *l.value
		}
	}
	if o.Guard.Orphan {
		labels[LabelDeletion] = "orphan"
	}
	if o.Guard.Protect {
		labels[LabelProtect] = "true"
	}
	for label, amount := range map[string]int64{LabelCPUs: o.Reserve.NanoCPUs, LabelMemory: o.Reserve.Memory} {
		if amount > 0 {
			labels[label] = strconv.FormatInt(amount, 10)
		}
	}
	return labels
}

// OwnershipFrom reads the ownership labels among labels.
func OwnershipFrom(labels map[string]string) Ownership {
	var o Ownership
	for _, l := range o.pairs() {
		*l.value = labels[l.label]
	}
	o.Guard = Guard{Orphan: labels[LabelDeletion] == "orphan", Protect: labels[LabelProtect] == "true"}
	o.Reserve = Resources{NanoCPUs: amountFrom(labels[LabelCPUs]), Memory: amountFrom(labels[LabelMemory])}
	return o
}

// amountFrom reads an amount. What is none is nothing: labels can be anybody's.
func amountFrom(label string) int64 {
	amount, err := strconv.ParseInt(label, 10, 64)
	if err != nil {
		return 0
	}
	return max(amount, 0)
}

type labelField struct {
	label string
	value *string
}

func (o *Ownership) pairs() [13]labelField {
	return [...]labelField{
		{LabelOwner, &o.Owner}, {LabelApp, &o.App}, {LabelService, &o.Service}, {LabelJob, &o.Job}, {LabelRun, &o.Run}, {LabelSlot, &o.Slot},
		{LabelFingerprint, &o.Fingerprint}, {LabelRevision, &o.Revision}, {LabelName, &o.Name},
		{LabelPod, &o.Pod}, {LabelRole, &o.Role}, {LabelMember, &o.Member}, {LabelPreview, &o.Preview},
	}
}

// OwnedBy is the one rule for whose a container is: it carries the owner's
// label, and the name label names itself or, as known says of its id, did so
// once. That tells a container that somebody renamed from somebody else's that
// carries copies of the labels. A nil known knows none.
func (c *Container) OwnedBy(owner string, known func(id string) bool) bool {
	if c.Owner.Owner != owner || owner == "" {
		return false
	}
	return c.Owner.Name == c.Name || known != nil && known(c.ID)
}

// ReservedLabel says whether key is one of Tallyman's own, which users may not
// set.
func ReservedLabel(key string) bool {
	return len(key) >= len(labelPrefix) && key[:len(labelPrefix)] == labelPrefix
}
