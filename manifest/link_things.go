package manifest

import "fmt"

// reserved refuses networks that have the name of one that every host has.
func (k *linker) reserved() {
	for _, n := range k.set.Networks {
		if everyHostHas(n.Metadata.Name) {
			k.nameError(n, fmt.Sprintf("%s is the name of a network that every host has", n.Metadata.Name)).Hint =
				fmt.Sprintf("services join it with networks: [%s], without a document", n.Metadata.Name)
		}
	}
}
