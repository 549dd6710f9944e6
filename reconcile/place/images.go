package place

import (
	"slices"
	"strings"
)

// imagesOf says of the few hosts that have all that a replica of s runs, where most
// lack some of it, or of those that lack some where most have all, how much worse
// they are than most.
func (p *placer) imagesOf(s *service) map[int]int32 {
	if s.images == nil {
		refs := s.Images()
		terms := strings.Join(refs, " ")
		if p.images[terms] == nil {
			p.images[terms] = oddOnes(p.having(refs), len(p.hosts))
		}
		s.images = p.images[terms]
	}
	return s.images
}

func oddOnes(having []int32, hosts int) map[int]int32 {
	odd := map[int]int32{}
	if len(having) <= hosts/2 {
		for _, h := range having {
			odd[int(h)] = -1
		}
		return odd
	}
	for h := range hosts {
		if _, has := slices.BinarySearch(having, int32(h)); !has {
			odd[h] = 1
		}
	}
	return odd
}

// having are the hosts that have all of the images, in order.
func (p *placer) having(refs []string) []int32 {
	if len(refs) == 0 {
		return nil
	}
	hosts := p.hostsByImage()
	having := hosts[refs[0]]
	for _, ref := range refs[1:] {
		having = slices.DeleteFunc(slices.Clone(having), func(h int32) bool {
			_, has := slices.BinarySearch(hosts[ref], h)
			return !has
		})
	}
	return having
}

// hostsByImage are the hosts that have each image, in order. They are gathered when
// somebody asks, since that takes longer than to find that nothing is to be placed.
func (p *placer) hostsByImage() map[string][]int32 {
	if p.imageHosts == nil {
		p.imageHosts = map[string][]int32{}
		for h := range p.hosts {
			for ref, id := range p.hosts[h].images {
				if id != "" {
					p.imageHosts[ref] = append(p.imageHosts[ref], int32(h))
				}
			}
		}
	}
	return p.imageHosts
}
