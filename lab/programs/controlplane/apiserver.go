package main

import (
	"fmt"
	"net"
	"sync"

	"github.com/spf13/cobra"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericapiserver "k8s.io/apiserver/pkg/server"
	basecompatibility "k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// apiServerCommand is kube-apiserver with its own flags and one more: the lab's door, on which it accepts beside its
// own address. A forwarder between the two would copy every request twice.
func apiServerCommand() *cobra.Command {
	settings := options.NewServerRunOptions()
	ctx := genericapiserver.SetupSignalContext()
	registry := settings.GenericServerRunOptions.ComponentGlobalsRegistry
	var door uint
	command := &cobra.Command{
		Use:               "kube-apiserver",
		SilenceUsage:      true,
		Args:              cobra.NoArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error { return registry.Set() },
		RunE: func(*cobra.Command, []string) error {
			gate := registry.FeatureGateFor(basecompatibility.DefaultKubeComponent)
			if err := logsapi.ValidateAndApply(settings.Logs, gate); err != nil {
				return err
			}
			if door != 0 {
				listener, err := besides(door, settings.SecureServing.BindAddress, settings.SecureServing.BindPort)
				if err != nil {
					return err
				}
				settings.SecureServing.Listener = listener
			}
			completed, err := settings.Complete(ctx)
			if err != nil {
				return err
			}
			if wrong := completed.Validate(); len(wrong) != 0 {
				return utilerrors.NewAggregate(wrong)
			}
			return app.Run(ctx, completed)
		},
	}
	for _, flags := range settings.Flags().FlagSets {
		command.Flags().AddFlagSet(flags)
	}
	command.Flags().UintVar(&door, "door-fd", 0, "a listening socket that was inherited; served like the bind address")
	return command
}

// twoDoors accepts on a listener and on another beside it, and has the first one's address: the server dials itself.
type twoDoors struct {
	net.Listener
	beside   net.Listener
	accepted chan accepted
	closed   chan struct{}
	once     sync.Once
}

type accepted struct {
	connection net.Conn
	err        error
}

func besides(door uint, address net.IP, port int) (net.Listener, error) {
	outside, err := inherited(uintptr(door))
	if err != nil {
		return nil, fmt.Errorf("door %d: %w", door, err)
	}
	inside, err := net.ListenTCP("tcp", &net.TCPAddr{IP: address, Port: port})
	if err != nil {
		return nil, err
	}
	both := &twoDoors{Listener: inside, beside: outside, accepted: make(chan accepted), closed: make(chan struct{})}
	go both.pass(inside)
	go both.pass(outside)
	return both, nil
}

func (both *twoDoors) pass(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		select {
		case both.accepted <- accepted{connection, err}: // the server waits a little after an error that may pass
		case <-both.closed:
			if err == nil {
				connection.Close()
			}
			return
		}
	}
}

func (both *twoDoors) Accept() (net.Conn, error) {
	select {
	case next := <-both.accepted:
		return next.connection, next.err
	case <-both.closed:
		return nil, net.ErrClosed
	}
}

func (both *twoDoors) Close() error {
	both.once.Do(func() { close(both.closed) })
	return utilerrors.NewAggregate([]error{both.Listener.Close(), both.beside.Close()})
}
