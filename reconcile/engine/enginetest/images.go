package enginetest

import (
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func removingImages() []promise {
	return []promise{
		{"an image that nothing uses is removed, and then it is gone", func(s *suite) {
			ref := s.spareImage()
			remove := model.RemoveImage{Host: s.Host.Name, Image: ref}
			s.do(remove)
			if id := s.observe(ref).Images[ref]; id != "" {
				s.Errorf("image %q is still there", ref)
			}
			s.do(remove)
			if s.observe(s.Image).Images[s.Image] == "" {
				s.Errorf("image %q went too", s.Image)
			}
		}},
		{"an image that a container is made from stays, whether it runs or not", func(s *suite) {
			ref := s.spareImage()
			t := s.create(model.ContainerSpec{Image: ref})
			remove := model.RemoveImage{Host: s.Host.Name, Image: ref}
			s.refuses(remove, engine.Conflict)
			s.do(model.StartContainer{Target: t})
			s.refuses(remove, engine.Conflict)
			if s.observe(ref).Images[ref] == "" {
				s.Errorf("image %q is gone", ref)
			}
			s.wantState(t, model.StateRunning)
			s.stop(t)
			s.do(model.RemoveContainer{Target: t})
			s.do(remove)
		}},
		{"removing an image that is not there", func(s *suite) {
			s.do(model.RemoveImage{Host: s.Host.Name, Image: absent})
		}},
		{"a pull whose credentials are not at hand is refused, and what is there needs none", func(s *suite) {
			hub := []model.SecretRef{{Secret: "hub", Key: "config.json", Digest: secretKey().Digest([]byte("never given"))}}
			s.do(model.PullImage{Host: s.Host.Name, Image: s.Image, PullSecrets: hub})
			err := s.refuses(model.PullImage{Host: s.Host.Name, Image: absent, PullSecrets: hub}, engine.Invalid)
			if !strings.Contains(err.Error(), "(secret hub/config.json)") {
				s.Errorf("it is not told which: %v", err)
			}
		}},
		{"nothing is told of pulls when there are none", func(s *suite) {
			s.do(model.PullImage{Host: s.Host.Name, Image: s.Image})
			if pulls := s.Engine.Pulls(); len(pulls) != 0 {
				s.Errorf("told of %v", pulls)
			}
		}},
	}
}

// spareImage is an image of this test's own.
func (s *suite) spareImage() string {
	s.Helper()
	ref, err := s.Hands.DeclareVolume(s.Image, "/"+s.name("spare"))
	s.hand(err)
	if s.observe(ref).Images[ref] == "" {
		s.Fatalf("image %q is not reported", ref)
	}
	return ref
}
