package enginetest

import (
	"slices"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// volume is the op that makes a volume.
func (s *suite) volume(name string) model.CreateVolume {
	return model.CreateVolume{
		Host:   s.Host.Name,
		Volume: model.Volume{App: "app", Name: name, HostName: s.name(name), Driver: "local"},
		Owner:  model.Ownership{Owner: s.Owner, App: "app", Name: s.name(name)},
	}
}

func (s *suite) seeVolume(name string) *model.VolumeState {
	s.Helper()
	state := s.observe()
	i := slices.IndexFunc(state.Volumes, func(v model.VolumeState) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &state.Volumes[i]
}

func (s *suite) hasVolume(name string) bool {
	s.Helper()
	v := s.seeVolume(name)
	return v != nil && v.Owner.Owner == s.Owner
}

func volumes() []promise {
	return []promise{
		{"volumes are made once, and are ours", func(s *suite) {
			op := s.volume("data")
			for range 2 {
				s.do(op)
				if !s.hasVolume(op.Volume.HostName) {
					s.Errorf("volume %q is not observed", op.Volume.HostName)
				}
			}
		}},
		{"volumes say what they were made with", func(s *suite) {
			plain, tmpfs := s.volume("data"), s.volume("scratch")
			tmpfs.Volume.Options = map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=1048576"}
			for _, op := range []model.CreateVolume{plain, tmpfs} {
				s.do(op)
				v := s.seeVolume(op.Volume.HostName)
				if v == nil || !v.Made(op.Volume.Driver, op.Volume.Options) || v.CreatedAt.IsZero() {
					s.Errorf("made with driver %q and options %v, seen %+v", op.Volume.Driver, op.Volume.Options, v)
				}
			}
		}},
		{"volumes that exist are not made with other settings", func(s *suite) {
			op := s.volume("data")
			s.do(op)
			op.Volume.Options = map[string]string{"type": "tmpfs", "device": "tmpfs"}
			s.refuses(op, engine.Conflict)
			if v := s.seeVolume(op.Volume.HostName); v == nil || len(v.Options) != 0 {
				s.Errorf("the volume after that: %+v", v)
			}
		}},
		{"volumes of another owner are not taken over", func(s *suite) {
			op := s.volume("data")
			s.do(op)
			op.Owner.Owner = s.name("other")
			s.refuses(op, engine.Conflict)
		}},
		{"volumes of nobody are seen, and not taken over", func(s *suite) {
			op := s.volume("data")
			s.hand(s.Hands.CreateForeignVolume(op.Volume.HostName))
			s.refuses(op, engine.Conflict)
			if v := s.seeVolume(op.Volume.HostName); v == nil || v.Owner != (model.Ownership{}) {
				s.Errorf("the volume that has the name: %+v", v)
			}
		}},
	}
}

func volumesThatStay() []promise {
	return []promise{
		{"anonymous volumes outlive their containers", func(s *suite) {
			image, err := s.Hands.DeclareVolume(s.Image, "/declared")
			s.hand(err)
			spec := s.spec()
			spec.Image = image
			t := s.run(spec)
			names, err := s.Hands.AnonymousVolumes(t.ID)
			s.hand(err)
			if len(names) != 1 || len(s.see(t).Spec.Mounts) != 0 {
				s.Fatalf("anonymous volumes %q, mounts %v", names, s.see(t).Spec.Mounts)
			}
			s.stop(t)
			s.do(model.RemoveContainer{Target: t})
			if v := s.seeVolume(names[0]); v == nil || v.Owner != (model.Ownership{}) {
				s.Errorf("the anonymous volume after its container went: %+v", v)
			}
		}},
		{"volumes outlive their containers", func(s *suite) {
			op := s.volume("data")
			s.do(op)
			spec := s.spec()
			spec.Mounts = []model.Mount{{Kind: model.MountVolume, Source: op.Volume.HostName, Target: "/data"}}
			t := s.run(spec)
			s.stop(t)
			s.do(model.RemoveContainer{Target: t})
			if !s.hasVolume(op.Volume.HostName) {
				s.Errorf("volume %q went with its container", op.Volume.HostName)
			}
		}},
	}
}

// file adds content to the blobs and gives the file that refers to it.
func (s *suite) file(path, content string) model.File {
	digest := model.Digest([]byte(content))
	s.blobs[digest] = []byte(content)
	return model.File{Path: path, Mode: 0o444, Digest: digest}
}

// filled makes a container with its files in it.
func (s *suite) filled(files ...model.File) model.Target {
	s.Helper()
	spec := s.spec()
	spec.Files = files
	t := s.create(spec)
	s.do(model.CopyFiles{Target: t, Files: files})
	return t
}

func (s *suite) wantFiles(t model.Target, want ...model.File) {
	s.Helper()
	if got := s.fresh(t).Spec.Files; asJSON(got) != asJSON(want) {
		s.Errorf("files\n  %s\nwant\n  %s", asJSON(got), asJSON(want))
	}
}

func files() []promise {
	return []promise{
		{"files are copied as they are", func(s *suite) {
			own := s.file("/etc/app/secret.conf", "for one's own eyes")
			own.Mode, own.UID, own.GID = 0o600, 1000, 1001
			all := []model.File{s.file("/a.txt", ""), own, s.file("/etc/app/z.conf", "hello\n")}
			t := s.filled(all...)
			s.wantFiles(t, all...)
			s.do(model.CopyFiles{Target: t, Files: all})
			s.do(model.StartContainer{Target: t})
			s.wantFiles(t, all...)
			s.stop(t)
			s.wantFiles(t, all...)
		}},
		{"files that were not copied yet are missing", func(s *suite) {
			spec := s.spec()
			spec.Files = []model.File{s.file("/a.txt", "one")}
			s.wantFiles(s.create(spec))
		}},
		{"files differ by content", func(s *suite) {
			one, two := s.file("/a.txt", "one"), s.file("/a.txt", "two")
			s.wantFiles(s.filled(one), one)
			s.wantFiles(s.filled(two), two)
		}},
		{"files whose content is not known are an error", func(s *suite) {
			spec := s.spec()
			spec.Files = []model.File{{Path: "/a.txt", Mode: 0o444, Digest: model.Digest([]byte("never given"))}}
			t := s.create(spec)
			s.refuses(model.CopyFiles{Target: t, Files: spec.Files}, engine.Invalid)
		}},
	}
}
