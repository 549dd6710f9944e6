package engine

import (
	"fmt"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// Doing says in words what an op does: `start container "shop-web-1-7f3a91c2"`.
func Doing(op model.Op) string {
	switch o := op.(type) {
	case model.PullImage:
		return fmt.Sprintf("pull image %q", o.Image)
	case model.RemoveImage:
		return fmt.Sprintf("remove image %q", o.Image)
	case model.LoadImage:
		return fmt.Sprintf("load image %q", o.Image)
	case model.CreateNetwork:
		return fmt.Sprintf("create network %q", o.Network.HostName)
	case model.RemoveNetwork:
		return fmt.Sprintf("remove network %q", o.Name)
	case model.CreateVolume:
		return fmt.Sprintf("create volume %q", o.Volume.HostName)
	case model.RemoveVolume:
		return fmt.Sprintf("remove volume %q", o.Name)
	case model.CreateContainer:
		return fmt.Sprintf("create container %q", o.Owner.Name)
	case model.CopyFiles:
		return fmt.Sprintf("copy files into container %q", o.Name)
	case model.StartContainer:
		return fmt.Sprintf("start container %q", o.Name)
	case model.UnpauseContainer:
		return fmt.Sprintf("unpause container %q", o.Name)
	case model.ResumeHealthCheck:
		return fmt.Sprintf("resume health check of container %q", o.Name)
	case model.RenameContainer:
		return fmt.Sprintf("rename container to %q", o.Name)
	case model.UpdateContainer:
		return fmt.Sprintf("update container %q", o.Name)
	case model.ConnectNetwork:
		return fmt.Sprintf("connect container %q to network %q", o.Name, o.Attachment.Network)
	case model.DisconnectNetwork:
		return fmt.Sprintf("disconnect container %q from network %q", o.Name, o.Network)
	case model.StopContainer:
		return fmt.Sprintf("stop container %q", o.Name)
	case model.RemoveContainer:
		return fmt.Sprintf("remove container %q", o.Name)
	}
	return fmt.Sprintf("perform %T", op)
}
