package model

import "slices"

// OwnPreview says whether a thing of that name with these labels was made by a
// preview for itself: the one that o names. It is the one rule for which volumes an
// op may remove.
func (o Ownership) OwnPreview(name string, found Ownership) bool {
	return o.Preview != "" && o.Owner != "" && found.Name == name &&
		found.Owner == o.Owner && found.App == o.App && found.Preview == o.Preview
}

// Unheard says whether a thing is of a preview of which nobody has said yet whether
// it is to run: it is left as it is.
func (d *Desired) Unheard(o Ownership) bool {
	return o.Preview != "" && !d.PreviewsKnown && !slices.ContainsFunc(d.Apps, func(a App) bool { return a.Name == o.App })
}

// UnheardBecause is the reason for it.
const UnheardBecause = "of a preview, and it is not known which of them are to run; left as it is"
