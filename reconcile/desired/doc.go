// Package desired turns manifests into the model that is compared with what
// the hosts report.
//
// Here a spec gets its normal form: names of networks and volumes become their
// names on the hosts, lists whose order means nothing are sorted, the engine's
// defaults are left out, and file contents become digests, so that equal
// wishes are equal bytes whatever order they were written in.
//
// The package is pure. It knows nothing of live containers, and decides
// nothing: which host gets what is place's work.
package desired
