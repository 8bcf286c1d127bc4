// Command controlplane is the real Kubernetes control plane in one binary, for tests and the demo. Its first argument
// picks the component; the rest are that component's own flags.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	_ "time/tzdata" // CronJobs with a time zone

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		fail("name a component: etcd, kube-apiserver, kube-controller-manager or kube-scheduler")
	}
	component := os.Args[1]
	endWithParent()
	// The components read os.Args themselves.
	os.Args = append([]string{filepath.Join(filepath.Dir(os.Args[0]), component)}, os.Args[2:]...)
	switch component {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	default:
		fail(fmt.Sprintf("unknown component %q", component))
	}
}

// endWithParent ends the process when the pipe at its standard input closes, which the kernel does when the parent dies, however
// it dies. A control plane must never outlive the test run that started it.
func endWithParent() {
	if os.Getenv("CONTROLPLANE_END_WITH_STDIN") == "" {
		return
	}
	go func() {
		buffer := make([]byte, 1)
		for {
			if _, err := os.Stdin.Read(buffer); err != nil {
				os.Exit(0)
			}
		}
	}()
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "controlplane: "+message)
	os.Exit(2)
}
