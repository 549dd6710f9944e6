package hold

import (
	"archive/tar"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Image is the program as an image. The same program gives the same bytes.
type Image struct {
	Ref string
	// Arch is the host's, as in Go.
	Arch string
	// Program is the file that the image is made of; "" is this very program.
	Program string
}

// path is where the program is in the image.
const path = "tallyman"

// Write writes the image in the form that engines load. It refuses a program
// that would not run on the host, or not alone in a container.
func (i Image) Write(w io.Writer) error {
	program := i.Program
	if program == "" {
		own, err := os.Executable()
		if err != nil {
			return fmt.Errorf("make image %q: %w", i.Ref, err)
		}
		program = own
	}
	if err := i.check(program); err != nil {
		return fmt.Errorf("make image %q: %w", i.Ref, err)
	}
	if err := i.write(w, program); err != nil {
		return fmt.Errorf("make image %q: %w", i.Ref, err)
	}
	return nil
}

// machines are the architectures by what a program's file says.
func machines() map[elf.Machine]string {
	return map[elf.Machine]string{
		elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_386: "386", elf.EM_ARM: "arm",
		elf.EM_RISCV: "riscv64", elf.EM_S390: "s390x", elf.EM_PPC64: "ppc64le", elf.EM_LOONGARCH: "loong64",
	}
}

func (i Image) check(program string) error {
	f, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("it is made of this program, which is not one for linux/%s, as the host is: run the controller on linux/%s", i.Arch, i.Arch)
	}
	defer f.Close()
	if arch := machines()[f.Machine]; arch != i.Arch {
		return fmt.Errorf("it is made of this program, which is for linux/%s, and the host is linux/%s: run a controller of that architecture for it, or keep pods off the host by a constraint like host.arch == %s", arch, i.Arch, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("it is made of this program, which is linked dynamically and can't run alone in a container: build it with CGO_ENABLED=0, as make build does")
		}
	}
	return nil
}

func (i Image) write(w io.Writer, program string) error {
	tag, err := name.NewTag(i.Ref)
	if err != nil {
		return err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return layerOf(program) }, tarball.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return err
	}
	image, err = mutate.ConfigFile(image, i.config(image))
	if err != nil {
		return err
	}
	return tarball.Write(tag, image, w)
}

func (i Image) config(of v1.Image) *v1.ConfigFile {
	made, err := of.ConfigFile()
	if err != nil {
		made = &v1.ConfigFile{}
	}
	config := made.DeepCopy()
	config.OS, config.Architecture = "linux", i.Arch
	config.Config.Entrypoint = []string{"/" + path, Verb}
	return config
}

// layerOf is the image's only layer: the program.
func layerOf(program string) (io.ReadCloser, error) {
	f, err := os.Open(program)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		defer f.Close()
		w.CloseWithError(pack(w, f, info.Size()))
	}()
	return r, nil
}

func pack(w io.Writer, program io.Reader, size int64) error {
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: size, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	if _, err := io.CopyN(t, program, size); err != nil {
		return err
	}
	return t.Close()
}
